"""The grid that follows from a highest frequency: its spacing, what it leaves out, and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.core.moment_rates import RiseTimes
from spectremor.core.recording import Recording, Stations
from spectremor.core.rupture import Rupture
from spectremor.core.travel_times import travel_times
from spectremor.simulation import plan as planning
from spectremor.simulation.elastic import simulate_many
from spectremor.simulation.grid import GridPart
from spectremor.simulation.plan import make_plan, part_box, time_in_words, whole_cells
from spectremor.simulation.reach import wave_reach
from spectremor.simulation.settings import SimulationSettings

EXTENT = (24000.0, 24000.0, 12000.0)
SOURCE = sp.Source.from_angles(
    position_m=(12200, 12300, -1500), strike_deg=20, dip_deg=60, rake_deg=50, rise_time_s=0.2
)


def ground(seed: int = 0, low: float = 1800, high: float = 2600) -> sp.Geology:
    """Uneven everywhere, and faster with depth."""
    vs = np.random.default_rng(seed).uniform(low, high, (21, 21, 13))
    return sp.make_geology(vs + np.linspace(900, 0, 13), EXTENT)


def stations(*x_m: float, y_m: float = 12500.0) -> Stations:
    x = np.array(x_m)
    return Stations(tuple(f"S{n}" for n in range(len(x))), x, np.full_like(x, y_m), np.zeros_like(x))


def recording(duration_s: float = 2.0, lowpass_hz: float = 1.0, sensors: Stations | None = None) -> Recording:
    sensors = sensors or stations(11600.0, 13300.0)
    return Recording(sensors=sensors, samples=round(20 * duration_s), sampling_hz=20.0, lowpass_hz=lowpass_hz)


def planned(earthquake, duration_s=2.0, frequency_hz=1.0, geology=None, sensors=None):
    geology, record = geology or ground(), recording(duration_s, frequency_hz, sensors)
    reach = wave_reach(geology, earthquake, record.sensors.points_m())
    return make_plan(geology, earthquake, record, SimulationSettings(), reach, frequency_hz), record, reach


RUPTURE = Rupture(
    position_m=np.array([[12200.0, 12300, -1500], [12700, 12300, -1900], [13200, 12300, -2300]]),
    tensors=np.array([SOURCE.moment_tensor_nm] * 3),
    start_s=np.array([0.0, 0.4, 0.8]),
    rates=RiseTimes(np.array([0.2, 0.3, 0.25])),
)


@pytest.mark.parametrize("earthquake", [SOURCE, RUPTURE], ids=["point", "rupture"])
def test_what_is_left_out_touches_no_record(earthquake):
    """The part of the domain gives the motion of the whole, to rounding: same spacing, same time step."""
    geology = sp.make_geology(np.pad(ground().vs_m_s, ((5, 5), (5, 5), (0, 0)), mode="reflect"), (36e3, 36e3, 12e3))
    moved = np.array([6000.0, 6000.0, 0.0])
    if isinstance(earthquake, Rupture):
        earthquake = dataclasses.replace(earthquake, position_m=earthquake.position_m + moved)
    else:
        earthquake = dataclasses.replace(earthquake, position_m=tuple(np.array(earthquake.position_m) + moved))
    record = recording(1.2, sensors=stations(17600.0, 19300.0, y_m=18500.0))
    end_s = record.time_s[-1] + 2 * 0.75 / record.lowpass_hz
    box = wave_reach(geology, earthquake, record.sensors.points_m()).box(end_s)
    settings = SimulationSettings(grid_spacing_m=500.0, time_step_s=0.03)
    part = whole_cells(box, 500.0, geology.extent_m)
    assert max(part.cells) < 0.9 * 72
    assert min(part.first) > 0
    (full,) = simulate_many([geology], [earthquake], record, settings)
    (cut,) = simulate_many([geology], [earthquake], record, settings, part=part)
    assert np.abs(cut.values - full.values).max() < 1e-5 * np.abs(full.values).max()
    # And the test can tell: a part that leaves out more shows in the record.
    narrow = GridPart((34, part.first[1]), (7, part.cells[1]), part.layers)
    (other,) = simulate_many([geology], [earthquake], record, settings, part=narrow)
    assert np.abs(other.values - full.values).max() > 1e-4 * np.abs(full.values).max()


@pytest.mark.parametrize(("high", "share"), [(2100, 0.7), (3400, 0.5)])
def test_marched_times_are_never_late(high, share):
    """Against accurate first arrivals of the same ground, over all nodes; in rougher ground they are the safer."""
    geology = ground(3, 1800, high)
    end = np.array([[13300.0, 12500.0, 0.0]])
    reach = wave_reach(geology, SOURCE, end)
    vp = geology.rock.vp_m_s
    way = travel_times(vp, SOURCE.position_m, EXTENT) + travel_times(vp, tuple(end[0]), EXTENT)
    x, y, depth = reach.axes_m
    at = [np.rint(a / s).astype(int) for a, s in zip((geology.x_m, geology.y_m), (x[1], y[1]), strict=True)]
    down = np.rint(-geology.z_m / depth[1]).astype(int)
    # The nearest marching node is up to half a diagonal away.
    slack = 2 * 0.5 * np.hypot(x[1], np.hypot(y[1], depth[1])) / vp.min()
    assert (reach.way_s[np.ix_(at[0], at[1], down)] <= way + slack).all()
    far = way > 2.5
    assert (reach.way_s[np.ix_(at[0], at[1], down)][far] > share * way[far]).all()


def test_the_spacing_has_six_points_in_the_slowest_ground():
    geology = sp.make_geology(np.full((9, 9, 9), 2400.0), (9600.0, 9600.0, 9600.0))
    point = dataclasses.replace(SOURCE, position_m=(4800.0, 4800.0, -2000.0))
    near = stations(4000.0, y_m=4000.0)
    plan, _, _ = planned(point, geology=geology, frequency_hz=2.0, duration_s=30.0, sensors=near)
    assert plan.spacing_m == pytest.approx(200.0)
    assert plan.part.cells == (48, 48)
    slow = dict(geology.given, vs=np.where(np.arange(9) == 8, 1300.0, geology.vs_m_s).astype(np.float32))
    slower = dataclasses.replace(geology, given=slow)
    plan, _, _ = planned(point, geology=slower, frequency_hz=2.0, duration_s=30.0, sensors=near)
    # At most 1300 / 12 m, and dividing 9600 m.
    assert plan.spacing_m == pytest.approx(9600 / 89)


def test_a_domain_that_no_spacing_divides_is_covered():
    geology = sp.make_geology(np.full((9, 9, 9), 2400.0), (9601.0, 13333.0, 5077.7))
    point = dataclasses.replace(SOURCE, position_m=(9600.5, 4800.0, -2000.0))
    field = sp.simulate(
        geology, point, max_frequency_hz=0.5, duration_s=4.0, sampling_hz=10.0, stations=stations(9601.0, 1.0)
    )
    assert np.abs(field.values).max(axis=(0, 2)).min() > 0
    assert field.attrs["grid_spacing_m"] <= 800.0


def test_simulate_says_its_plan_and_where_it_is():
    seen, done = [], []
    field = sp.simulate(
        ground(),
        RUPTURE,
        max_frequency_hz=0.4,
        duration_s=1.0,
        sampling_hz=20.0,
        stations=stations(11600.0, 13300.0),
        on_plan=seen.append,
        on_progress=done.append,
    )
    (plan,) = seen
    assert field.attrs["lowpass_hz"] == 0.4
    assert field.attrs["band_high_hz"] == 0.4
    assert field.attrs["grid_spacing_m"] == plan.spacing_m
    assert plan.memory_bytes > 200 * np.prod(plan.nodes)
    assert plan.work == np.prod(plan.nodes) * plan.steps
    assert done == sorted(done)
    assert 0 <= done[0] < 0.05
    assert 0.9 < done[-1] < 1


def test_what_does_not_fit_is_refused_with_what_would(monkeypatch):
    monkeypatch.setattr(planning, "present_bytes", lambda: 1 << 29)
    with pytest.raises(
        InputError, match=r"^max_frequency_hz: got 9 Hz, a grid of .* m, .* GiB of memory; allowed: at"
    ) as error:
        planned(SOURCE, frequency_hz=9.0)
    highest = float(error.value.allowed.split()[2])
    assert 0.5 < highest < 9
    assert planned(SOURCE, frequency_hz=highest)[0].memory_bytes <= 1 << 29
    with pytest.raises(InputError):
        planned(SOURCE, frequency_hz=1.2 * highest)


@pytest.mark.parametrize("frequency_hz", [0.0, -1.0, np.nan, np.inf])
def test_no_frequency(frequency_hz):
    with pytest.raises(InputError, match=r"^max_frequency_hz: got .*; allowed: a positive frequency in Hz$"):
        sp.simulate(ground(), SOURCE, max_frequency_hz=frequency_hz)


def test_a_spacing_and_a_frequency():
    with pytest.raises(InputError, match=r"^max_frequency_hz: got 2 Hz and a spacing of the grid; allowed"):
        sp.simulate(ground(), SOURCE, max_frequency_hz=2.0, grid_spacing_m=100.0)


def test_when_waves_from_the_sides_could_show():
    """In uniform ground: the shortest way over a side or the bottom, at Vp."""
    geology = sp.make_geology(np.full((9, 9, 9), 2500.0), (9600.0, 9600.0, 9600.0))
    point = dataclasses.replace(SOURCE, position_m=(4800.0, 4800.0, -3000.0))
    sensors = Stations(("A",), np.array([2000.0]), np.array([4800.0]), np.zeros(1))
    reach = wave_reach(geology, point, sensors.points_m())
    exact = np.hypot(2000.0 + 4800.0, 3000.0) / 4250.0
    found = reach.sides_s(planning.domain_box(geology))
    # Bounds: at most 5% and a ball's radius of time early, never late.
    assert 0.85 * exact < found <= exact
    field = sp.simulate(
        geology, point, grid_spacing_m=600.0, lowpass_hz=0.5, duration_s=2.0, sampling_hz=10.0, stations=sensors
    )
    assert field.attrs["absorbing_sides_from_s"] == pytest.approx(found)
    part = part_box(GridPart((2, 2), (10, 12), 8), 600.0)
    assert part.low_m == (1200.0, 1200.0)
    assert part.high_m == (7200.0, 8400.0)
    assert reach.sides_s(part) < found


def test_times_in_words():
    assert [time_in_words(s) for s in (0.2, 42.0, 300.0, 7200.0)] == ["1 s", "42 s", "5 min", "2.0 h"]
