"""The shipped models give what they gave when they were stored: excerpts of a few wavefields."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import spectremor as sp

_spec = importlib.util.spec_from_file_location(
    "make_shipped_fields", Path(__file__).with_name("make_shipped_fields.py")
)
maker = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(maker)


@pytest.mark.parametrize("name", maker.MODELS)
def test_shipped_models_give_the_stored_fields(name: str) -> None:
    with np.load(maker.STORED) as stored:
        wanted = {key.removeprefix(f"{name}/"): stored[key] for key in stored.files if key.startswith(f"{name}/")}
    given = maker.fields(sp.load_model(name))
    assert set(given) == set(wanted) == {f"{e}/{s}" for e in ("example", "strike_slip") for s in ("stage1", "both")}
    for key, values in wanted.items():
        assert np.abs(values).max() > 1e-3
        error = np.abs(given[key][maker.EXCERPT] - values).max() / np.abs(values).max()
        assert error < 1e-5, f"{key}: off by {error:.1e} of the largest velocity"


def test_generate_is_both_stages_in_one_call() -> None:
    geology, source = maker.events()["example"]
    model = sp.load_model("simulation")
    field = model.generate(geology, source, realizations=maker.REALIZATIONS, seed=maker.SEED)
    with np.load(maker.STORED) as stored:
        wanted = stored["simulation/example/both"]
    np.testing.assert_allclose(field.values[maker.EXCERPT], wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
