"""Which files appear beside an exported one."""

from __future__ import annotations

from pathlib import Path


def companions(path: Path, export: str, *, placed: bool, source: bool) -> dict[str, Path]:
    """The files that appear beside `path`, by kind.

    Args:
        path: of the export itself.
        export: mseed, asdf, openquake, or which table (intensities, traces).
        placed: whether the field has a place on Earth.
        source: whether it records its source.
    """
    kinds = {"openquake": ["sites"], "traces": ["sensors"], "mseed": ["sensors"]}.get(export, [])
    if export == "mseed" and placed:
        kinds += ["stations"] + ["event"] * source
    return {kind: path.with_suffix(f".{kind}.{'xml' if kind in ('stations', 'event') else 'csv'}") for kind in kinds}
