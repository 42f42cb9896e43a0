"""Trainings of the stage that sees the field: bytes, learning, starts from other weights, and what comes out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from spectremor.core.axes import sensor_axis_m, time_axis_s
from spectremor.core.domain_config import DomainConfig
from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.data.station_plan import StationPlan
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.latent import cosine_matrix
from spectremor.diffusion.recorded import Recorded
from spectremor.diffusion.surroundings import surroundings_of
from spectremor.model.build import build_diffusion
from spectremor.model.folder import read_model_folder, write_model_folder
from spectremor.simulation.settings import SOLVER_VERSION
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig
from spectremor.surrogate.config import NetworkDomainConfig, RayConfig
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.networks import make_network
from spectremor.training.checkpoint import checkpoints
from spectremor.training.config import DdpmTraining, FieldTraining, load_config, parse_config
from spectremor.training.field_cache import FieldCache
from spectremor.training.layouts import Layout
from spectremor.training.logs import read_metrics
from spectremor.training.loop import Watch
from spectremor.training.run import Surroundings, train
from spectremor.training.stage1_cache import FrozenStage1

STAGE1 = "simulation:300"
SAMPLES, HZ = 96, 15.0
PLAN = StationPlan(random=12, patch=4, patch_spacing_m=75.0)
MODEL = {
    "latent": {"time_samples": SAMPLES, "sampling_hz": HZ, "latent_samples": 40, "target": "residual"},
    "network": {"widths": [8, 16], "embedding": 16},
    "sampling": {"sampler": "ddim", "steps": 1},
    "field": {"neighbours": 4, "channels": 4, "heads": 2, "observed_neighbours": 2},
}


def config(objective: str, **more: Any) -> FieldTraining:
    values = {
        "model": MODEL,
        "objective": objective,
        "steps": 8,
        "batch": 3,
        "sensors": 9,
        "warmup": 2,
        "ema_decay": 0.8,
        "learning_rate": 0.01,
        "validate_every": 4,
        "checkpoint_every": 2,
        "validation_draws": 3,
    }
    parsed = parse_config(values | more, "field")
    assert isinstance(parsed, FieldTraining)
    return parsed


@pytest.fixture(scope="module")
def stations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four samples on a grid of 4 x 4 sensors, at random stations and in a patch.

    The truth is stage 1, a delayed echo of it that can be learned, and noise that all sensors of an event share.
    """
    path = tmp_path_factory.mktemp("campaign") / "stations.zarr"
    layout = StoreLayout(
        geology_shape=(6, 6, 6),
        extent_m=(9600.0, 9600.0, 9600.0),
        x_m=sensor_axis_m(4),
        y_m=sensor_axis_m(4),
        time_s=time_axis_s(SAMPLES, HZ),
        band_high_hz=5.0,
        grid_spacing_m=150.0,
        also_m=(300.0,),
        stations=PLAN,
    )
    splits = [0, 0, 0, 1]
    sources = [
        Source.from_angles(position_m=(3000.0 + 900 * i, 4800.0, -3000.0), strike_deg=50 * i, dip_deg=50, rake_deg=10)
        for i in range(len(splits))
    ]
    create_store(path, layout, sources, {}, splits)
    writer, rng = StoreWriter(path), np.random.default_rng(1)
    for i in range(len(splits)):
        vs = np.full((6, 6, 6), 2500.0, dtype=np.float32)
        grid = 1e-3 * rng.standard_normal((2, 3, 4, 4, SAMPLES))
        at_stations = 1e-3 * rng.standard_normal((2, 3, PLAN.count, SAMPLES))
        shared = 3e-4 * rng.standard_normal((3, 1, SAMPLES))
        grid[1] = grid[0] + np.roll(grid[0], 3, axis=-1) + shared[:, :, None]
        at_stations[1] = at_stations[0] + np.roll(at_stations[0], 3, axis=-1) + shared
        more = {
            "station_x": rng.uniform(1000, 8000, PLAN.count),
            "station_y": rng.uniform(1000, 8000, PLAN.count),
            "station_velocity": at_stations[1].astype(np.float32),
            "station_velocity_300m": at_stations[0].astype(np.float32),
            "band_high_hz": np.array([5.0, 2.5]),
        }
        both = {None: grid[1].astype(np.float32), 300.0: grid[0].astype(np.float32)}
        writer.commit(i, writer.write(i, vs, both, more))
    writer.finish()
    return path


def stop_after(step: int) -> Watch:
    seen = [0]
    return Watch(stop=lambda: seen[0] >= step, on_step=lambda progress, _loss: seen.__setitem__(0, progress.step))


