"""`evaluate`: right on known pairs, and no number at all for pairs that don't belong together."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.judging.pairing import make_pair
from spectremor.judging.scores import LOG_BIASES, METRICS, PUBLISHED_BIASES, evaluate
from spectremor.signal.misfit import event_scale


def changed(field: xr.DataArray, scale: float = 1.0, **changes: object) -> xr.DataArray:
    return (field * scale).assign_attrs(field.attrs).assign_coords(**changes).astype("float32")


def test_a_wavefield_against_itself(truth: xr.DataArray, store) -> None:
    scores = sp.evaluate(truth, truth, geology=store.geology(4))
    assert set(METRICS) <= set(scores)
    assert scores["EG"] == pytest.approx(10, abs=1e-6)
    assert scores["PG"] == pytest.approx(10, abs=1e-6)
    assert [scores[m] for m in METRICS if m not in ("EG", "PG")] == pytest.approx([0] * 10)
    assert scores.sensors == 35
    assert scores.undefined_sensors == 0


def test_scaled_and_flipped(truth: xr.DataArray) -> None:
    scores = evaluate(changed(truth, -0.7), truth)
    assert [scores[b] for b in LOG_BIASES] == pytest.approx([np.log(0.7)] * 3, abs=1e-5)
    assert [scores[b] for b in PUBLISHED_BIASES] == pytest.approx([-0.3] * 3, abs=1e-5)
    # The names of earlier versions mean what they meant.
    assert [scores[b] for b in ("bias_low", "bias_mid", "bias_high")] == pytest.approx([-0.3] * 3, abs=1e-5)
    with pytest.raises(KeyError):
        scores["bias"]
    assert scores["PG"] < 3
    assert np.isnan(scores["rMAE"])
    assert any("rMAE" in note for note in scores.notes)


def test_normalised_errors_use_vs_at_the_source(truth: xr.DataArray, store) -> None:
    geology = store.geology(4)
    vs = float(geology.vs.sel(x=1000.0, y=700.0, z=-1500.0, method="nearest"))
    scale = event_scale(vs, 1500.0)
    error = np.abs(0.1 * truth.values) * scale / (np.abs(truth.values) * scale + 0.01)
    assert evaluate(changed(truth, 1.1), truth, geology=geology)["rMAE"] == pytest.approx(error.mean(), rel=1e-4)


def test_undefined_sensors_are_counted_and_left_out(truth: xr.DataArray) -> None:
    prediction = changed(truth, 0.9)
    expected = evaluate(prediction, truth)
    broken = prediction.copy(deep=True)
    broken[{"x": 1, "y": 2, "time": 7, "component": 0}] = np.nan
    broken[{"x": 3, "y": 0}] = 0.0
    scores = evaluate(broken, truth)
    assert scores.undefined_sensors == 2
    assert scores["EG"] == pytest.approx(np.delete(expected.per_sensor["EG"], [7, 15]).mean(), abs=1e-5)
    assert np.isnan(scores.per_sensor["rMAE_raw"]).sum() == 1
    assert "2 of 35" in scores.notes[0]


def test_realizations_are_scored_one_by_one(truth: xr.DataArray) -> None:
    two = xr.concat([changed(truth, 0.5), changed(truth, 1.5)], "realization")
    both = evaluate(two, truth)
    single = [evaluate(changed(truth, s), truth) for s in (0.5, 1.5)]
    assert both["EG"] == pytest.approx(np.mean([s["EG"] for s in single]))
    assert both["EG"] < 9


def test_a_reference_of_one_realization_is_the_realization(truth: xr.DataArray) -> None:
    prediction = changed(truth, 0.8)
    expected = evaluate(prediction, truth)
    one = truth.expand_dims(realization=[3])
    for reference in (one, one.isel(realization=0), truth.expand_dims("sample"), one.expand_dims("sample")):
        assert evaluate(prediction, reference) == pytest.approx(expected, nan_ok=True)
    assert evaluate(prediction.expand_dims(realization=[5]).isel(realization=0), one)["EG"] == expected["EG"]
    two = truth.expand_dims(realization=[0, 3])
    with pytest.raises(InputError, match=r"reference\.dims: got 2 along realization .* allowed: .*one reference"):
        evaluate(prediction, two)


REFUSED = {
    "units": (lambda f: f.assign_attrs(units="cm/s"), ["units", "cm/s", "m/s"]),
    "sampling": (lambda f: f.assign_coords(time=f["time"] / 2), ["time", "0.01 s", "0.02 s"]),
    "length": (lambda f: f.isel(time=slice(0, 100)), ["time", "100 samples", "160", "window_s"]),
    "start": (lambda f: f.assign_coords(time=f["time"] + 0.5), ["time", "0.5 s", "start at 0 s", "window_s"]),
    "fewer sensors": (lambda f: f.isel(x=slice(0, 6)), ["x", "6 sensors", "7 sensors", "nearest"]),
    "other sensors": (lambda f: f.assign_coords(y=f["y"] + 40), ["y", "190", "150", "nearest"]),
    "components": (lambda f: f.assign_coords(component=["N", "E", "Z"]), ["component", "E, N, Z"]),
    "order": (lambda f: f.transpose("component", "y", "x", "time"), ["dims"]),
    "samples": (lambda f: f.expand_dims("sample"), ["sample"]),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_strangers_are_refused_with_both_values(kind: str, truth: xr.DataArray) -> None:
    change, words = REFUSED[kind]
    with pytest.raises(InputError) as caught:
        evaluate(change(truth), truth)
    for word in words:
        assert word in str(caught.value)


def test_the_explicit_choices(truth: xr.DataArray) -> None:
    moved = truth.assign_coords(y=truth["y"] + 40)
    assert evaluate(moved, truth, sensors="nearest")["EG"] == pytest.approx(10, abs=1e-6)
    with pytest.raises(InputError, match="30"):
        evaluate(moved, truth, sensors="nearest", tolerance_m=30)
    late = truth.isel(time=slice(20, None))
    windowed = evaluate(truth.isel(time=slice(0, 120)), late, window_s=(0.6, 2.0))
    assert windowed["PG"] == pytest.approx(10, abs=1e-6)
    with pytest.raises(InputError, match="window_s"):
        evaluate(truth, truth, window_s=(8.0, 9.0))
    with pytest.raises(InputError, match="sensors"):
        evaluate(truth, truth, sensors="closest")


def test_nearest_pairs_no_sensor_twice(truth: xr.DataArray) -> None:
    sparse = truth.isel(x=slice(0, None, 3)).assign_coords(x=truth["x"].values[::3] + 10)
    scores = evaluate(sparse, truth, sensors="nearest", tolerance_m=1000.0)
    assert scores.sensors == 3 * 5


def test_published_sensors_near_the_300_m_grid(hemew3d) -> None:
    """64 of the 256 recorded sensors lie within 60 m of the 300 m grid along each axis."""
    recorded = sp.read_wavefield(hemew3d / "sample0.h5")
    axis = 150.0 + 300.0 * np.arange(32)
    time = recorded["time"].values
    grid = make_wavefield(np.ones((3, 32, 32, len(time)), np.float32), x_m=axis, y_m=axis, time_s=time)
    scores = evaluate(grid, recorded, sensors="nearest", tolerance_m=60)
    assert scores.sensors == 64


def test_a_short_record_says_what_it_cannot_resolve(truth: xr.DataArray) -> None:
    short = truth.isel(time=slice(60, 72))
    scores = evaluate(changed(short, 1.1), short)
    assert np.isnan(scores["bias_mid"])
    assert any(re.search("bias_mid.*0.24 s", note) for note in scores.notes)


def test_a_geology_without_a_source_is_refused(truth: xr.DataArray, store) -> None:
    bare = truth.drop_attrs().assign_attrs(units="m/s")
    with pytest.raises(InputError, match="source"):
        evaluate(bare, bare, geology=store.geology(4))
    assert isinstance(store.source(4), Source)


def test_the_band_is_what_both_wavefields_hold(truth: xr.DataArray) -> None:
    narrow = truth.assign_attrs(band_low_hz=0.2, band_high_hz=3.0)
    for prediction, reference in ((narrow, truth), (truth, narrow)):
        assert make_pair(prediction, reference).band_hz == (0.2, 3.0)
        assert any("no more than 3 Hz" in note for note in evaluate(prediction, reference).notes)


def test_the_references_own_source_sets_the_scale(truth: xr.DataArray, store) -> None:
    geology = store.geology(4)
    expected = evaluate(changed(truth, 1.1), truth, geology=geology)["rMAE"]
    elsewhere = changed(truth, 1.1).assign_attrs(source_position_m=[100.0, 100.0, -100.0])
    assert evaluate(elsewhere, truth, geology=geology)["rMAE"] == pytest.approx(expected)


def test_a_window_holds_both_its_ends(truth: xr.DataArray) -> None:
    assert make_pair(truth, truth, window_s=(0.6, 2.0)).time_s[[0, -1]] == pytest.approx([0.6, 2.0])


def test_a_stored_wavefield_knows_its_grid_and_band(store) -> None:
    own, coarse = store.wavefield(4), store.wavefield(4, 300.0)
    assert [f.attrs["grid_spacing_m"] for f in (own, coarse)] == [150.0, 300.0]
    assert [f.attrs["band_high_hz"] for f in (own, coarse)] == [5.0, 5.0]
