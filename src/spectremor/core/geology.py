"""Geology: the ground, as a frozen object that is checked when it is made and trusted afterwards."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float32

from spectremor.core.axes import HEMEW_EXTENT_M, geology_axes
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.labelled import in_order, is_labelled, plain_array
from spectremor.core.medium import RockProperties, rock_properties

if TYPE_CHECKING:
    import xarray as xr

Extent = tuple[float, float, float]

DIMS = ("x", "y", "z")
VS_MIN_M_S, VS_MAX_M_S = 1071.0, 4500.0
VS_CEILING_M_S = 10_000.0
#: The highest Vs of any ground is above this; values in km/s are all below it.
VS_HIGHEST_AT_LEAST_M_S = 50.0
#: A smaller Vp/Vs means a Poisson's ratio below -0.6, which no rock has.
LEAST_VP_OVER_VS = 1.2
VP_CEILING_M_S = 20_000.0
DENSITY_RANGE_KG_M3 = (500.0, 10_000.0)
#: Unit and description of each property.
PROPERTIES: dict[str, tuple[str, str]] = {
    "vs": ("m/s", "S-wave velocity"),
    "vp": ("m/s", "P-wave velocity"),
    "density": ("kg/m3", "density"),
    "qs": ("1", "quality factor of S waves"),
    "qp": ("1", "quality factor of P waves"),
}
_AXES = {"x": "East", "y": "North", "z": "height above the surface"}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Geology:
    """The ground on a regular grid: x East, y North, z upward, from a negative depth to 0 at the surface.

    Made by `make_geology`, `as_geology` and the readers, which check their input; functions that take a geology trust
    it. Arrays are read-only. Properties that are not given follow from Vs by the laws of `core.medium`.

    Attributes:
        x_m: positions of the nodes along East in m, increasing.
        y_m: positions of the nodes along North in m, increasing.
        z_m: heights of the nodes in m, increasing: the first is the deepest, the last is 0.
        given: the properties that are given, by name (`vs`, and any of `vp`, `density`, `qs`, `qp`), in SI units.
        attrs: further facts about the ground, for example its origin.

    Example:
        >>> import numpy as np
        >>> import spectremor as sp
        >>> ground = sp.make_geology(np.full((4, 5, 6), 2000.0), (3000.0, 4000.0, 5000.0))
        >>> ground.shape, ground.spacing_m
        ((4, 5, 6), (1000.0, 1000.0, 1000.0))
        >>> float(ground.vp.sel(x=0, y=0, z=0))
        3400.0
    """

    x_m: Float[np.ndarray, " x"]
    y_m: Float[np.ndarray, " y"]
    z_m: Float[np.ndarray, " z"]
    given: Mapping[str, Float32[np.ndarray, "x y z"]]
    attrs: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (self.x_m, self.y_m, self.z_m, *self.given.values()):
            array.flags.writeable = False

    def __repr__(self) -> str:
        size = " x ".join(f"{side:g}" for side in self.extent_m)
        return f"Geology({', '.join(self.given)}; {' x '.join(map(str, self.shape))} nodes over {size} m)"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of nodes along x, y and z."""
        return len(self.x_m), len(self.y_m), len(self.z_m)

    @property
    def extent_m(self) -> Extent:
        """Size of the domain along x, y and depth, in m."""
        x, y, z = (float(axis[-1] - axis[0]) for axis in (self.x_m, self.y_m, self.z_m))
        return x, y, z

    @property
    def spacing_m(self) -> tuple[float, float, float]:
        """Distance between nodes along x, y and z, in m."""
        x, y, z = (size / (n - 1) for size, n in zip(self.extent_m, self.shape, strict=True))
        return x, y, z

    @property
    def vs_m_s(self) -> Float32[np.ndarray, "x y z"]:
        """S-wave velocity in m/s, a plain read-only array."""
        return self.given["vs"]

    @functools.cached_property
    def rock(self) -> RockProperties:
        """All five properties at the nodes, as plain arrays."""
        return rock_properties(self.given)

    def rock_at(self, sample: Callable[[np.ndarray], np.ndarray]) -> RockProperties:
        """All five properties at points other than the nodes.

        Args:
            sample: function from values at the nodes (x, y, z) to values at the points. It is applied to the given
                properties alone, so that the laws hold at the points too.
        """
        return rock_properties({name: sample(values) for name, values in self.given.items()})

    @functools.cached_property
    def dataset(self) -> xr.Dataset:
        """The given properties, labelled: variables `vs`, ... with dims (x, y, z), positions in m."""
        import xarray as xr

        return xr.Dataset({name: self._labelled(name, values) for name, values in self.given.items()}, attrs=self.attrs)

    @property
    def vs(self) -> xr.DataArray:
        """S-wave velocity, dims (x, y, z), m/s."""
        return self._labelled("vs", self.vs_m_s)

    @property
    def vp(self) -> xr.DataArray:
        """P-wave velocity, dims (x, y, z), m/s; from Vs by law where it is not given."""
        return self._labelled("vp", self.rock.vp_m_s)

    @property
    def density(self) -> xr.DataArray:
        """Density, dims (x, y, z), kg/m3; from Vp by law where it is not given."""
        return self._labelled("density", self.rock.density_kg_m3)

    @property
    def qs(self) -> xr.DataArray:
        """Quality factor of S waves, dims (x, y, z); from Vs by law where it is not given."""
        return self._labelled("qs", self.rock.qs)

    @property
    def qp(self) -> xr.DataArray:
        """Quality factor of P waves, dims (x, y, z); from Vp and Vs by law where it is not given."""
        return self._labelled("qp", self.rock.qp)

    def _labelled(self, name: str, values: np.ndarray) -> xr.DataArray:
        import xarray as xr

        coords = {"x": self.x_m, "y": self.y_m, "z": self.z_m}
        unit, description = PROPERTIES[name]
        attrs = {"units": unit, "long_name": description}
        array = xr.DataArray(values, dims=DIMS, coords=coords, name=name, attrs=attrs)
        for dim, label in _AXES.items():
            array[dim].attrs = {"units": "m", "long_name": label}
        return array


