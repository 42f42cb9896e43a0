"""A model whose second stage sees the field: recordings, the mean, stations, and what it refuses in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from spectremor.core.axes import time_axis_s
from spectremor.core.errors import InputError
from spectremor.core.recording import Recording
from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.field_stage import FieldStage
from spectremor.examples import example_geology, example_source
from spectremor.model.build import load_model
from spectremor.model.field_event import delayed
from spectremor.model.folder import read_model_folder, write_model_folder
from spectremor.model.observed import parse_observed
from spectremor.model.pipeline import GroundMotionModel

SAMPLES = 320


def field_parts(observed: bool) -> tuple[DiffusionConfig, dict[str, torch.Tensor]]:
    torch.manual_seed(2)
    config = DiffusionConfig.model_validate(
        {
            "latent": {"target": "residual"},
            "network": {"widths": (8, 8), "embedding": 8},
            "sampling": {"sampler": "ddim", "steps": 1},
            "field": {
                "neighbours": 4,
                "channels": 4,
                "heads": 2,
                "observed": observed,
                "observed_neighbours": 2,
                "any_orientation": False,
            },
        }
    )
    stage = FieldStage(config)
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return stage.parts()


@pytest.fixture(scope="module")
def folder(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest operator with the smallest stage that sees the field, both of random weights."""
    return with_field(tiny_model, tmp_path_factory.mktemp("field") / "model", observed=True)


def with_field(tiny_model: Path, path: Path, *, observed: bool) -> Path:
    read = read_model_folder(tiny_model)
    surrogate = read.config.surrogate, read.tensors()["surrogate"]
    write_model_folder(path, parts={"surrogate": surrogate, "diffusion": field_parts(observed)}, about={}, card="")  # type: ignore[dict-item]
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> GroundMotionModel:
    return load_model(folder)


def recordings(x_m: list[float], y_m: list[float], seed: int = 0, size_m_s: float = 1e-3) -> xr.DataArray:
    values = size_m_s * np.random.default_rng(seed).standard_normal((3, len(x_m), SAMPLES))
    return xr.DataArray(
        values,
        dims=("component", "station", "time"),
        coords={"x": ("station", x_m), "y": ("station", y_m), "time": time_axis_s(SAMPLES)},
        name="velocity",
    )


def test_draws_and_mean_have_the_model_s_own_sensors(model: GroundMotionModel) -> None:
    geology, source = example_geology(), example_source()
    stage1 = model.predict(geology, source)
    draws = model.generate(geology, source, realizations=2, seed=5)
    assert draws.dims == ("realization", "component", "x", "y", "time")
    assert draws.shape == (2, 3, 32, 32, SAMPLES)
    assert draws.attrs["sampler"] == "ddim"
    assert draws.attrs["sampling_steps"] == 1
    np.testing.assert_array_equal(model.restore(stage1, geology=geology, realizations=2, seed=5).values, draws.values)
    mean = model.expect(geology, source)
    assert mean.shape == stage1.shape
    assert mean.attrs["product"] == "mean"
    assert np.abs(mean - draws[0]).max() > 0
    with pytest.raises(InputError, match=r"geology: got nothing; allowed: the event's own"):
        model.restore(stage1)


def test_recordings_at_sensors_are_honoured_and_those_elsewhere_heard(model: GroundMotionModel) -> None:
    geology, source = example_geology(), example_source()
    there = model.recording.sensors
    x_m, y_m = float(there.x_m[4]), float(there.y_m[20])  # type: ignore[union-attr]
    records = recordings([x_m, 5010.0], [y_m, 4444.0])
    draw = model.generate(geology, source, observed=records)
    without = model.generate(geology, source)
    at = draw.isel(realization=0).sel(x=x_m, y=y_m).values
    wanted = records.isel(station=0).values
    error = 0.01 * np.sqrt(np.mean(wanted**2, axis=1, keepdims=True))
    # Random weights: some errors, where without a recording the motion is another.
    assert np.sqrt(np.mean(((at - wanted) / error) ** 2)) < 5
    near = without.isel(realization=0).sel(x=x_m, y=y_m).values
    assert np.abs(near - wanted).max() > 0.5 * np.abs(wanted).max()
    # The station between the sensors changes the nearest one.
    other = model.generate(geology, source, observed=records.isel(station=[0]))
    moved = np.abs(other - draw).isel(realization=0).max(("component", "time"))
    assert float(moved.sel(x=5010.0, y=4444.0, method="nearest")) > 0
    # Another order of dimensions, more and larger errors, and the mean.
    again = model.generate(geology, source, observed=records.transpose("time", "station", "component"))
    np.testing.assert_array_equal(again.values, draw.values)
    exact = model.expect(geology, source, observed=records, observed_error=0.0).sel(x=x_m, y=y_m)
    np.testing.assert_allclose(exact.values, wanted, atol=1e-4 * np.abs(wanted).max())


def refused(model: GroundMotionModel, observed: object, words: str, **more: float) -> None:
    with pytest.raises(InputError, match=words) as error:
        model.generate(example_geology(), example_source(), observed=observed, **more)  # type: ignore[arg-type]
    assert len(str(error.value).splitlines()) == 1


