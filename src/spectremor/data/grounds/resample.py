"""Resampling of a foreign model onto a local grid: gridded models trilinearly, layers by averages over cells.

A node's cell reaches half a spacing up and down, within the domain. Speeds of layers are averaged so that vertical
travel times are kept, density by thickness, and quality factors so that the attenuation along vertical paths is kept.
"""

from __future__ import annotations

from pathlib import PurePath

import numpy as np
from jaxtyping import Bool, Float

from spectremor.core.errors import InputError
from spectremor.core.event import Event, event_attrs
from spectremor.core.geology import LEAST_VP_OVER_VS, Geology, make_geology
from spectremor.core.memory import present_bytes
from spectremor.data.grounds.coverage import check_deep_enough, horizontal_positions
from spectremor.data.grounds.losses import Losses
from spectremor.data.grounds.models import GriddedGround, Ground, LayeredGround
from spectremor.data.grounds.placing import LocalGrid

_TRILINEAR = "trilinear between the model's nodes"
_BY_CELLS = "average over each node's cell: vertical travel time kept"
_RELATIVE_EDGE = 1e-9
#: Bytes of memory for each node and for each of its numbers, measured from reading the model to writing the geology.
_NODE_BYTES, _NUMBER_BYTES = 32, 16


def resample(ground: Ground, grid: LocalGrid) -> Geology:
    """A model resampled onto a local grid.

    Returns:
        The geology; its attributes record the model, where the corner lies, and in numbers what was lost.

    Raises:
        InputError: a model that does not cover the grid, or values that no rock has.

    Warns:
        InputWarning: thin layers and slow ground that the grid does not resolve, nodes outside the model's depths.
    """
    _check_memory(ground, grid)
    values, losses = _from_layers(ground, grid) if isinstance(ground, LayeredGround) else _from_grid(ground, grid)
    attrs = {"model": PurePath(ground.name).name, **losses.attrs()}
    if grid.corner is not None:
        attrs |= event_attrs(Event(place=grid.corner))
    x, y, z = (float(axis[-1] - axis[0]) for axis in (grid.x_m, grid.y_m, grid.z_m))
    geology = make_geology(
        values["vs"],
        (x, y, z),
        vp_m_s=values.get("vp"),
        density_kg_m3=values.get("density"),
        qs=values.get("qs"),
        qp=values.get("qp"),
        attrs=attrs,
    )
    losses.warn(ground.name, max(grid.spacing_m))
    return geology


def _check_memory(ground: Ground, grid: LocalGrid) -> None:
    """Refuse a grid whose geology needs more than half of this machine's memory, before it is made."""
    nx, ny, nz = grid.shape
    properties = len(ground.properties)
    needed = nx * ny * nz * (_NODE_BYTES + _NUMBER_BYTES * properties)
    if isinstance(ground, LayeredGround):
        needed += _NUMBER_BYTES * 3 * nz * len(ground.top_m)
    else:
        needed += _NUMBER_BYTES * nx * ny * len(ground.depth_m) * properties
    present = present_bytes()
    if needed > present // 2:
        found = f"{grid.spacing_m[0]:g} m, {nx} x {ny} x {nz} nodes, {needed / 2**30:.3g} GiB of memory"
        raise InputError("spacing_m", found, f"half of this machine's {present / 2**30:.3g} GiB")


