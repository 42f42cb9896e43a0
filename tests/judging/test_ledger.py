"""A run that was stopped goes on where it was, and comes to the same result."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spectremor.judging.benchmark import Settings, run_benchmark

SETTINGS = Settings(sensors=6, realizations=2, gain_samples=1)


class StoppedError(Exception):
    pass


def run(store, model, folder, settings=SETTINGS, stop_at=None):
    judged = []

    def advance(done, total, what):
        judged.append(what)
        if stop_at is not None and done == stop_at:
            raise StoppedError

    return run_benchmark(store, {"m": model}, settings=settings, keep=folder, on_progress=advance)


def same(one, other) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True)


def test_a_stopped_run_goes_on_with_the_same_outcome(store, model, tmp_path, monkeypatch) -> None:
    straight = run(store, model, tmp_path / "straight")
    with pytest.raises(StoppedError):
        run(store, model, tmp_path / "kept", stop_at=2)
    assert len(list((tmp_path / "kept").glob("*.npz"))) == 2
    read = []
    whole = type(store).velocity
    monkeypatch.setattr(type(store), "velocity", lambda self, i, *a: (read.append(i), whole(self, i, *a))[1])
    resumed = run(store, model, tmp_path / "kept")
    assert 6 in read
    assert not {4, 5} & set(read)
    for one, other in zip(resumed.tallies, straight.tallies, strict=True):
        for a, b in zip(one.rows, other.rows, strict=True):
            assert {k: v for k, v in a.items() if k != "seconds"} == pytest.approx(
                {k: v for k, v in b.items() if k != "seconds"}, nan_ok=True
            )
        for a, b in zip(one.traits, other.traits, strict=True):
            assert all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
        assert same(one.ensemble, other.ensemble)
        assert same(one.variogram, other.variogram)
        for a, b in zip(one.sensors, other.sensors, strict=True):
            assert all(same(a[metric], b[metric]) for metric in b)
    for name in ("chosen", "peak_velocity", "truth_ensemble"):
        assert same(getattr(resumed, name), getattr(straight, name))


def test_events_of_another_run_are_not_taken(store, model, tmp_path) -> None:
    folder = tmp_path / "kept"
    run(store, model, folder)
    before = {p.name: p.read_bytes() for p in folder.glob("*.npz")}
    other = run(store, model, folder, dataclasses.replace(SETTINGS, sensors=5))
    assert [len(c) for c in other.chosen] == [5, 5, 5]
    assert before.keys() == {p.name for p in folder.glob("*.npz")}
    assert all(p.read_bytes() != before[p.name] for p in folder.glob("*.npz"))


def test_a_damaged_event_is_judged_again(store, model, tmp_path) -> None:
    folder = tmp_path / "kept"
    run(store, model, folder)
    for path in folder.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    assert len(run(store, model, folder).tallies[0].rows) == 3
