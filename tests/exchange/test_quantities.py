"""Acceleration and displacement against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.core.wavefield import make_wavefield
from spectremor.exchange.quantities import as_quantity, check_quantity

TIME_S = np.arange(400) / 50


def harmonic(frequency_hz: float):
    omega = 2 * np.pi * frequency_hz
    velocity = np.broadcast_to(np.sin(omega * TIME_S), (3, 2, 1, len(TIME_S)))
    field = make_wavefield(velocity.copy(), x_m=np.array([0.0, 1.0]), y_m=np.array([0.0]), time_s=TIME_S)
    return field, omega


@pytest.mark.parametrize("frequency_hz", [0.5, 2.0, 5.0])
def test_derivative_and_integral_of_a_harmonic(frequency_hz):
    field, omega = harmonic(frequency_hz)
    inner = slice(8, -8)
    acceleration = as_quantity(field, "acceleration")
    displacement = as_quantity(field, "displacement")
    expected_a, expected_d = omega * np.cos(omega * TIME_S), (1 - np.cos(omega * TIME_S)) / omega
    assert np.abs(acceleration.values - expected_a)[..., inner].max() < 2e-3 * omega
    assert np.abs(displacement.values - expected_d).max() < 2e-3 / omega
    assert (acceleration.attrs["units"], acceleration.name) == ("m/s2", "acceleration")
    assert (displacement.attrs["units"], displacement.name) == ("m", "displacement")


def test_names_that_a_person_types():
    assert check_quantity("displacement") == "displacement"
    with pytest.raises(InputError, match="--quantity: got jerk; allowed: velocity, acceleration, displacement"):
        check_quantity("jerk")


def test_velocity_is_untouched_and_the_input_too():
    field, _ = harmonic(1.0)
    before = field.copy(deep=True)
    assert as_quantity(field, "velocity") is field
    as_quantity(field, "acceleration")
    assert field.identical(before)


def test_too_short():
    field, _ = harmonic(1.0)
    with pytest.raises(InputError, match=r"wavefield\.time: got 1 samples"):
        as_quantity(field.isel(time=slice(0, 1)), "acceleration")
