"""The 16 ways to look at an event: the 8 symmetries of the square, each with either sign of the moment."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from spectremor.data.symmetries import SYMMETRIES

#: Matrices that act on the components (East, North, Up); the first changes nothing.
ORIENTATIONS: tuple[Float32[np.ndarray, "3 3"], ...] = tuple(
    (sign * symmetry.matrix).astype(np.float32) for sign in (1.0, -1.0) for symmetry in SYMMETRIES
)
