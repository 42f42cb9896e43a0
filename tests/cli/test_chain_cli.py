"""The whole chain through the command line, small but real: campaign, both trainings, generation, evaluation."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

SOURCE = "4800,4800,-6000,40,50,60"


def run(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "spectremor", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.slow
def test_from_random_geology_to_report(tmp_path: Path) -> None:
    store, geology = tmp_path / "campaign.zarr", tmp_path / "geology.npy"
    create = ["dataset", "create", "--preset", "hemews", "--n", "10", "--grid-spacing", "400", "--out", store]
    run(*create, "--workers", "2", "--seed", "5")
    run("dataset", "check", store)
    assert "10" in run("dataset", "info", store)

    run("train", "mifno", "--config", "tiny", "--data", store, "--out", tmp_path / "mifno")
    stage1 = tmp_path / "mifno"
    run("train", "ddpm", "--config", "tiny", "--data", store, "--stage1", stage1, "--out", tmp_path / "ddpm")
    model = tmp_path / "ddpm" / "model"
    assert json.loads((model / "config.json").read_text())["format_version"] >= 1
    assert (model / "MODEL_CARD.md").read_text().strip()

    np.save(geology, xr.open_zarr(store)["vs"].values[0])
    out = tmp_path / "field.nc"
    run("generate", "--geology", geology, "--source", SOURCE, "--model", model, "--out", out, "--steps", "2")
    field = xr.open_dataarray(out)
    assert field.shape == (1, 3, 32, 32, 320)
    assert np.isfinite(field.values).all()

    report = tmp_path / "report"
    run("evaluate", "--data", store, "--model", model, "--split", "train", "--sensors", "16", "--out", report)
    with (report / "per_sample.csv").open() as file:
        assert len(list(csv.DictReader(file))) >= 1
    assert any(report.glob("*.html"))
