"""What a simulation costs, how far it is, and that it can be stopped."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.recording import Recording
from spectremor.core.source import Source
from spectremor.simulation import elastic, propagator
from spectremor.simulation.plan import plan_at_spacing
from spectremor.simulation.progress import progress_told_to
from spectremor.simulation.settings import SimulationSettings

GROUND = make_geology(np.linspace(3000, 1500, 9 * 9 * 9).reshape(9, 9, 9), extent_m=(2400.0, 2400.0, 2400.0))
POINT = Source.from_angles(position_m=(1200, 1200, -1200), strike_deg=0, dip_deg=90, rake_deg=0, mw=3)
RUN = {"grid_spacing_m": 300.0, "duration_s": 1.0, "lowpass_hz": 1.5}


def test_shares_grow_to_the_end_and_change_nothing():
    plain = elastic.simulate(GROUND, POINT, **RUN)
    shares: list[float] = []
    with progress_told_to(shares.append):
        watched = elastic.simulate(GROUND, POINT, **RUN)
    np.testing.assert_array_equal(watched, plain)
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.2
    assert 0.8 < shares[-1] <= 1


def test_what_the_listener_raises_stops_the_run_and_the_next_one_runs():
    class StopError(Exception):
        pass

    calls = []

    def stop(share: float) -> None:
        calls.append(share)
        raise StopError

    with pytest.raises(StopError), progress_told_to(stop):
        elastic.simulate(GROUND, POINT, **RUN)
    assert len(calls) == 1
    assert np.isfinite(elastic.simulate(GROUND, POINT, **RUN)).all()


def test_only_runs_of_the_same_thread_are_told_of():
    shares: list[float] = []
    with progress_told_to(shares.append):
        other = threading.Thread(target=lambda: elastic.simulate(GROUND, POINT, **RUN))
        other.start()
        other.join(120)
    assert shares == []


def test_the_cost_bounds_what_the_run_takes(monkeypatch):
    seen = []
    propagate = propagator.propagate

    def noted(shots, *more):
        seen.append(shots[0])
        return propagate(shots, *more)

    monkeypatch.setattr(propagator, "propagate", noted)
    field = elastic.simulate(GROUND, POINT, **RUN)
    recording = Recording(samples=field.sizes["time"], lowpass_hz=1.5)
    cost = plan_at_spacing(GROUND, recording, SimulationSettings(grid_spacing_m=300.0))
    (shot,) = seen
    assert np.prod(shot.grid.shape) <= cost.cells
    assert shot.n_samples == pytest.approx(cost.steps, rel=0.02)
    assert cost.work == cost.cells * cost.steps
    finer = plan_at_spacing(GROUND, recording, SimulationSettings(grid_spacing_m=150.0))
    assert 3 < finer.work / cost.work < 16


def test_what_cannot_be_run_has_no_cost():
    with pytest.raises(InputError, match="grid_spacing_m: got 350 m"):
        plan_at_spacing(GROUND, Recording(), SimulationSettings(grid_spacing_m=350.0))
