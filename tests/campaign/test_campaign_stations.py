"""Campaigns with stations and elastic motion: where stations are, and that samples are what `simulate` gives."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from spectremor.campaign.checks import check_campaign
from spectremor.campaign.config import CampaignConfig, Scenario, load_scenario
from spectremor.campaign.memory import worker_memory_bytes
from spectremor.campaign.random_stations import random_stations_m
from spectremor.campaign.sample import make_sample
from spectremor.campaign.store import open_campaign
from spectremor.core.errors import InputError
from spectremor.data.station_plan import StationPlan
from spectremor.data.store import CampaignStore
from spectremor.data.store_check import check_store
from spectremor.data.store_writer import StoreWriter
from spectremor.model.campaigns import simulation_of
from spectremor.simulation.elastic import simulate

TINY = CampaignConfig(scenario=load_scenario("tiny"), seed=1, grid_spacing_m=600)
PLAN = StationPlan(random=5, patch=3, patch_spacing_m=100.0)
RANGE = ((600.0, 4200.0), (500.0, 3000.0))


def with_scenario(**change):
    return TINY.model_copy(update={"scenario": Scenario.model_validate(TINY.scenario.model_dump() | change)})


STATIONS = with_scenario(stations=PLAN.model_dump(), motion="elastic")


def make(path, config):
    open_campaign(path, config, 1)
    StoreWriter(path).commit(0, make_sample(str(path), config.model_dump_json(), "cpu", 0).checksum)
    return CampaignStore.open(path)


def direct(store, config, spacing, **where):
    scenario = config.scenario
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simulate(
            store.geology(0),
            store.source(0),
            grid_spacing_m=spacing,
            duration_s=scenario.duration_s,
            sampling_hz=scenario.sampling_hz,
            lowpass_hz=scenario.lowpass_hz,
            **where,
        )


class TestPlaces:
    def test_one_seed_and_number_one_set_of_places(self):
        first = random_stations_m(7, 3, PLAN, RANGE)
        np.testing.assert_array_equal(first, random_stations_m(7, 3, PLAN, RANGE))
        for seed, index in ((8, 3), (7, 4)):
            assert not np.intersect1d(first, random_stations_m(seed, index, PLAN, RANGE)).size

    def test_the_patch_is_square_and_moves_with_no_number_of_others(self):
        x, y = (v[PLAN.random :].reshape(3, 3) for v in random_stations_m(7, 3, PLAN, RANGE))
        np.testing.assert_allclose(x - x[0, 0], 100.0 * np.arange(3)[:, None] + np.zeros(3), atol=1e-9)
        np.testing.assert_allclose(y - y[0, 0], 100.0 * np.arange(3) + np.zeros((3, 1)), atol=1e-9)
        more = random_stations_m(7, 3, PLAN.model_copy(update={"random": 50}), RANGE)
        np.testing.assert_array_equal(more[0][50:], x.ravel())

    def test_uniform_over_the_range_and_never_outside(self):
        x, y = np.stack([random_stations_m(1, i, PLAN, RANGE) for i in range(400)], axis=1)
        for v, (low, high) in zip((x, y), RANGE, strict=True):
            assert v.min() >= low
            assert v.max() <= high
            share = (v[:, : PLAN.random] - low) / (high - low)
            assert share.mean() == pytest.approx(0.5, abs=0.03)
            assert share.std() == pytest.approx(12**-0.5, abs=0.02)
            corner = (v[:, PLAN.random] - low) / (high - low - PLAN.patch_side_m)
            assert corner.mean() == pytest.approx(0.5, abs=0.05)
            assert corner.max() > 0.98
            assert corner.min() < 0.02

    def test_the_preset(self):
        scenario = load_scenario("system")
        assert scenario.stations == StationPlan(random=256, patch=16, patch_spacing_m=75.0)
        hemews = load_scenario("hemews").model_copy(update={"stations": scenario.stations, "motion": "elastic"})
        assert scenario == hemews
        x, y = CampaignConfig(scenario=scenario, seed=2027).stations_m(5)
        assert len(x) == len(y) == 512
        assert min(x.min(), y.min()) >= 150
        assert max(x.max(), y.max()) <= 9450


class TestSamples:
    def test_a_sample_is_what_simulate_gives(self, tmp_path):
        config = STATIONS.model_copy(update={"grid_spacing_m": 300.0, "also_m": (600.0,)})
        store = make(tmp_path / "d.zarr", config)
        assert check_store(store) == {}
        x, y = store.station_positions_m(0)
        np.testing.assert_array_equal((x, y), config.stations_m(0))
        for spacing in (300.0, 600.0):
            grid = direct(store, config, spacing, sensors_m=(store.x_m, store.y_m))
            peak = np.abs(grid.values).max()
            np.testing.assert_allclose(store.velocity(0, spacing), grid.values, atol=1e-6 * peak)
            assert store.band_high_hz(0, spacing) == grid.attrs["band_high_hz"]
            raw = {"attenuation": False, "remove_dispersion": False}
            elastic = direct(store, config, spacing, sensors_m=(store.x_m, store.y_m), **raw)
            np.testing.assert_allclose(store.velocity(0, spacing, motion="elastic"), elastic.values, atol=1e-6 * peak)
            for how, motion in (({}, "attenuated"), (raw, "elastic")):
                stations = direct(store, config, spacing, stations_m=(x, y), **how)
                found = store.station_velocity(0, spacing, motion=motion)
                np.testing.assert_allclose(found, stations.values, atol=1e-6 * peak)

    def test_without_stations_it_is_as_before(self, tmp_path):
        store = make(tmp_path / "d.zarr", TINY)
        assert (store.version, store.motion, store.stations) == (1, "attenuated", None)
        grid = direct(store, TINY, 600.0, sensors_m=(store.x_m, store.y_m))
        np.testing.assert_array_equal(store.velocity(0), grid.values)

    def test_elastic_motion_without_stations(self, tmp_path):
        config = with_scenario(motion="elastic")
        store = make(tmp_path / "d.zarr", config)
        grid = direct(store, config, 600.0, sensors_m=(store.x_m, store.y_m))
        np.testing.assert_allclose(store.velocity(0), grid.values, atol=1e-6 * np.abs(grid.values).max())

    def test_the_stored_simulation_can_be_made_anew(self, tmp_path):
        """A stage 1 made from a store's settings corrects its motion along the paths, as reading does."""
        config = with_scenario(motion="elastic")
        store = make(tmp_path / "d.zarr", config)
        found = simulation_of(store, 600.0).velocity(store.geology(0), store.source(0))
        np.testing.assert_allclose(found, store.velocity(0), atol=1e-6 * np.abs(found).max())


