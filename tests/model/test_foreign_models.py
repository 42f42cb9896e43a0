"""A model folder with the right files and the wrong content: the error names the folder and the stage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from spectremor.core.errors import InputError
from spectremor.examples import example_geology, example_source
from spectremor.model.build import load_model
from spectremor.model.folder import read_model_folder

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_model, tmp_path / "model")
    return tmp_path / "model"


def change_weights(folder: Path, change: Callable[[Tensors], Any]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def change_config(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


def first(tensors: Tensors, stage: str) -> str:
    return min(name for name in tensors if name.startswith(f"{stage}.") and tensors[name].ndim > 1)


def replace(tensors: Tensors, stage: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    name = first(tensors, stage)
    tensors[name] = change(tensors[name]).contiguous()


def with_nan(tensor: torch.Tensor) -> torch.Tensor:
    changed = tensor.clone()
    changed.view(-1)[0] = float("nan")
    return changed


WEIGHTS = {
    "missing": (lambda t, stage: t.pop(first(t, stage)), "1 tensors missing"),
    "foreign": (lambda t, stage: t.update({f"{stage}.network.extra": torch.zeros(1)}), "1 foreign"),
    "all others": (lambda t, stage: [t.pop(n) for n in list(t) if n.startswith(stage)], "missing|no tensor"),
    "misshapen": (lambda t, stage: replace(t, stage, lambda x: x[:1]), "of shape"),
    "another type": (lambda t, stage: replace(t, stage, lambda x: x.double()), "float64"),
    "not finite": (lambda t, stage: replace(t, stage, with_nan), "NaN"),
}


@pytest.mark.parametrize("stage", ["surrogate", "diffusion"])
@pytest.mark.parametrize("damage", WEIGHTS)
def test_wrong_weights_name_the_folder_and_the_stage(damage: str, stage: str, folder: Path) -> None:
    change, words = WEIGHTS[damage]
    change_weights(folder, lambda tensors: change(tensors, stage))
    refused = refusal(folder)
    assert stage in str(refused.value)
    assert refused.match(words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["surrogate"].update(colour="red"), "surrogate.*colour.*red"),
        (lambda c: c["surrogate"].update(wave_width=0), "surrogate.*wave_width"),
        (lambda c: c["surrogate"].update(wave_width=4096), "surrogate.*of shape"),
        (lambda c: c["surrogate"].update(wave_layers=10**9), "surrogate.*wave_layers"),
        (lambda c: c["surrogate"]["domain"].update(nodes=[4, 4, 4]), "surrogate.*normalisation"),
        (lambda c: c["surrogate"].update(period_s=float("nan")), "surrogate.*period_s"),
        (lambda c: c["diffusion"].update({"a\nb" * 50: "x" * 500}), "diffusion"),
        (lambda c: c["diffusion"]["network"].update(widths=[4096] * 2), "diffusion.*of shape"),
        (lambda c: c["diffusion"]["network"].update(blocks=10**9), "diffusion.*blocks"),
        (lambda c: c["diffusion"]["latent"].update(time_samples=300), "diffusion.*300 samples.*320 samples"),
        (lambda c: c.pop("diffusion"), "tensor diffusion"),
        (lambda c: c.update(surrogate=[1]), "surrogate"),
        (lambda c: [c.pop(part) for part in ("surrogate", "diffusion")], "at least one of surrogate"),
    ],
)
def test_wrong_configs_name_the_folder_and_the_stage(
    change: Callable[[dict[str, Any]], Any], words: str, folder: Path
) -> None:
    change_config(folder, change)
    assert refusal(folder).match(words)


def test_what_shows_from_outside_is_refused_before_weights_are_read(folder: Path) -> None:
    geology, source = example_geology(), example_source()
    read_model_folder(folder).check_event(geology, source)
    outside = type(source)(position_m=(1.0, 5000.0, -5000.0), moment_tensor_nm=(1e15,) * 6)
    with pytest.raises(InputError, match=r"source\.x"):
        read_model_folder(folder).check_event(geology, outside)
    change_weights(folder, lambda tensors: [tensors.pop(n) for n in list(tensors) if n.startswith("diffusion")])
    change_config(folder, lambda config: config.pop("diffusion"))
    read_model_folder(folder).check_event(geology, source, stage1_only=True)
    with pytest.raises(InputError, match=r"model: got .*diffusion stage"):
        read_model_folder(folder).check_event(geology, source)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1])
    with pytest.raises(InputError, match="truncated"):
        read_model_folder(folder).check_event(geology, source, stage1_only=True)


def refusal(folder: Path) -> pytest.ExceptionInfo[InputError]:
    with pytest.raises(InputError) as refused:
        load_model(folder)
    assert refused.value.field == "model"
    assert str(folder) in str(refused.value.value)
    assert refused.value.allowed
    message = str(refused.value)
    assert len(message) < 1000
    assert message.isprintable()
    return refused
