"""Stores with stations and elastic motion: what they say, what reading gives, what the checker finds."""

from __future__ import annotations

import dataclasses
import json
import warnings

import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.data.sample_digest import sample_digest
from spectremor.data.station_plan import StationPlan
from spectremor.data.store import CampaignStore
from spectremor.data.store_check import check_store
from spectremor.data.store_info import describe
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store
from spectremor.signal.attenuation import attenuate
from spectremor.signal.dispersion import DifferenceScheme, remove_grid_dispersion

PLAN = StationPlan(random=3, patch=2, patch_spacing_m=75.0)
LAYOUT = StoreLayout(
    geology_shape=(5, 4, 6),
    extent_m=(4000.0, 3000.0, 5000.0),
    x_m=np.linspace(500.0, 3500.0, 3),
    y_m=np.linspace(500.0, 2500.0, 2),
    time_s=np.arange(40) * 0.04,
    band_high_hz=5.0,
    grid_spacing_m=150.0,
    also_m=(300.0,),
    stations=PLAN,
    motion="elastic",
)
SOURCE = Source.from_angles(position_m=(1000.0, 2000.0, -1500.0), strike_deg=10, dip_deg=40, rake_deg=20)


def _arrays(i):
    rng = np.random.default_rng(i)
    vs = rng.uniform(1100, 4400, (5, 4, 6)).astype(np.float32)
    fine, coarse = rng.normal(size=(2, 3, 3, 2, 40)).astype(np.float32)
    at_stations = rng.normal(size=(2, 3, 7, 40)).astype(np.float32)
    more = {
        "station_x": rng.uniform(500, 3500, 7),
        "station_y": rng.uniform(500, 2500, 7),
        "station_velocity": at_stations[0],
        "station_velocity_300m": at_stations[1],
        "band_high_hz": np.array([3.0 + 0.1 * i, 1.5]),
    }
    return vs, {None: fine, 300.0: coarse}, more


@pytest.fixture
def store(tmp_path):
    return made(tmp_path / "d.zarr", {})


def made(path, attrs):
    create_store(path, LAYOUT, [SOURCE] * 8, attrs)
    writer = StoreWriter(path)
    for i in (0, 1, 3, 6):
        writer.commit(i, writer.write(i, *_arrays(i)))
    writer.finish()
    return CampaignStore.open(path)


def test_the_attributes_say_what_is_stored(store):
    assert store.attrs["format_version"] == store.version == 2
    assert store.attrs["stations"] == {"random": 3, "patch": 2, "patch_spacing_m": 75.0}
    assert store.stations == PLAN
    assert store.attrs["motion"] == store.motion == "elastic"
    assert store.attrs["attenuation_reference_hz"] == 5.0
    assert store.attrs["attenuation_version"] == 1
    text = describe(store)
    assert "3 at random places and 2 x 2 in a patch, 75 m apart" in text
    assert "elastic" in text


def test_elastic_traces_and_positions_come_back(store):
    _, velocities, more = _arrays(3)
    for spacing, grid, stations in (
        (None, velocities[None], more["station_velocity"]),
        (150.0, velocities[None], more["station_velocity"]),
        (300.0, velocities[300.0], more["station_velocity_300m"]),
    ):
        np.testing.assert_array_equal(store.velocity(3, spacing, motion="elastic"), grid)
        np.testing.assert_array_equal(store.station_velocity(3, spacing, motion="elastic"), stations)
    for found, name in zip(store.station_positions_m(3), ("station_x", "station_y"), strict=True):
        np.testing.assert_array_equal(found, more[name])
    with pytest.raises(InputError, match="grid_spacing_m"):
        store.station_velocity(3, 200.0)
    with pytest.raises(InputError, match="complete"):
        store.station_velocity(2)


@pytest.mark.parametrize("spacing", [None, 300.0])
def test_motion_is_attenuated_when_it_is_read(store, spacing):
    vs, velocities, more = _arrays(3)
    geology = make_geology(vs, LAYOUT.extent_m)
    grid = tuple(np.meshgrid(LAYOUT.x_m, LAYOUT.y_m, indexing="ij"))
    expected = attenuate(velocities[spacing], LAYOUT.time_s, geology, SOURCE, grid, 5.0)
    np.testing.assert_array_equal(store.velocity(3, spacing), expected)
    assert np.abs(expected).sum() < 0.99 * np.abs(velocities[spacing]).sum()
    field = store.wavefield(3, spacing)
    np.testing.assert_array_equal(field.values, expected)
    assert field.attrs["attenuation"] == "path average (version 1), speeds at 5 Hz"
    elastic = more["station_velocity" if spacing is None else "station_velocity_300m"]
    stations = (more["station_x"], more["station_y"])
    expected = attenuate(elastic, LAYOUT.time_s, geology, SOURCE, stations, 5.0)
    np.testing.assert_array_equal(store.station_velocity(3, spacing), expected)