def make_geology(
    vs_m_s: Any,
    extent_m: Extent | None = None,
    *,
    vp_m_s: Any = None,
    density_kg_m3: Any = None,
    qs: Any = None,
    qp: Any = None,
    attrs: Mapping[str, Any] | None = None,
) -> Geology:
    """A geology from arrays.

    Arrays are plain, or labelled as those of xarray. Labels are honoured: axes are put in order by name, coordinates
    give the positions of the nodes, units must be SI.

    Args:
        vs_m_s: S-wave velocity in m/s, shape (x, y, z); x East, y North, z upward (index 0 is the deepest).
        extent_m: size of the domain along x, y and depth, in m, over which the nodes are spread evenly; None: from the
            coordinates of a labelled array, otherwise the published domain of 9600 m.
        vp_m_s: P-wave velocity in m/s; None: 1.7 Vs.
        density_kg_m3: density in kg/m3; None: by Brocher's (2005) law from Vp.
        qs: quality factor of S waves; None: Vs / 10.
        qp: quality factor of P waves; None: the larger of Vp / 20 and Vs / 5.
        attrs: further facts about the ground.

    Raises:
        InputError: an array that is not three-dimensional, labels that contradict each other, other units, masked
            values, or values that no rock has.

    Warns:
        InputWarning: Vs outside the range of the published database, [1071, 4500] m/s.

    Example:
        >>> import numpy as np
        >>> import spectremor as sp
        >>> ground = sp.make_geology(np.full((17, 17, 9), 2500.0), extent_m=(4800, 4800, 2400))
        >>> ground.spacing_m
        (300.0, 300.0, 300.0)
    """
    arrays = {"vs": vs_m_s, "vp": vp_m_s, "density": density_kg_m3, "qs": qs, "qp": qp}
    ordered = {name: _ordered(name, values) for name, values in arrays.items() if values is not None}
    given = {name: _values(name, values) for name, values in ordered.items()}
    shape = given["vs"].shape
    for name, values in given.items():
        if values.shape != shape:
            raise InputError(_field(name), f"shape {values.shape}", f"shape {shape}, that of Vs")
    x, y, z = _positions(ordered, shape, extent_m)
    _check_rock(given)
    return Geology(x_m=x, y_m=y, z_m=z, given=given, attrs=dict(attrs or {}))