def test_recordings_that_are_none_are_refused_in_one_line(model: GroundMotionModel) -> None:
    good = recordings([1000.0, 2000.0], [3000.0, 4000.0])
    for observed, words in (
        (good.rename(station="sensor"), r"observed.dims: got"),
        (good.drop_vars("x"), r"observed.x: got no coordinate"),
        (good.isel(time=slice(10, None)), r"observed.time: got 310 samples"),
        (good.assign_coords(time=good.time + 0.05), r"observed.time: got"),
        (good.where(good.x < 1500.0), r"observed: got NaN"),
        (good.assign_attrs(units="cm/s"), r"observed"),
        (good.assign_coords(component=["Z", "N", "E"]), r"observed.component: got"),
        (good.assign_coords(z=("station", [0.0, -40.0])), r"observed.z: got"),
        (good.isel(component=slice(0, 2)), r"observed: got"),
        (recordings([1000.0, 9700.0], [1.0, 2.0]), r"observed.x: got 1000 to 9700 m; allowed: 0 to 9600 m"),
        (good.assign_attrs(units="cm/s"), r"observed.*m/s"),
    ):
        refused(model, observed, words)
    at = float(model.recording.sensors.x_m[0])  # type: ignore[union-attr]
    refused(model, recordings([at, at], [at, at]), r"observed: got several stations at one sensor")
    for error in (-0.1, 2.0, float("nan")):
        refused(model, good, r"observed_error: got", observed_error=error)


def test_models_without_recordings_refuse_them_before_any_work(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = load_model(with_field(tiny_model, tmp_path / "deaf", observed=False))
    single = load_model(tiny_model)
    monkeypatch.setattr(GroundMotionModel, "stage1_motion", lambda *_: pytest.fail("worked"))
    for one in (deaf, single):
        refused(one, recordings([1000.0], [1000.0]), r"observed: got recordings; allowed: none: this model was not")


def test_a_command_line_writes_what_the_library_gives(
    folder: Path, model: GroundMotionModel, tiny_model: Path, tmp_path: Path, here, capsys: pytest.CaptureFixture[str]
) -> None:
    import spectremor as sp
    from spectremor.core.recording import Stations
    from spectremor.core.wavefield import make_station_wavefield
    from spectremor.data.geology_files import write_geology

    records = recordings([2500.0, 7000.0], [3000.0, 6200.0])
    names, zero = ("A", "B"), np.zeros(2)
    stations = Stations(names=names, x_m=records.x.values, y_m=records.y.values, z_m=zero)
    sp.write_wavefield(
        make_station_wavefield(records.values, stations=stations, time_s=records.time.values), tmp_path / "records.nc"
    )
    write_geology(example_geology(), tmp_path / "geology.nc")
    arguments = [
        "generate",
        "--geology",
        tmp_path / "geology.nc",
        "--source",
        "4800,4800,-8400,48,45,88",
        "--seed",
        "3",
    ]
    out = tmp_path / "field.nc"
    assert here(*arguments, "--model", folder, "--observed", tmp_path / "records.nc", "--out", out) == 0
    source = sp.Source.from_angles(position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88)
    wanted = model.generate(example_geology(), source, seed=3, observed=sp.read_wavefield(tmp_path / "records.nc"))
    np.testing.assert_allclose(sp.read_wavefield(out).values, wanted.values, rtol=1e-6)
    without = with_field(tiny_model, tmp_path / "without", observed=False)
    capsys.readouterr()
    for more, words in (
        (["--model", folder, "--observed", tmp_path / "none.nc"], "--observed"),
        (["--model", folder, "--observed", tmp_path], "a folder of waveforms needs --event"),
        (["--model", without, "--observed", tmp_path / "records.nc"], "observed: got recordings; allowed: none"),
    ):
        assert here(*arguments, *more, "--out", tmp_path / "refused.nc") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
        assert not (tmp_path / "refused.nc").exists()


def test_a_stage_that_draws_in_one_step_refuses_others(model: GroundMotionModel) -> None:
    geology, source = example_geology(), example_source()
    stage1 = model.predict(geology, source)
    own = model.restore(stage1, geology=geology, seed=1)
    # Another sampler takes the same one step.
    same = model.restore(stage1, geology=geology, seed=1, sampler="dpm-solver++")
    np.testing.assert_array_equal(same.values, own.values)
    for options in ({"steps": 2}, {"steps": 8, "sampler": "ddpm"}):
        with pytest.raises(InputError, match=r"steps: got \d; allowed: 1: this model was trained to draw in one step"):
            model.restore(stage1, geology=geology, seed=1, **options)


def test_a_delayed_trace_is_the_same_pulse_later_and_nothing_comes_round() -> None:
    times = np.arange(100) * 0.02
    pulse = np.exp(-0.5 * ((times - 1.0) / 0.1) ** 2)[None, None].repeat(3, axis=1).astype(np.float32)
    later = np.exp(-0.5 * ((times - 1.313) / 0.1) ** 2)
    np.testing.assert_allclose(delayed(pulse, np.array([0.313]), 0.02)[0, 0], later, atol=1e-5)
    assert np.abs(delayed(pulse, np.array([1.5]), 0.02)[0, 0, :50]).max() < 1e-3


def test_parsed_recordings_are_ordered_sensor_by_sensor() -> None:
    records = recordings([1.0, 2.0], [3.0, 4.0])
    parsed = parse_observed(records, 0.02, Recording())
    assert parsed.velocity.shape == (2, 3, SAMPLES)
    np.testing.assert_array_equal(parsed.positions_m, [[1.0, 3.0], [2.0, 4.0]])
    np.testing.assert_allclose(parsed.velocity[1, 2], records.values[2, 1], rtol=1e-6)
    assert parsed.error == 0.02
