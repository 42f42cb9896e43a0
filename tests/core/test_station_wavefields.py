"""Wavefields at a list of stations: made, checked, written and read, and told where they were recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.recording import Recording, SensorGrid, Stations
from spectremor.core.source import Source
from spectremor.core.wavefield import (
    check_wavefield,
    make_station_wavefield,
    make_wavefield,
    recorded_wavefield,
    recording_of,
    source_of,
)
from spectremor.data.wavefield_files import read_wavefield, write_wavefield
from spectremor.exchange.tables import write_sensor_table
from spectremor.exchange.traces import finite
from spectremor.judging.scores import evaluate
from spectremor.web.scene import Scene

STATIONS = Stations(
    names=("AQU", "GSA", "deep"),
    x_m=np.array([1200.0, 3400.5, 90.0]),
    y_m=np.array([50.0, 0.0, 7000.0]),
    z_m=np.array([0.0, 0.0, -80.0]),
)
SOURCE = Source.from_angles(position_m=(700, 900, -1100), strike_deg=20, dip_deg=30, rake_deg=40)


def field(realizations: int | None = None, **more: object) -> xr.DataArray:
    shape = (3, 3, 40) if realizations is None else (realizations, 3, 3, 40)
    values = np.random.default_rng(0).standard_normal(shape)
    arguments = {"stations": STATIONS, "time_s": np.arange(40) / 20 + 0.5, "source": SOURCE, "band_hz": (0.0, 4.0)}
    return make_station_wavefield(values, **(arguments | more))


def test_dims_names_and_positions() -> None:
    made = check_wavefield(field())
    assert made.dims == ("component", "station", "time")
    assert made.dtype == np.float32
    assert list(made["station"].values) == ["AQU", "GSA", "deep"]
    assert made.sel(station="GSA")["x"] == 3400.5
    assert made["z"].attrs["units"] == "m"
    assert check_wavefield(field(4)).dims == ("realization", "component", "station", "time")
    with pytest.raises(InputError, match=r"wavefield: got shape \(3, 2, 40\); allowed: .* 3, 3, 40"):
        make_station_wavefield(np.zeros((3, 2, 40)), stations=STATIONS, time_s=np.arange(40) / 20)


@pytest.mark.parametrize("realizations", [None, 2])
def test_a_file_holds_all_of_it(realizations: int | None, tmp_path: Path) -> None:
    made = field(realizations)
    write_wavefield(made, tmp_path / "field.nc")
    read = read_wavefield(tmp_path / "field.nc")
    xr.testing.assert_equal(read, made)
    assert recording_of(read).differences(recording_of(made)) == []
    assert recording_of(read).sensors.names == STATIONS.names
    assert source_of(read) == SOURCE
    write_wavefield(made, tmp_path / "again.nc")
    assert (tmp_path / "again.nc").read_bytes() == (tmp_path / "field.nc").read_bytes()


def test_where_and_when_it_was_recorded() -> None:
    recording = recording_of(field())
    wanted = Recording(sensors=STATIONS, samples=40, sampling_hz=20.0, lowpass_hz=4.0, start_s=0.5)
    assert wanted.differences(recording) == []
    np.testing.assert_allclose(recording.time_s, field()["time"].values)
    assert recording_of(field(band_hz=None)).lowpass_hz == 10.0
    # A coarse simulation's band is what its grid carries; its low-pass is another thing.
    assert recording_of(field().assign_attrs(lowpass_hz=6.0)).lowpass_hz == 6.0
    again = recorded_wavefield(field().values, wanted, source=SOURCE)
    xr.testing.assert_identical(again, field())


def test_where_and_when_a_grid_recorded() -> None:
    x_m, y_m = np.array([100.0, 400.0]), np.array([50.0, 350.0, 900.0])
    made = make_wavefield(np.zeros((3, 2, 3, 10)), x_m=x_m, y_m=y_m, time_s=np.arange(10) / 50)
    wanted = Recording(sensors=SensorGrid(x_m, y_m), samples=10, sampling_hz=50.0, lowpass_hz=25.0)
    assert wanted.differences(recording_of(made)) == []
    assert (
        recording_of(field()).differences(recording_of(made))[0] == "a grid of 2 x 3 sensors, not a list of 3 stations"
    )


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"start_s": 0.98}, "times from 0.98 s, not from 0 s"),
        ({"samples": 100}, "100 samples, not 320"),
        ({"sampling_hz": 100.0}, "100 samples per second, not 50"),
        ({"lowpass_hz": 2.0}, "a low-pass at 2 Hz, not 5 Hz"),
    ],
)
def test_every_difference_of_times_is_told(other: dict[str, float], words: str) -> None:
    assert Recording().differences(Recording(**other)) == [words]
    assert Recording().axes_differences(Recording(**other)) == ([] if "lowpass_hz" in other else [words])
    with pytest.raises(InputError, match="start_s"):
        Recording(start_s=float("nan"))


def test_scores_at_the_same_stations_in_any_order() -> None:
    truth = field()
    other = truth.isel(station=[2, 0, 1]) * 0.8
    other.attrs = truth.attrs
    scores = evaluate(other, truth)
    assert scores.sensors == 3
    # What a grid of the same traces scores.
    axes = {"x_m": np.arange(3.0), "y_m": np.zeros(1), "time_s": truth["time"].values, "band_hz": (0.0, 4.0)}
    on_grid = evaluate(*(make_wavefield(f * truth.values[:, :, None], **axes) for f in (np.float32(0.8), 1)))
    assert scores["EG"] < 10
    for name in ("rRMSE_raw", "EG", "PG"):
        assert scores[name] == pytest.approx(on_grid[name])
    elsewhere = truth.assign_coords(x=("station", truth["x"].values + 500.0))
    with pytest.raises(InputError, match=r"prediction: got sensors at .*; allowed: the reference's stations"):
        evaluate(elsewhere, truth)
    grid = make_wavefield(np.zeros((3, 1, 3, 40)), x_m=np.zeros(1), y_m=np.arange(3.0), time_s=truth["time"].values)
    with pytest.raises(InputError, match=r"prediction: got a grid of 1 x 3 sensors, not a list of 3 stations"):
        evaluate(grid, truth)


def test_the_page_shows_stations() -> None:
    assert Scene.of(field(), "stations").measure("PGV", 0).shape == (3,)


def test_tables_of_sensors_name_the_stations(tmp_path: Path) -> None:
    write_sensor_table(finite(field()), tmp_path / "s.csv")
    header, *rows = (tmp_path / "s.csv").read_text().splitlines()
    assert header == "station,name,x_m,y_m,z_m"
    assert [row.split(",")[1] for row in rows] == field()["station"].values.tolist()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda f: f.drop_vars("x"), "wavefield.x"),
        (lambda f: f.drop_vars("z"), "wavefield.z"),
        (lambda f: f.drop_vars("station"), "wavefield.station"),
        (lambda f: f.assign_coords(station=["a", "b", "a"]), "stations.names"),
        (lambda f: f.assign_coords(x=("station", [1.0, np.nan, 2.0])), "wavefield.x"),
        (lambda f: f.assign_coords(z=("station", [0.0, 1.0, 0.0])), "stations.z"),
        (lambda f: f.assign_coords(y=("station", ["a", "b", "c"])), "wavefield.y"),
        (lambda f: f.assign_coords(x=("time", np.zeros(40))), "wavefield.x"),
        (lambda f: f.transpose("station", "component", "time"), "wavefield.dims"),
    ],
)
def test_what_is_no_wavefield_at_stations(change: Callable[[xr.DataArray], xr.DataArray], where: str) -> None:
    with pytest.raises(InputError) as refused:
        check_wavefield(change(field()))
    assert refused.value.field == where
