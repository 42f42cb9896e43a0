"""What must not happen to a run: spoilt weights, two hands in one folder, settings from outside, stale caches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from accelerate.state import AcceleratorState

from spectremor.core.errors import InputError
from spectremor.core.files import locked
from spectremor.data.sample_digest import sample_digest
from spectremor.data.store import CampaignStore, consolidate
from spectremor.data.store_variables import velocity_name
from spectremor.model.folder import write_model_folder
from spectremor.simulation.settings import SOLVER_VERSION
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig
from spectremor.surrogate.config import MifnoConfig
from spectremor.training import export, loop, mifno
from spectremor.training.checkpoint import checkpoints
from spectremor.training.config import DdpmTraining, parse_config
from spectremor.training.ddpm import DdpmObjective
from spectremor.training.run import Surroundings, train
from spectremor.training.stage1_cache import FrozenStage1

COARSE = "simulation:300"


def newest(run: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(checkpoints(run)[-1] / "weights.safetensors")


def test_a_gradient_that_is_no_number_spoils_no_checkpoint(tmp_path, campaign, ddpm_config, monkeypatch) -> None:
    steps = []
    whole = DdpmObjective.forward

    def fails_at_the_third(self: DdpmObjective, *inputs: torch.Tensor, **batch: torch.Tensor) -> torch.Tensor:
        steps.append(1)
        loss = whole(self, *inputs, **batch)
        # Finite, with the slope of a square root at zero.
        return loss + (0 * loss).sqrt() if len(steps) == 3 else loss

    monkeypatch.setattr(DdpmObjective, "forward", fails_at_the_third)
    config = ddpm_config.model_copy(update={"checkpoint_every": 1})
    with pytest.raises(FloatingPointError, match="gradient's norm nan at step 3"):
        train(config, campaign, tmp_path / "run", stage1=COARSE)
    assert checkpoints(tmp_path / "run")[-1].name == "000000002"
    assert all(tensor.isfinite().all() for tensor in newest(tmp_path / "run").values())
    assert train(config, campaign, tmp_path / "run", stage1=COARSE, resume=True).finished


def test_a_launchers_precision_does_not_reach_the_task(tmp_path, campaign, ddpm_config, monkeypatch) -> None:
    few = ddpm_config.model_copy(update={"steps": 2})
    train(few, campaign, tmp_path / "plain", stage1=COARSE)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    AcceleratorState._reset_state()
    try:
        train(few, campaign, tmp_path / "launched", stage1=COARSE)
    finally:
        AcceleratorState._reset_state()
    for name, tensor in newest(tmp_path / "plain").items():
        assert torch.equal(tensor, newest(tmp_path / "launched")[name]), name


def test_one_command_at_a_time(tmp_path, campaign, ddpm_config) -> None:
    few = ddpm_config.model_copy(update={"steps": 1})
    train(few, campaign, tmp_path / "run", stage1=COARSE)
    with (
        locked(tmp_path / "run", field="x", allowed="y"),
        pytest.raises(InputError, match=r"--out: .* a run that no other command is training"),
    ):
        train(few, campaign, tmp_path / "run", stage1=COARSE, resume=True)
    assert train(few, campaign, tmp_path / "run", stage1=COARSE, resume=True).finished


def test_what_was_reached_is_that_of_the_kept_weights(tmp_path, campaign, ddpm_config) -> None:
    run = tmp_path / "run"
    train(ddpm_config.model_copy(update={"steps": 4}), campaign, run, stage1=COARSE)
    told = json.loads((run / "model" / "config.json").read_text())["training"]["ddpm"]["reached"]
    assert {"step", "val_loss", "val_EG"} <= told.keys()
    rows = (run / "metrics.csv").read_text()
    (run / "metrics.csv").write_text(rows.replace(f"{told['val_EG']:.8g}", "nan"))
    assert export._reached(run) == {name: value for name, value in told.items() if name != "val_EG"}
    # Killed after the validation, and resumed from a checkpoint before it.
    (run / "metrics.csv").write_text(rows.splitlines()[0] + "\n")
    assert export._reached(run) == {"step": 4.0, "val_loss": pytest.approx(told["val_loss"], rel=1e-6)}


def test_batches_that_cannot_be_made_are_refused(tmp_path, campaign, ddpm_config: DdpmTraining) -> None:
    wide = ddpm_config.model_copy(update={"batch": 160})
    with pytest.raises(InputError, match="batch: got 160; allowed: at most 2 samples x 36 sensors"):
        train(wide, campaign, tmp_path / "run", stage1=COARSE)
    with pytest.raises(InputError, match="batch: got 16; allowed: a multiple of the number of processes, 3"):
        loop._check_share(ddpm_config, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"last_sensor_m": (7200.0, 7200.0)},
        {"sensors": (32, 16)},
        {"nodes": (32, 16, 32)},
        {"extent_m": (9600.0, 9000.0, 9600.0), "last_sensor_m": (9450.0, 8850.0)},
    ],
)
def test_only_centred_squares_are_turned(change) -> None:
    assert mifno._is_centred_square(MifnoConfig())
    assert not mifno._is_centred_square(MifnoConfig(domain=change))


def test_a_corrected_source_makes_another_sample(tmp_path, campaign) -> None:
    import zarr

    store = shutil.copytree(campaign, tmp_path / "store.zarr")
    before = sample_digest(CampaignStore.open(store), 2)
    assert sample_digest(CampaignStore.open(campaign), 2) == before
    assert sample_digest(CampaignStore.open(campaign), 3) != before
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    group["source_position_m"][2] = np.asarray(group["source_position_m"][2]) + 100.0
    assert sample_digest(CampaignStore.open(store), 2) != before


def test_another_solver_than_the_trained_one_is_refused() -> None:
    config, _ = CoarseSimulation(SimulationConfig(solver_version=SOLVER_VERSION)).parts()
    assert CoarseSimulation.from_parts(config, {}).config.solver_version == SOLVER_VERSION
    with pytest.raises(InputError, match=r"simulation\.solver_version: got 1; allowed"):
        CoarseSimulation.from_parts(config.model_copy(update={"solver_version": 1}), {})


def test_a_campaign_of_other_rise_times_trains_no_network(tmp_path, campaign, mifno_config) -> None:
    import zarr

    store = shutil.copytree(campaign, tmp_path / "store.zarr")
    zarr.open_group(store, mode="r+", use_consolidated=False)["source_rise_time_s"][2] = 0.5
    with pytest.raises(InputError, match=r"store \(rise times\): got 0\.1 s to 0\.5 s; allowed: 0\.1 s"):
        train(mifno_config, store, tmp_path / "run")


def test_a_stage_1_of_other_motion_trains_no_diffusion(tmp_path, campaign, mifno_config, ddpm_config) -> None:
    train(mifno_config, campaign, tmp_path / "mifno")
    store = shutil.copytree(campaign, tmp_path / "store.zarr")
    zarr.open_group(store, mode="r+", use_consolidated=False)["source_rise_time_s"][2] = 0.5
    with pytest.raises(InputError, match=r"store \(rise times\): got 0\.1 s to 0\.5 s; allowed: 0\.1 s"):
        train(ddpm_config, store, tmp_path / "ddpm", stage1=str(tmp_path / "mifno"))
    store = shutil.copytree(campaign, tmp_path / "slow.zarr")
    zarr.open_group(store, mode="r+", use_consolidated=False).attrs["band_high_hz"] = 2.0
    consolidate(store)
    with pytest.raises(InputError, match=r"store: got .* \(a low-pass at 2 Hz, not 5 Hz\)"):
        train(ddpm_config, store, tmp_path / "ddpm", stage1=str(tmp_path / "mifno"))
    assert not (tmp_path / "ddpm").exists()


def moved(campaign: Path, path: Path) -> Path:
    """The campaign with its sensors somewhere else."""
    shutil.copytree(campaign, path)
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    group["y"][:] = group["y"][:] + 40.0
    consolidate(path)
    return path


def test_a_stage_1_of_other_sensors_is_refused(tmp_path, campaign, mifno_config, ddpm_config) -> None:
    train(mifno_config, campaign, tmp_path / "mifno")
    other = moved(campaign, tmp_path / "other.zarr")
    with pytest.raises(InputError, match=r"store: got .* \(sensors at 190 to 9490 m North, not 150 to 9450 m\)"):
        train(ddpm_config, other, tmp_path / "ddpm", stage1=str(tmp_path / "mifno"))
    assert not (tmp_path / "ddpm").exists()


def test_a_simulation_of_other_sensors_is_refused(tmp_path, campaign) -> None:
    """One that the store does not hold would be made at the model's own sensors."""
    simulation = CoarseSimulation(SimulationConfig(solver_version=SOLVER_VERSION, grid_spacing_m=400))
    write_model_folder(tmp_path / "model", parts={"simulation": simulation.parts()}, about={}, card="")
    with pytest.raises(InputError, match=r"store: got .* \(a grid of 6 x 6 sensors, not a grid of 32 x 32 sensors"):
        FrozenStage1(CampaignStore.open(campaign), str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("change", "field"),
    [({"batch": 1000}, "batch"), ({"latent": {"sampling_hz": 16.0}}, "--data")],
)
def test_a_refused_run_leaves_nothing_in_the_way_of_the_right_one(
    tmp_path, campaign, ddpm_config, change, field
) -> None:
    values = ddpm_config.model_dump(mode="json")
    values["model"]["latent"] |= change.get("latent", {})
    values |= {key: value for key, value in change.items() if key in values}
    with pytest.raises(InputError) as caught:
        train(parse_config(values, "ddpm"), campaign, tmp_path / "run", stage1=COARSE)
    assert caught.value.field == field
    assert not (tmp_path / "run").exists()
    few = ddpm_config.model_copy(update={"steps": 1})
    assert train(few, campaign, tmp_path / "run", stage1=COARSE).finished


