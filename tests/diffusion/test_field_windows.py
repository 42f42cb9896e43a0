"""Fields longer than a window and with more sensors than a tile: what is near in time and space is as in the whole."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from field_cases import SAMPLES, random_positions, random_stage, random_traces, stage_config, surroundings

from spectremor.core.errors import InputError
from spectremor.diffusion import field_parts, tiles
from spectremor.diffusion.config import FieldConfig
from spectremor.diffusion.recorded import Recorded
from spectremor.diffusion.surroundings import EARLIEST_P_S

HALF = SAMPLES // 2
#: Where what one window adds begins to fade into what the next one adds, counted from the start of the second one.
FADES = HALF * 3 // 8


def long_traces(count: int, windows: int) -> np.ndarray:
    parts = [random_traces(count, seed=s)[..., :HALF] for s in range(windows + 1)]
    return np.concatenate(parts, axis=2)


def close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 2e-5) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * float(np.abs(wanted).max()))


def test_the_beginning_of_a_record_is_what_it_is_in_a_shorter_one() -> None:
    stage, where, traces = random_stage(stage_config()), surroundings(random_positions(12)), long_traces(12, 3)
    draws, means = [], []
    for windows in (1, 2, 3):
        some = traces[..., : (windows + 1) * HALF]
        draws.append(stage.generate(some, where, realizations=2, seed=3))
        means.append(stage.expect(some, where))
    for results in (draws, means):
        for windows in (1, 2):
            same = slice(0, windows * HALF + FADES)
            close(results[windows][..., same], results[windows - 1][..., same])
            after = slice(same.stop + HALF // 4, (windows + 1) * HALF)
            assert np.abs(results[windows] - traces[..., : (windows + 2) * HALF])[..., after].max() > 1e-3


def test_two_windows_fade_into_one_another() -> None:
    """Of a network that gives the same at all times, what is added is that throughout."""
    stage, where = random_stage(stage_config(any_orientation=False)), surroundings(random_positions(9))
    with torch.no_grad():
        for parameter in stage.network.parameters():
            parameter.zero_()
        stage.network.head.bias.fill_(0.3)
    # Equal amplitudes in all windows: the same traces again and again.
    traces = np.tile(random_traces(9)[..., :HALF], 4)
    change = stage.expect(traces, where) - traces
    inside = slice(2, -2)
    within = change[..., inside]
    assert np.abs(within).min() > 0.5 * np.abs(within).max() > 0
    close(within[..., : HALF - 4], within[..., HALF : 2 * HALF - 4], 0.05)


def test_nothing_is_added_before_a_sensor_s_first_window_and_late_sensors_do_not_disturb_early_ones() -> None:
    stage, traces = random_stage(stage_config()), long_traces(12, 3)
    where = surroundings(random_positions(12))
    late = where.p_time_s.copy()
    late[8:] += 8.0
    where = dataclasses.replace(where, p_time_s=late, s_time_s=late * 1.7)
    field = stage.generate(traces, where, seed=1)[0]
    np.testing.assert_array_equal(field[8:, :, :HALF], traces[8:, :, :HALF])
    assert np.abs(field - traces)[8:, :, -HALF:].max() > 1e-3
    early = stage.generate(traces[:8], where.at(np.arange(8)), seed=1)[0]
    close(field[:8, :, : HALF + FADES], early[..., : HALF + FADES])


def test_arrivals_in_later_windows_count_from_their_start_and_never_before_it() -> None:
    where = surroundings(random_positions(5))
    later = where.after(1.0)
    assert where.after(0.0) is where
    np.testing.assert_allclose(later.p_time_s, np.maximum(where.p_time_s - 1.0, EARLIEST_P_S))
    assert (where.after(60.0).p_time_s == EARLIEST_P_S).all()
    assert (where.after(60.0).s_time_s > EARLIEST_P_S).all()


def test_recordings_are_for_one_window_and_odd_lengths_are_refused() -> None:
    stage, where = random_stage(stage_config()), surroundings(random_positions(5))
    records = Recorded(sensors=np.array([0]), velocity=random_traces(1))
    with pytest.raises(InputError, match=f"observed: .*{SAMPLES} samples"):
        stage.generate(long_traces(5, 2), where, recorded=records)
    with pytest.raises(InputError, match="which windows fill"):
        stage.generate(long_traces(5, 2)[..., :-1], where)


@pytest.mark.parametrize("recorded", [False, True])
def test_many_sensors_in_tiles_are_what_they_are_in_the_whole(monkeypatch: pytest.MonkeyPatch, recorded: bool) -> None:
    count = 400
    stage, where = random_stage(stage_config()), surroundings(random_positions(count, size_m=40_000.0))
    traces = random_traces(count)
    records = Recorded(sensors=np.array([7, 3, 250]), velocity=random_traces(3, seed=9)) if recorded else None
    whole = stage.generate(traces, where, recorded=records, realizations=2, seed=4)
    mean = stage.expect(traces, where, recorded=records)
    sizes = []

    def small_tiles(*args: object) -> object:
        for tile in tiles.tiles(*args, most=40):  # type: ignore[arg-type, misc]
            sizes.append(len(tile.sensors))
            yield tile

    monkeypatch.setattr(field_parts, "tiles", small_tiles)
    close(stage.generate(traces, where, recorded=records, realizations=2, seed=4), whole)
    close(stage.expect(traces, where, recorded=records), mean)
    assert len(sizes) > 10
    assert max(sizes) < count


def test_each_sensor_is_that_of_one_tile() -> None:
    positions, observed = random_positions(300, size_m=30_000.0), np.zeros(300, dtype=bool)
    own = [t.sensors[t.own] for t in tiles.tiles(positions, observed, FieldConfig(), 2, most=50)]
    assert sorted(np.concatenate(own).tolist()) == list(range(300))
    assert max(map(len, own)) <= 50


def test_progress_ends_at_one() -> None:
    stage, where = random_stage(stage_config()), surroundings(random_positions(6))
    seen: list[float] = []
    stage.generate(long_traces(6, 3), where, realizations=2, on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    assert len(seen) == 6
