"""Ground of any extent, stations, ruptures and long records: what models that simulate take, and what they say."""

from __future__ import annotations

import dataclasses
import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import spectremor as sp
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import Geology
from spectremor.core.moment_rates import RiseTimes
from spectremor.core.recording import Recording, Stations
from spectremor.core.rupture import Rupture
from spectremor.core.trained_range import TrainedRange
from spectremor.core.travel_times import interpolate
from spectremor.data.wavefield_files import read_wavefield
from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.field_stage import FieldStage
from spectremor.model import measured
from spectremor.model.build import load_model
from spectremor.model.folder import read_model_folder, write_model_folder
from spectremor.model.pipeline import GroundMotionModel
from spectremor.model.region import Learned, MotionRequest, choose_similarity, first_arrivals_s, lengthened, plan_region
from spectremor.simulation.settings import SOLVER_VERSION
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig

ROOT = Path(__file__).resolve().parents[2]
SPACING_M = 400.0
EXTENT_M = (8000.0, 6400.0, 5600.0)
AT = {"position_m": (3600, 3000, -3000), "strike_deg": 35, "dip_deg": 50, "rake_deg": 75}
LEARNED = Learned(recording=Recording(), ground=TrainedRange(), spacing_m=300.0)


@pytest.fixture(scope="module")
def folder(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's diffusion behind a simulation."""
    stage1 = CoarseSimulation(SimulationConfig(grid_spacing_m=SPACING_M, solver_version=SOLVER_VERSION))
    diffusion = load_model(tiny_model).need_diffusion()
    path = tmp_path_factory.mktemp("regional") / "simulated"
    write_model_folder(
        path, parts={"simulation": stage1.parts(), "diffusion": diffusion.parts()}, about={}, card="# Simulated\n"
    )
    return path


@pytest.fixture(scope="module")
def single(folder: Path) -> GroundMotionModel:
    """A model that restores each sensor alone."""
    return load_model(folder)


@pytest.fixture(scope="module", params=["each sensor alone", "the whole field"])
def model(request: pytest.FixtureRequest, single: GroundMotionModel) -> GroundMotionModel:
    """Either kind of second stage behind the same simulation."""
    if request.param == "each sensor alone":
        return single
    torch.manual_seed(2)
    config = {
        "latent": {"target": "residual"},
        "network": {"widths": (8, 8), "embedding": 8},
        "sampling": {"sampler": "ddim", "steps": 1},
        "field": {"neighbours": 4, "channels": 4, "heads": 2},
    }
    stage = FieldStage(DiffusionConfig.model_validate(config))
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return dataclasses.replace(single, diffusion=stage)


def ground(extent_m: tuple[float, float, float] = EXTENT_M, top: float = 1500.0, bottom: float = 4400.0) -> Geology:
    """Slower to the top and to one side, down to the bottom."""
    x, _, z = np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 8), np.linspace(0, 1, 10), indexing="ij")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        return sp.make_geology((bottom + (top - bottom) * z**2) * (1 - 0.02 * x), extent_m)


def scaled(geology: Geology, length: float, speed: float) -> Geology:
    """The same ground with other lengths and speeds, all its properties stated."""
    rock = geology.rock
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        return sp.make_geology(
            rock.vs_m_s * np.float32(speed),
            tuple(length * side for side in geology.extent_m),
            vp_m_s=rock.vp_m_s * np.float32(speed),
            density_kg_m3=rock.density_kg_m3,
            qs=rock.qs,
            qp=rock.qp,
        )


def source(**changes: object) -> sp.Source:
    return sp.Source.from_angles(**(AT | {"mw": 5.0, "rise_time_s": 0.1} | changes))


def stations(*places: tuple[float, float]) -> Stations:
    x, y = np.array(places, dtype=float).T
    return Stations(tuple(f"S{i}" for i in range(len(x))), x, y, np.zeros(len(x)))