@pytest.mark.parametrize("typed", ["simulation:133.333", "simulation:133.33333"])
def test_a_spacing_that_has_no_short_name_is_found(campaign, tmp_path, typed) -> None:
    path = tmp_path / "store.zarr"
    shutil.copytree(campaign, path)
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    group.attrs["also_m"] = [9600 / 72]
    (path / velocity_name(300.0)).rename(path / velocity_name(9600 / 72))
    consolidate(path)
    store = CampaignStore.open(path)
    np.testing.assert_array_equal(FrozenStage1(store, typed)(0), store.velocity(0, 9600 / 72))
    with pytest.raises(InputError, match=r"allowed: a model folder, a run, a model that ships, or simulation:133\.333"):
        FrozenStage1(store, "simulation:133.4")


def test_geologies_of_other_nodes_and_another_low_pass_are_refused(tmp_path, campaign, mifno_config) -> None:
    values = mifno_config.model_dump(mode="json")
    values["model"]["domain"]["nodes"] = [16, 16, 16]
    with pytest.raises(InputError, match=r"store: got .* \(8 x 8 x 8 nodes, not 16 x 16 x 16"):
        train(parse_config(values, "mifno"), campaign, tmp_path / "run")
    values = mifno_config.model_dump(mode="json")
    values["model"]["lowpass_hz"] = 2.0
    with pytest.raises(InputError, match=r"store: got .* \(a low-pass at 5 Hz, not 2 Hz\)"):
        train(parse_config(values, "mifno"), campaign, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_cache_that_is_a_file_is_refused_first(tmp_path, campaign, mifno_config, ddpm_config) -> None:
    (tmp_path / "o.txt").write_text("notes")
    for config, stage1 in ((mifno_config, None), (ddpm_config, COARSE)):
        with pytest.raises(InputError, match=r"--cache: got .*o\.txt; allowed: a folder"):
            train(
                config, campaign, tmp_path / "run", stage1=stage1, surroundings=Surroundings(cache=tmp_path / "o.txt")
            )
        assert not (tmp_path / "run").exists()
