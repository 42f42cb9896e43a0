"""The campaign store: many simulations in one zarr group that plain `xarray.open_zarr` reads.

The format is written down in docs/reference/data_format.md. This file reads; `store_writer` writes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pydantic
import xarray as xr
from jaxtyping import Float, Float32, Int

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.geology import Geology, make_geology
from spectremor.core.reading import existing_folder
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.source import Source
from spectremor.core.staggered_grid import DIFFERENCE_WEIGHTS
from spectremor.core.validation import validated
from spectremor.core.wavefield import make_wavefield
from spectremor.data.hdf5 import check_size, first_line
from spectremor.data.hdf5_limits import MAX_RATIO, MIN_UNPACKED_BYTES
from spectremor.data.station_plan import StationPlan
from spectremor.data.store_variables import (
    Variables,
    result_variables,
    station_velocity_name,
    store_variables,
    velocity_name,
)
from spectremor.signal.attenuation import ATTENUATION_VERSION, attenuate
from spectremor.signal.dispersion import DISPERSION_VERSION, DifferenceScheme, remove_grid_dispersion

if TYPE_CHECKING:
    import zarr

FORMAT = "spectremor-campaign"
#: The format's versions. The second has stations or elastic motion; a store with neither is written as the first.
FORMAT_VERSIONS = (1, 2)
ZARR_FORMAT = 3
#: Largest number of samples: tables over all samples are kept in memory.
MAX_SAMPLES = 1_000_000
#: Largest number of chunks that are read together; zarr keeps some kB for each, even for chunks never written.
MAX_CHUNKS = 1 << 14
#: Samples in one chunk of the tables that hold a few numbers per sample.
ROWS_PER_CHUNK = 4096
SPLITS: tuple[Literal["train"], Literal["val"], Literal["test"]] = ("train", "val", "test")
Split = Literal["train", "val", "test", "all"]

#: Kind of the stored traces; elastic ones are corrected on reading, for attenuation and dispersion along the paths.
Motion = Literal["attenuated", "elastic"]

#: Dimensions that have the same length in every store.
_FIXED_SIZES = {"component": 3, "axis": 3, "tensor_component": 6, "angle": 3}
#: Errors that zarr raises for a damaged or foreign store.
_ZARR_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)

#: A JSON number, not a text that looks like one.
_Positive = Annotated[float, pydantic.Field(gt=0, strict=True)]


class _Attributes(pydantic.BaseModel):
    """The attributes that reading needs; a store may have others."""

    model_config = pydantic.ConfigDict(allow_inf_nan=False)

    extent_m: tuple[_Positive, _Positive, _Positive]
    band_high_hz: _Positive
    grid_spacing_m: _Positive | None = None
    also_m: Annotated[tuple[_Positive, ...], pydantic.Field(max_length=64)]
    motion: Motion = "attenuated"
    attenuation_reference_hz: _Positive | None = None
    stations: StationPlan | None = None


class CampaignStore:
    """Read access to a campaign's samples.

    Attributes:
        path: folder of the store.
        attrs: the group's attributes (recipes, simulator settings, split rule).
    """

    def __init__(self, path: Path, group: zarr.Group) -> None:
        self.path = path
        self._group = group
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self.attrs: Mapping[str, Any] = dict(group.attrs)

    @classmethod
    def open(cls, path: str | Path) -> CampaignStore:
        """Open a store.

        Raises:
            InputError: missing, of a foreign format or version, or with damaged attributes or layout.
        """
        zarr = need("zarr", "simulate")
        from spectremor.data.bounded_zarr import BoundedStore

        path = existing_folder(path, field="store", allowed="a campaign store made by `spectremor dataset`")
        try:
            bounded = BoundedStore(zarr.storage.LocalStore(path, read_only=True))
            # Consolidated metadata may be out of date while a store grows.
            group = zarr.open_group(bounded, mode="r", use_consolidated=False)
            store = cls(path, group)
            zarr_format = group.metadata.zarr_format
        except InputError:
            raise
        except _ZARR_ERRORS as error:
            raise InputError("store", f"{path} ({first_line(error)})", "a campaign store") from None
        format_name, version = (store.attrs.get(name) for name in ("format", "format_version"))
        if format_name != FORMAT or version not in FORMAT_VERSIONS:
            allowed = f"{FORMAT} {' or '.join(map(str, FORMAT_VERSIONS))}"
            raise InputError("store", f"{path} (format {format_name}, version {version})", allowed)
        if zarr_format != ZARR_FORMAT:
            raise InputError("store", f"{path} (zarr format {zarr_format})", f"zarr format {ZARR_FORMAT}")
        store._check_attributes()
        store._check_layout()
        return store

    # -- what is inside -------------------------------------------------------------------------------------------

    @cached_property
    def count(self) -> int:
        """Number of samples that the store has room for, complete or not."""
        return int(self.array("status").shape[0])

    @cached_property
    def x_m(self) -> Float[np.ndarray, " x"]:
        """Sensor positions along East in m."""
        return self._read("x")

    @cached_property
    def y_m(self) -> Float[np.ndarray, " y"]:
        """Sensor positions along North in m."""
        return self._read("y")

    @cached_property
    def time_s(self) -> Float[np.ndarray, " time"]:
        """Sample times in s after the origin time."""
        return self._read("time")

    @cached_property
    def recording(self) -> Recording:
        """Where and when the store's motion is recorded."""
        return Recording(
            sensors=SensorGrid(self.x_m, self.y_m),
            samples=len(self.time_s),
            sampling_hz=self.sampling_hz,
            lowpass_hz=min(float(self.attrs["band_high_hz"]), 0.5 * self.sampling_hz),
            start_s=float(self.time_s[0]),
        )

    @property
    def nodes(self) -> tuple[int, int, int]:
        """Number of the geologies' nodes along x, y, z."""
        _, x, y, z = self.array("vs").shape
        return x, y, z

    @property
    def extent_m(self) -> tuple[float, float, float]:
        """Size of the domain along x, y and depth, in m."""
        x, y, z = (float(v) for v in self.attrs["extent_m"])
        return x, y, z

    @property
    def grid_spacing_m(self) -> float | None:
        """Grid spacing of the simulations in `velocity`; None for imported ones."""
        value = self.attrs.get("grid_spacing_m")
        return None if value is None else float(value)

    @property
    def also_m(self) -> tuple[float, ...]:
        """Coarser grid spacings on which each sample was simulated too."""
        return tuple(float(v) for v in self.attrs["also_m"])

    def coarse_spacing_m(self, typed_m: float) -> float | None:
        """The spacing in `also_m` that equals a typed one up to rounding (9600 / 72 m is no round number), or None."""
        return next((spacing for spacing in self.also_m if math.isclose(spacing, typed_m, rel_tol=1e-5)), None)

    @property
    def version(self) -> int:
        """Version of the store's format."""
        return int(self.attrs["format_version"])

    @property
    def motion(self) -> Motion:
        """Whether the stored traces are elastic, or attenuated already."""
        elastic = self.attrs.get("motion") == "elastic"
        return "elastic" if elastic else "attenuated"

    @cached_property
    def stations(self) -> StationPlan | None:
        """The layout of each sample's stations; None where there are none."""
        plan = self.attrs.get("stations")
        return None if plan is None else StationPlan.model_validate(plan)

    @property
    def sampling_hz(self) -> float:
        """Samples per second."""
        return float((len(self.time_s) - 1) / (self.time_s[-1] - self.time_s[0]))

    def complete(self) -> np.ndarray:
        """Whether each sample is complete, shape (sample,)."""
        return self._read("status") == 1

    def ids(self, split: Split = "all") -> Int[np.ndarray, " n"]:
        """Numbers of the complete samples of a split, increasing.

        Raises:
            InputError: no such split.
        """
        if split != "all" and split not in SPLITS:
            raise InputError("split", split, "train, val, test or all")
        chosen = self.complete()
        if split != "all":
            chosen = chosen & (self._read("split") == SPLITS.index(split))
        return np.flatnonzero(chosen)

    # -- one sample, plain arrays ---------------------------------------------------------------------------------

    def vs(self, i: int) -> Float32[np.ndarray, "x y z"]:
        """Vs of a sample's geology in m/s."""
        self._check_complete(i)
        return self._read("vs", i)

    def velocity(
        self, i: int, grid_spacing_m: float | None = None, *, motion: Motion = "attenuated"
    ) -> Float32[np.ndarray, "3 x y time"]:
        """Ground velocity of a sample at the grid of sensors, in m/s.

        Args:
            i: number of the sample.
            grid_spacing_m: grid spacing of one of the coarser simulations; None for the main one.
            motion: "attenuated", or "elastic": as simulated, without attenuation and with the grid's dispersion.

        Raises:
            InputError: no such sample or simulation, or no elastic motion in this store.
        """
        x_m, y_m = np.meshgrid(self.x_m, self.y_m, indexing="ij")
        coarse = self._coarse(grid_spacing_m)
        return self._motion(velocity_name(coarse), i, (x_m, y_m), motion, coarse)

    def station_positions_m(self, i: int) -> tuple[Float[np.ndarray, " station"], Float[np.ndarray, " station"]]:
        """Positions of a sample's stations along East and North in m, ordered as `StationPlan` says.

        Raises:
            InputError: no such sample, or a store without stations.
        """
        self._check_complete(i)
        self._check_stations()
        return self._read("station_x", i), self._read("station_y", i)

    def station_velocity(
        self, i: int, grid_spacing_m: float | None = None, *, motion: Motion = "attenuated"
    ) -> Float32[np.ndarray, "3 station time"]:
        """As `velocity`, at the sample's stations.

        Raises:
            InputError: as `velocity`, or a store without stations.
        """
        coarse = self._coarse(grid_spacing_m)
        return self._motion(station_velocity_name(coarse), i, self.station_positions_m(i), motion, coarse)

    @property
    def dispersive_order(self) -> int | None:
        """Order of the differences whose dispersion is removed from elastic motion on reading.

        None where it is not removed: for attenuated motion, for simulations by version 3 of the solver or earlier, and
        for a store without a record of its simulator.
        """
        simulator = self.attrs.get("simulator")
        if self.motion != "elastic" or self.grid_spacing_m is None or not isinstance(simulator, Mapping):
            return None
        version, order = simulator.get("solver_version"), simulator.get("order")
        removable = isinstance(version, int) and version > 3 and isinstance(order, int) and order in DIFFERENCE_WEIGHTS
        return order if removable else None

    def band_high_hz(self, i: int, grid_spacing_m: float | None = None) -> float:
        """Highest usable frequency of a sample's simulation, in Hz.

        It is the highest frequency that the grid carries accurately, at most the low-pass; in stores of version 1 it is
        the low-pass.
        """
        self._check_complete(i)
        coarse = self._coarse(grid_spacing_m)
        if self.version == 1:
            return float(self.attrs["band_high_hz"])
        return float(self._read("band_high_hz", i)[0 if coarse is None else 1 + self.also_m.index(coarse)])

    def _motion(
        self, name: str, i: int, sensors_m: tuple[np.ndarray, np.ndarray], motion: Motion, coarse: float | None
    ) -> Float32[np.ndarray, "3 *sensors time"]:
        """Traces of a sample in the requested motion, computed from the stored traces of a variable."""
        if motion not in ("attenuated", "elastic"):
            raise InputError("motion", motion, "attenuated or elastic")
        if motion == "elastic" and self.motion != "elastic":
            raise InputError("motion", motion, f"attenuated: {self.path} holds no elastic motion")
        values = self._traces(name, i)
        if motion == self.motion:
            return values
        reference_hz = float(self.attrs["attenuation_reference_hz"])
        event = (self.time_s, self.geology(i), self.source(i), sensors_m)
        if self.dispersive_order is not None:
            scheme = DifferenceScheme(float(coarse or self.grid_spacing_m or 0.0), self.dispersive_order)
            values = remove_grid_dispersion(values, *event, scheme, reference_hz)
        return attenuate(values, *event, reference_hz)

    def _traces(self, name: str, i: int) -> Float32[np.ndarray, "3 *sensors time"]:
        """The stored traces of a sample in a variable."""
        self._check_complete(i)
        values = self._read(name, i)
        # Each simulation is one chunk; a missing chunk reads as NaN.
        if np.isnan(values).all():
            allowed = "all of its chunks (`dataset check --repair` counts the sample as missing)"
            raise InputError("store", f"{self.path} ({name} of sample {i} is lost)", allowed)
        return values

    # -- one sample, labelled -------------------------------------------------------------------------------------

    def geology(self, i: int) -> Geology:
        """A sample's geology."""
        return make_geology(self.vs(i), self.extent_m)

    def source(self, i: int) -> Source:
        """A sample's source."""
        self._check_index(i)
        return Source(
            position_m=tuple(float(v) for v in self._table("source_position_m")[i]),  # type: ignore[arg-type]
            moment_tensor_nm=tuple(float(v) for v in self._table("source_moment_tensor_nm")[i]),  # type: ignore[arg-type]
            rise_time_s=float(self._table("source_rise_time_s")[i]),
        )

    def wavefield(self, i: int, grid_spacing_m: float | None = None) -> xr.DataArray:
        """A sample's wavefield."""
        attrs: dict[str, Any] = {"store": self.path.name, "sample": int(i)}
        spacing = grid_spacing_m or self.grid_spacing_m
        if spacing is not None:
            attrs["grid_spacing_m"] = float(spacing)
        if self.motion == "elastic":
            reference = f"speeds at {self.attrs['attenuation_reference_hz']:g} Hz"
            attrs["attenuation"] = f"path average (version {ATTENUATION_VERSION}), {reference}"
            removed = f"removed along paths (version {DISPERSION_VERSION})"
            attrs["grid_dispersion"] = removed if self.dispersive_order is not None else "as simulated"
        return make_wavefield(
            self.velocity(i, grid_spacing_m),
            x_m=self.x_m,
            y_m=self.y_m,
            time_s=self.time_s,
            source=self.source(i),
            band_hz=(0.0, self.band_high_hz(i, grid_spacing_m)),
            attrs=attrs,
        )

    def statistics(self) -> dict[str, Float[np.ndarray, "x y z"]]:
        """Pointwise mean and standard deviation of Vs over the training split: `vs_mean`, `vs_std` in m/s.

        Recorded ones where the campaign is finished; otherwise computed from the complete samples.

        Raises:
            InputError: no training sample is complete yet.
        """
        return self.recorded_statistics() or self.compute_statistics()

    def recorded_statistics(self) -> dict[str, Float[np.ndarray, "x y z"]] | None:
        """As `statistics`, from the store; None where one of the two is not recorded."""
        recorded = {name: self._read(name) for name in ("vs_mean", "vs_std")}
        return recorded if all(np.isfinite(values).all() for values in recorded.values()) else None

    def compute_statistics(self, ids: Sequence[int] | None = None) -> dict[str, Float[np.ndarray, "x y z"]]:
        """As `statistics`, always computed from samples: those in `ids`, or the training split."""
        ids = self.ids("train").tolist() if ids is None else ids
        if not len(ids):
            raise InputError("store", f"{self.path} (no complete training sample)", "at least one")
        total = np.zeros(self.array("vs").shape[1:])
        squares = np.zeros_like(total)
        # Differences from one sample: sums of squares of numbers far from zero lose digits.
        origin = self.vs(int(ids[0])).astype(float)
        for i in ids:
            difference = self.vs(int(i)) - origin
            total += difference
            squares += difference**2
        mean = total / len(ids)
        return {"vs_mean": origin + mean, "vs_std": np.sqrt(np.maximum(squares / len(ids) - mean**2, 0.0))}

    # -- inside ---------------------------------------------------------------------------------------------------

    def array(self, name: str) -> zarr.Array[Any]:
        """A variable's zarr array.

        Raises:
            InputError: the store lacks it.
        """
        if name not in self._arrays:
            try:
                node: Any = self._group[name]
            except InputError:
                raise
            except _ZARR_ERRORS as error:
                raise InputError("store", f"{self.path} ({name}: {first_line(error)})", "a whole store") from None
            if not hasattr(node, "shape"):
                raise InputError("store", f"{self.path} ({name} is a group)", "a whole store")
            self._arrays[name] = node
        return self._arrays[name]

    def velocity_names(self) -> dict[float | None, str]:
        """Variables that hold wavefields, by grid spacing (None: the main one)."""
        return {spacing: velocity_name(spacing) for spacing in (None, *self.also_m)}

    def results(self) -> Variables:
        """Variables that are computed for each sample and covered by its checksum."""
        return result_variables(self.version, self.also_m, self.stations is not None)

    def _coarse(self, spacing_m: float | None) -> float | None:
        """The requested spacing, which must be in `also_m`; None for the main simulation."""
        if spacing_m is None or spacing_m == self.grid_spacing_m:
            return None
        if spacing_m not in self.also_m:
            have = [self.grid_spacing_m, *self.also_m]
            raise InputError("grid_spacing_m", f"{spacing_m:g}", f"one of {have} in {self.path}")
        return spacing_m

    def _check_stations(self) -> None:
        if self.stations is None:
            raise InputError("store", f"{self.path} (no stations)", "a campaign with stations")

    def _read(self, name: str, i: int | None = None) -> np.ndarray:
        """Values of a variable, for all samples or for one.

        Raises:
            InputError: the store lacks the variable, or one of its chunks is damaged.
        """
        array = self.array(name)
        try:
            return np.asarray(array[:] if i is None else array[i])
        except _ZARR_ERRORS as error:
            where = name if i is None else f"{name} of sample {i}"
            what, allowed = (first_line(error), "a whole store")
            if isinstance(error, InputError):
                what, allowed = str(error.value), error.allowed
            raise InputError("store", f"{self.path} ({where}: {what})", allowed) from None

    def _table(self, name: str) -> np.ndarray:
        """A table over samples, kept in memory: it never changes once written."""
        tables = self.__dict__.setdefault("_tables", {})
        if name not in tables:
            tables[name] = self._read(name)
        return tables[name]

    def _check_index(self, i: int) -> None:
        if not 0 <= i < self.count:
            raise InputError("sample", i, f"0 to {self.count - 1}: {self.path} holds {self.count}")

    def _check_complete(self, i: int) -> None:
        self._check_index(i)
        if i in self._known_complete:
            return
        self._known_complete.update(int(k) for k in self.ids())
        if i not in self._known_complete:
            raise InputError("sample", i, f"a complete sample of {self.path} ({len(self._known_complete)} so far)")

    @cached_property
    def _known_complete(self) -> set[int]:
        return set()

    def _check_attributes(self) -> None:
        """Refuse a store in which an attribute that reading needs is missing or invalid."""
        try:
            attributes = validated(_Attributes, self.attrs)
        except InputError as error:
            raise InputError("store", f"{self.path} ({error.field}: {error.value})", error.allowed) from None
        if attributes.motion == "elastic" and attributes.attenuation_reference_hz is None:
            raise InputError("store", f"{self.path} (attenuation_reference_hz: missing)", "a frequency in Hz")
        if self.version == 1 and (attributes.motion == "elastic" or attributes.stations is not None):
            raise InputError("store", f"{self.path} (version 1 with elastic motion or stations)", "version 2")

    def _check_layout(self) -> None:
        """Refuse a store in which a variable is missing, too large, or contradicts the others in type or size."""
        sizes = _FIXED_SIZES | {"grid_spacing": 1 + len(self.also_m)}
        if self.stations is not None:
            sizes["station"] = self.stations.count
        variables = store_variables(self.version, self.also_m, self.stations is not None)
        axes = {axis: ((axis,), "float64") for axis in ("x", "y", "time")}
        for name, (dims, kind) in {**variables, **axes}.items():
            array = self.array(name)
            metadata: Any = array.metadata
            if str(array.dtype) != kind or metadata.dimension_names != dims:
                raise InputError("store", f"{self.path} ({name}: {array.dtype} {array.shape})", f"{kind} {dims}")
            # Checked before anything is read: missing chunks take no room on the disk, whatever the shape.
            check_size(
                tuple(n for dim, n in zip(dims, array.shape, strict=True) if dim != "sample"), field=f"store.{name}"
            )
            for dim, size in zip(dims, array.shape, strict=True):
                if dim == "sample" and size > MAX_SAMPLES:
                    raise InputError("store", f"{self.path} ({name}: {size} samples)", f"at most {MAX_SAMPLES}")
                # While a store grows, its arrays may briefly differ in length: the shortest counts.
                if sizes.setdefault(dim, size) != size and dim != "sample":
                    raise InputError("store", f"{self.path} ({name}: {size} along {dim})", f"{sizes[dim]} along {dim}")
        for dim, size in sizes.items():
            least = {"sample": 0, "time": 2}.get(dim, 1)
            if size < least:
                raise InputError("store", f"{self.path} ({dim}: {size})", f"{least} or more")
        for name, (dims, _) in {**variables, **axes}.items():
            self._check_chunks(name, dims)
            self._check_read(name, dims)
        for axis in axes:
            values = self._read(axis)
            # A missing chunk reads as zeros.
            if not np.isfinite(values).all() or not (np.diff(values) > 0).all():
                raise InputError("store", f"{self.path} ({axis}: damaged)", "finite and increasing positions and times")

    def _check_chunks(self, name: str, dims: tuple[str, ...]) -> None:
        """Refuse chunks longer than their array, since whole chunks are unpacked; tables over samples may have them."""
        array = self.array(name)
        for dim, size, chunk in zip(dims, array.shape, array.shards or array.chunks, strict=True):
            if chunk > max(size, ROWS_PER_CHUNK if dim == "sample" else 1):
                raise InputError("store", f"{self.path} ({name}: chunks of {chunk} along {dim})", f"at most {size}")

    def _check_read(self, name: str, dims: tuple[str, ...]) -> None:
        """Refuse a variable of which too many chunks, or far more bytes than are on the disk, are read together.

        Of results one sample is read at a time. Chunks that were never written take no room on the disk, but their full
        size in memory.
        """
        array = self.array(name)
        by_sample = name in result_variables(self.version, self.also_m, self.stations is not None)
        axes = zip(dims, array.shape, array.chunks, strict=True)
        together = [(size, chunk) for dim, size, chunk in axes if not (dim == "sample" and by_sample)]
        count = math.prod(-(-size // chunk) for size, chunk in together)
        if count > MAX_CHUNKS:
            raise InputError("store", f"{self.path} ({name}: {count} chunks)", f"at most {MAX_CHUNKS} read together")
        needed = 8 * math.prod(size for size, _ in together)
        if needed > MIN_UNPACKED_BYTES:
            stored_bytes = sum(file.stat().st_size for file in (self.path / name).rglob("*") if file.is_file())
            if needed > MAX_RATIO * stored_bytes:
                found = f"{self.path} ({name}: {needed >> 20} MB in memory, {stored_bytes} bytes on the disk)"
                raise InputError("store", found, f"at most {MAX_RATIO} times its size")


def consolidate(path: Path) -> None:
    """Write consolidated metadata, so that plain `xarray.open_zarr` opens the store in one read without warnings."""
    zarr = need("zarr", "simulate")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        zarr.consolidate_metadata(path)
