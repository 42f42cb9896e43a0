"""Operators in ground of another kind than they learned, which always had 4500 m/s below 7.8 km."""

from __future__ import annotations

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.data.normalisation import GeologyNormalisation


def test_an_operator_corrects_ground_without_the_learned_bottom_too() -> None:
    depth_m = np.linspace(9600, 0, 32)
    profile = 1900 + 1400 * np.sqrt(depth_m / 9600)
    geology = sp.make_geology(np.broadcast_to(profile, (32, 32, 32)).astype(np.float32), (9600.0,) * 3)
    source = sp.Source.from_angles(position_m=(3000, 3700, -7700), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)
    with pytest.warns(InputWarning, match="carries shear waves"):
        truth = sp.simulate(geology, source, grid_spacing_m=150, duration_s=6.4).values
    errors = {}
    for name in ("simulation", "hybrid", "mifno"):
        field = sp.load_model(name).predict(geology, source).values
        errors[name] = float(np.sqrt(np.square(field - truth).sum() / np.square(truth).sum()))
    assert errors["hybrid"] < 0.8 * errors["simulation"]
    assert errors["mifno"] < 1


def test_nodes_that_never_varied_say_nothing() -> None:
    std = np.array([0.0, 400.0]).reshape(1, 1, 2)
    normalisation = GeologyNormalisation(np.full((1, 1, 2), 2500.0), std)
    found = normalisation.apply(np.full((1, 1, 2), 3300.0))
    np.testing.assert_allclose(found.reshape(-1), [0.0, 0.5])
