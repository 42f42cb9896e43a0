"""Finite differences on a staggered grid, and their modified wavenumber."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

#: Weights of the staggered first difference at (q + 1/2) h, by order of accuracy (from Taylor series, as in deepwave).
DIFFERENCE_WEIGHTS: dict[int, tuple[float, ...]] = {
    2: (1.0,),
    4: (9 / 8, -1 / 24),
    6: (75 / 64, -25 / 384, 3 / 640),
    8: (1225 / 1024, -245 / 3072, 49 / 5120, -5 / 7168),
}


def seen_wavenumber(wavenumber: Float[np.ndarray, "..."], order: int) -> Float[np.ndarray, "..."]:
    """The modified wavenumber of the differences along an axis; both in radians per cell.

    A wave of the given wavenumber on the grid has the frequency that a wave of the modified one has in the ground.
    """
    weights = DIFFERENCE_WEIGHTS[order]
    return np.asarray(sum(2 * w * np.sin((q + 0.5) * wavenumber) for q, w in enumerate(weights)))
