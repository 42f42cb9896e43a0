"""The campaign store: its interface, plain xarray, growth, damage, and what the checker finds."""

from __future__ import annotations

import json
import shutil
import warnings

import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.core.wavefield import source_of
from spectremor.data.geology_files import read_geology
from spectremor.data.store import CampaignStore
from spectremor.data.store_check import check_store, repair_store
from spectremor.data.store_info import describe
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store, locked, split_of
from spectremor.data.wavefield_files import read_wavefield

LAYOUT = StoreLayout(
    geology_shape=(5, 4, 6),
    extent_m=(4000.0, 3000.0, 5000.0),
    x_m=np.linspace(500.0, 3500.0, 3),
    y_m=np.linspace(500.0, 2500.0, 2),
    time_s=np.arange(7) * 0.04,
    band_high_hz=5.0,
    grid_spacing_m=150.0,
    also_m=(300.0,),
)


def _source(i):
    return Source.from_angles(
        position_m=(1000.0 + i, 2000.0, -1500.0),
        strike_deg=10 + i,
        dip_deg=40,
        rake_deg=20 + i,
        moment_nm=1e16,
        rise_time_s=0.1,
    )


def _arrays(i):
    rng = np.random.default_rng(i)
    vs = rng.uniform(1100, 4400, (5, 4, 6)).astype(np.float32)
    fine, coarse = rng.normal(size=(2, 3, 3, 2, 7)).astype(np.float32)
    return vs, {None: fine, 300.0: coarse}


def _fill(path, ids):
    writer = StoreWriter(path)
    for i in ids:
        writer.commit(i, writer.write(i, *_arrays(i)))
    return writer


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "d.zarr"
    create_store(path, LAYOUT, [_source(i) for i in range(25)], {"simulator": {}, "campaign": {"seed": 1}})
    _fill(path, [0, 1, 3, 6, 24]).finish()
    return CampaignStore.open(path)


class TestReading:
    def test_only_complete_samples_count(self, store):
        assert store.count == 25
        assert store.ids().tolist() == [0, 1, 3, 6, 24]
        assert store.ids("train").tolist() == [0, 1, 24]
        assert store.ids("val").tolist() == [6]
        assert store.ids("test").tolist() == [3]
        for read in (store.vs, store.velocity, store.geology, store.wavefield):
            with pytest.raises(InputError, match="complete"):
                read(2)
            with pytest.raises(InputError, match="0 to 24"):
                read(25)

    def test_arrays_come_back(self, store):
        vs, velocities = _arrays(3)
        np.testing.assert_array_equal(store.vs(3), vs)
        np.testing.assert_array_equal(store.velocity(3), velocities[None])
        np.testing.assert_array_equal(store.velocity(3, 150.0), velocities[None])
        np.testing.assert_array_equal(store.velocity(3, 300.0), velocities[300.0])
        with pytest.raises(InputError, match="grid_spacing_m"):
            store.velocity(3, 200.0)

    def test_labelled(self, store):
        assert store.source(6) == _source(6)
        field = store.wavefield(6)
        assert field.sizes == {"component": 3, "x": 3, "y": 2, "time": 7}
        assert source_of(field) == _source(6)
        assert store.geology(6).shape == (5, 4, 6)
        assert store.geology(6).z_m[0] == -5000
        xr.testing.assert_identical(read_wavefield(store.path, 6), field)
        xr.testing.assert_identical(read_geology(store.path, 6).dataset, store.geology(6).dataset)

    def test_statistics_are_those_of_the_training_split(self, store):
        stack = np.stack([_arrays(i)[0] for i in (0, 1, 24)]).astype(float)
        for statistics in (store.statistics(), store.compute_statistics()):
            np.testing.assert_allclose(statistics["vs_mean"], stack.mean(0), rtol=1e-9)
            np.testing.assert_allclose(statistics["vs_std"], stack.std(0), rtol=1e-6)

    def test_samples_committed_later_are_seen(self, store):
        _fill(store.path, [2])
        np.testing.assert_array_equal(store.vs(2), _arrays(2)[0])

    def test_plain_xarray_opens_it_in_silence(self, store):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plain = xr.open_zarr(store.path)
            assert plain["velocity"].dims == ("sample", "component", "x", "y", "time")
            np.testing.assert_array_equal(
                plain["velocity_300m"].isel(sample=3).sel(component="N").values, _arrays(3)[1][300.0][1]
            )
            assert plain["vs"].attrs["units"] == "m/s"
            assert plain["x_geology"].values[-1] == 4000
            assert plain["status"].values.sum() == 5

    def test_one_simulation_is_one_chunk(self, store):
        assert store.array("velocity").chunks == (1, 3, 3, 2, 7)
        assert len(list((store.path / "velocity").glob("c.*"))) == 5

    def test_description(self, store):
        text = describe(store)
        assert "5 of 25 samples complete (3 train, 1 val, 1 test)" in text
        assert "150 m, 300 m" in text


class TestSplit:
    def test_proportions_and_early_samples(self):
        splits = [split_of(i) for i in range(2000)]
        assert [splits.count(k) for k in range(3)] == [1500, 200, 300]
        assert set(splits[:20]) == {0, 1, 2}

    def test_growth_moves_nothing(self, store):
        before = store.array("split")[:]
        StoreWriter(store.path).grow(LAYOUT, [_source(i) for i in range(25, 60)])
        grown = CampaignStore.open(store.path)
        assert grown.count == 60
        np.testing.assert_array_equal(grown.array("split")[:25], before)
        assert grown.ids().tolist() == [0, 1, 3, 6, 24]
        assert grown.source(59) == _source(59)
        assert xr.open_zarr(store.path).sizes["sample"] == 60
        assert check_store(grown) == {}