def _from_layers(ground: LayeredGround, grid: LocalGrid) -> tuple[dict[str, np.ndarray], Losses]:
    half_m = 0.5 * grid.spacing_m[2]
    depth_m = -grid.z_m
    upper, lower = np.clip(depth_m - half_m, 0, None), np.clip(depth_m + half_m, None, depth_m.max())
    ends = np.append(ground.top_m[1:], np.inf)
    inside_m = np.minimum(lower[:, None], ends) - np.maximum(upper[:, None], ground.top_m)
    weights = np.clip(inside_m, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    properties = ground.properties
    profiles: dict[str, np.ndarray] = {}
    for name, values in properties.items():
        if name == "density":
            profiles[name] = weights @ values
        elif name in ("vs", "vp"):
            profiles[name] = 1 / (weights @ (1 / values))
    for name, speed in (("qs", "vs"), ("qp", "vp")):
        if name in properties:
            slowness = 1 / properties[speed] if speed in properties else 1 / properties["vs"]
            profiles[name] = (weights @ slowness) / (weights @ (slowness / properties[name]))
    reached = ground.top_m < depth_m.max()
    thickness_m = ends[reached] - ground.top_m[reached]
    losses = Losses(
        mapping=_BY_CELLS,
        slowest_in_model_m_s=float(properties["vs"][reached].min()),
        slowest_m_s=float(profiles["vs"].min()),
        layers=int(reached.sum()),
        thin_layers=int((thickness_m < grid.spacing_m[2] * (1 - _RELATIVE_EDGE)).sum()),
        below_share=float((depth_m > ground.bottom_m * (1 + _RELATIVE_EDGE)).mean()),
    )
    return {name: np.broadcast_to(profile, grid.shape).copy() for name, profile in profiles.items()}, losses


def _from_grid(ground: GriddedGround, grid: LocalGrid) -> tuple[dict[str, np.ndarray], Losses]:
    check_deep_enough(ground, grid)
    column_x, column_y = horizontal_positions(ground, grid)
    depth_m = -grid.z_m
    part = _cropped(ground, column_x, column_y, float(depth_m.max()))
    _check_rock(part)
    columns = {name: _columns(part, values, column_x, column_y) for name, values in part.properties.items()}
    missing = np.isnan(columns["vs"])
    filled = {name: _filled(name, values) for name, values in columns.items()}
    below, share = _brackets(part.depth_m, depth_m)
    values = {name: _between(model_columns, below, share).astype(np.float32) for name, model_columns in filled.items()}
    above = depth_m < part.depth_m[0] - _RELATIVE_EDGE * np.ptp(part.depth_m)
    without_value = (missing[..., below] & (share < 1)) | (missing[..., below + 1] & (share > 0))
    slowest = _slowest_inside(part, grid, column_x, column_y)
    losses = Losses(
        mapping=_TRILINEAR,
        slowest_in_model_m_s=slowest,
        slowest_m_s=float(values["vs"].min()),
        above_share=float(above.mean()),
        filled_share=float((without_value & ~above).mean()),
        model_spacing_m=_spacing_m(part),
    )
    return values, losses


def _cropped(ground: GriddedGround, column_x: np.ndarray, column_y: np.ndarray, deepest_m: float) -> GriddedGround:
    """The part of a model that contains the grid, up to the next node on each side."""
    slices = (
        _covering_slice(ground.x, column_x.min(), column_x.max()),
        _covering_slice(ground.y, column_y.min(), column_y.max()),
        _covering_slice(ground.depth_m, 0.0, deepest_m),
    )
    axes = [axis[part] for axis, part in zip((ground.x, ground.y, ground.depth_m), slices, strict=True)]
    properties = {name: values[slices] for name, values in ground.properties.items()}
    return GriddedGround(
        name=ground.name, frame=ground.frame, x=axes[0], y=axes[1], depth_m=axes[2], properties=properties
    )


def _covering_slice(axis: np.ndarray, low: float, high: float) -> slice:
    first = int(np.clip(np.searchsorted(axis, low, side="right") - 1, 0, len(axis) - 2))
    last = int(np.clip(np.searchsorted(axis, high, side="left"), first + 1, len(axis) - 1))
    return slice(first, last + 1)


def _check_rock(part: GriddedGround) -> None:
    """Refuse values that no rock has, and name the place: after interpolation they would look like slow rock."""
    for name, values in part.properties.items():
        bad = values <= 0
        if bad.any():
            x, y, depth = np.argwhere(bad)[0]
            place = f"({part.x[x]:g}, {part.y[y]:g}), {part.depth_m[depth]:g} m deep"
            found = f"{values[x, y, depth]:g} at {place}, one of {int(bad.sum())} such values"
            water = name in ("vs", "vp")
            allowed = "above 0: mark water as missing, or take an extent without it" if water else "above 0"
            raise InputError(f"geology.{name}", found, allowed)
    if "vp" in part.properties:
        ratio = part.properties["vp"] / part.properties["vs"]
        if np.nanmin(ratio, initial=np.inf) < LEAST_VP_OVER_VS:
            allowed = f"at least {LEAST_VP_OVER_VS:g} times Vs"
            raise InputError("geology.vp", f"{np.nanmin(ratio):.3g} times Vs", allowed)


def _columns(
    part: GriddedGround, values: np.ndarray, column_x: np.ndarray, column_y: np.ndarray
) -> Float[np.ndarray, "x y depth"]:
    """Values along each column of the grid at the model's depths; NaN where a model node with weight has no value."""
    i, u = _brackets(part.x, column_x)
    j, v = _brackets(part.y, column_y)
    total = np.zeros((*column_x.shape, len(part.depth_m)))
    for di, wi in ((0, 1 - u), (1, u)):
        for dj, wj in ((0, 1 - v), (1, v)):
            weight = (wi * wj)[..., None]
            total += np.where(weight > 0, weight * values[i + di, j + dj], 0.0)
    return total


def _brackets(axis: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The node below each position, and how far the position lies towards the next one, from 0 to 1."""
    below = np.clip(np.searchsorted(axis, at, side="right") - 1, 0, len(axis) - 2)
    share = np.clip((at - axis[below]) / (axis[below + 1] - axis[below]), 0.0, 1.0)
    # Rounding must not give weight to a neighbour, which may have no value.
    share = np.where(share < _RELATIVE_EDGE, 0.0, np.where(share > 1 - _RELATIVE_EDGE, 1.0, share))
    return below, share


def _between(values: np.ndarray, below: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.asarray(values[..., below] * (1 - share) + values[..., below + 1] * share)


def _filled(name: str, columns: Float[np.ndarray, "x y depth"]) -> Float[np.ndarray, "x y depth"]:
    """Columns in which a depth without a value takes the nearest value below it, or else above it."""
    has_value: Bool[np.ndarray, "x y depth"] = ~np.isnan(columns)
    empty = int((~has_value.any(axis=-1)).sum())
    if empty:
        found = f"{empty} of {has_value[..., 0].size} columns without any value"
        raise InputError(f"geology.{name}", found, "a domain in which the model has values everywhere")
    if has_value.all():
        return columns
    count = columns.shape[-1]
    number = np.broadcast_to(np.arange(count), columns.shape)
    next_below = np.minimum.accumulate(np.where(has_value, number, count)[..., ::-1], axis=-1)[..., ::-1]
    last_above = np.maximum.accumulate(np.where(has_value, number, -1), axis=-1)
    return np.take_along_axis(columns, np.where(next_below < count, next_below, last_above), axis=-1)


def _slowest_inside(part: GriddedGround, grid: LocalGrid, column_x: np.ndarray, column_y: np.ndarray) -> float | None:
    """The lowest Vs at the model's nodes within the domain's bounds; None where there is no such node."""
    inside = [
        (axis >= low) & (axis <= high)
        for axis, low, high in (
            (part.x, column_x.min(), column_x.max()),
            (part.y, column_y.min(), column_y.max()),
            (part.depth_m, 0.0, -float(grid.z_m[0])),
        )
    ]
    vs = part.properties["vs"][np.ix_(*inside)]
    return None if not vs.size or np.isnan(vs).all() else float(np.nanmin(vs))


def _spacing_m(part: GriddedGround) -> tuple[float, float, float]:
    """Mean distance between the model's nodes along x, y and depth in m; degrees are converted on a sphere."""
    x, y, depth = (float(np.diff(axis).mean()) for axis in (part.x, part.y, part.depth_m))
    if part.frame == "geographic":
        degree_m = 111_195.0
        x, y = x * degree_m * float(np.cos(np.radians(part.y.mean()))), y * degree_m
    return round(x, 1), round(y, 1), round(depth, 1)
