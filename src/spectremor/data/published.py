"""The published forms of HEMEW-3D (v1) and HEMEW^S-3D (v2): the one place where their conventions are converted.

Geologies are stored (x, y, z) with z from the bottom up, as here. Wavefields are stored (y, x, time): their horizontal
axes are swapped relative to the geology's, as a simulation shows and the tests prove. Angles are read by
`Source.from_angles(convention="hemew")`; moment tensors are in (x East, y North, z up).

References: Lehmann et al. (2024), doi:10.5194/essd-16-3949-2024; data doi:10.57745/LAI6YU.
"""

from __future__ import annotations

import dataclasses
import math
import tokenize
from pathlib import Path
from typing import BinaryIO, Literal

import h5py
import numpy as np
import xarray as xr
from jaxtyping import Float, Float32

from spectremor.core.axes import HEMEW_BAND_HZ, HEMEW_SAMPLING_HZ, sensor_axis_m, time_axis_s
from spectremor.core.errors import InputError
from spectremor.core.reading import existing_file
from spectremor.core.source import HEMEW_MOMENT_NM, Source
from spectremor.core.wavefield import make_wavefield, source_of
from spectremor.data.hdf5 import check_size, dataset_of, first_line, has_entry, open_hdf5, read_array

Form = Literal["v1", "v2", "v2-raw"]

#: v1's recorded sensors along each axis, and the time of its first released sample.
V1_SENSORS = 16
V1_START_S = 0.98
RAW_SAMPLING_HZ = 100.0
#: Limits for the header of an `.npy` file, of which numpy writes 128 bytes, and for the number of axes.
_MAX_HEADER_BYTES, _MAX_AXES = 10_000, 8
_COMPONENT_KEYS = ("uE", "uN", "uZ")


def v1_source() -> Source:
    """The one source of every simulation of HEMEW-3D."""
    return Source.from_angles(
        position_m=(4800.0, 4800.0, -8400.0), strike_deg=48, dip_deg=45, rake_deg=88, convention="hemew"
    )


def read_geology_h5(path: str | Path) -> Float32[np.ndarray, "x y z"]:
    """Vs in m/s of a machine-learning file (v1 or v2), z from the bottom up.

    Raises:
        InputError: not a whole HDF5 file, or without a 3D dataset `a`.
    """
    with open_hdf5(path, field="geology") as file:
        shape = dataset_of(file, "a", field="geology").shape
        if len(shape) != 3:
            raise InputError("geology", f"an array of shape {shape}", "a 3D array (x, y, z) of Vs in m/s")
        return read_array(file, "a", field="geology", unit="m/s", shape=(None, None, None)).astype(np.float32)


def read_geology_npy(path: str | Path, index: int | None = None) -> Float32[np.ndarray, "x y z"]:
    """Vs in m/s of an `.npy` file of one geology, or of number `index` of a stack (geology, x, y, z).

    Raises:
        InputError: not a whole array of numbers (nothing is ever unpickled), not 3D, or no such index.
    """
    stack = open_npy(path, field="geology")
    if stack.ndim == 4:
        check_size(stack.shape[1:], field="geology")
        return stack[check_index(index, len(stack), path)].astype(np.float32)
    if stack.ndim != 3:
        raise InputError("geology", f"an array of shape {stack.shape}", "a 3D array (x, y, z) of Vs in m/s")
    if index not in (None, 0):
        raise InputError("index", index, f"none: {path} holds one geology")
    check_size(stack.shape, field="geology")
    return stack.astype(np.float32)


