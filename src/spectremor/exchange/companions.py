"""The files that are written beside an exported one."""

from __future__ import annotations

from pathlib import Path

from spectremor.core.errors import InputError

_XML = ("stations", "event")


def companions(path: Path, export: str, *, placed: bool, source: bool) -> dict[str, Path]:
    """The files that are written beside `path`, by kind.

    Args:
        path: path of the exported file.
        export: mseed, asdf, openquake, or which table (intensities, traces).
        placed: whether the field has a place on Earth.
        source: whether it records its source.
    """
    kinds = {"openquake": ["sites"], "traces": ["sensors"], "mseed": ["sensors"]}.get(export, [])
    if export == "mseed" and placed:
        kinds += ["stations"] + ["event"] * source
    # A name such as mw4.9 ends in no suffix.
    stem = path.stem if path.suffix[1:2].isalpha() else path.name
    return {kind: path.with_name(f"{stem}.{kind}.{'xml' if kind in _XML else 'csv'}") for kind in kinds}


def refuse_stale(path: Path, beside: dict[str, Path]) -> None:
    """Refuse to write a miniSEED file beside companions of an earlier one that would not be replaced.

    Raises:
        InputError: names such a companion.
    """
    for other in companions(path, "mseed", placed=True, source=True).values():
        if other not in beside.values() and other.exists():
            raise InputError("out", f"{path}, beside which {other.name} of another export stands", "another name")
