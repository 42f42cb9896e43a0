"""Writes tests/golden/shipped_fields.npz: excerpts of what the shipped models give for two events.

Run it when a change of the numbers is intended, and say in the commit why they change:

    python tests/golden/make_shipped_fields.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import spectremor as sp
from spectremor.examples import example_geology, example_source

STORED = Path(__file__).with_name("shipped_fields.npz")
#: Names of the shipped models.
MODELS = ("simulation", "hybrid", "mifno")
#: Every eighth sensor along East and North, and every eighth sample, starting with the fourth.
EXCERPT = (Ellipsis, slice(3, None, 8), slice(3, None, 8), slice(3, None, 8))
REALIZATIONS, SEED = 2, 5


def events():
    """The example, and a strike-slip earthquake in ground that this file writes down itself."""
    x, y, z = np.meshgrid(*(np.linspace(0.0, 1.0, 32),) * 3, indexing="ij")
    vs_m_s = 3200.0 - 1500.0 * z**2 + 250.0 * np.sin(5.0 * x + 2.0 * y) * np.cos(7.0 * z)
    source = sp.Source(
        position_m=(5700.0, 3300.0, -3900.0),
        moment_tensor_nm=(6.0e15, -9.0e15, 3.0e15, 1.8e16, -4.0e15, 2.0e15),
        rise_time_s=0.1,
    )
    return {
        "example": (example_geology(), example_source()),
        "strike_slip": (sp.make_geology(vs_m_s.astype(np.float32)), source),
    }


def fields(model):
    """Whole wavefields of a model: stage 1, and both stages, for each event."""
    found = {}
    for event, (geology, source) in events().items():
        stage1 = model.predict(geology, source)
        found[f"{event}/stage1"] = stage1.values
        found[f"{event}/both"] = model.restore(stage1, geology=geology, realizations=REALIZATIONS, seed=SEED).values
    return found


def main() -> None:
    excerpts = {}
    for name in MODELS:
        excerpts |= {f"{name}/{key}": values[EXCERPT] for key, values in fields(sp.load_model(name)).items()}
    np.savez_compressed(STORED, **{key: np.ascontiguousarray(values) for key, values in excerpts.items()})


if __name__ == "__main__":
    main()