class TestContinuing:
    def test_a_store_made_before_there_were_stations(self, tmp_path):
        path = tmp_path / "d.zarr"
        open_campaign(path, TINY, 3)
        content = json.loads((path / "zarr.json").read_text())
        for key in ("stations", "motion"):
            del content["attributes"]["campaign"]["scenario"][key]
        (path / "zarr.json").write_text(json.dumps(content))
        assert open_campaign(path, TINY, 4).count == 4
        with pytest.raises(InputError, match="another scenario"):
            open_campaign(path, STATIONS, 4)

    def test_only_with_its_own_stations(self, tmp_path):
        path = tmp_path / "d.zarr"
        open_campaign(path, STATIONS, 3)
        assert open_campaign(path, STATIONS, 5).count == 5
        for other in (TINY, with_scenario(stations={"random": 4}, motion="elastic")):
            with pytest.raises(InputError, match="another scenario"):
                open_campaign(path, other, 5)


class TestBefore:
    def test_a_patch_larger_than_the_range_of_sensors(self):
        wide = with_scenario(stations={"random": 1, "patch": 26, "patch_spacing_m": 100.0})
        with pytest.raises(InputError, match=r"stations\.patch: got a patch of 2500 m; allowed: at most 2400 m.*_y"):
            check_campaign(wide, 1)

    def test_memory_and_room_count_the_stations(self, tmp_path, monkeypatch):
        many = with_scenario(stations={"random": 5000}, motion="elastic")
        assert worker_memory_bytes(many) > worker_memory_bytes(TINY) + 4 * 3 * 5000 * many.scenario.samples
        assert many.layout().bytes_per_sample() > TINY.layout().bytes_per_sample() + 4 * 3 * 5000 * 64
        room = (TINY.layout().bytes_per_sample() + many.layout().bytes_per_sample()) // 2
        monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": room})())
        open_campaign(tmp_path / "d.zarr", TINY, 1)
        with pytest.raises(InputError, match="for 1 samples"):
            open_campaign(tmp_path / "e.zarr", many, 1)

    @pytest.mark.parametrize("change", [{"random": -1}, {"patch": 0}, {"patch_spacing_m": 0}, {"rows": 3}])
    def test_no_plan(self, tmp_path, change):
        (tmp_path / "mine.yaml").write_text(f"stations: {json.dumps(change)}\n")
        with pytest.raises(InputError, match=r"preset\.stations"):
            load_scenario(tmp_path / "mine.yaml")
