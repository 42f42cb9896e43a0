"""Pointwise errors and biases on traces whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.signal.misfit import event_scale, relative_biases, relative_errors

DT = 0.02
TIME = np.arange(320) * DT


def test_event_scale_of_the_fixed_source() -> None:
    assert event_scale(4500.0, 8400.0) == pytest.approx(1.77, abs=0.005)


def test_relative_errors_by_hand() -> None:
    reference = np.array([[1.0, -1.0], [0.0, 0.0], [2.0, 2.0]])
    prediction = reference + np.array([[0.1, 0.3], [0.01, 0.0], [0.0, 0.0]])
    rmae, rrmse = relative_errors(prediction, reference)
    e1, e2 = np.array([0.1, 0.3]) / 1.01, np.array([1.0, 0.0])
    assert rmae == pytest.approx((e1.mean() + e2.mean()) / 3)
    assert rrmse == pytest.approx((np.sqrt((e1**2).mean()) + np.sqrt((e2**2).mean())) / 3)


def test_the_event_scale_acts_on_the_floor() -> None:
    reference, prediction = np.full((3, 4), 0.02), np.full((3, 4), 0.03)
    assert relative_errors(prediction, reference, scale=2.0)[0] == pytest.approx(0.02 / 0.05)


def test_biases_of_scaled_bands() -> None:
    """Sines on exact bins: each band scaled by its own factor comes back as factor - 1."""
    bins = {3: 0.5, 9: 0.8, 20: 1.3}
    sines = {k: np.sin(2 * np.pi * k * TIME / (320 * DT)) for k in bins}
    reference = np.stack([sum(sines.values())] * 3)
    prediction = np.stack([sum(f * sines[k] for k, f in bins.items())] * 3)
    np.testing.assert_allclose(relative_biases(prediction, reference, DT), [-0.5, -0.2, 0.3], atol=1e-9)


def test_components_are_averaged_before_they_are_compared() -> None:
    sine = np.sin(2 * np.pi * 0.9375 * TIME)
    reference, prediction = np.stack([sine, 3 * sine, 0 * sine]), np.stack([2 * sine, 3 * sine, 0 * sine])
    assert relative_biases(prediction, reference, DT)[0] == pytest.approx(0.25)


def test_edges_belong_to_the_lower_band() -> None:
    """1 Hz counts below, 5 Hz counts in: a 4 s record has bins on both."""
    time = np.arange(200) * DT
    for hertz, band in ((0.0, 0), (1.0, 0), (1.25, 1), (2.0, 1), (5.0, 2)):
        wave = np.stack([np.cos(2 * np.pi * hertz * time)] * 3)
        noise = 1e-3 * np.random.default_rng(0).standard_normal(wave.shape)
        bias = relative_biases(2 * wave + noise, wave + noise, DT)
        assert bias.argmax() == band
        assert bias[band] > 0.4


def test_a_band_without_bins_and_a_silent_reference_are_nan() -> None:
    rng = np.random.default_rng(1)
    short = relative_biases(rng.standard_normal((3, 12)), rng.standard_normal((3, 12)), DT)
    assert np.isnan(short).tolist() == [False, True, False]
    assert np.isnan(relative_biases(np.ones((3, 320)), np.zeros((3, 320)), DT)).all()


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(3, 5\).*\(3, 6\)"):
        relative_errors(np.ones((3, 5)), np.ones((3, 6)))