def open_npy(path: str | Path, *, field: str) -> np.ndarray:
    """A memory map of an `.npy` file of numbers; header and length are checked before anything is mapped.

    Raises:
        InputError: missing, truncated, with a damaged header, objects or text inside.
    """
    path = existing_file(path, field=field, allowed="an .npy file of numbers")
    with path.open("rb") as stream:
        try:
            version = np.lib.format.read_magic(stream)
            first = version == (1, 0)
            _check_header_length(stream, 2 if first else 4)
            read_header = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read_header(stream)
        # numpy evaluates the header as Python: tokenizing, parsing and sorting it raise these errors.
        except (
            ValueError,
            TypeError,
            SyntaxError,
            LookupError,
            tokenize.TokenError,
            RecursionError,
            MemoryError,
        ) as error:
            raise InputError(field, f"{path} ({first_line(error)})", "an .npy file of numbers") from None
        offset = stream.tell()
    if dtype.kind not in "fiu" or len(shape) > _MAX_AXES or not all(type(n) is int for n in shape):
        raise InputError(field, f"{path} (type {dtype}, shape {shape})"[:300], "an .npy file of numbers")
    expected = offset + math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 1:
        raise InputError(field, f"{path} of shape {shape}", "at least one number")
    if path.stat().st_size < expected:
        raise InputError(field, f"{path} of {path.stat().st_size} bytes", f"{expected} bytes for shape {shape}")
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")


