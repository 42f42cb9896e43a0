"""Model folders whose config asks for more memory than any machine has: refused before anything is built."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from spectremor.core.domain_config import DomainConfig
from spectremor.core.errors import InputError
from spectremor.core.validation import validated
from spectremor.diffusion.config import DiffusionConfig
from spectremor.model.build import load_model
from spectremor.surrogate.config import NetworkDomainConfig
from spectremor.surrogate.network import Mifno


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda c: c["diffusion"]["latent"].update(time_samples=100_000, latent_samples=99_840, keep_below_hz=0),
            "100000 . 99840",
        ),
        (
            lambda c: c["diffusion"]["latent"].update(time_samples=100_000, latent_samples=99_840),
            "keep_below_hz needs latent_samples of at most 1024",
        ),
        (lambda c: c["diffusion"]["latent"].update(time_samples=1000), "1000 samples.*320 samples"),
        (lambda c: c["diffusion"]["network"].update(colour="red"), "colour"),
        (lambda c: c["surrogate"]["domain"].update(sensors=[100_000, 100_000]), "sensors"),
        (lambda c: c["surrogate"]["domain"].update(nodes=[100_000] * 3), "nodes"),
        (lambda c: c["surrogate"].update(steps=100_000), r"wave_width \* sensors \* steps"),
        (lambda c: c["surrogate"]["domain"].update(ray_smoothings_m=[1e15]), "ray_smoothings_m"),
        (lambda c: c["surrogate"]["domain"].update(ray_smoothings_m=[500.0] * 100), "ray_smoothings_m"),
    ],
)
def test_nothing_is_built(
    change: Callable[[dict[str, Any]], Any], words: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(Mifno, "__init__", lambda *_: pytest.fail("built"))
    with pytest.raises(InputError, match=words) as refused:
        load_model(folder)
    assert refused.value.field == "model"
    assert str(folder) in str(refused.value)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int32])
def test_a_normalisation_of_another_type(dtype: torch.dtype, folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["surrogate.normalisation.std"] = tensors["surrogate.normalisation.std"].to(dtype)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(InputError, match=rf"normalisation\.std of type {dtype}.*float32"):
        load_model(folder)


def test_large_but_possible_sizes_are_allowed() -> None:
    validated(DomainConfig, {"nodes": [512, 512, 512], "sensors": [128, 128], "samples": 4000})
    validated(NetworkDomainConfig, {"ray_smoothings_m": [0.0, 1500.0, 100_000.0]})
    validated(DiffusionConfig, {"latent": {"time_samples": 8000, "latent_samples": 4000}})