def state_of(run: Path) -> dict[str, torch.Tensor]:
    newest = checkpoints(run)[-1]
    return {f"{f.name}/{k}": v for f in newest.glob("*.safetensors") for k, v in load_file(f).items()}


def without_time(run: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(run / "metrics.csv")]


def test_in_bfloat16_it_learns_the_same_and_keeps_single_precision(tmp_path: Path, stations: Path) -> None:
    runs = {}
    for precision in ("no", "bf16"):
        settings = config("score", steps=2, validate_every=2, mixed_precision=precision)
        train(settings, stations, tmp_path / precision, stage1=STAGE1)
        runs[precision] = validation(tmp_path / precision, "loss")[-1]
    assert runs["bf16"] != runs["no"]
    assert runs["bf16"] == pytest.approx(runs["no"], rel=0.01)
    tensors = load_file(tmp_path / "bf16/model/model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


@pytest.mark.parametrize("objective", ["denoising", "score"])
def test_resumed_runs_end_in_the_same_bytes(tmp_path: Path, stations: Path, objective: str) -> None:
    settings = config(objective, steps=4, validate_every=2)
    assert train(settings, stations, tmp_path / "whole", stage1=STAGE1).finished
    assert not train(
        settings, stations, tmp_path / "parts", stage1=STAGE1, surroundings=Surroundings(watch=stop_after(2))
    ).finished
    assert train(settings, stations, tmp_path / "parts", stage1=STAGE1, resume=True).finished
    whole, parts = state_of(tmp_path / "whole"), state_of(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert len(whole) > 100
    for name in whole:
        assert torch.equal(whole[name], parts[name]), name
    assert without_time(tmp_path / "whole") == without_time(tmp_path / "parts")
    one, two = (tmp_path / run / "model/model.safetensors" for run in ("whole", "parts"))
    assert one.read_bytes() == two.read_bytes()


def validation(run: Path, name: str) -> list[float]:
    return [float(row[f"val_{name}"]) for row in read_metrics(run / "metrics.csv")]


def test_a_short_training_lowers_both_losses_and_honours_recordings(tmp_path: Path, stations: Path) -> None:
    more = {"steps": 100, "validate_every": 25, "checkpoint_every": 50, "ema_decay": 0.9}
    first = config("denoising", **more)
    train(first, stations, tmp_path / "first", stage1=STAGE1)
    losses = validation(tmp_path / "first", "loss")
    assert losses[-1] < 0.9 * losses[0]
    second = config("score", **more)
    train(second, stations, tmp_path / "second", stage1=STAGE1, init=tmp_path / "first")
    assert validation(tmp_path / "second", "loss")[-1] < validation(tmp_path / "second", "loss")[0]

    # The result at recordings, at their neighbours and in the mean of 200 draws.
    folder = read_model_folder(tmp_path / "second/model")
    stage = build_diffusion(folder.config, folder.tensors())
    assert isinstance(stage, FieldStage)
    store = CampaignStore.open(stations)
    x, y = store.station_positions_m(3)
    where = surroundings_of(store.geology(3), store.source(3), np.stack([x, y], axis=1))
    stage1, truth = (np.moveaxis(store.station_velocity(3, m), 0, 1) for m in (300.0, None))
    records = Recorded(sensors=np.arange(4), velocity=truth[:4])
    draws = stage.generate(stage1, where, recorded=records, realizations=200)
    rms = np.sqrt(np.mean(np.square(truth[:4]), axis=2, keepdims=True))
    departure = (draws[:, :4] - truth[:4]) / (0.01 * rms)
    assert np.sqrt(np.mean(np.square(departure))) < 1.2
    free = slice(4, None)
    apart = draws[:, free].mean(axis=0) - stage.expect(stage1, where, recorded=records)[free]
    sampling = draws[:, free].std(axis=0) / math.sqrt(200)
    assert np.sqrt(np.mean(np.square(apart))) < 4 * np.sqrt(np.mean(np.square(sampling)))


def operator_of(store: CampaignStore, simulation_m: float | None = None) -> tuple[dict[str, Any], MifnoSurrogate]:
    """A small operator along rays for the sensors of a store, of random weights, and its domain."""
    where = {
        "nodes": (6, 6, 6),
        "sensors": (4, 4),
        "first_sensor_m": (float(store.x_m[0]), float(store.y_m[0])),
        "last_sensor_m": (float(store.x_m[-1]), float(store.y_m[-1])),
        "samples": SAMPLES,
        "sampling_hz": HZ,
    }
    domain = NetworkDomainConfig(**where, ray_smoothings_m=(2000.0,))
    sizes = {"steps": 54, "time_modes": 8, "along": 4, "across": 3, "depths": 2, "tube_width": 4, "latent": 8}
    network = make_network(RayConfig(domain=domain, simulation_m=simulation_m, **sizes))
    mean = np.full(domain.nodes, 2500.0)
    return where, MifnoSurrogate(network.eval(), GeologyNormalisation(mean, np.full(domain.nodes, 300.0)))


def test_levels_are_measured_on_the_validation_split_and_change_no_weight(
    tmp_path: Path,
    stations: Path,
    tiny_model: Path,
    here: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, out = tmp_path / "run", tmp_path / "calibrated"
    _, operator = operator_of(CampaignStore.open(stations))
    parts: Any = {"surrogate": operator.parts(), "diffusion": FieldStage(config("score").model).parts()}
    write_model_folder(run / "model", parts=parts, about={}, card="A card.\n")
    measure = ("train", "levels", "--data", stations, "--realizations", "3", "--out")
    # The waves of this store are no operator's.
    assert here(*measure, out, "--model", run) == 2
    assert "levels: got a standard deviation of" in capsys.readouterr().err
    assert not out.exists()

    def louder(store: CampaignStore, i: int) -> np.ndarray:
        return 1.5 * operator.predict(store.geology(i), store.source(i)).values

    monkeypatch.setattr(CampaignStore, "velocity", louder)
    assert here(*measure, out, "--model", run) == 0
    before, after = read_model_folder(run / "model"), read_model_folder(out)
    assert after.config.diffusion is not None
    levels = after.config.diffusion.level_errors
    assert levels is not None
    assert max(levels.sd_ln) > 0
    assert after.config.training["levels"]["data"] == {"store": stations.name, "val_samples": 1, "realizations": 3}
    tensors = after.tensors()["diffusion"]
    assert all(torch.equal(tensors[name], tensor) for name, tensor in before.tensors()["diffusion"].items())
    # Levels that are there already are measured anew.
    assert here(*measure, tmp_path / "again", "--model", out) == 0
    again = read_model_folder(tmp_path / "again").config.diffusion
    assert again is not None
    assert again.level_errors == levels
    capsys.readouterr()
    assert here(*measure, tmp_path / "none", "--model", tiny_model) == 2
    assert "whose diffusion stage sees the field" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    # A folder that holds anything but a model stays as it is, and no draw is made for it.
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    assert here(*measure, mine, "--model", run) == 2
    assert "--out: got" in capsys.readouterr().err
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_it_starts_from_single_sensors_with_or_without_jumps(
    tmp_path: Path, stations: Path, ddpm_config: DdpmTraining
) -> None:
    latent = ddpm_config.model.latent.model_copy(update={"target": "residual"})
    network = ddpm_config.model.network.model_copy(update={"dropout": 0.0, "jumps": True})
    model = ddpm_config.model.model_copy(update={"latent": latent, "network": network})
    single = ddpm_config.model_copy(update={"model": model, "steps": 4, "batch": 16, "validation_sensors": 4})
    train(single, stations, tmp_path / "single", stage1=STAGE1)
    none = config("denoising", steps=1, learning_rate=1e-9, ema_decay=0.0, validate_every=1, checkpoint_every=1)
    train(none, stations, tmp_path / "field", stage1=STAGE1, init=tmp_path / "single")
    before, after = (read_model_folder(tmp_path / run / "model").tensors()["diffusion"] for run in ("single", "field"))
    torch.testing.assert_close(after["latents.target_gain"], before["latents.target_gain"])
    torch.testing.assert_close(after["network.head.bias"], before["network.head.bias"], atol=1e-6, rtol=0)
    wider = after["network.stem.weight"]
    torch.testing.assert_close(wider[:, :12], before["network.stem.weight"], atol=1e-6, rtol=0)
    # Another size of network is refused.
    other = config("denoising", model=MODEL | {"network": {"widths": [8, 24], "embedding": 16}})
    with pytest.raises(InputError, match=r"--init: .*this config's network, or that without a field"):
        train(other, stations, tmp_path / "other", stage1=STAGE1, init=tmp_path / "single")
    assert not (tmp_path / "other").exists()


def test_a_campaign_without_stations_will_do(tmp_path: Path, campaign: Path) -> None:
    outcome = train(config("score", steps=2, validate_every=2, sensors=16), campaign, tmp_path / "run", stage1=STAGE1)
    assert outcome.finished
    with pytest.raises(InputError, match=r"sensors: got 49; allowed: at most 36"):
        train(config("score", sensors=49), campaign, tmp_path / "large", stage1=STAGE1)


def test_the_cache_holds_grid_stations_and_patch_in_this_order(tmp_path: Path, stations: Path) -> None:
    store = CampaignStore.open(stations)
    cache = FieldCache(tmp_path, FrozenStage1(store, STAGE1), config("score").model.latent)
    assert cache.fill([2], lambda: False, lambda _: None)
    sample = cache.load(2)
    assert cache.layout.count == 16 + PLAN.count == len(sample.truth)
    x, y = store.station_positions_m(2)
    np.testing.assert_array_equal(sample.surroundings.positions_m[16:], np.stack([x, y], axis=1))
    np.testing.assert_allclose(sample.surroundings.positions_m[1], [store.x_m[0], store.y_m[1]])
    # Traces within the band, at a sensor of the grid and at a station.
    stage = FieldStage(config("score").model)
    for number, traces in ((6, store.velocity(2)[:, 1, 2]), (16 + 20, store.station_velocity(2)[:, 20])):
        wanted = stage.latents.coefficients(torch.from_numpy(traces)[None])
        torch.testing.assert_close(sample.truth[number : number + 1], wanted)
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match="a whole file; delete it"):
        cache.load(2)


@pytest.mark.parametrize("simulation_m", [None, 300.0])
def test_behind_an_operator_along_rays_stations_are_learned_from_too(
    tmp_path: Path, stations: Path, monkeypatch: pytest.MonkeyPatch, simulation_m: float | None
) -> None:
    store = CampaignStore.open(stations)
    where, operator = operator_of(store, simulation_m)
    parts: Any = {"surrogate": operator.parts()}
    if simulation_m is not None:
        # The store of a test does not say how it was simulated.
        monkeypatch.setattr("spectremor.training.stage1_cache.is_stored", lambda *_: True)
        settings = SimulationConfig(domain=DomainConfig(**where), solver_version=SOLVER_VERSION)
        parts = {"simulation": CoarseSimulation(settings).parts(), **parts}
    write_model_folder(tmp_path / "operator", parts=parts, about={}, card="")
    stage1 = FrozenStage1(store, str(tmp_path / "operator"))
    assert stage1.has_stations
    cache = FieldCache(tmp_path / "cache", stage1, config("score").model.latent)
    assert cache.layout.count == 16 + PLAN.count
    assert cache.fill([0], stop=lambda: False, report=lambda _: None)
    sample = cache.load(0)
    event = store.geology(0), store.source(0), np.stack(store.station_positions_m(0), axis=1)
    if simulation_m is None:
        alone = operator.predict_at(*event)
    else:
        alone = operator.correct_at(*event, store.station_velocity(0, simulation_m))
    basis = cosine_matrix(SAMPLES, 40)
    torch.testing.assert_close(sample.stage1[16:], torch.from_numpy(np.moveaxis(alone, 0, 1)) @ basis)
    assert float(sample.stage1[16:].abs().max()) > 0


def test_groups_are_windows_of_the_grid_and_the_patch_and_any_sensors() -> None:
    layout = Layout(grid=(6, 5), stations=PLAN)
    rng, kinds = np.random.default_rng(0), set()
    for _ in range(60):
        group = layout.group(rng, 9)
        assert len(np.unique(group)) == 9
        assert group.max() < layout.count
        on_grid, in_patch = (group < 30).all(), (group >= 30 + PLAN.random).all()
        kinds.add("grid" if on_grid else "patch" if in_patch else "any")
        if on_grid:
            ix, iy = group // 5, group % 5
            assert np.ptp(ix) == np.ptp(iy) == 2
    assert kinds == {"grid", "patch", "any"}


def test_the_presets_are_configs_and_start_from_one_another() -> None:
    for first, second in (("denoising", "draws"), ("denoising-gpu", "draws-gpu")):
        before, after = (load_config(name, "field") for name in (first, second))
        assert isinstance(before, FieldTraining)
        assert isinstance(after, FieldTraining)
        assert (before.objective, after.objective) == ("denoising", "score")
        assert before.model.model_copy(update={"sampling": after.model.sampling}) == after.model
    assert load_config("tiny", "field").steps == 40


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"sensors": 10}, "square number"),
        ({"model": {k: v for k, v in MODEL.items() if k != "field"}}, "model.field must be there"),
        ({"model": MODEL | {"sampling": {"sampler": "ddim", "steps": 2}}}, "objective score needs"),
        ({"score": {"phase": 1.0}}, "phase"),
        ({"mixed_precision": "fp16"}, "mixed_precision"),
        ({"model": MODEL | {"field": {"neighbours": 3}}}, "neighbours must be 0, or 4 or more"),
    ],
)
def test_configs_that_make_no_training_are_refused(more: dict[str, Any], found: str) -> None:
    with pytest.raises(InputError, match=found):
        config("score", **more)
