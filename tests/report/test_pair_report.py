"""The report of one wavefield against another: what it says of the scores, and response spectra of both."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr

from spectremor.core.wavefield import make_wavefield
from spectremor.judging.pairing import make_pair
from spectremor.judging.scores import METRICS, evaluate
from spectremor.report import html
from spectremor.report.figures import plain_log_axis
from spectremor.report.pair_report import MEANINGS, _spectra, write_pair_report
from spectremor.report.pair_response import pair_response, response_figure
from spectremor.signal.response import rotd


@pytest.fixture(scope="module")
def truth() -> xr.DataArray:
    rng = np.random.default_rng(3)
    time_s = np.arange(320) / 50
    amplitude = rng.normal(size=(3, 4, 5, 1)) * np.exp(-(((time_s - 3) / 0.8) ** 2))
    values = amplitude * np.sin(2 * np.pi * 2 * time_s + rng.uniform(0, 6, (3, 4, 5, 1)))
    return make_wavefield(values, x_m=300 * np.arange(4.0), y_m=300 * np.arange(5.0), time_s=time_s, band_hz=(0.0, 5.0))


def labels_overlap(axis) -> bool:
    """Whether two labels of an axis's marks touch each other as they are drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(axis.figure).draw()
    ticks = [*axis.xaxis.get_major_ticks(), *axis.xaxis.get_minor_ticks()]
    boxes = [t.label1.get_window_extent() for t in ticks if t.label1.get_text() and t.label1.get_visible()]
    inside = [box for box in boxes if axis.bbox.x0 - 20 <= (box.x0 + box.x1) / 2 <= axis.bbox.x1 + 20]
    return any(one.overlaps(other) for one, other in itertools.combinations(inside, 2))


@pytest.mark.parametrize("band_high_hz", [0.4, 1.0, 2.0, 5.0, 10.0])
def test_labels_of_frequencies_do_not_overlap(truth, band_high_hz):
    field = truth.assign_attrs(band_high_hz=band_high_hz)
    pair = make_pair(field, field)
    assert not labels_overlap(_spectra(pair).axes[0])
    for axis in response_figure(pair_response(pair)).axes:
        assert not labels_overlap(axis)


def test_the_check_sees_labels_that_do_overlap():
    from matplotlib.figure import Figure

    axis = Figure(figsize=(1.2, 1)).subplots()
    axis.set_xscale("log")
    axis.set_xlim(0.1, 1000)
    plain_log_axis(axis.xaxis)
    assert labels_overlap(axis)


def test_response_spectra_are_rotd50_and_their_ratio(truth):
    draws = xr.concat([2 * truth, 8 * truth], "realization").assign_attrs(truth.attrs)
    response = pair_response(make_pair(draws, truth))
    traces = truth.values.reshape(3, 20, 320).swapaxes(0, 1)[:, :2].astype(float)
    expected = rotd(traces, 0.02, response.periods_s, (50.0,))[0]
    np.testing.assert_allclose(response.reference, expected, rtol=1e-6)
    np.testing.assert_allclose(response.prediction, 4 * expected, rtol=1e-5)
    np.testing.assert_allclose(response.ratio, 4, rtol=1e-5)
    assert response.band_s == pytest.approx((0.2, 319 / 50))


def test_sensors_at_rest_or_not_finite_have_no_ratio(truth):
    other = truth.copy(deep=True)
    other[:, 0, 0] = 0
    other[0, 1, 1, 7] = np.nan
    assert len(pair_response(make_pair(truth, other)).reference) == 18
    other[:] = 0
    assert pair_response(make_pair(truth, other)) is None


def test_the_page_says_what_every_score_means(truth, tmp_path):
    louder = (truth * 1.1).assign_attrs(truth.attrs)
    pair, scores = make_pair(louder, truth), evaluate(louder, truth)
    page = write_pair_report(scores, pair, ("a.nc", "b.nc"), tmp_path / "report").read_text()
    assert set(MEANINGS) == set(METRICS)
    for meaning in MEANINGS.values():
        assert meaning in page
    assert (tmp_path / "report" / "figures" / "response.png").stat().st_size > 5000
    assert "RotD50" in page or "response" in page


def test_small_negative_numbers_are_zero():
    assert [html.number(value) for value in (-0.0001, -0.0, -0.0006, 2, None, float("nan"))] == [
        "0.000",
        "0.000",
        "-0.001",
        "2.000",
        "–",
        "–",
    ]
