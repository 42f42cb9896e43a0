"""The published MIFNO as a stage 1: imported, trained, saved and asked."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import torch

from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.model.build import load_model
from spectremor.model.published_weights import import_published
from spectremor.surrogate.augmentation import turn_inputs
from spectremor.surrogate.config import PublishedConfig, PublishedStageConfig, check_config, load_preset
from spectremor.surrogate.inputs import event_inputs
from spectremor.surrogate.loss import LossConfig
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.networks import make_network
from spectremor.surrogate.published import load
from spectremor.training.config import load_config
from spectremor.training.mifno import MifnoObjective

SOURCE = Source.from_angles(
    position_m=(4000.0, 2500.0, -5000.0), strike_deg=30, dip_deg=60, rake_deg=20, mw=4.5, rise_time_s=0.1
)


def authors_tensors(config, seed=0):
    """Random tensors under the authors' names."""
    g = torch.Generator().manual_seed(seed)

    def random(*shape):
        return 0.2 * torch.randn(*shape, generator=g)

    tensors = {}

    def normed(name, out, into):
        tensors[f"{name}.weight_v"], tensors[f"{name}.bias"] = random(out, into), random(out)
        tensors[f"{name}.weight_g"] = random(out, 1).abs() + 0.1

    w, m = config.width, config.list_M1[0]
    normed("P", w, config.input_dim)
    for i in range(config.n_layers):
        n = w if i < config.branching_index else 3 * w
        for a, modes in enumerate((config.list_M1[i], config.list_M2[i], config.list_M3[i])):
            tensors[f"spectral_layers.{i}.fourier_weight.{a}"] = random(n, n, modes, 2) / n
        normed(f"spectral_layers.{i}.backcast_ff.layers.0.0", 4 * n, n)
        normed(f"spectral_layers.{i}.backcast_ff.layers.1.0", n, 4 * n)
        tensors[f"modif_layers.{i}.conv.weight"] = random(n, n, 1, 1, 1)
        tensors[f"modif_layers.{i}.conv.bias"] = random(n)
    for name, shapes in {
        "MLP1": [(128, 9), (4 * m * m, 128)],
        "Conv2": [(8, 1, 3, 3), (2 * m, 8, 3, 3)],
        "Conv3": [(w // 2, 1, 3, 3, 3), (w, w // 2, 3, 3, 3)],
    }.items():
        for j, shape in zip((0, 2), shapes, strict=True):
            tensors[f"{name}.{j}.weight"], tensors[f"{name}.{j}.bias"] = random(*shape), random(shape[0])
    tensors["modif_dim_source.conv.weight"] = random(w, w, 1, 1, 1)
    tensors["modif_dim_source.conv.bias"] = random(w)
    for c in "ENZ":
        normed(f"Q{c}.0", 128, 3 * w)
        normed(f"Q{c}.1", 1, 128)
    return tensors


def ground():
    vs = np.random.default_rng(0).uniform(1500, 3500, (32, 32, 32)).astype(np.float32)
    return make_geology(vs, (9600.0,) * 3)


@pytest.mark.slow
def test_the_authors_checkpoint_predicts_what_their_network_does(tmp_path):
    sizes = PublishedConfig.paper(8)
    tensors = authors_tensors(sizes)
    torch.save({"epoch": 3, "state_dict": tensors}, tmp_path / "mifno.pth")
    np.save(tmp_path / "mean.npy", np.full((32, 32, 32), 2400.0))
    np.save(tmp_path / "std.npy", np.array(500.0))
    import_published(tmp_path / "mifno.pth", tmp_path / "mean.npy", tmp_path / "std.npy", tmp_path / "out")

    model = load_model(tmp_path / "out")
    field = model.predict(ground(), SOURCE)
    normalised = torch.tensor((ground().vs_m_s - 2400) / 2000)[None, ..., None]
    position = [4000 / 9600, 2500 / 9600, 5000 / 9600]
    numbers = torch.tensor([*position, *(np.array(SOURCE.moment_tensor_nm) / SOURCE.moment_nm)], dtype=torch.float32)
    with torch.inference_mode():
        theirs = load(tensors, sizes)(normalised, numbers[None, None])
    scale = event_inputs(ground().vs_m_s.astype(float), SOURCE, model.stage1.config, model.stage1.normalisation)[
        "scale"
    ]
    for component, values in zip("ENZ", theirs, strict=True):
        # Their wavefields are stored with East and North exchanged.
        expected = values[0, ..., 0].numpy().transpose(1, 0, 2) / scale
        np.testing.assert_allclose(field.sel(component=component), expected, rtol=1e-3, atol=1e-5 * abs(expected).max())
    assert model.stage1.name == "published MIFNO"


def small():
    return check_config(
        {
            "kind": "published",
            "domain": {"nodes": [8, 8, 8], "sensors": [8, 8], "samples": 40, "sampling_hz": 12.5},
            "sizes": {
                **{f"list_D{k}": [8] * 3 for k in (1, 2)},
                "list_D3": [8, 16, 40],
                **{f"list_M{k}": [4] * 3 for k in (1, 2, 3)},
                "width": 4,
                "n_layers": 3,
                "branching_index": 1,
            },
        }
    )


def test_a_symmetry_turns_what_it_is_fed():
    config = small()
    normalisation = GeologyNormalisation(np.full((8, 8, 8), 2500.0), np.full((8, 8, 8), 400.0))
    vs = np.random.default_rng(0).uniform(1500, 3500, (8, 8, 8))
    inputs = event_inputs(vs, SOURCE, config, normalisation)
    assert sorted(inputs) == ["moment", "nodes", "position", "scale"]
    once = turn_inputs(inputs, 1)
    assert not np.array_equal(once["nodes"], inputs["nodes"])
    for name, values in turn_inputs(turn_inputs(turn_inputs(turn_inputs(inputs, 1), 1), 1), 1).items():
        np.testing.assert_allclose(values, inputs[name], atol=1e-6)


def test_is_saved_and_rebuilt():
    torch.manual_seed(0)
    normalisation = GeologyNormalisation(np.full((8, 8, 8), 2500.0), np.full((8, 8, 8), 400.0))
    stage = MifnoSurrogate(make_network(small()).eval(), normalisation)
    again = MifnoSurrogate.from_parts(*stage.parts())
    geology = make_geology(np.random.default_rng(0).uniform(1500, 3500, (8, 8, 8)).astype(np.float32), (9600.0,) * 3)
    field = stage.predict(geology, SOURCE_HEMEW)
    assert field.shape == (3, 8, 8, 40)
    np.testing.assert_array_equal(again.predict(geology, SOURCE_HEMEW), field)


SOURCE_HEMEW = Source.from_angles(
    position_m=(4000.0, 2500.0, -5000.0), strike_deg=30, dip_deg=60, rake_deg=20, convention="hemew"
)


def test_the_presets_are_the_published_recipe():
    assert load_preset("paper") == PublishedStageConfig(sizes=PublishedConfig.paper(16))
    config = load_config("paper", "mifno")
    assert (config.learning_rate, config.batch, config.loss.relative, config.augment) == (4e-4, 16, 1.0, False)
    second = load_config("paper", "ddpm").model
    assert (second.process.prediction, second.latent.target) == ("noise", "trace")


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda t: t.pop("P.bias"), "state_dict"),
        (lambda t: t.clear(), "checkpoint"),
        (lambda t: t.update({"spectral_layers.40.more": torch.zeros(1)}), "checkpoint"),
    ],
)
def test_refuses_another_network(spoil, field, tmp_path):
    tensors = {"P.bias": torch.zeros(16), "spectral_layers.7.fourier_weight.0": torch.zeros(2), "x": torch.zeros(1)}
    spoil(tensors)
    torch.save(tensors, tmp_path / "w.pth")
    np.save(tmp_path / "n.npy", np.array(2000.0))
    with pytest.raises(InputError) as refused:
        import_published(tmp_path / "w.pth", tmp_path / "n.npy", tmp_path / "n.npy", tmp_path / "out")
    assert refused.value.field.startswith(field)
    assert not os.path.lexists(tmp_path / "out")


