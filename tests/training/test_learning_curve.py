"""benchmarks/learning_curve.py, and training on a part of the training split."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from spectremor.core.errors import InputError
from spectremor.training.logs import best_row
from spectremor.training.run import Surroundings, train

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "learning_curve.py"


def test_a_run_learns_from_the_first_samples(tmp_path, campaign, ddpm_config) -> None:
    few = ddpm_config.model_copy(update={"train_samples": 2, "steps": 4})
    train(few, campaign, tmp_path / "run", stage1="simulation:300", surroundings=Surroundings(cache=tmp_path / "cache"))
    assert json.loads((tmp_path / "run" / "data.json").read_text())["train_ids"] == [0, 1]
    assert json.loads((tmp_path / "run" / "model" / "config.json").read_text())["training"]["ddpm"]["data"][
        "train_samples"
    ] == 2  # fmt: skip


def test_the_best_row_has_the_lowest_loss(tmp_path) -> None:
    with pytest.raises(InputError, match="at least one validation"):
        best_row(tmp_path)
    (tmp_path / "metrics.csv").write_text("step,val_loss,val_EG\n4,0.5,7\n8,0.25,8\n12,0.75,6\n")
    assert best_row(tmp_path) == {"step": 8.0, "val_loss": 0.25, "val_EG": 8.0}


def test_more_simulations_one_row_each_and_on_again(tmp_path, campaign, ddpm_config, script) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(ddpm_config.model_dump(mode="json")))
    words = ["--stage", "ddpm", "--data", campaign, "--config", tmp_path / "config.yaml", "--steps", 8]
    words += ["--out", tmp_path / "out", "--judged", 2]

    def learn(*numbers: int) -> list[str]:
        return [
            line for line in script(BENCHMARK, *words, "--numbers", *numbers).splitlines() if "simulations:" in line
        ]

    first = learn(1)
    again = learn(4, 1)
    assert again[0] == first[0]
    assert first[0].startswith("1 simulations: step ")
    with (tmp_path / "out" / "learning_curve_ddpm.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["simulations"], float(row["step"])) for row in rows] == [("1", 4), ("1", 8), ("4", 4), ("4", 8)]
    assert (tmp_path / "out" / "learning_curve_ddpm.png").stat().st_size > 10_000
    with pytest.raises(SystemExit, match=r"^--numbers: \[9\]; allowed: 1 to 5, the training split's complete samples$"):
        learn(9)