@pytest.fixture(autouse=True)
def _about_what_was_learned() -> None:
    """Most cases here lie outside of what was learned, and say so."""
    warnings.filterwarnings("ignore", "model: outside of what it learned", InputWarning)


NEAR = stations((2000, 2500), (5100, 4000), (6600, 1700))


def test_stations_in_ground_of_another_extent_for_another_time(model: GroundMotionModel) -> None:
    field = model.generate(ground(), source(), stations=NEAR, duration_s=9.0, realizations=2, seed=3)
    assert field.dims == ("realization", "component", "station", "time")
    assert field.shape == (2, 3, 3, 450)
    assert field.station.values.tolist() == list(NEAR.names)
    assert field.attrs["band_high_hz"] == 5.0
    assert field.attrs["grid_spacing_m"] == SPACING_M
    assert field.attrs["source_position_m"] == [3600.0, 3000.0, -3000.0]
    stage1 = model.predict(ground(), source(), stations=NEAR, duration_s=9.0)
    direct = model.stage1.record(ground(), source(), Recording(sensors=NEAR, samples=480))
    # Losses are interpolated between levels that depend on all sensors of a run.
    assert np.abs(stage1.values - direct.values[..., :450]).max() < 5e-3 * np.abs(direct.values).max()
    assert 0.01 < np.abs(field.values - stage1.values).max() / np.abs(stage1.values).max() < 3


def test_a_station_is_what_it_is_whatever_the_others(single: GroundMotionModel) -> None:
    one, three = (single.generate(ground(), source(), stations=some, seed=3) for some in (stations((2000, 2500)), NEAR))
    np.testing.assert_allclose(one.values[:, :, 0], three.values[:, :, 0], atol=1e-4 * np.abs(one.values).max())


def test_sensors_of_a_grid_and_the_same_places_as_stations_agree(model: GroundMotionModel) -> None:
    grid = model.generate(ground(), source(), sensors_m=([2000.0, 5100.0], [2500.0]), seed=3)
    listed = model.generate(ground(), source(), stations=stations((2000, 2500), (5100, 2500)), seed=3)
    assert grid.dims == ("realization", "component", "x", "y", "time")
    np.testing.assert_allclose(grid.values[:, :, :, 0], listed.values, atol=1e-4 * np.abs(listed.values).max())


def test_a_longer_record_begins_as_a_shorter_one(model: GroundMotionModel) -> None:
    short, long = (
        model.generate(ground(), source(), stations=NEAR, duration_s=seconds, seed=3).values for seconds in (6.4, 14.0)
    )
    # As far as the first window counts alone; the simulated record's own end reaches a little into it.
    difference = np.abs(long[..., :220] - short[..., :220]).max()
    assert difference < 0.02 * np.abs(short).max()
    assert np.abs(long[..., 320:]).max() > 0


