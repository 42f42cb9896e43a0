"""Config, order, schedule, checkpoints, logs, run folders and model folders."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from spectremor.core.errors import InputError
from spectremor.data.tensors import load_tensors
from spectremor.diffusion.config import DiffusionConfig
from spectremor.model.folder import read_model_folder, write_model_folder
from spectremor.surrogate.config import MifnoConfig
from spectremor.training.checkpoint import Progress, checkpoints, load_checkpoint, save_checkpoint
from spectremor.training.config import (
    DdpmTraining,
    LoopConfig,
    MifnoTraining,
    TrainingConfig,
    load_config,
    parse_config,
)
from spectremor.training.ddpm import component_symmetries
from spectremor.training.logs import Log, read_metrics
from spectremor.training.order import epochs_of_step, items_of_step
from spectremor.training.run_folder import check_run, record_run
from spectremor.training.schedule import learning_rate


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        (stage, name)
        for stage in ("mifno", "ddpm")
        for name in ("tiny", "small", "large", "paper", "coarse", "coarse-gpu")
    ]
    + [("ddpm", "jumps"), ("ddpm", "jumps-gpu")],
)
def test_presets_are_valid_and_survive_json(stage: str, name: str) -> None:
    config = load_config(name, stage)
    assert type(config).model_validate(json.loads(json.dumps(config.model_dump(mode="json")))) == config


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("stepz: 3\n", "stepz"),
        ("steps: 0\n", "steps"),
        ("model: {network: {depth: 3}}\n", "model.network.depth"),
        ("model: enormous\n", "model"),
        ("batch: 10\nsamples_per_batch: 4\n", "config"),
        ("- 1\n", "--config"),
        ("a: [\n", "--config"),
        ("clip_norm: .inf\n", "clip_norm"),
        ("learning_rate: .nan\n", "learning_rate"),
        ("seed: 99999999999999999999999\n", "seed"),
        ("model: {sampling: {steps: 5000}}\n", "model"),
        ("steps: 2024-13-45\n", "--config"),
        ("[" * 3000, "--config"),
        ("# " + "x" * (1 << 20), "--config"),
    ],
)
def test_bad_configs_name_the_key(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        load_config(path, "ddpm")
    assert refused.value.field == field


def test_known_keys_are_named_and_combinations_explained() -> None:
    with pytest.raises(
        InputError, match=r"^model\.sampling\.stepz: got 3; allowed: no such key: sampler, steps, noise_"
    ):
        parse_config({"model": {"sampling": {"stepz": 3}}}, "ddpm")
    with pytest.raises(
        InputError, match=r"^config: got this combination; allowed: samples_per_batch must divide batch$"
    ):
        parse_config({"batch": 10, "samples_per_batch": 4}, "ddpm")


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(InputError, match="large, paper, rays, rays-300, rays-300-gpu, rays-gpu, small, tiny"):
        load_config("huge", "mifno")


def test_a_config_of_the_other_stage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(DdpmTraining().model_dump(mode="json")))
    with pytest.raises(InputError):
        load_config(path, "mifno")


def test_every_epoch_holds_every_item_once_in_its_own_order() -> None:
    count, batch = 12, 5
    seen = np.concatenate([items_of_step(3, step, count, batch) for step in range(12)])
    epochs = np.concatenate([epochs_of_step(step, count, batch) for step in range(12)])
    for epoch in range(5):
        assert sorted(seen[epochs == epoch]) == list(range(count))
    assert not np.array_equal(seen[:count], seen[count : 2 * count])
    np.testing.assert_array_equal(items_of_step(3, 7, count, batch), seen[35:40])
    assert not np.array_equal(items_of_step(4, 7, count, batch), seen[35:40])


def test_learning_rate_rises_then_falls_to_its_last_value() -> None:
    config = LoopConfig(steps=100, warmup=10, learning_rate=1.0, final_rate=0.1)
    rates = [learning_rate(step, config) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == 1.0
    assert rates[99] == pytest.approx(0.1)
    assert np.all(np.diff(rates[:11]) > 0)
    assert np.all(np.diff(rates[10:]) < 0)


def test_component_symmetries_are_the_sixteen_and_no_others() -> None:
    matrices = component_symmetries(np.random.default_rng(0), 2000)
    np.testing.assert_array_equal(np.abs(matrices).sum(axis=1), np.ones((2000, 3)))
    np.testing.assert_array_equal(np.abs(matrices[:, 2, 2]), np.ones(2000))
    assert len({m.tobytes() for m in matrices}) == 16
    # Turning condition and truth alike keeps their lengths and their product.
    traces = np.random.default_rng(1).standard_normal((2000, 3, 7))
    np.testing.assert_allclose(np.linalg.norm(matrices @ traces, axis=1), np.linalg.norm(traces, axis=1), rtol=1e-6)


def network_and_optimizer(seed: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.01)
    for _ in range(3):
        module(torch.randn(5, 3)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return module, optimizer


def test_checkpoint_holds_weights_average_and_optimizer_bit_for_bit(tmp_path: Path) -> None:
    module, optimizer = network_and_optimizer(0)
    average = [parameter.detach() * 2 for parameter in module.parameters()]
    for step in (5, 12):
        progress = Progress(step=step, best_loss=0.5, best_step=3, worse=2, seconds=1.5)
        save_checkpoint(tmp_path, progress, module, average, 99, optimizer)
    assert [p.name for p in checkpoints(tmp_path)] == ["000000012"]

    again, optimizer2 = network_and_optimizer(1)
    average2 = [torch.zeros_like(p) for p in again.parameters()]
    with torch.no_grad():
        found, ema_step = load_checkpoint(checkpoints(tmp_path)[0], again, average2, optimizer2)
    assert found == progress
    assert ema_step == 99
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    for one, two in zip(average, average2, strict=True):
        assert torch.equal(one, two)
    for one, two in zip(module.parameters(), again.parameters(), strict=True):
        for key, value in optimizer.state[one].items():
            assert torch.equal(value, optimizer2.state[two][key])
    assert not list(tmp_path.rglob("*.pt")) + list(tmp_path.rglob("*.pkl"))


def test_a_checkpoint_without_a_best_loss_comes_back(tmp_path: Path) -> None:
    module, optimizer = network_and_optimizer(0)
    average = [p.detach() for p in module.parameters()]
    path = save_checkpoint(tmp_path, Progress(step=1), module, average, 1, optimizer)
    assert load_checkpoint(path, module, [a.clone() for a in average], optimizer)[0] == Progress(step=1)


@pytest.mark.parametrize("name", ["weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, name: str) -> None:
    module, optimizer = network_and_optimizer(0)
    average = [p.detach().clone() for p in module.parameters()]
    path = save_checkpoint(tmp_path, Progress(step=1), module, average, 1, optimizer)
    (path / name).write_bytes((path / name).read_bytes()[:-7])
    with pytest.raises(InputError):
        load_checkpoint(path, module, average, optimizer)


def test_rows_after_the_resumed_step_are_dropped(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    for step in (10, 20, 30):
        log.write(step, {"train_loss": 1.0 / step, "seconds": float(step)})
    log.close()
    log = Log(tmp_path, 20)
    log.write(25, {"train_loss": 0.5, "val_loss": 0.25})
    log.close()
    rows = read_metrics(tmp_path / "metrics.csv")
    assert [row["step"] for row in rows] == ["10", "20", "25"]
    assert rows[0]["train_loss"] == "0.1"
    assert rows[2]["val_loss"] == "0.25"
    assert list((tmp_path / "tensorboard").iterdir())


def start_run(run: Path, config: TrainingConfig, data: dict, *, resume: bool) -> dict:
    facts = check_run(run, config, data, resume=resume)
    record_run(run, config, facts)
    return facts


def test_a_run_goes_on_only_as_it_was_started(tmp_path: Path) -> None:
    run, config = tmp_path / "run", DdpmTraining()
    data = {"store": "s", "train_ids": [1, 2], "val_ids": [3], "stage1": "abc"}
    start_run(run, config, data, resume=False)
    with pytest.raises(InputError, match="--resume"):
        start_run(run, config, data, resume=False)
    grown = data | {"train_ids": [1, 2, 4]}
    assert start_run(run, config, grown, resume=True) == data
    with pytest.raises(InputError, match="another steps"):
        start_run(run, DdpmTraining(steps=7), data, resume=True)
    with pytest.raises(InputError, match="stage1"):
        start_run(run, config, data | {"stage1": "xyz"}, resume=True)
    with pytest.raises(InputError):
        start_run(run, MifnoTraining(), data, resume=True)


def test_a_folder_with_other_files_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="new or empty"):
        start_run(tmp_path, DdpmTraining(), {}, resume=True)
    with pytest.raises(InputError, match=r"--out: got .*thesis.tex/b .*Not a directory.*folder can be made"):
        start_run(tmp_path / "thesis.tex" / "b", DdpmTraining(), {}, resume=False)


def test_folders_above_a_run_are_made(tmp_path: Path) -> None:
    start_run(tmp_path / "runs" / "a", DdpmTraining(), {}, resume=False)
    assert (tmp_path / "runs" / "a" / "config.json").is_file()


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    tensors = {"diffusion": {"w": torch.arange(6.0).view(2, 3)}, "surrogate": {"v": torch.ones(2)}}
    parts = {"diffusion": (DiffusionConfig(), tensors["diffusion"]), "surrogate": (MifnoConfig(), tensors["surrogate"])}
    write_model_folder(tmp_path / "model", parts=parts, about={"training": {}}, card="# card\n")
    return tmp_path / "model"


def test_model_folder_round_trip(model_folder: Path) -> None:
    folder = read_model_folder(model_folder)
    tensors = folder.tensors()
    assert folder.config.diffusion == DiffusionConfig()
    assert torch.equal(tensors["diffusion"]["w"], torch.arange(6.0).view(2, 3))
    assert set(tensors) == {"diffusion", "surrogate"}


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return Path.unlink, ("unpickled",)  # type: ignore[return-value]


def huge_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")


def overlong(path: Path) -> None:
    header = json.dumps({"surrogate.v": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4 << 40]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "model.safetensors").unlink(),
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-5]),
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes() + b"x"),
        lambda f: (f / "model.safetensors").write_bytes(b""),
        lambda f: (f / "model.safetensors").write_bytes(pickle.dumps(Bomb())),
        lambda f: torch.save({"surrogate.v": torch.ones(2)}, f / "model.safetensors"),
        lambda f: save_file({"other.w": torch.ones(2)}, f / "model.safetensors"),
        lambda f: huge_header(f / "model.safetensors"),
        lambda f: overlong(f / "model.safetensors"),
        lambda f: (f / "config.json").unlink(),
        lambda f: (f / "config.json").write_text("{"),
        lambda f: (f / "config.json").write_text("[]"),
        lambda f: (f / "config.json").write_text('{"format_version": 99, "diffusion": {}}'),
        lambda f: (f / "config.json").write_text('{"format_version": 1}'),
        lambda f: (f / "config.json").write_text('{"format_version": 1, "diffusion": 3}'),
        lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x00"),
    ],
)
def test_damaged_and_foreign_model_folders_are_refused_in_one_line(
    model_folder: Path, damage: Callable[[Path], object]
) -> None:
    damage(model_folder)
    with pytest.raises(InputError) as refused:
        read_model_folder(model_folder)
    assert "\n" not in str(refused.value)


def test_no_model_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_model_folder(tmp_path / "nothing")


@pytest.mark.parametrize("tensors", [{}, {"weight": torch.ones(2, 3), "bias": torch.ones(2, dtype=torch.float64)}])
def test_tensors_must_fit(tensors: dict[str, torch.Tensor]) -> None:
    with pytest.raises(InputError):
        load_tensors(torch.nn.Linear(3, 2), tensors, field="weights")
