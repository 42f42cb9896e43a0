"""Batches of unlike cases, places of domain and sensors, and the memory of long runs."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.axes import sensor_axis_m
from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.source import Source, moment_function
from spectremor.simulation import memory, propagator, time_axis
from spectremor.simulation.elastic import simulate, simulate_many
from spectremor.simulation.settings import SimulationSettings
from spectremor.simulation.time_axis import output_samples, time_operator

EXTENT = (4800.0, 3600.0, 4800.0)
SENSORS = (np.array([900.0, 2400.0]), np.array([600.0, 1500.0, 3000.0]))
GOOD = {"grid_spacing_m": 600.0, "duration_s": 1.0, "sampling_hz": 20.0, "lowpass_hz": 1.0, "sensors_m": SENSORS}

#: The same, parsed.
RECORDING = Recording(sensors=SensorGrid(*SENSORS), samples=20, sampling_hz=20.0, lowpass_hz=1.0)
SETTINGS = SimulationSettings(grid_spacing_m=600.0)


def ground(extent_m=EXTENT):
    vs = np.random.default_rng(0).uniform(2500, 4000, (6, 5, 7))
    return make_geology(vs, extent_m)


def event(position, rise_time_s=0.1) -> Source:
    return Source.from_angles(position_m=position, strike_deg=10, dip_deg=40, rake_deg=80, rise_time_s=rise_time_s)


def test_sources_near_surface_and_sides_share_a_call_with_others_unharmed():
    sources = [
        event((2400.0, 1800.0, -3000.0)),
        event((2400.0, 1800.0, -900.0)),
        event((100.0, 1800.0, -3000.0)),
        event((4700.0, 1800.0, -3000.0)),
        event((2400.0, 100.0, -3000.0)),
        event((2400.0, 3500.0, -3000.0)),
        event((2100.0, 1500.0, -3000.0), rise_time_s=0.3),
    ]
    together = simulate_many([ground()], sources, RECORDING, SETTINGS, batch_size=2)
    for source, field in zip(sources, together, strict=True):
        np.testing.assert_array_equal(field.values, simulate(ground(), source, **GOOD).values)


@pytest.mark.parametrize("lowpass_hz", [0.5, 1.0, 2.0])
def test_motion_at_the_end_of_a_record_is_that_of_a_longer_one(lowpass_hz):
    """The low-pass looks ahead by a time that grows as its corner falls."""
    settings = {**GOOD, "lowpass_hz": lowpass_hz, "grid_spacing_m": 300.0}
    short = simulate(ground(), event((2400.0, 1800.0, -3000.0)), **settings | {"duration_s": 1.0})
    long = simulate(ground(), event((2400.0, 1800.0, -3000.0)), **settings | {"duration_s": 5.0})
    error = np.abs(short.values - long.values[..., : short.sizes["time"]]).max() / np.abs(short.values).max()
    assert error < 0.03


def test_a_taper_shorter_than_one_sample():
    """A coarse grid of a large domain steps by more than the taper is long."""
    operator = time_operator(np.arange(20.0), 30, 1.5, rise_time_s=5.0, lowpass_hz=2.5, lowpass_order=4)
    assert operator.shape == (20, 30)


@pytest.mark.parametrize(("axis", "start"), [("x", 500_000.0), ("y", -200.0)])
def test_a_domain_in_other_coordinates_is_refused(axis, start):
    moved = ground().vs.assign_coords({axis: ground().vs[axis] + start})
    with pytest.raises(InputError, match=f"starts at {start:g} m; allowed: 0 m") as caught:
        simulate(moved, event((2400.0, 1800.0, -3000.0)), **GOOD)
    assert caught.value.field == f"geology.{axis}"


def test_a_domain_whose_top_is_not_the_surface_is_refused():
    sunk = ground().vs.assign_coords(z=ground().vs["z"] - 500.0)
    with pytest.raises(InputError, match=r"geology\.z: got top at -500 m; allowed: 0 m at the surface"):
        simulate(sunk, event((2400.0, 1800.0, -3000.0)), **GOOD)


def test_sensors_without_positions_are_spread_over_the_domain():
    without = {**GOOD, "sensors_m": None}
    source = event((2400.0, 1800.0, -3000.0))
    fields = [simulate(g, source, **without) for g in (ground(), ground((9600.0, 9600.0, 4800.0)))]
    np.testing.assert_allclose(fields[0].x, (np.arange(32) + 0.5) * 150.0)
    np.testing.assert_allclose(fields[0].y, (np.arange(32) + 0.5) * 112.5)
    for axis in ("x", "y"):
        # The published positions, bit for bit.
        np.testing.assert_array_equal(fields[1][axis].values, sensor_axis_m())


@pytest.mark.parametrize(
    ("duration_s", "sampling_hz", "samples"),
    [(6.4, 50.0, 320), (6.405, 50.0, 321), (6.395, 50.0, 320), (8.0, 50.0, 400), (2.56, 25.0, 64), (0.3, 10.0, 3)],
)
def test_samples_lie_below_the_duration(duration_s, sampling_hz, samples):
    assert output_samples(duration_s, sampling_hz) == samples


@pytest.mark.parametrize("duration_s", [1.01, 0.06])
def test_a_duration_that_is_no_whole_number_of_samples(duration_s):
    field = simulate(ground(), event((2400.0, 1800.0, -3000.0)), **{**GOOD, "duration_s": duration_s})
    np.testing.assert_allclose(field.time, np.arange(output_samples(duration_s, 20.0)) / 20)
    assert field.time[-1] < duration_s <= field.time[-1] + 0.05


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"duration_s": 3600.0}, "duration_s", r"steps of 0\.0\d+ s, 72000 output times, .* GiB of memory; allowed"),
        ({"time_step_s": 2e-6}, "time_step_s", r"steps of 2e-06 s, 20 output times, .* this machine has 0\.5 GiB"),
        ({"time_step_s": 1e-300}, "time_step_s", "stable on this grid"),
        ({"sampling_hz": 1e300}, "sampling_hz", "at most 100000"),
    ],
)
def test_what_memory_does_not_hold_is_refused_before_the_run(change, field, words, monkeypatch):
    monkeypatch.setattr(memory, "present_bytes", lambda: 1 << 29)
    monkeypatch.setattr(propagator, "propagate", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr("spectremor.simulation.elastic.time_operator", lambda *_, **__: pytest.fail("it was made"))
    with pytest.raises(InputError, match=words) as caught:
        simulate(ground(), event((2400.0, 1800.0, -3000.0)), **{**GOOD, **change})
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_the_operator_is_made_before_the_run(monkeypatch):
    def too_large(*_, **__):
        raise MemoryError

    monkeypatch.setattr("spectremor.simulation.elastic.time_operator", too_large)
    monkeypatch.setattr(propagator, "propagate", lambda *_: pytest.fail("it ran"))
    with pytest.raises(MemoryError):
        simulate(ground(), event((2400.0, 1800.0, -3000.0)), **GOOD)


def test_an_operator_in_pieces_is_the_same(monkeypatch):
    out = np.arange(60) / 20
    settings = {"rise_time_s": 0.1, "lowpass_hz": 3.0, "lowpass_order": 4}
    whole = time_operator(out, 350, 0.01, **settings)
    for size in (1, 7 * 350, 40 * 350):
        monkeypatch.setattr(time_axis, "_PIECE", size)
        np.testing.assert_allclose(time_operator(out, 350, 0.01, **settings), whole, atol=1e-12 * np.abs(whole).max())


def test_pieces_bound_the_memory(monkeypatch):
    """Arrays larger than the operator itself are never made."""
    monkeypatch.setattr(time_axis, "_PIECE", 1 << 14)
    largest = 0
    outer = np.outer

    def watched(a, b):
        nonlocal largest
        product = outer(a, b)
        largest = max(largest, product.size)
        return product

    monkeypatch.setattr(np, "outer", watched)
    time_operator(np.arange(400) / 50, 4000, 0.002, rise_time_s=0.1, lowpass_hz=5.0, lowpass_order=4)
    assert 0 < largest <= 1 << 14


@pytest.mark.parametrize("rise_time_s", [0.02, 0.1, 1.0, 20.0])
def test_the_moment_functions_spectrum_in_closed_form(rise_time_s):
    dt = 0.01
    true = 2 * np.pi * np.arange(200) / 17.0
    run = 2 / dt * np.arcsin(true * dt / 2)
    n = int(np.ceil(40 * rise_time_s / dt)) + 2
    # Differences of numbers close to 1: what limits the agreement.
    increments = np.diff(moment_function(np.arange(n) * dt, rise_time_s), prepend=0.0)
    summed = np.exp(-1j * np.outer(run, np.arange(n) * dt)) @ increments
    sums = np.r_[1.0, 1j * true[1:] * dt / (1 - np.exp(-1j * run[1:] * dt))]
    expected = 1 / (1 + 1j * true * rise_time_s) ** 2 / (summed * sums)
    np.testing.assert_allclose(time_axis._source_ratio(true, run, dt, rise_time_s), expected, rtol=1e-7)


def test_a_rise_time_of_days_needs_no_memory():
    out = np.arange(20) / 20
    assert np.isfinite(time_operator(out, 130, 0.01, rise_time_s=1e5, lowpass_hz=2.0, lowpass_order=4)).all()


def test_each_case_loses_energy_in_its_own_ground():
    grounds = [ground(), make_geology(1.05 * ground().vs_m_s, EXTENT)]
    source = event((2400.0, 1800.0, -3000.0))
    together = simulate_many(grounds, [source] * 2, RECORDING, SETTINGS)
    np.testing.assert_array_equal(together[1].values, simulate(grounds[1], source, **GOOD).values)


def test_ground_of_many_nodes_is_refused_before_it_is_interpolated(monkeypatch):
    nodes, cells = (32, 7, 100_000), (100, 100)
    memory.check_ground_memory(nodes, 1, cells, 100)
    monkeypatch.setattr(memory, "present_bytes", lambda: 1 << 27)
    memory.check_ground_memory((32, 32, 32), 5, (40, 40), 40)
    with pytest.raises(InputError, match=r"^geology: got 32 x 7 x 100000 nodes, .* of memory on a grid of 100 x 100 x"):
        memory.check_ground_memory(nodes, 1, cells, 100)