@pytest.mark.parametrize(
    ("length", "speed", "frequency_hz"), [(0.5, 1.0, 10.0), (1.0, 0.5, 2.5), (0.5, 0.5, 5.0), (2.0, 1.0, 2.5)]
)
def test_a_scaled_problem_gives_the_scaled_answer(
    length: float, speed: float, frequency_hz: float, model: GroundMotionModel
) -> None:
    time = length / speed
    own = model.generate(scaled(ground(), 1, 1), source(), stations=NEAR, duration_s=8.0, seed=3)
    place = tuple(length * v for v in AT["position_m"])
    moved = dataclasses.replace(NEAR, x_m=length * NEAR.x_m, y_m=length * NEAR.y_m)
    other = model.generate(
        scaled(ground(), length, speed),
        source(position_m=place, rise_time_s=0.1 * time),
        stations=moved,
        duration_s=8.0 * time,
        max_frequency_hz=frequency_hz,
        seed=3,
    )
    assert other.attrs["grid_spacing_m"] == pytest.approx(SPACING_M * length)
    assert other.attrs["band_high_hz"] == pytest.approx(frequency_hz)
    np.testing.assert_allclose(other.time.values, own.time.values * time, rtol=1e-9)
    expected = own.values / (length**3 * speed)
    assert np.abs(other.values - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_spacing_follows_the_grounds_speeds_and_sides() -> None:
    def choice(vs: tuple[float, float], extent_m: tuple[float, float, float], frequency_hz: float = 5.0):
        similar = choose_similarity(LEARNED, ground(extent_m, *vs), frequency_hz)
        return similar.length * LEARNED.spacing_m, similar.speed

    assert choice((1500, 4000), (19_200, 12_000, 9600)) == pytest.approx((300.0, 1.0))
    # 10 km: no 300 m; 33 cells are the nearest.
    assert choice((1500, 4000), (20_000, 10_000, 10_000))[0] == pytest.approx(10_000 / 33)
    # Ground that reaches 2000 m/s at most needs a finer grid, slow ground takes the nearest that maps it inside.
    spacing_m, speed = choice((900, 2000), (9600, 9600, 9600))
    assert 2000 / 4500 <= speed <= 2000 / 3000
    assert 900 / speed >= 1071
    assert spacing_m == pytest.approx(300 * speed)
    assert choice((1500, 4000), (19_200, 19_200, 9600), 2.5) == pytest.approx((600.0, 1.0))


def test_ground_far_slower_than_what_was_learned_is_refused() -> None:
    with pytest.raises(InputError, match=r"geology: got Vs of 294 m/s; allowed: 37\d.* m/s or more everywhere"):
        choose_similarity(LEARNED, ground((9600, 9600, 9600), top=300), 5.0)


def test_ground_whose_sides_no_spacing_divides_goes_on_as_at_its_edge() -> None:
    own = ground((8100, 6413, 5600))
    longer = lengthened(own, 300.0)
    assert longer.extent_m == pytest.approx((8100, 6600, 5700))
    assert all(new <= old * 1.001 for new, old in zip(longer.spacing_m, own.spacing_m, strict=True))
    inside = [axis[:-1] for axis in (longer.x_m, longer.y_m)]
    points = np.stack(np.meshgrid(*inside, longer.z_m[3:], indexing="ij"), axis=-1).reshape(-1, 3)
    points = points[points[:, 1] <= 6413]
    np.testing.assert_allclose(
        interpolate(longer.vs_m_s, points, longer.extent_m), interpolate(own.vs_m_s, points, own.extent_m), rtol=2e-3
    )
    np.testing.assert_allclose(longer.vs_m_s[:, -1, -1], longer.vs_m_s[:, -2, -1], rtol=0.02)
    whole = ground()
    assert lengthened(whole, 400.0) is whole


def pair(**changes: object) -> Rupture:
    tensors = np.array([source(mw=4.9).moment_tensor_nm, source(mw=5.1, rake_deg=10).moment_tensor_nm])
    given = {
        "position_m": np.array([[3600.0, 3000, -3000], [4100, 3500, -2500]]),
        "tensors": tensors,
        "start_s": np.array([0.0, 0.35]),
        "rates": RiseTimes(np.array([0.1, 0.15])),
    }
    return Rupture(**(given | changes))


def test_a_rupture_is_one_simulation_restored_at_its_own_corner(model: GroundMotionModel) -> None:
    rupture = pair()
    stage1 = model.predict(ground(), rupture, stations=NEAR, duration_s=9.0)
    direct = model.stage1.record(ground(), rupture, Recording(sensors=NEAR, samples=480))
    # Losses are interpolated between levels that depend on all sensors of a run.
    assert np.abs(stage1.values - direct.values[..., :450]).max() < 5e-3 * np.abs(direct.values).max()
    field = model.generate(ground(), rupture, stations=NEAR, duration_s=9.0, seed=3)
    assert field.attrs["source_rise_time_s"] == pytest.approx(rupture.rise_time_s)
    assert field.attrs["source_position_m"] == pytest.approx(list(rupture.centroid_m))
    assert field.attrs["rupture_points"] == 2
    # What is added is quieter at high frequencies than around the motion of a point of the learned rise time.
    assert 0.001 < np.abs(field.values[0] - stage1.values).max() / np.abs(stage1.values).max() < 1


def test_a_rupture_of_one_point_is_that_point(model: GroundMotionModel) -> None:
    fields = [
        model.generate(ground(), quake, stations=NEAR, seed=3).values
        for quake in (source(), Rupture.from_source(source()))
    ]
    np.testing.assert_array_equal(*fields)


def test_the_rise_time_of_a_whole_has_the_spread_of_its_moment_rate() -> None:
    assert Rupture.from_source(source(rise_time_s=0.2)).rise_time_s == pytest.approx(0.2)
    # Two equal points, half a second apart: half a second squared over 4 is the variance of the starts.
    apart = pair(
        tensors=np.array([source().moment_tensor_nm] * 2),
        start_s=np.array([0.0, 0.5]),
        rates=RiseTimes(np.full(2, 0.1)),
    )
    assert apart.rise_time_s == pytest.approx(np.sqrt((2 * 0.1**2 + 0.0625) / 2))


def test_first_arrivals_count_from_the_hypocentre() -> None:
    even = ground(top=2000, bottom=2000)
    points = NEAR.points_m()
    of_point = first_arrivals_s(even, source(), points)
    distance = np.linalg.norm(points - np.array(AT["position_m"]), axis=1)
    assert (of_point < distance / 3400).all()
    np.testing.assert_allclose(of_point, 0.85 * distance / (3400 * 0.99), rtol=0.02)
    late = pair(start_s=np.array([0.4, 0.75]))
    np.testing.assert_allclose(first_arrivals_s(even, late, points), of_point + 0.4, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": source(position_m=(900, 3000, -3000))}, r"source\.x: got 900 m; allowed: \[1200, 6800\] m"),
        ({"source": source(position_m=(3600, 3000, -300))}, r"source\.z: got -300 m; allowed: \[-5000, -600\] m"),
        ({"source": pair(position_m=np.array([[3600.0, 3000, -3000], [7100, 3500, -2500]]))}, r"rupture\.x: got 3600"),
        ({"source": source(rise_time_s=4.0)}, r"source\.rise_time_s: got 4 s; allowed: .* 3 s or less"),
        ({"stations": stations((9000, 10))}, r"stations\.S0\.x: got 9000 m"),
        ({"stations": dataclasses.replace(NEAR, z_m=np.array([0.0, -50, 0]))}, r"stations\.S1\.z: got -50 m"),
        ({"duration_s": -1.0}, r"duration_s: got -1"),
        ({"max_frequency_hz": float("nan")}, r"max_frequency_hz: got nan"),
    ],
)
def test_what_cannot_be_taken_is_refused_before_anything_runs(
    change: dict, words: str, folder: Path, model: GroundMotionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CoarseSimulation, "record", lambda *_: pytest.fail("simulated before it was refused"))
    given = {"source": source(), "stations": NEAR} | change
    quake = given.pop("source")
    with pytest.raises(InputError, match=words):
        model.generate(ground(), quake, **given)
    with pytest.raises(InputError, match=words):
        read_model_folder(folder).check_run(ground(), quake, MotionRequest(**given))


