"""The model `mifno`, the system of the paper: no simulation at any point."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.examples import example_geology, example_source

ALONE = """
import sys
sys.modules["deepwave"] = None
import numpy as np
import spectremor as sp
from spectremor.examples import example_geology, example_source
field = sp.load_model("mifno").generate(example_geology(), example_source())
assert field.shape == (1, 3, 32, 32, 320), field.shape
assert np.isfinite(field.values).all()
"""


def test_predicts_and_draws_where_there_is_no_solver():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr


def test_is_much_closer_to_a_simulation_than_chance():
    geology, source = example_geology(), example_source()
    with pytest.warns(InputWarning, match="carries shear waves"):
        truth = sp.simulate(geology, source, grid_spacing_m=300, duration_s=6.4)
    model = sp.load_model("mifno")
    scores = sp.evaluate(model.predict(geology, source), truth, geology=geology)
    # The 300 m grid is itself at EG 8, PG 9 of the truth; an empty or random field stays below 4.
    assert scores["EG"] > 6
    assert scores["PG"] > 7.5


def test_is_quiet_before_the_first_wave():
    geology, source = example_geology(), example_source()
    model = sp.load_model("mifno")
    field = model.predict(geology, source)
    loudest = np.abs(field.values).max(axis=(0, 3))
    distance_m = np.sqrt(
        (field["x"].values[:, None] - source.position_m[0]) ** 2
        + (field["y"].values - source.position_m[1]) ** 2
        + source.position_m[2] ** 2
    )
    # No wave is quicker than the fastest P waves of all grounds; the low-pass spreads a little before them.
    early = field["time"].values < (distance_m / (1.7 * 4500))[..., None] - 0.2
    assert early.any()
    assert (np.abs(field.values).max(axis=0) * early).max() < 1e-3 * loudest.max()
