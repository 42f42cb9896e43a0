"""The variables of a campaign store: their names, dimensions and types.

Their meaning is described in docs/reference/data_format.md.
"""

from __future__ import annotations

from collections.abc import Sequence

Variables = dict[str, tuple[tuple[str, ...], str]]

#: Results: computed by a worker for each sample, and covered by the sample's checksum.
_RESULTS: Variables = {
    "vs": (("sample", "x_geology", "y_geology", "z_geology"), "float32"),
    "velocity": (("sample", "component", "x", "y", "time"), "float32"),
}
#: Further results, in stores of version 2 alone.
_BAND: Variables = {"band_high_hz": (("sample", "grid_spacing"), "float64")}
_STATIONS: Variables = {
    "station_x": (("sample", "station"), "float64"),
    "station_y": (("sample", "station"), "float64"),
    "station_velocity": (("sample", "component", "station", "time"), "float32"),
}
#: A few numbers of each sample, and statistics over samples.
_TABLES: Variables = {
    "source_position_m": (("sample", "axis"), "float64"),
    "source_moment_tensor_nm": (("sample", "tensor_component"), "float64"),
    "source_angles_deg": (("sample", "angle"), "float64"),
    "source_moment_nm": (("sample",), "float64"),
    "source_rise_time_s": (("sample",), "float64"),
    "split": (("sample",), "uint8"),
    "checksum": (("sample",), "uint64"),
    "status": (("sample",), "uint8"),
    "vs_mean": (("x_geology", "y_geology", "z_geology"), "float64"),
    "vs_std": (("x_geology", "y_geology", "z_geology"), "float64"),
}


def velocity_name(spacing_m: float | None = None) -> str:
    """Name of the variable with the wavefields of the main simulations, or of those on a coarser grid."""
    return "velocity" if spacing_m is None else f"velocity_{spacing_m:g}m"


def station_velocity_name(spacing_m: float | None = None) -> str:
    """As `velocity_name`, for the motion at the stations."""
    return f"station_{velocity_name(spacing_m)}"


def result_variables(version: int, also_m: Sequence[float], stations: bool) -> Variables:
    """The variables that a worker computes for each sample.

    Args:
        version: version of the store's format.
        also_m: coarser grid spacings whose wavefields are stored too.
        stations: whether there are stations.
    """
    variables = _RESULTS | {velocity_name(s): _RESULTS["velocity"] for s in also_m}
    if version > 1:
        variables |= _BAND
    if stations:
        variables |= _STATIONS | {station_velocity_name(s): _STATIONS["station_velocity"] for s in also_m}
    return variables


def store_variables(version: int, also_m: Sequence[float], stations: bool) -> Variables:
    """All variables over samples and all statistics; arguments as in `result_variables`."""
    return result_variables(version, also_m, stations) | _TABLES
