"""The published MIFNO gives the fixed values of the published network."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from spectremor.core.errors import InputError
from spectremor.surrogate import published

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def golden(reference_mifno):
    with np.load(reference_mifno / "golden.npz") as archive:
        arrays = {name: torch.from_numpy(archive[name]) for name in archive.files}
    state = {name.removeprefix("state_dict/"): v for name, v in arrays.items() if name.startswith("state_dict/")}
    return arrays, state, json.loads((reference_mifno / "config.json").read_text())


def relative_error(found, wanted):
    return float((found - wanted).square().mean().sqrt() / wanted.std())


def test_outputs(golden):
    arrays, state, config = golden
    model = published.load(state, config)
    with torch.no_grad():
        outputs = model(arrays["geology"], arrays["source"])
    for name, found in zip(("uE", "uN", "uZ"), outputs, strict=True):
        assert relative_error(found, arrays[name]) < 1e-4


def test_intermediate_volumes(golden):
    arrays, state, config = golden
    model = published.load(state, config)
    with torch.no_grad():
        x = model.lift(published._with_coordinates(arrays["geology"]))
        first = model.layers[0](x, 12)
        volume = model.source(arrays["source"][:, 0], (12, 12, 12))
    assert relative_error(first.movedim(-1, 1), arrays["stage/after_first_geology_layer"]) < 1e-5
    assert relative_error(volume.movedim(-1, 1), arrays["stage/source_volume"]) < 1e-5


def test_one_sample_is_the_same_alone(golden):
    arrays, state, config = golden
    model = published.load(state, config)
    with torch.no_grad():
        both = model(arrays["geology"], arrays["source"])[0]
        alone = model(arrays["geology"][1:], arrays["source"][1:])[0]
    torch.testing.assert_close(alone, both[1:], rtol=1e-5, atol=1e-5)


def test_trainable(golden):
    arrays, state, config = golden
    model = published.load(state, config)
    sum(u.square().mean() for u in model(arrays["geology"], arrays["source"])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_refuses_foreign_tensors(golden):
    _, state, config = golden
    with pytest.raises(InputError, match=r"no tensor P\.bias"):
        published.load({k: v for k, v in state.items() if k != "P.bias"}, config)
    with pytest.raises(InputError, match=r"1 foreign tensors .unknown"):
        published.load({**state, "unknown": torch.zeros(1)}, config)
    with pytest.raises(InputError, match="shape"):
        published.load({**state, "P.bias": torch.zeros(3)}, config)
    with pytest.raises(InputError, match="Q"):
        published.load({**state, "QE.1.weight_v": torch.ones(1, 4)}, config)
    with pytest.raises(InputError, match="finite"):
        published.load({**state, "P.bias": torch.full((6,), float("nan"))}, config)


@pytest.mark.parametrize(
    ("key", "value"), [("width", 5), ("padding", 2), ("list_D3", [12, 12]), ("foreign", 1), ("branching_index", 9)]
)
def test_refuses_foreign_configs(golden, key, value):
    _, state, config = golden
    with pytest.raises(InputError):
        published.load(state, {**config, key: value})
