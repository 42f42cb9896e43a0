"""What `simulate` refuses, and what it warns about: always with numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import make_geology
from spectremor.core.recording import Recording
from spectremor.core.source import Source, moment_function
from spectremor.simulation.elastic import simulate, simulate_many
from spectremor.simulation.grid import Grid, cells_across, lay_grid
from spectremor.simulation.kernels import slope_weights, stencil, value_weights
from spectremor.simulation.settings import SimulationSettings
from spectremor.simulation.time_axis import time_operator

EXTENT = (3000.0, 2400.0, 3000.0)
SENSORS = (np.array([300.0, 900.0, 1500.0]), np.array([600.0, 1111.0]))
GOOD = {"grid_spacing_m": 300.0, "duration_s": 0.4, "lowpass_hz": 2.0, "sensors_m": SENSORS}


def ground(value: float = 3600.0):
    return make_geology(np.full((6, 5, 7), value), EXTENT)


def event(position=(1500.0, 1100.0, -1300.0)) -> Source:
    return Source.from_angles(position_m=position, strike_deg=10, dip_deg=40, rake_deg=80)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"grid_spacing_m": 170.0}, "grid_spacing_m", "divides the domain, such as"),
        ({"grid_spacing_m": float("nan")}, "grid_spacing_m", "a number in"),
        ({"grid_spacing_m": 0.5}, "grid_spacing_m", "GiB of memory"),
        ({"time_step_s": 0.05}, "time_step_s", "stable on this grid"),
        ({"order": 3}, "order", "2, 4, 6, 8"),
        ({"lowpass_hz": 7.0}, "lowpass_hz", "two points per shear wavelength"),
        ({"lowpass_hz": 30.0}, "lowpass_hz", "half the sampling rate"),
        ({"duration_s": -1.0}, "duration_s", "3600"),
        ({"sampling_hz": 0.0}, "sampling_hz", "positive"),
        ({"device": "tpu"}, "device", "cpu or cuda"),
        ({"sensors_m": (np.array([100.0]), np.array([2401.0]))}, "sensors_m.y", "inside the domain"),
        ({"sensors_m": (np.array([]), np.array([100.0]))}, "sensors_m.x", "inside the domain"),
    ],
)
def test_refused_in_one_line(change, field, words):
    with pytest.raises(InputError, match=words) as caught:
        simulate(ground(), event(), **{**GOOD, **change})
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_a_highest_frequency_that_no_sampling_holds_is_named_as_such():
    other = {"grid_spacing_m": None, "lowpass_hz": None, "max_frequency_hz": 40.0}
    with pytest.raises(InputError, match=r"^max_frequency_hz: got 40\.0; allowed: .*half the sampling rate"):
        simulate(ground(), event(), **{**GOOD, **other})


@pytest.mark.parametrize("position", [(3100.0, 1100.0, -1300.0), (1500.0, 1100.0, -3100.0), (1500.0, 1100.0, -299.0)])
def test_source_outside_or_too_shallow(position):
    with pytest.raises(InputError, match=r"source\.[xyz]: got .* m; allowed"):
        simulate(ground(), event(position), **GOOD)


def test_counts_must_match():
    with pytest.raises(InputError, match="one for each source"):
        simulate_many([ground()] * 2, [event()] * 3, Recording(), SimulationSettings())


def test_frequency_above_what_the_grid_carries_is_warned_with_numbers():
    with pytest.warns(InputWarning, match=r"300 m carries .* up to 1\.5 Hz .* 2 Hz through: take 2\d\d m or less"):
        field = simulate(ground(1300.0), event(), **GOOD)
    assert field.attrs["band_high_hz"] < 2.0


def test_output_is_labelled():
    field = simulate(ground(), event(), **GOOD)
    assert field.shape == (3, 3, 2, 20)
    assert field.attrs["units"] == "m/s"
    assert {"grid_spacing_m", "order", "solver", "time_step_s", "lowpass_hz", "band_high_hz"} <= set(field.attrs)
    assert field.attrs["source_position_m"] == [1500.0, 1100.0, -1300.0]
    np.testing.assert_allclose(field.time, np.arange(20) / 50)


def test_grid_ends_below_source_and_scatterers():
    deep, _ = lay_grid(ground(), event((1500.0, 1100.0, -2900.0)), 100.0, 8)
    shallow, _ = lay_grid(ground(), event((1500.0, 1100.0, -700.0)), 100.0, 8)
    assert shallow.layers < deep.layers
    assert cells_across(3000.0, 100.0) == 30
    assert isinstance(deep, Grid)


@pytest.mark.parametrize("half", [1, 2, 3, 4])
def test_kernels_interpolate_and_differentiate(half):
    at = 7.3
    nodes = stencil(at, half)
    assert value_weights(at, half).sum() == pytest.approx(1)
    assert slope_weights(at, half).sum() == pytest.approx(0, abs=1e-12)
    assert slope_weights(at, half) @ nodes == pytest.approx(1)
    if half == 4:
        k = 0.9
        assert value_weights(at, half) @ np.cos(k * nodes) == pytest.approx(np.cos(k * at), abs=5e-3)
        assert slope_weights(at, half) @ np.cos(k * nodes) == pytest.approx(-k * np.sin(k * at), abs=1e-2)


def test_time_operator_undoes_leapfrog_and_half_step():
    """An oscillator stepped by leapfrog, driven like the run, comes out as its exact solution."""
    dt, tau, omega0, n = 0.01, 0.1, 2 * np.pi * 3.0, 420
    v, x, record = 0.0, 0.0, []
    for f in moment_function(np.arange(n) * dt, tau):
        record.append(v)
        v += dt * (f - omega0**2 * x)
        x += dt * v
    out = np.arange(0, 2.5, 0.02)
    operator = time_operator(out, n, dt, rise_time_s=tau, lowpass_hz=20.0, lowpass_order=4)
    # x'' + w0^2 x = m(t): x' is the moment rate convolved with sin(w0 t) / w0; the rate's integral in closed form.
    p = 1 / tau + 1j * omega0
    integral = (1 - (1 + p * out) * np.exp(-p * out)) / (p * tau) ** 2
    exact = (np.exp(1j * omega0 * out) * integral).imag / omega0
    assert np.abs(operator @ np.array(record) - exact).max() <= 0.003 * np.abs(exact).max()
    uncorrected = np.interp(out, (np.arange(n) - 0.5) * dt, record)
    assert np.abs(uncorrected - exact).max() >= 0.02 * np.abs(exact).max()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_motion():
    here, there = (simulate(ground(), event(), device=d, **GOOD | {"duration_s": 2.0}).values for d in ("cpu", "cuda"))
    assert np.abs(here).max() > 0
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-5 * np.abs(here).max())