class TestWriting:
    def test_a_written_sample_does_not_count_until_committed(self, store):
        StoreWriter(store.path).write(2, *_arrays(2))
        assert 2 not in CampaignStore.open(store.path).ids()

    @pytest.mark.parametrize("spoil", [np.nan, np.inf])
    def test_values_that_are_not_finite_are_refused(self, store, spoil):
        vs, velocities = _arrays(2)
        velocities[None][0, 0, 0, 0] = spoil
        with pytest.raises(InputError, match="finite"):
            StoreWriter(store.path).write(2, vs, velocities)

    def test_shapes_and_spacings_are_checked(self, store):
        vs, velocities = _arrays(2)
        with pytest.raises(InputError, match=r"sample 2\.vs"):
            StoreWriter(store.path).write(2, vs[:4], velocities)
        with pytest.raises(InputError, match="wavefields"):
            StoreWriter(store.path).write(2, vs, {None: velocities[None]})

    def test_two_commands_cannot_fill_one_store(self, store):
        with locked(store.path), pytest.raises(InputError, match="no other"), locked(store.path):
            pass
        with locked(store.path):
            pass

    def test_leftovers_of_a_kill_are_swept(self, store):
        leftover = store.path / "velocity" / "c.2.0.0.0.abc.partial"
        leftover.write_bytes(b"half")
        StoreWriter(store.path).sweep()
        assert not leftover.exists()


class TestForeign:
    def test_missing(self, tmp_path):
        with pytest.raises(InputError, match="no such folder"):
            CampaignStore.open(tmp_path / "none.zarr")

    def test_empty_folder_and_foreign_zarr(self, tmp_path):
        (tmp_path / "empty.zarr").mkdir()
        xr.Dataset({"vs": ("x", np.ones(3))}).to_zarr(tmp_path / "other.zarr", zarr_format=2, consolidated=False)
        for name in ("empty.zarr", "other.zarr"):
            with pytest.raises(InputError, match="store"):
                CampaignStore.open(tmp_path / name)

    def test_another_version(self, store):
        meta = store.path / "zarr.json"
        content = json.loads(meta.read_text())
        content["attributes"]["format_version"] = 99
        meta.write_text(json.dumps(content))
        with pytest.raises(InputError, match="version 99"):
            CampaignStore.open(store.path)

    @pytest.mark.parametrize("name", ["velocity", "vs_mean", "x", "velocity_300m"])
    def test_a_missing_variable(self, store, name):
        shutil.rmtree(store.path / name)
        with pytest.raises(InputError, match=name):
            CampaignStore.open(store.path)

    def test_damaged_metadata(self, store):
        (store.path / "velocity" / "zarr.json").write_text('{"zarr_format": 3, "node')
        with pytest.raises(InputError, match="velocity"):
            CampaignStore.open(store.path)


class TestCheck:
    def test_a_sound_store(self, store):
        calls = []
        assert check_store(store, report=lambda done, total: calls.append((done, total))) == {}
        assert calls[-1] == (5, 5)

    def test_a_flipped_bit_is_found_and_repaired(self, store):
        values = store.array("velocity")[3]
        values[0, 0, 0, 0] += 1e-6
        StoreWriter(store.path)._group["velocity"][3] = values
        problems = check_store(CampaignStore.open(store.path))
        assert list(problems) == [3]
        assert "checksum" in problems[3][0]
        assert repair_store(store.path, problems) == 1
        assert CampaignStore.open(store.path).ids().tolist() == [0, 1, 6, 24]

    def test_damaged_and_lost_chunks_are_found(self, store):
        chunk = store.path / "velocity_300m" / "c.6.0.0.0.0"
        chunk.write_bytes(b"no compressed data")
        (store.path / "vs" / "c.24.0.0.0").unlink()
        problems = check_store(store)
        assert set(problems) == {6, 24}
        assert any("unreadable" in p for p in problems[6])
        assert any("NaN" in p for p in problems[24])

    def test_a_repeated_sample_is_found(self, store):
        writer = StoreWriter(store.path)
        writer.commit(5, writer.write(5, *_arrays(3)))
        assert check_store(CampaignStore.open(store.path))[5] == ["the same as sample 3"]

    def test_wrong_units_split_and_statistics_are_found(self, store):
        group = StoreWriter(store.path)._group
        group["vs"].attrs["units"] = "km/s"
        group["split"][0] = 1
        problems = " ".join(check_store(CampaignStore.open(store.path))[None])
        assert "vs: units km/s" in problems
        assert "split: 1 samples" in problems

    def test_wrong_statistics_are_found(self, store):
        StoreWriter(store.path)._group["vs_mean"][:] = np.ones((5, 4, 6))
        assert check_store(CampaignStore.open(store.path))[None] == ["vs_mean: not that of the training split"]

    def test_a_source_that_contradicts_itself_is_found(self, store):
        group = StoreWriter(store.path)._group
        group["source_position_m"][1] = np.array([1.0, 2.0, -9999.0])
        group["source_moment_nm"][3] = 1.0
        group["source_angles_deg"][6] = np.array([0.0, 1.0, 2.0])
        problems = check_store(CampaignStore.open(store.path))
        assert set(problems) == {1, 3, 6}
        assert "source.z" in problems[1][0]