def as_geology(ground: Geology | xr.DataArray | xr.Dataset) -> Geology:
    """A geology from any object that public functions accept as one.

    Args:
        ground: a geology, which is returned as it is; or a DataArray of Vs in m/s with dims x, y, z and positions in m;
            or a Dataset with `vs` and any of `vp`, `density`, `qs`, `qp`.

    Raises:
        InputError: another type, no positions, unknown variables, or as `make_geology`.
    """
    if isinstance(ground, Geology):
        return ground
    labelled: Any = ground
    if hasattr(labelled, "data_vars"):
        return _from_dataset(labelled)
    if not (is_labelled(labelled) and hasattr(labelled, "coords")):
        allowed = "a Geology (of a plain array: make_geology(vs_m_s, extent_m)), or a labelled DataArray or Dataset"
        raise InputError("geology", f"a {type(ground).__name__}", allowed)
    if labelled.name in PROPERTIES and labelled.name != "vs":
        raise InputError("geology", f"a DataArray named {labelled.name}", "Vs, or a Dataset with vs and others")
    return _from_dataset(labelled.to_dataset(name="vs"))


#: Attributes that `Geology` sets itself.
_OWN_ATTRS = ("units", "long_name")


def _from_dataset(ground: xr.Dataset) -> Geology:
    names = [str(name) for name in ground.data_vars]
    unknown = [name for name in names if name not in PROPERTIES]
    if "vs" not in names or unknown:
        raise InputError("geology", f"variables {names}", f"vs, and any of {', '.join(list(PROPERTIES)[1:])}")
    for dim in DIMS:
        # A missing axis is refused later, by `make_geology`.
        if dim in ground.dims and dim not in ground.coords:
            raise InputError(f"geology.{dim}", "no coordinate", "positions of the grid points in m")
    attrs = {key: value for key, value in ground["vs"].attrs.items() if key not in _OWN_ATTRS} | ground.attrs
    return make_geology(
        ground["vs"],
        vp_m_s=ground.get("vp"),
        density_kg_m3=ground.get("density"),
        qs=ground.get("qs"),
        qp=ground.get("qp"),
        attrs=attrs,
    )


def _field(name: str) -> str:
    return "geology" if name == "vs" else f"geology.{name}"


def _ordered(name: str, values: Any) -> Any:
    return in_order(_field(name), values, DIMS)


def _values(name: str, values: Any) -> Float32[np.ndarray, "x y z"]:
    """The values of a property, float32, finite."""
    unit, description = PROPERTIES[name]
    array = plain_array(_field(name), values, unit)
    if array.ndim != 3:
        allowed = f"a 3D array (x, y, z) of {'Vs in m/s' if name == 'vs' else description}"
        raise InputError(_field(name), f"an array of shape {array.shape}", allowed)
    with np.errstate(over="ignore"):
        # A copy: the arrays of a geology are made read-only.
        plain = np.array(array, dtype=np.float32, order="C")
    bad = int(plain.size - np.isfinite(plain).sum())
    if bad:
        raise InputError(_field(name), f"{bad} NaN or infinite values", f"finite {description}")
    return plain


def _positions(ordered: Mapping[str, Any], shape: tuple[int, ...], extent_m: Extent | None) -> list[np.ndarray]:
    """Positions of the nodes along x, y and z: those of the labelled arrays, or spread evenly over the domain."""
    axes_by_name = {name: [_axis(values, dim) for dim in DIMS] for name, values in ordered.items() if _has_axes(values)}
    if not axes_by_name:
        size = extent_m if extent_m is not None else (HEMEW_EXTENT_M,) * 3
        axes = list(geology_axes((shape[0], shape[1], shape[2]), size))
        for dim, positions in zip(DIMS, axes, strict=True):
            _check_axis(dim, positions)
        return axes
    first, axes = next(iter(axes_by_name.items()))
    for name, others in axes_by_name.items():
        for dim, mine, theirs in zip(DIMS, axes, others, strict=True):
            if mine.shape != theirs.shape or not np.allclose(mine, theirs, rtol=1e-4, atol=1e-3):
                raise InputError(f"{_field(name)}.{dim}", "other positions", f"those of {first}")
    if extent_m is not None:
        found = [float(axis[-1] - axis[0]) for axis in axes]
        if not np.allclose(found, extent_m, rtol=1e-3):
            sizes = [" x ".join(f"{v:g}" for v in size) for size in (extent_m, found)]
            raise InputError("extent_m", f"{sizes[0]} m", f"{sizes[1]} m, as the coordinates say, or nothing")
    return axes


