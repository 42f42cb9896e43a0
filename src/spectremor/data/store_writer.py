"""Writing a campaign store: created at once, filled sample by sample, safe against a kill at any moment.

A sample's big arrays are written first, each chunk to a temporary file that is then renamed; only then are its checksum
and, last, its status recorded, by one process that holds the store's lock. So a sample counts only once it is complete.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from spectremor.core import files
from spectremor.core.axes import COMPONENTS, TENSOR_COMPONENTS, geology_axes
from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.files import new_folder
from spectremor.core.source import Source
from spectremor.core.version import VERSION
from spectremor.data.station_plan import StationPlan
from spectremor.data.store import (
    FORMAT,
    ROWS_PER_CHUNK,
    SPLITS,
    CampaignStore,
    Motion,
    consolidate,
)
from spectremor.data.store_variables import Variables, result_variables, store_variables
from spectremor.signal.attenuation import ATTENUATION_VERSION

#: Position of each sample id within every twenty decides its split: 15 train, 2 val, 3 test.
SPLIT_PERIOD = 20
_VAL_PLACES = (6, 16)
_TEST_PLACES = (3, 10, 13)
SPLIT_RULE = f"id mod {SPLIT_PERIOD}: {_VAL_PLACES} val, {_TEST_PLACES} test, the rest train"
_DESCRIPTIONS = {
    "vs": ("m/s", "S-wave velocity"),
    "velocity": ("m/s", "ground velocity"),
    "station_x": ("m", "position of each station, East"),
    "station_y": ("m", "position of each station, North"),
    "band_high_hz": ("Hz", "highest frequency that the simulation's grid carries accurately, at most the low-pass"),
    "source_position_m": ("m", "source position (x East, y North, z up)"),
    "source_moment_tensor_nm": ("N m", "moment tensor in (East, North, Up)"),
    "source_angles_deg": ("degrees", "strike, dip, rake, standard convention (Aki & Richards)"),
    "source_moment_nm": ("N m", "scalar moment"),
    "source_rise_time_s": ("s", "tau of the moment function 1 - (1 + t/tau) exp(-t/tau)"),
    "split": ("1", "0 train, 1 val, 2 test"),
    "checksum": ("1", "first 8 bytes of BLAKE2b over what was made for the sample, little-endian"),
    "status": ("1", "1 complete"),
    "vs_mean": ("m/s", "pointwise mean of vs over the training split (NaN until the campaign is complete)"),
    "vs_std": ("m/s", "pointwise standard deviation of vs over the training split (NaN until complete)"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoreLayout:
    """The properties that determine the shape of a store.

    Attributes:
        geology_shape: nodes along x, y, z.
        extent_m: size of the domain along x, y, depth.
        x_m: sensor positions along East.
        y_m: sensor positions along North.
        time_s: sample times.
        band_high_hz: highest usable frequency.
        grid_spacing_m: grid spacing of the simulations in `velocity`; None for imported ones.
        also_m: coarser spacings whose wavefields are stored too.
        stations: layout of each sample's stations; None for none.
        motion: whether the traces are elastic, or attenuated already.
    """

    geology_shape: tuple[int, int, int]
    extent_m: tuple[float, float, float]
    x_m: np.ndarray
    y_m: np.ndarray
    time_s: np.ndarray
    band_high_hz: float
    grid_spacing_m: float | None = None
    also_m: tuple[float, ...] = ()
    stations: StationPlan | None = None
    motion: Motion = "attenuated"

    @property
    def version(self) -> int:
        """The lowest version of the format that can hold this layout."""
        return 2 if self.stations is not None or self.motion == "elastic" else 1

    def sizes(self) -> dict[str, int]:
        """Length of every dimension but `sample`."""
        geology = dict(zip(("x_geology", "y_geology", "z_geology"), self.geology_shape, strict=True))
        sensors = {"component": 3, "x": len(self.x_m), "y": len(self.y_m), "time": len(self.time_s)}
        more = {"grid_spacing": 1 + len(self.also_m), "station": 0 if self.stations is None else self.stations.count}
        return {**geology, **sensors, **more, "axis": 3, "tensor_component": 6, "angle": 3}

    def results(self) -> Variables:
        """Dimensions and type of the variables that are computed for each sample."""
        return result_variables(self.version, self.also_m, self.stations is not None)

    def variables(self) -> Variables:
        """Dimensions and type of every variable."""
        return store_variables(self.version, self.also_m, self.stations is not None)

    def bytes_per_sample(self) -> int:
        """Size of one sample before compression."""
        sizes = self.sizes() | {"sample": 1}
        results = self.results().values()
        return sum(np.dtype(kind).itemsize * math.prod(sizes[d] for d in dims) for dims, kind in results)

    def attributes(self) -> dict[str, Any]:
        """The attributes of a store with this layout."""
        attributes: dict[str, Any] = {
            "format": FORMAT,
            "format_version": self.version,
            "extent_m": list(self.extent_m),
            "band_high_hz": self.band_high_hz,
            "grid_spacing_m": self.grid_spacing_m,
            "also_m": list(self.also_m),
        }
        if self.stations is not None:
            attributes["stations"] = self.stations.model_dump(mode="json")
        if self.motion == "elastic":
            attributes |= {
                "motion": self.motion,
                "attenuation_reference_hz": self.band_high_hz,
                "attenuation_version": ATTENUATION_VERSION,
            }
        return attributes


def split_of(index: int) -> int:
    """Split of a sample id: 0 train, 1 val, 2 test. It never changes, however large the campaign grows."""
    place = index % SPLIT_PERIOD
    return 1 if place in _VAL_PLACES else 2 if place in _TEST_PLACES else 0


def create_store(
    path: str | Path,
    layout: StoreLayout,
    sources: Sequence[Source],
    attrs: Mapping[str, Any],
    splits: Sequence[int] | None = None,
) -> None:
    """Make an empty store with its sources and splits; it appears whole, and never replaces another.

    Args:
        path: folder to make.
        layout: shape of the store.
        sources: one for each sample.
        attrs: origin of the store (recipes, settings); JSON values.
        splits: one for each sample; by default `split_of` its id.

    Raises:
        FileExistsError: `path` exists.
    """
    zarr = need("zarr", "simulate")
    fixed = {
        "spectremor_version": VERSION,
        "split_rule": SPLIT_RULE if splits is None else "as imported",
        "split_names": list(SPLITS),
        **layout.attributes(),
    }
    with new_folder(path) as aside:
        group = zarr.create_group(aside, zarr_format=3, attributes=dict(attrs) | fixed)
        _create_coordinates(group, layout)
        _create_variables(group, layout)
        _set_length(group, layout, 0, sources, splits)
        consolidate(aside)


def _create_coordinates(group: Any, layout: StoreLayout) -> None:
    x, y, z = geology_axes(layout.geology_shape, layout.extent_m)
    numbers = {
        "x_geology": (x, "m", "East"),
        "y_geology": (y, "m", "North"),
        "z_geology": (z, "m", "height above the surface"),
        "x": (layout.x_m, "m", "East"),
        "y": (layout.y_m, "m", "North"),
        "time": (layout.time_s, "s", "time after origin"),
    }
    if layout.version > 1:
        spacings = (np.nan if layout.grid_spacing_m is None else layout.grid_spacing_m, *layout.also_m)
        numbers["grid_spacing"] = (np.array(spacings, dtype=float), "m", "grid spacing of the simulations")
    for name, (values, units, label) in numbers.items():
        array = group.create_array(name, shape=(len(values),), dtype="float64", dimension_names=(name,))
        array[:] = np.asarray(values, dtype=float)
        array.attrs.update({"units": units, "long_name": label})
    for name, labels in (
        ("component", COMPONENTS),
        ("axis", ("x", "y", "z")),
        ("tensor_component", TENSOR_COMPONENTS),
        ("angle", ("strike", "dip", "rake")),
    ):
        group.create_array(name, shape=(len(labels),), dtype=str, dimension_names=(name,))[:] = np.array(labels, object)


def _create_variables(group: Any, layout: StoreLayout) -> None:
    from zarr.codecs import BloscCodec

    sizes, results = layout.sizes(), layout.results()
    codec = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
    for name, (dims, kind) in layout.variables().items():
        lengths = tuple(0 if d == "sample" else sizes[d] for d in dims)
        chunks = tuple((1 if name in results else ROWS_PER_CHUNK) if d == "sample" else sizes[d] for d in dims)
        units, label = _DESCRIPTIONS["velocity" if "velocity" in name else name]
        group.create_array(
            name,
            shape=lengths,
            chunks=chunks,
            dtype=kind,
            fill_value=np.nan if kind.startswith("float") else 0,
            compressors=[codec],
            chunk_key_encoding={"name": "default", "separator": "."},
            dimension_names=dims,
            attributes={"units": units, "long_name": label},
        )


def _set_length(
    group: Any, layout: StoreLayout, start: int, sources: Sequence[Source], splits: Sequence[int] | None
) -> None:
    """Make room for samples `start` onwards, whose sources are given.

    `status` is lengthened last: until then the store has its old length, and a second call completes a killed attempt.
    """
    count = start + len(sources)
    for name, (dims, _) in layout.variables().items():
        if dims[0] == "sample" and name != "status":
            group[name].resize((count, *group[name].shape[1:]))
    rows = slice(start, count)
    chosen = [split_of(i) for i in range(start, count)] if splits is None else list(splits)
    if sources:
        group["source_position_m"][rows] = np.array([s.position_m for s in sources])
        group["source_moment_tensor_nm"][rows] = np.array([s.moment_tensor_nm for s in sources])
        group["source_angles_deg"][rows] = np.array([s.strike_dip_rake_deg() for s in sources])
        group["source_moment_nm"][rows] = np.array([s.moment_nm for s in sources])
        group["source_rise_time_s"][rows] = np.array([s.rise_time_s for s in sources])
        group["split"][rows] = np.array(chosen, dtype=np.uint8)
    group["status"].resize((count,))


def locked(path: str | Path) -> contextlib.AbstractContextManager[None]:
    """Hold a store's lock, which ends with the process that holds it.

    Raises:
        InputError: another process is filling the store.
    """
    return files.locked(path, field="out", allowed="a store that no other running command is filling")


class StoreWriter:
    """Fills a store's samples. Anyone may `write`; only the holder of the lock may `commit`, `grow` or `finish`."""

    def __init__(self, path: str | Path) -> None:
        zarr = need("zarr", "simulate")
        self.path = Path(path)
        self._group = zarr.open_group(self.path, mode="r+", use_consolidated=False)
        store = CampaignStore(self.path, self._group)
        self._names, self._results = store.velocity_names(), store.results()

    def write(
        self,
        i: int,
        vs_m_s: Float32[np.ndarray, "gx gy gz"],
        velocities_m_s: Mapping[float | None, Float32[np.ndarray, "3 x y time"]],
        more: Mapping[str, np.ndarray] | None = None,
    ) -> int:
        """Write a sample's big arrays and return their checksum, which `commit` needs to count the sample.

        Args:
            i: id of the sample.
            vs_m_s: geology.
            velocities_m_s: wavefields by grid spacing; None is the main one.
            more: further variables of a store of version 2, by name: stations, their motion, bands.

        Raises:
            InputError: a spacing or a variable missing, a wrong shape, or values that are not finite.
            OSError: the disk is full.
        """
        if set(velocities_m_s) != set(self._names):
            raise InputError(
                "sample", f"wavefields {sorted(map(str, velocities_m_s))}", f"{sorted(map(str, self._names))}"
            )
        arrays = {"vs": vs_m_s} | {self._names[s]: v for s, v in velocities_m_s.items()} | dict(more or {})
        if set(arrays) != set(self._results):
            raise InputError("sample", f"variables {sorted(arrays)}", f"{sorted(self._results)}")
        for name, values in arrays.items():
            expected = self._group[name].shape[1:]
            if values.shape != expected or not np.isfinite(values).all():
                state = "finite" if np.isfinite(values).all() else "with NaN or infinite values"
                raise InputError(f"sample {i}.{name}", f"shape {values.shape}, {state}", f"finite, shape {expected}")
            self._group[name][i] = values
        return checksum_of([arrays[name] for name in sorted(arrays)])

    def commit(self, i: int, checksum: int) -> None:
        """Count a written sample as complete."""
        self._group["checksum"][i] = np.uint64(checksum)
        self._group["status"][i] = np.uint8(1)

    def discard(self, i: int) -> None:
        """Count a sample as missing, so that the campaign makes it again."""
        self._group["status"][i] = np.uint8(0)

    def grow(self, layout: StoreLayout, sources: Sequence[Source]) -> None:
        """Make room for more samples with the given sources."""
        _set_length(self._group, layout, int(self._group["status"].shape[0]), sources, None)
        consolidate(self.path)

    def mend(self) -> None:
        """Clean up after a kill: remove half-written chunks (never counted), and renew the consolidated metadata."""
        self.sweep()
        consolidate(self.path)

    def finish(self) -> None:
        """Record the statistics of the training split, where they are missing."""
        store = CampaignStore.open(self.path)
        if len(store.ids("train")) and store.recorded_statistics() is None:
            for name, values in store.compute_statistics().items():
                self._group[name][:] = values

    def unfinish(self) -> None:
        """Delete recorded statistics, because samples are about to change."""
        for name in ("vs_mean", "vs_std"):
            self._group[name][:] = np.nan

    def sweep(self) -> None:
        """Remove half-written chunks of a killed process (they were never counted)."""
        for leftover in self.path.rglob("*.partial"):
            leftover.unlink(missing_ok=True)


def checksum_of(arrays: Sequence[np.ndarray]) -> int:
    """First 8 bytes of BLAKE2b over the arrays' bytes, as a little-endian integer."""
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return int.from_bytes(digest.digest(), "little")
