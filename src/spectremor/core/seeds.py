"""Random numbers that depend on a master seed and a purpose alone, never on when or where they are drawn."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *keys: int | str) -> int:
    """A 63-bit seed for one purpose (`keys`) under a master seed, the same on every machine."""
    text = "/".join([str(int(seed)), *(str(k) for k in keys)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(seed: int, *keys: int | str) -> np.random.Generator:
    """A NumPy generator for one purpose under a master seed."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, *keys)))
