"""Linear interpolation between the nodes of a grid, without scipy.ndimage, which takes long to import."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def between_nodes(
    values: Float[np.ndarray, "*nodes"], node_numbers: Sequence[Float[np.ndarray, "*points"]]
) -> Float[np.ndarray, "*points"]:
    """Values at points of a grid of any number of axes: linear between nodes, the nearest node's outside.

    Args:
        values: at the nodes.
        node_numbers: where the points lie, one array for each axis; 1.5 is halfway between the second and third node.

    Returns:
        Values of the same type as those at the nodes.
    """
    flat, stride = values.reshape(-1), values.size
    first: int | np.ndarray = 0
    parts: list[tuple[np.ndarray, int]] = []
    for count, number in zip(values.shape, node_numbers, strict=True):
        inside = np.clip(number, 0, count - 1)
        low = np.minimum(inside.astype(int), max(count - 2, 0))
        stride //= count
        first = first + low * stride
        parts.append((inside - low, stride if count > 1 else 0))

    def mixed(node: int | np.ndarray, axes: Sequence[tuple[np.ndarray, int]]) -> np.ndarray:
        if not axes:
            return np.asarray(flat[node])
        (part, step), *others = axes
        return np.asarray(mixed(node, others) * (1 - part) + mixed(node + step, others) * part)

    return mixed(first, parts).astype(values.dtype, copy=False)