@pytest.mark.parametrize(("coarse", "spacing_m"), [(None, 150.0), (300.0, 300.0)])
def test_grid_dispersion_is_taken_out_when_motion_is_read(tmp_path, coarse, spacing_m):
    """Of the simulations that carry it: those of solver version 4 and later."""
    store = made(tmp_path / "d.zarr", {"simulator": {"solver_version": 4, "order": 8}})
    vs, velocities, more = _arrays(3)
    geology = make_geology(vs, LAYOUT.extent_m)
    for found, raw, sensors_m in (
        (store.velocity(3, coarse), velocities[coarse], tuple(np.meshgrid(LAYOUT.x_m, LAYOUT.y_m, indexing="ij"))),
        (
            store.station_velocity(3, coarse),
            more["station_velocity" if coarse is None else "station_velocity_300m"],
            (more["station_x"], more["station_y"]),
        ),
    ):
        where = (LAYOUT.time_s, geology, SOURCE, sensors_m)
        expected = attenuate(remove_grid_dispersion(raw, *where, DifferenceScheme(spacing_m, 8), 5.0), *where, 5.0)
        np.testing.assert_array_equal(found, expected)
        assert not np.array_equal(found, attenuate(raw, *where, 5.0))
    assert store.wavefield(3, coarse).attrs["grid_dispersion"] == "removed along paths (version 1)"
    np.testing.assert_array_equal(store.velocity(3, coarse, motion="elastic"), velocities[coarse])


@pytest.mark.parametrize(
    "simulator",
    [{"solver_version": 3, "order": 8}, {"solver_version": 4, "order": "8"}, {"solver_version": 4}, "deepwave"],
)
def test_of_other_simulations_it_is_not(tmp_path, simulator):
    store = made(tmp_path / "d.zarr", {"simulator": simulator})
    assert store.dispersive_order is None
    where = (LAYOUT.time_s, store.geology(3), SOURCE, tuple(np.meshgrid(LAYOUT.x_m, LAYOUT.y_m, indexing="ij")))
    np.testing.assert_array_equal(store.velocity(3), attenuate(_arrays(3)[1][None], *where, 5.0))
    assert store.wavefield(3).attrs["grid_dispersion"] == "as simulated"


def test_each_sample_says_what_its_grid_carried(store):
    assert store.band_high_hz(3) == store.band_high_hz(3, 150.0) == pytest.approx(3.3)
    assert store.band_high_hz(3, 300.0) == 1.5
    assert store.wavefield(3).attrs["band_high_hz"] == pytest.approx(3.3)
    assert store.wavefield(6, 300.0).attrs["band_high_hz"] == 1.5


def test_what_is_kept_of_a_sample_goes_with_its_attenuation(store, monkeypatch):
    before = sample_digest(store, 3)
    assert before == sample_digest(store, 3)
    monkeypatch.setattr("spectremor.data.sample_digest.ATTENUATION_VERSION", 99)
    assert sample_digest(store, 3) != before


def test_what_is_kept_of_a_sample_goes_with_its_dispersion(tmp_path, monkeypatch):
    store = made(tmp_path / "d.zarr", {"simulator": {"solver_version": 4, "order": 8}})
    before = sample_digest(store, 3)
    monkeypatch.setattr("spectremor.data.sample_digest.DISPERSION_VERSION", 99)
    assert sample_digest(store, 3) != before


def test_plain_xarray_opens_it_in_silence(store):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = xr.open_zarr(store.path)
        assert plain["station_velocity"].dims == ("sample", "component", "station", "time")
        assert plain["station_x"].attrs["units"] == "m"
        assert plain["grid_spacing"].values.tolist() == [150.0, 300.0]
        np.testing.assert_array_equal(plain["station_y"].isel(sample=6).values, _arrays(6)[2]["station_y"])


def test_size_of_a_sample(store):
    vs, velocities, more = _arrays(0)
    assert LAYOUT.bytes_per_sample() == sum(a.nbytes for a in (vs, *velocities.values(), *more.values()))
    without = dataclasses.replace(LAYOUT, stations=None, motion="attenuated")
    assert without.bytes_per_sample() == sum(a.nbytes for a in (vs, *velocities.values()))


def test_a_sound_store_grows(store):
    assert check_store(store) == {}
    StoreWriter(store.path).grow(LAYOUT, [SOURCE] * 4)
    grown = CampaignStore.open(store.path)
    assert grown.count == 12
    assert check_store(grown) == {}
    writer = StoreWriter(store.path)
    writer.commit(11, writer.write(11, *_arrays(11)))
    np.testing.assert_array_equal(
        CampaignStore.open(store.path).station_positions_m(11)[0], _arrays(11)[2]["station_x"]
    )


