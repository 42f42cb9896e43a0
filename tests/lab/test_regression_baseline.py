"""The regression baseline: trained once on the model's own stage 1, found again, and always in the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer

from spectremor.cli import evaluate as verb
from spectremor.cli.regression_baseline import regression_of
from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import StoreLayout, create_store
from spectremor.lab import regression
from spectremor.lab.regression import RegressionStage, train_regression
from spectremor.model.build import load_model
from spectremor.model.folder import find_model, read_model_folder


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regression, "FEWEST_STEPS", 4)


def quiet(_done: int, _total: int, _what: str) -> None:
    pass


def test_it_is_trained_once_as_a_regression_of_the_models_own_network(
    store_path: Path, model_path: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    options = {"minutes": 0.001, "cache": tmp_path / "cache"}
    first = train_regression(store_path, model_path, **options, report=lambda *step: told.append(step[2]))
    assert "training the regression baseline" in told
    assert "4 training events" in first.about
    trained, judged = RegressionStage.read(first.model), load_model(model_path)
    assert trained.config.network == judged.diffusion.config.network
    assert trained.config.latent == judged.diffusion.config.latent
    assert trained.trained_range.rise_time_s == 0.1
    stage1 = np.random.default_rng(0).standard_normal((3, 8, 6, 128)).astype(np.float32)
    draws = trained.generate_at(stage1, np.arange(5), realizations=2)
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(trained.restore_at(stage1, np.arange(5)), draws[0])
    assert np.abs(draws[0] - np.moveaxis(stage1.reshape(3, -1, 128)[:, :5], 0, 1)).max() > 0
    told.clear()
    again = train_regression(store_path, model_path, **options, report=lambda *step: told.append(step[2]))
    assert again == first
    assert not told


def test_a_stopped_training_goes_on(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    def stop(done: int, _total: int, what: str) -> None:
        if what.startswith("training") and done == 3:
            raise KeyboardInterrupt

    options = {"minutes": 0.001, "cache": tmp_path / "cache"}
    with pytest.raises(KeyboardInterrupt):
        train_regression(store_path, model_path, **options, report=stop)
    steps: list[int] = []
    found = train_regression(store_path, model_path, **options, report=lambda done, *_: steps.append(done))
    assert (found.model / "regression.json").is_file()
    # A checkpoint after every step here: at most the interrupted one is taken again.
    assert steps[0] >= 3


def test_where_it_comes_from_and_why_it_is_absent(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    assert regression_of(store_path, model_path, Path("mine"), 5.0, quiet)[0] == Path("mine")
    folder, about = regression_of(store_path, model_path, None, 0.0, quiet)
    assert folder is None
    assert "--regression-minutes 0" in about
    store = CampaignStore.open(store_path)
    bare = tmp_path / "bare.zarr"
    layout = StoreLayout(
        geology_shape=store.vs(0).shape,
        extent_m=store.extent_m,
        x_m=store.x_m,
        y_m=store.y_m,
        time_s=store.time_s,
        band_high_hz=5.0,
        grid_spacing_m=150.0,
        also_m=(),
    )
    create_store(bare, layout, [store.source(0)], {"title": "nothing yet"}, splits=(2,))
    folder, about = regression_of(bare, model_path, None, 1.0, quiet)
    assert folder is None
    assert "absent" in about
    assert "0 complete samples to train on" in about


def test_the_verb_puts_both_baselines_into_the_report(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    verb.register(app)
    out = tmp_path / "report"
    arguments = ["--data", store_path, "--model", model_path, "--sensors", "6", "--samples", "1", "--out", out]
    app([*map(str, arguments), "--regression-minutes", "0.001"], standalone_mode=False)
    told = json.loads((out / "summary.json").read_text())
    assert {"stage 1 x gain", "stage 1 + regression"} <= set(told["scores"])
    assert any("plain L1 regression, 4 steps" in remark for remark in told["remarks"])
    assert "sampling" in (out / "index.html").read_text()
    assert not (tmp_path / ".report.events").exists()


def test_what_is_no_regression_is_refused(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--regression: got .*tiny.*regression\.json"):
        RegressionStage.read(model_path)
    trained = train_regression(store_path, model_path, minutes=0.001, cache=tmp_path / "cache").model
    told = json.loads((trained / "regression.json").read_text())
    (trained / "regression.json").write_text(json.dumps(told | {"format_version": 7}))
    with pytest.raises(InputError, match="format_version 1"):
        RegressionStage.read(trained)
    told["diffusion"]["network"]["widths"] = [16, 32]
    (trained / "regression.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="--regression"):
        RegressionStage.read(trained)


def test_of_a_stage_that_sees_the_field_the_network_restores_each_sensor_alone() -> None:
    judged = read_model_folder(find_model("mifno")).config.diffusion
    assert judged is not None
    assert judged.field is not None
    config = regression.regression_config(find_model("mifno")).model
    assert config.field is None
    assert (config.network, config.latent) == (judged.network, judged.latent)
    assert isinstance(RegressionStage(config), RegressionStage)