def _has_axes(values: Any) -> bool:
    """Whether an array has coordinates of its nodes."""
    return any(dim in getattr(values, "coords", ()) for dim in DIMS)


def _axis(values: Any, dim: str) -> Float[np.ndarray, " n"]:
    if dim not in values.coords:
        raise InputError(f"geology.{dim}", "no coordinate", "positions of the grid points in m")
    positions = np.array(plain_array(f"geology.{dim}", values[dim], "m"), dtype=float)
    _check_axis(dim, positions)
    return positions


def _check_axis(dim: str, positions: np.ndarray) -> None:
    steps = np.diff(positions)
    if len(steps) < 1 or not (steps > 0).all():
        found = f"{len(positions)} positions that do not all increase"
        raise InputError(f"geology.{dim}", found, "increasing positions in m (z: height, from the bottom to 0)")
    if not np.allclose(steps, steps.mean(), rtol=1e-3):
        found = f"positions {steps.min():g} to {steps.max():g} m apart"
        raise InputError(f"geology.{dim}", found, "a regular grid in m")
    if dim == "z" and abs(float(positions[-1])) > 1e-3 * abs(float(positions[0])) + 1e-6:
        raise InputError("geology.z", f"top at {float(positions[-1]):g} m", "0 m at the surface")


def _check_rock(given: Mapping[str, np.ndarray]) -> None:
    """Refuse values that no rock has; warn of Vs outside the range of the published database."""
    _check_vs(given["vs"])
    if "vp" in given:
        ratio = given["vp"] / given["vs"]
        if ratio.min() < LEAST_VP_OVER_VS:
            raise InputError(
                "geology.vp", f"{ratio.min():.3g} times Vs", f"at least {LEAST_VP_OVER_VS:g} times Vs, in m/s"
            )
        if given["vp"].max() > VP_CEILING_M_S:
            raise InputError("geology.vp", f"up to {given['vp'].max():g} m/s", f"at most {VP_CEILING_M_S:g} m/s")
    if "density" in given:
        low, high = float(given["density"].min()), float(given["density"].max())
        if low < DENSITY_RANGE_KG_M3[0] or high > DENSITY_RANGE_KG_M3[1]:
            least, most = DENSITY_RANGE_KG_M3
            allowed = f"{least:g} to {most:g} kg/m3 (1 g/cm3 is 1000 kg/m3)"
            raise InputError("geology.density", f"{low:g} to {high:g} kg/m3", allowed)
    for name in ("qs", "qp"):
        if name in given and given[name].min() <= 0:
            raise InputError(f"geology.{name}", f"{given[name].min():g}", "quality factors above 0")


def _check_vs(values: np.ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    if low <= 0 or high > VS_CEILING_M_S:
        raise InputError("geology", f"Vs from {low:g} to {high:g} m/s", f"0 < Vs <= {VS_CEILING_M_S:g} m/s")
    if high < VS_HIGHEST_AT_LEAST_M_S:
        allowed = f"Vs in m/s (not km/s), somewhere {VS_HIGHEST_AT_LEAST_M_S:g} m/s or more"
        raise InputError("geology", f"Vs from {low:g} to {high:g}", allowed)
    if low < VS_MIN_M_S - 1 or high > VS_MAX_M_S + 1:
        warnings.warn(
            f"geology: Vs from {low:g} to {high:g} m/s reaches outside [{VS_MIN_M_S:g}, {VS_MAX_M_S:g}] m/s, "
            "the range of the training data",
            InputWarning,
            stacklevel=4,
        )