@pytest.mark.parametrize(
    "name", ["station_x", "station_y", "station_velocity", "station_velocity_300m", "band_high_hz", "velocity_300m"]
)
def test_a_flipped_bit_of_any_variable_is_found(store, name):
    array = StoreWriter(store.path)._group[name]
    values = array[3]
    values.flat[1] *= 1 - 1e-6
    array[3] = values
    (finding,) = check_store(CampaignStore.open(store.path)).items()
    assert finding == (3, ["checksum: the data are not those that were written"])


def test_stations_and_bands_that_cannot_be_are_found(store):
    group = StoreWriter(store.path)._group
    group["station_x"][0] = np.full(7, 4001.0)
    group["band_high_hz"][1] = np.array([6.0, 1.0])
    group["station_velocity"].attrs["units"] = "cm/s"
    problems = check_store(CampaignStore.open(store.path))
    assert "station_x: positions outside [0, 4000] m" in problems[0]
    assert "band_high_hz: values outside (0, 5] Hz" in problems[1]
    assert "station_velocity: units cm/s, not m/s" in problems[None]


def test_lost_chunks_are_told(store):
    (store.path / "station_velocity" / "c.3.0.0.0").unlink()
    with pytest.raises(InputError, match="station_velocity of sample 3 is lost"):
        store.station_velocity(3)
    (store.path / "station_x" / "c.6.0").unlink()
    problems = check_store(store)
    assert set(problems) == {3, 6}
    assert "station_x: NaN or infinite values" in problems[6]


def test_writing_needs_all_variables_in_their_shapes(store):
    vs, velocities, more = _arrays(2)
    writer = StoreWriter(store.path)
    for name in more:
        with pytest.raises(InputError, match="variables"):
            writer.write(2, vs, velocities, {k: v for k, v in more.items() if k != name})
    with pytest.raises(InputError, match=r"sample 2\.station_x"):
        writer.write(2, vs, velocities, more | {"station_x": more["station_x"][:6]})
    with pytest.raises(InputError, match=r"sample 2\.station_y.*NaN"):
        writer.write(2, vs, velocities, more | {"station_y": np.full(7, np.nan)})
    assert 2 not in CampaignStore.open(store.path).ids()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stations": {"random": 4, "patch": 2, "patch_spacing_m": 75.0}}, "7 along station|along station"),
        ({"stations": {"random": -1}}, "stations"),
        ({"stations": "many"}, "stations"),
        ({"motion": "viscous"}, "motion"),
        ({"attenuation_reference_hz": None}, "attenuation_reference_hz"),
        ({"format_version": 1}, "version 1 with elastic motion or stations"),
        ({"format_version": 3}, "version 3.*spectremor-campaign 1 or 2"),
    ],
)
def test_attributes_that_contradict_the_store(store, change, message):
    content = json.loads((store.path / "zarr.json").read_text())
    content["attributes"].update(change)
    (store.path / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        CampaignStore.open(store.path)


class TestWithoutStations:
    def test_the_first_version_is_written_as_before(self, tmp_path):
        layout = dataclasses.replace(LAYOUT, stations=None, motion="attenuated")
        create_store(tmp_path / "d.zarr", layout, [SOURCE], {})
        writer = StoreWriter(tmp_path / "d.zarr")
        vs, velocities, _ = _arrays(0)
        writer.commit(0, writer.write(0, vs, velocities))
        store = CampaignStore.open(tmp_path / "d.zarr")
        assert store.attrs["format_version"] == 1
        assert not {"motion", "stations", "attenuation_version"} & set(store.attrs)
        assert not [p.name for p in store.path.iterdir() if p.name.startswith(("station", "band", "grid"))]
        np.testing.assert_array_equal(store.velocity(0), velocities[None])
        assert (store.motion, store.stations, store.band_high_hz(0, 300.0)) == ("attenuated", None, 5.0)
        assert "attenuation" not in store.wavefield(0).attrs
        assert check_store(store) == {}
        with pytest.raises(InputError, match="holds no elastic motion"):
            store.velocity(0, motion="elastic")
        for read in (store.station_velocity, store.station_positions_m):
            with pytest.raises(InputError, match="no stations"):
                read(0)

    def test_elastic_motion_alone(self, tmp_path):
        layout = dataclasses.replace(LAYOUT, stations=None)
        create_store(tmp_path / "d.zarr", layout, [SOURCE], {})
        vs, velocities, more = _arrays(0)
        writer = StoreWriter(tmp_path / "d.zarr")
        writer.commit(0, writer.write(0, vs, velocities, {"band_high_hz": more["band_high_hz"]}))
        store = CampaignStore.open(tmp_path / "d.zarr")
        assert (store.version, store.stations) == (2, None)
        np.testing.assert_array_equal(store.velocity(0, motion="elastic"), velocities[None])
        assert np.abs(store.velocity(0)).sum() < 0.99 * np.abs(velocities[None]).sum()


def test_the_plan_counts_its_stations():
    assert StationPlan().count == 512
    assert StationPlan().patch_side_m == 1125.0
    assert PLAN.count == 7