def test_outside_of_what_was_learned_the_measured_error_is_said(
    model: GroundMotionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings.filterwarnings("error", "model: outside", InputWarning)
    name, _, weights = model.model_id.rpartition("@")
    row = {"model": name, "weights": weights, "source": "rupture", "ground": "slow", "cases": "7",
           "ln_bias_1_2": "-0.12", "ln_bias_2_5": "0.3", "eg": "7.5", "pg": "8.6", "coverage_80": "0.41"}  # fmt: skip
    outside = r"slower ground, a rupture, a longer record\): "
    monkeypatch.setattr(measured, "_rows", lambda: (row,))
    with pytest.warns(InputWarning, match=outside + r"on 7 such cases .*-0\.12 at 1-2"):
        model.generate(ground(top=600), pair(), stations=NEAR, duration_s=8.0)
    monkeypatch.setattr(measured, "_rows", lambda: (row | {"weights": "ab12"},))
    with pytest.warns(InputWarning, match=outside + r"with other weights of this name \(ab12\), on 7 such"):
        model.generate(ground(top=600), pair(), stations=NEAR, duration_s=8.0)
    with pytest.warns(InputWarning, match=r"\(a longer record\): no error has been measured"):
        model.generate(ground(), source(), stations=NEAR, duration_s=8.0)
    # Inside, nothing is said.
    model.generate(ground(), source(), stations=NEAR, duration_s=6.0)


def test_the_measured_errors_are_those_of_the_table() -> None:
    shipped = ROOT / "src" / "spectremor" / "model" / measured.TABLE
    table = ROOT / "docs" / "tables" / "regional.csv"
    if not table.is_file():
        assert not shipped.is_file()
        return
    spec = importlib.util.spec_from_file_location("regional", ROOT / "benchmarks" / "regional.py")
    regional = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        spec.loader.exec_module(regional)
    summary = [{k: str(v) for k, v in row.items()} for row in regional.summary(regional.read(table))]
    assert [dict(row) for row in measured._rows()] == summary


def test_an_operator_keeps_its_cube_and_similar_ones(tiny_model: Path) -> None:
    operator = load_model(tiny_model)
    with pytest.raises(
        InputError, match="stations: got a list of stations; allowed: none: this model's neural operator"
    ):
        operator.generate(cube(9600), source(), stations=NEAR)
    with pytest.raises(InputError, match=r"source: got a rupture of 2 points; allowed: a point source"):
        operator.generate(cube(9600), pair())
    with pytest.raises(InputError, match=r"duration_s: got 9 s; allowed: 6\.4 s or less"):
        operator.generate(cube(9600), source(), duration_s=9.0)
    with pytest.raises(InputError, match=r"geology: got a domain of 9600 x 9600 x 4800 m"):
        operator.predict(sp.make_geology(cube(9600).vs_m_s, (9600, 9600, 4800)), source())
    region = sp.make_geology(np.full((9, 9, 7), 3000.0), (14_400, 14_400, 9600))
    with pytest.raises(InputError, match=r"got a domain of 14400 x 14400 x 9600 m; .*take the model simulation"):
        operator.predict(region, source())
    own = operator.generate(cube(9600), source(), seed=3)
    half = operator.generate(cube(4800), source(position_m=(1800, 1500, -1500), rise_time_s=0.05), seed=3)
    assert half.attrs["band_high_hz"] == 10.0
    np.testing.assert_allclose(half.x.values, own.x.values / 2)
    np.testing.assert_allclose(half.time.values, own.time.values / 2)
    assert np.abs(half.values / 8 - own.values).max() < 1e-4 * np.abs(own.values).max()
    short = operator.generate(cube(9600), source(), seed=3, duration_s=2.0)
    np.testing.assert_array_equal(short.values, own.values[..., :100])


def cube(side_m: float) -> Geology:
    vs = np.linspace(4400, 1500, 32)[None, None, :] * np.ones((32, 32, 1))
    return sp.make_geology(vs, (side_m, side_m, side_m))


def test_the_mean_of_a_stage_that_sees_the_field_covers_long_records_and_ruptures(model: GroundMotionModel) -> None:
    mean = model.expect(ground(), pair(), stations=NEAR, duration_s=12.0)
    stage1 = model.predict(ground(), pair(), stations=NEAR, duration_s=12.0)
    assert mean.shape == stage1.shape == (3, 3, 600)
    added = np.abs(mean.values - stage1.values)
    assert added[..., 330:].max() > 0
    assert added.max() < 3 * np.abs(stage1.values).max()


def test_the_mean_is_one_field_and_needs_a_second_stage(single: GroundMotionModel) -> None:
    mean = single.expect(ground(), source(), stations=NEAR, duration_s=8.0)
    assert mean.dims == ("component", "station", "time")
    assert mean.attrs["product"] == "mean"
    assert "seed" not in mean.attrs
    draws = single.generate(ground(), source(), stations=NEAR, duration_s=8.0, steps=1, sampler="dpm-solver++")
    np.testing.assert_array_equal(mean.values, draws.values[0])
    alone = dataclasses.replace(single, diffusion=None)
    with pytest.raises(InputError, match="diffusion stage"):
        alone.expect(ground(), source())


def test_the_command_line_takes_stations_durations_and_sensors(folder: Path, here, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    sp.write_geology(ground(), tmp_path / "ground.nc")
    (tmp_path / "stations.csv").write_text("name,x_m,y_m\nAAA,2000,2500\nBBB,5100,4000\n")
    common = ("generate", "--geology", tmp_path / "ground.nc", "--model", folder, "--out", tmp_path / "field.nc")
    event = ("--source", "3600,3000,-3000,35,50,75", "--mw", "5")
    assert here(*common, *event, "--stations", tmp_path / "stations.csv", "--duration", "7.5", "--seed", "2") == 0
    field = read_wavefield(tmp_path / "field.nc")
    assert field.station.values.tolist() == ["AAA", "BBB"]
    assert field.sizes["time"] == 375
    assert here(*common, *event, "--sensors", "3,2", "--max-frequency", "4") == 0
    assert read_wavefield(tmp_path / "field.nc").shape[1:4] == (3, 3, 2)
    (tmp_path / "field.nc").unlink()
    capsys.readouterr()
    for arguments, words in [
        ((*event, "--sensors", "3"), "--sensors: got 3; allowed: NX,NY"),
        ((*event, "--rupture", "event.srf"), "--source: got 3600,3000"),
        (("--rupture", tmp_path / "stations.csv"), "--origin-lon: got nothing"),
        ((*event, "--stations", tmp_path / "stations.csv", "--figure", "f.png"), "--figure: got f.png"),
    ]:
        assert here(*common, *arguments) == 2
        assert words in capsys.readouterr().err
        assert not (tmp_path / "field.nc").exists()


def test_plans_reach_to_the_end_of_whole_windows() -> None:
    region = plan_region(
        LEARNED, ground((19_200, 12_000, 9600)), source(), MotionRequest(stations=NEAR, duration_s=10.0)
    )
    assert (region.recording.samples, region.long.samples) == (500, 640)
    assert region.run.sensors.count == 3 + 16 * 16
    assert region.outside == ("a longer record", "a wider region")
    reference = region.reference
    assert reference is not None
    # A square of the learned size, as near to the epicentre as the ground allows.
    assert (reference.x_m[0], reference.x_m[-1]) == (150.0, 9450.0)


def test_the_shipped_hybrid_corrects_near_the_source_alone_and_draws_everywhere() -> None:
    hybrid, plain = load_model("hybrid"), load_model("simulation")
    wide, listed = ground((15_000, 12_000, 9600)), stations((7000, 5000), (14_700, 6000))
    event, more = source(position_m=(6000, 6000, -4000)), {"stations": listed, "duration_s": 8.0}
    ours, theirs = hybrid.predict(wide, event, **more), plain.predict(wide, event, **more)
    largest = float(abs(theirs).max())
    change = abs(ours - theirs).max("component").values / largest
    assert change[0].max() > 0.02
    assert change[1].max() == 0
    assert change[:, 320:].max() == 0
    with pytest.warns(InputWarning, match=r"outside of what it learned \(a longer record, a wider region\)"):
        draws = hybrid.generate(wide, event, realizations=2, **more)
    assert draws.shape == (2, 3, 2, 400)
    assert 0.5 < float(abs(draws).max()) / largest < 2
    rupture = pair(position_m=np.array([[6000.0, 6000, -4000], [6500, 6500, -3500]]))
    np.testing.assert_array_equal(hybrid.predict(wide, rupture, **more), plain.predict(wide, rupture, **more))
