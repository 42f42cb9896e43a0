"""Geology: S-wave velocity on a regular grid, as a labelled array."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from spectremor.core.axes import HEMEW_EXTENT_M, geology_axes
from spectremor.core.errors import InputError, InputWarning

DIMS = ("x", "y", "z")
VS_MIN_M_S, VS_MAX_M_S = 1071.0, 4500.0
VS_CEILING_M_S = 10_000.0
#: No ground is slower everywhere; km/s would be.
VS_HIGHEST_AT_LEAST_M_S = 50.0
_VELOCITY_UNITS = ("m/s", "m s-1", "m.s-1", "m s^-1")
_LENGTH_UNITS = ("m", "metre", "metres", "meter", "meters")


def make_geology(
    vs_m_s: np.ndarray, extent_m: tuple[float, float, float] = (HEMEW_EXTENT_M, HEMEW_EXTENT_M, HEMEW_EXTENT_M)
) -> xr.DataArray:
    """Label an array of S-wave velocities whose nodes are spread evenly over the domain.

    Args:
        vs_m_s: shape (x, y, z) in m/s; x East, y North, z upward (index 0 is the deepest).
        extent_m: size of the domain along x, y and depth, in m.

    Returns:
        A checked geology: DataArray `vs`, dims (x, y, z), float32, positions in m.

    Raises:
        InputError: not three-dimensional, or a value that no rock has.
    """
    vs_m_s = np.asarray(vs_m_s)
    if vs_m_s.ndim != 3:
        raise InputError("geology", f"an array of shape {vs_m_s.shape}", "a 3D array (x, y, z) of Vs in m/s")
    if vs_m_s.dtype.kind not in "fiu":
        raise InputError("geology", f"dtype {vs_m_s.dtype}", "real numbers: Vs in m/s")
    x, y, z = geology_axes((vs_m_s.shape[0], vs_m_s.shape[1], vs_m_s.shape[2]), extent_m)
    attrs = {"units": "m/s", "long_name": "S-wave velocity"}
    geology = xr.DataArray(
        vs_m_s.astype(np.float32), dims=DIMS, coords={"x": x, "y": y, "z": z}, name="vs", attrs=attrs
    )
    for name, label in (("x", "East"), ("y", "North"), ("z", "height above the surface")):
        geology[name].attrs = {"units": "m", "long_name": label}
    return check_geology(geology)


def check_geology(geology: xr.DataArray) -> xr.DataArray:
    """Return the geology, or say what is wrong with it.

    Raises:
        InputError: wrong dims, an uneven or unordered axis, NaN, Vs outside (0, 10000] m/s or nowhere 50 m/s, or other
            units than m/s and m where they are stated.

    Warns:
        InputWarning: Vs outside the range of the published database, [1071, 4500] m/s.
    """
    if geology.dims != DIMS:
        raise InputError("geology", f"dims {geology.dims} of shape {geology.shape}", f"dims {DIMS}")
    _check_units(geology, "geology", _VELOCITY_UNITS)
    for dim in DIMS:
        _check_axis(geology, dim)
    values = geology.values
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError("geology", f"dtype {values.dtype}", "floating-point Vs in m/s")
    bad = int(np.size(values) - np.isfinite(values).sum())
    if bad:
        raise InputError("geology", f"{bad} NaN or infinite values", "finite Vs in m/s")
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
            stacklevel=2,
        )
    return geology


def extent_m(geology: xr.DataArray) -> tuple[float, float, float]:
    """Size of the domain along x, y and depth, in m."""
    sizes = [float(geology[d].values[-1] - geology[d].values[0]) for d in DIMS]
    return sizes[0], sizes[1], sizes[2]


def _check_axis(geology: xr.DataArray, dim: str) -> None:
    if dim not in geology.coords:
        raise InputError(f"geology.{dim}", "no coordinate", "positions of the grid points in m")
    _check_units(geology[dim], f"geology.{dim}", _LENGTH_UNITS)
    positions = geology[dim].values.astype(float)
    steps = np.diff(positions)
    if len(steps) < 1 or not (steps > 0).all():
        found = f"{len(positions)} positions that do not all increase"
        raise InputError(f"geology.{dim}", found, "increasing positions in m (z: height, from the bottom to 0)")
    if not np.allclose(steps, steps.mean(), rtol=1e-3):
        found = f"positions {steps.min():g} to {steps.max():g} m apart"
        raise InputError(f"geology.{dim}", found, "a regular grid in m")
    if dim == "z" and abs(float(geology["z"].values[-1])) > 1e-3 * abs(float(geology["z"].values[0])) + 1e-6:
        raise InputError("geology.z", f"top at {float(geology['z'].values[-1]):g} m", "0 m at the surface")


def _check_units(array: xr.DataArray, name: str, allowed: tuple[str, ...]) -> None:
    """Refuse units other than the allowed ones; an array that states none is taken at its word."""
    units = array.attrs.get("units")
    # As text: an array, which a file may hold here too, answers a comparison with an array.
    if units is not None and str(units).strip() not in allowed:
        raise InputError(f"{name}.units", str(units)[:80], allowed[0])
