"""Linear interpolation between the nodes of a grid, without scipy.ndimage, which takes long to import."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def between_nodes(
    values: Float[np.ndarray, "*nodes_and_channels"], node_numbers: Sequence[Float[np.ndarray, "*points"]]
) -> Float[np.ndarray, "*points_and_channels"]:
    """Values at points of a grid of any number of axes: linear between nodes, the nearest node's outside.

    Args:
        values: at the nodes; there may be more axes, of channels, after the grid's own.
        node_numbers: where the points lie, one array for each of the grid's axes; 1.5 is halfway between the second and
            third node.

    Returns:
        Values of the same type as those at the nodes.
    """
    axes = len(node_numbers)
    grid, channels = values.shape[:axes], values.shape[axes:]
    flat, stride = values.reshape(-1, *channels), math.prod(grid)
    first: int | np.ndarray = 0
    parts: list[tuple[np.ndarray, int]] = []
    for count, number in zip(grid, node_numbers, strict=True):
        inside = np.clip(number, 0, count - 1)
        low = np.minimum(inside.astype(int), max(count - 2, 0))
        stride //= count
        first = first + low * stride
        part = (inside - low).reshape(*np.shape(low), *(1 for _ in channels))
        parts.append((part, stride if count > 1 else 0))

    def mixed(node: int | np.ndarray, along: Sequence[tuple[np.ndarray, int]]) -> np.ndarray:
        if not along:
            return np.asarray(flat[node])
        (part, step), *others = along
        return np.asarray(mixed(node, others) * (1 - part) + mixed(node + step, others) * part)

    return mixed(first, parts).astype(values.dtype, copy=False)