@pytest.mark.parametrize(
    ("mean", "std", "field"),
    [
        (2.4, 500.0, "mean"),  # km/s
        (2400.0, 0.5, "std"),
        (np.nan, 500.0, "mean"),
        (-2400.0, 500.0, "mean"),
        (2.4e6, 500.0, "mean"),  # mm/s
        (np.full((16, 16, 16), 2400.0), 500.0, "mean"),
    ],
)
def test_speeds_in_other_units_are_refused(mean, std, field, tmp_path):
    tensors = {"spectral_layers.7.fourier_weight.0": torch.zeros(2)}
    torch.save(tensors, tmp_path / "w.pth")
    for name, values in (("mean", mean), ("std", std)):
        np.save(tmp_path / f"{name}.npy", values)
    with pytest.raises(InputError, match="m/s") as refused:
        import_published(tmp_path / "w.pth", tmp_path / "mean.npy", tmp_path / "std.npy", tmp_path / "out")
    assert refused.value.field == field
    assert not os.path.lexists(tmp_path / "out")


def test_a_folder_with_other_things_is_not_replaced(tmp_path):
    """The folder of the weights themselves, for example."""
    torch.save({"spectral_layers.7.fourier_weight.0": torch.zeros(2)}, tmp_path / "w.pth")
    np.save(tmp_path / "n.npy", np.array(2000.0))
    for out in (tmp_path, tmp_path / "w.pth"):
        with pytest.raises(InputError, match="allowed: a new folder"):
            import_published(tmp_path / "w.pth", tmp_path / "n.npy", tmp_path / "n.npy", out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n.npy", "w.pth"]


def test_sizes_that_are_not_the_domains_are_refused():
    values = json.loads(small().model_dump_json())
    values["domain"]["samples"] = 48
    with pytest.raises(InputError, match="sizes must end"):
        check_config(values)


def test_learns():
    torch.manual_seed(0)
    objective = MifnoObjective(make_network(small()), LossConfig(sensor=0, relative=1))
    normalisation = GeologyNormalisation(np.full((8, 8, 8), 2500.0), np.full((8, 8, 8), 400.0))
    inputs = event_inputs(np.random.default_rng(0).uniform(1500, 3500, (8, 8, 8)), SOURCE, small(), normalisation)
    batch = {name: torch.from_numpy(values)[None] for name, values in inputs.items()}
    target = torch.sin(torch.arange(40.0)).expand(1, 3, 8, 8, -1)
    optimiser = torch.optim.Adam(objective.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = objective(**batch, target=target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
