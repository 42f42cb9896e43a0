"""Goodness of fit of labelled arrays: axes are matched by name, contradictions are refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.signal.gof import gof

DT = 0.02


def fields() -> tuple[xr.DataArray, xr.DataArray]:
    rng = np.random.default_rng(0)
    coords = {"component": ["E", "N", "Z"], "x": [0.0, 300.0], "time": np.arange(128) * DT}
    truth = xr.DataArray(rng.standard_normal((3, 2, 128)), dims=("component", "x", "time"), coords=coords)
    truth.attrs["units"] = "m/s"
    return truth + 0.1 * rng.standard_normal(truth.shape), truth


def test_axes_are_matched_by_name():
    prediction, truth = fields()
    expected = gof(*(np.moveaxis(f.values, 0, 1) for f in (prediction, truth)), DT)
    for order in (("component", "x", "time"), ("time", "component", "x"), ("x", "component", "time")):
        for found, wanted in zip(gof(prediction.transpose(*order), truth, DT), expected, strict=True):
            assert found.shape == (2,)
            np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.assign_coords(x=[0.0, 600.0]), r"^gof\.prediction\.x: got other coordinates"),
        (lambda p: p.assign_coords(component=["N", "E", "Z"]), r"^gof\.prediction\.component"),
        (lambda p: p.assign_attrs(units="cm/s"), r"^gof\.prediction\.units: got cm/s; allowed: m/s, the reference's"),
        (lambda p: p.rename(x="station"), r"^gof\.prediction\.dims"),
        (
            lambda p: np.ma.masked_greater(p.transpose("x", "component", "time").values, 1),
            r"^gof\.prediction: got \d+ masked",
        ),
        (lambda p: p.to_series(), "labels"),
    ],
)
def test_contradictions_are_refused(change, words):
    prediction, truth = fields()
    with pytest.raises(InputError, match=words):
        gof(change(prediction), truth, DT)


def test_the_step_must_be_that_of_the_times():
    with pytest.raises(InputError, match=r"^dt_s: got 0\.01 s; allowed: 0\.02 s"):
        gof(*fields(), 0.01)
