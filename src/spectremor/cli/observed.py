"""The option `--observed`: recordings of the earthquake at some stations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from spectremor.core.georeference import Georeference
    from spectremor.core.recording import Recording

ObservedOption = Annotated[
    Path | None,
    typer.Option(
        "--observed",
        help="Recordings at some stations, which the draws honour: a folder of waveforms (with --event), or a .nc file "
        "of motion at stations.",
    ),
]


def load_observed(
    path: Path | None, place: Georeference | None, origin_time: str | None, recording: Recording
) -> xr.DataArray | None:
    """Recordings at the times of a model; None without any.

    Args:
        path: of a folder of waveforms, which are low-passed as the model's motion is, or of a NetCDF file.
        place: where the domain's corner lies, for a folder.
        origin_time: of the event; None: the folder says it.
        recording: of the model.

    Raises:
        InputError: names what is wrong with the files, or the place that they need.
    """
    if path is None:
        return None
    try:
        if not path.is_dir():
            from spectremor.data.wavefield_files import read_wavefield

            return read_wavefield(path)
        if place is None:
            raise InputError("--observed", path, "a .nc file beside --source; a folder of waveforms needs --event")
        return _recorded(path, place, origin_time, recording)
    except InputError as error:
        if error.field not in ("recordings", "wavefield"):
            raise
        raise InputError("--observed", error.value, error.allowed) from None


def _recorded(path: Path, place: Georeference, origin_time: str | None, recording: Recording) -> xr.DataArray:
    from spectremor.exchange.recordings import read_recordings
    from spectremor.signal.filters import low_pass

    times_s = recording.time_s
    field = read_recordings(
        path,
        place,
        origin_time=origin_time,
        sampling_hz=recording.sampling_hz,
        window_s=(float(times_s[0]), float(times_s[-1])),
    )
    return field.copy(data=low_pass(field.values, 1 / recording.sampling_hz, recording.lowpass_hz))
