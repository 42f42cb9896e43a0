"""Options that several verbs share, and how their texts become geology and source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from spectremor.core.source import Source

GeologyOption = Annotated[
    Path, typer.Option("--geology", help="Geology: .h5, .npy (published order), .nc or .zarr; Vs in m/s.")
]
IndexOption = Annotated[
    int | None, typer.Option("--index", help="Which geology, when the file holds several (0 is the first).")
]
SourceOption = Annotated[
    str, typer.Option("--source", help="X,Y,Z,STRIKE,DIP,RAKE: metres (z negative below the surface) and degrees.")
]
ConventionOption = Annotated[
    str, typer.Option("--convention", help="Of the angles: standard (Aki & Richards) or hemew (published data).")
]
MomentOption = Annotated[
    float | None, typer.Option("--moment", help="Scalar moment in N m (2.47e16 when neither it nor --mw is given).")
]
MwOption = Annotated[float | None, typer.Option("--mw", help="Moment magnitude, instead of --moment.")]
RiseTimeOption = Annotated[
    float, typer.Option("--rise-time", help="Rise time tau in s; models take only the one they learned.")
]


def parse_source(
    text: str,
    *,
    convention: str = "standard",
    moment_nm: float | None = None,
    mw: float | None = None,
    rise_time_s: float = 0.1,
) -> Source:
    """A source from `X,Y,Z,STRIKE,DIP,RAKE`.

    Raises:
        InputError: not six numbers, or a value that a source cannot have.
    """
    from spectremor.core.source import Source

    parts = [part.strip() for part in text.split(",")]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise InputError("--source", text, "six numbers X,Y,Z,STRIKE,DIP,RAKE in m and degrees") from None
    if len(numbers) != 6:
        raise InputError("--source", f"{len(numbers)} numbers ({text})", "six: X,Y,Z,STRIKE,DIP,RAKE in m and degrees")
    if convention not in ("standard", "hemew"):
        raise InputError("--convention", convention, "standard or hemew")
    x, y, z, strike, dip, rake = numbers
    return Source.from_angles(
        position_m=(x, y, z),
        strike_deg=strike,
        dip_deg=dip,
        rake_deg=rake,
        moment_nm=moment_nm,
        mw=mw,
        convention="hemew" if convention == "hemew" else "standard",
        rise_time_s=rise_time_s,
    )


def load_geology(path: Path, index: int | None = None) -> xr.DataArray:
    """The geology in a file.

    Raises:
        InputError: names what is wrong with the file.
    """
    from spectremor.data.geology_files import read_geology

    return read_geology(path, index=index)