def _check_header_length(stream: BinaryIO, size: int) -> None:
    """Refuse a header of excessive length, all of which numpy would read first; the stream's position is kept."""
    position = stream.tell()
    length = int.from_bytes(stream.read(size), "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError(f"a header of {length} bytes")
    stream.seek(position)


def check_index(index: int | None, count: int, path: str | Path) -> int:
    """The index of one geology or simulation in a file that holds `count` of them; None is allowed where that is 1.

    Raises:
        InputError: not given where there are several, or outside the file.
    """
    if index is None and count == 1:
        return 0
    if index is None or not 0 <= index < count:
        raise InputError("index", "none" if index is None else index, f"0 to {count - 1}: {path} holds {count}")
    return index


def read_wavefield_h5(path: str | Path) -> xr.DataArray:
    """The wavefield of a published `.h5` file, whichever form it has (see `form_of`), aligned with its geology.

    Raises:
        InputError: not a whole HDF5 file, a missing component, or an unknown shape.
    """
    with open_hdf5(path, field="wavefield") as file:
        traces = _aligned_traces(file)
        form = form_of(file, traces)
        source = _source_of(file, form)
    attrs = {"origin": f"HEMEW-3D, {form} form"}
    if form == "v1":
        axis = sensor_axis_m(V1_SENSORS)
        recorded = _recorded_copies(traces.shape[1])
        traces = traces[:, recorded][:, :, recorded]
        time = time_axis_s(traces.shape[-1], HEMEW_SAMPLING_HZ, V1_START_S)
        return _label(traces, axis, time, source, HEMEW_BAND_HZ, attrs)
    axis = sensor_axis_m(traces.shape[1])
    rate = RAW_SAMPLING_HZ if form == "v2-raw" else HEMEW_SAMPLING_HZ
    time = time_axis_s(traces.shape[-1], rate)
    # The mesh of SEM3D resolves no more than 5 Hz, whatever the sampling.
    return _label(traces, axis, time, source, HEMEW_BAND_HZ, attrs)


def _label(
    traces: np.ndarray, axis: np.ndarray, time: np.ndarray, source: Source | None, band: float, attrs: dict[str, str]
) -> xr.DataArray:
    return make_wavefield(traces, x_m=axis, y_m=axis, time_s=time, source=source, band_hz=(0.0, band), attrs=attrs)


def form_of(file: h5py.File, traces: Float32[np.ndarray, "3 x y time"]) -> Form:
    """Which published form a file has.

    v2's machine-learning form contains its source (`s`, `moment`); v2's raw form has 8 s at 100 Hz; v1's form has
    nearest-neighbour copies of 16 x 16 traces, so that neighbouring traces are equal.
    """
    if has_entry(file, "s"):
        return "v2"
    recorded = _recorded_copies(traces.shape[1])
    nearest = np.abs(sensor_axis_m(traces.shape[1])[:, None] - sensor_axis_m(V1_SENSORS)).argmin(axis=1)
    copies = traces[:, recorded[nearest]]
    # Traces without motion are all equal: then the number of samples decides.
    copies_decide = traces.any() or traces.shape[-1] < 800
    if copies_decide and traces.shape[1] == 2 * V1_SENSORS and np.array_equal(copies[:, :, recorded[nearest]], traces):
        return "v1"
    return "v2-raw" if traces.shape[-1] >= 800 else "v2"


def _recorded_copies(sensors: int) -> np.ndarray:
    """Indices, along one axis of v1's released grid, of the traces recorded there."""
    return np.abs(sensor_axis_m(sensors) - sensor_axis_m(V1_SENSORS)[:, None]).argmin(axis=1)


def _aligned_traces(file: h5py.File) -> Float32[np.ndarray, "3 x y time"]:
    """The three components, their published (y, x) swapped back to (x, y)."""
    first = read_array(file, _COMPONENT_KEYS[0], field="wavefield", unit="m/s", shape=(None, None, None))
    if first.shape[0] != first.shape[1] or min(first.shape) < 2:
        raise InputError("wavefield.uE", f"shape {first.shape}", "(n, n, time), a square of sensors")
    others = [read_array(file, key, field="wavefield", unit="m/s", shape=first.shape) for key in _COMPONENT_KEYS[1:]]
    traces = np.stack([first, *others]).astype(np.float32)
    if not np.isfinite(traces).all():
        raise InputError("wavefield", f"NaN or infinite values in {file.filename}", "finite velocities in m/s")
    return np.ascontiguousarray(traces.swapaxes(1, 2))


def _source_of(file: h5py.File, form: Form) -> Source | None:
    if form == "v1":
        return v1_source()
    if not has_entry(file, "s"):
        return None
    position = read_array(file, "s", field="source", unit="m").ravel()
    if position.size != 3:
        raise InputError("source.s", f"{position.size} numbers", "3: x, y, z in m")
    position_m = tuple(float(v) for v in position)
    if has_entry(file, "moment"):
        tensor = read_array(file, "moment", field="source").ravel()
        if tensor.size != 6:
            raise InputError("source.moment", f"{tensor.size} numbers", "6: xx, yy, zz, xy, xz, yz for a unit moment")
        return Source(position_m=position_m, moment_tensor_nm=tuple(float(HEMEW_MOMENT_NM * v) for v in tensor))  # type: ignore[arg-type]
    angles = read_array(file, "angle", field="source", unit="degrees").ravel()
    if angles.size != 3:
        raise InputError("source.angle", f"{angles.size} numbers", "3: strike, dip, rake in degrees")
    return source_from_angles(position_m, angles)


def source_from_angles(position: tuple[float, ...], angles: Float[np.ndarray, " 3"]) -> Source:
    """A source of the database: position in m, and its strike, dip and rake in degrees."""
    strike, dip, rake = (float(v) for v in angles)
    return Source.from_angles(position_m=position, strike_deg=strike, dip_deg=dip, rake_deg=rake, convention="hemew")


@dataclasses.dataclass(frozen=True)
class PublishedEvent:
    """One published simulation, aligned: Vs (x, y, z) in m/s, its source, and its wavefield."""

    vs_m_s: Float32[np.ndarray, "gx gy gz"]
    source: Source
    wavefield: xr.DataArray


def read_event_h5(path: str | Path) -> PublishedEvent:
    """Geology, source and wavefield of a machine-learning file (v1 or v2).

    Raises:
        InputError: something missing or damaged.
    """
    field = read_wavefield_h5(path)
    source = source_of(field)
    if source is None:
        raise InputError("source", f"none in {path}", "datasets s and moment (or angle)")
    return PublishedEvent(read_geology_h5(path), source, field)


def read_source_h5(path: str | Path) -> Source:
    """The source of a machine-learning file (v1 or v2).

    Raises:
        InputError: something missing or damaged.
    """
    with open_hdf5(path, field="source") as file:
        source = _source_of(file, "v2")
    return source or read_event_h5(path).source
