"""Records longer than the network's: windows of time, their noise, and the memory of many sensors."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
import torch

from spectremor.core.errors import InputError
from spectremor.diffusion import windows as windows_module
from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.noise import PlaceNoise
from spectremor.diffusion.stage import DiffusionStage
from spectremor.diffusion.windows import LongField, Windows, grid_noise, place_noise, restore_in_windows

GRID = (4, 3)
#: Samples of a window before the fade into the next one.
BEFORE_FADE = 160 + round(160 * 3 / 8)


def small_stage(**sampling: object) -> DiffusionStage:
    torch.manual_seed(0)
    stage = DiffusionStage(
        DiffusionConfig(
            latent={"keep_below_hz": 1.0},
            network={"widths": (16, 16), "embedding": 16},
            sampling={"steps": 2, "noise_correlation": 3.0} | sampling,
        )
    )
    with torch.no_grad():  # a fresh head is zero: nothing would be added
        stage.network.head.weight.normal_(0, 0.05)
    return stage.eval()


def motion(samples: int, sensors: int = 12, first_s: float = 1.0) -> np.ndarray:
    """Noise of a few Hz that begins at a time and dies away."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal((3, sensors, 2000)))
    spectrum[..., np.fft.rfftfreq(2000, 0.02) > 3.0] = 0
    time_s = np.arange(2000) * 0.02 - first_s
    envelope = np.where(time_s > 0, time_s * np.exp(-time_s / 2), 0.0)
    return np.ascontiguousarray((np.fft.irfft(spectrum, 2000) * envelope)[..., :samples], dtype=np.float32)


def long_field(samples: int, sensors: int = 12, **changes: object) -> LongField:
    traces = motion(samples, sensors)
    given = {"traces_m_s": traces, "reference_m_s": traces, "first_arrival_s": np.full(sensors, 1.0)}
    return LongField(**(given | {"sampling_hz": 50.0} | changes))


def restored(stage: DiffusionStage, samples: int, **draw: object) -> np.ndarray:
    return restore_in_windows(stage, long_field(samples), grid_noise(stage, 5, GRID), **draw)


@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddpm"])
@pytest.mark.parametrize("correlation", [3.0, 0.0])
def test_restored_in_windows_is_restored_whole_where_both_exist(sampler, correlation) -> None:
    stage = small_stage(noise_correlation=correlation)
    whole = stage.generate_arrays(motion(320).reshape(3, *GRID, 320), seed=5, realizations=2, sampler=sampler)
    whole = whole.reshape(2, 3, -1, 320)
    added = np.abs(whole - motion(320)).max()
    assert added > 0.01 * np.abs(whole).max()
    # A record of one window is the whole to the byte, in longer ones as far as the first window counts alone.
    one = restored(stage, 320, realizations=2, sampler=sampler)
    np.testing.assert_array_equal(one, whole)
    lengths = {samples: restored(stage, samples, realizations=2, sampler=sampler) for samples in (480, 640)}
    for found in lengths.values():
        np.testing.assert_array_equal(found[..., :BEFORE_FADE], whole[..., :BEFORE_FADE])
        assert np.abs(found[..., BEFORE_FADE:320] - whole[..., BEFORE_FADE:]).max() > 1e-3 * added
    both = 160 + BEFORE_FADE
    np.testing.assert_array_equal(lengths[480][..., :both], lengths[640][..., :both])


def test_weights_of_all_windows_sum_to_one_after_each_sensors_first_window_begins() -> None:
    windows = Windows.over(900, 320)
    assert (windows.count, windows.samples) == (5, 960)
    first = windows.first_of(50.0 * np.array([0.5, 3.5, 3.7, 7.0, 60.0]))
    assert first.tolist() == [0, 0, 1, 2, 4]
    total = np.zeros((len(first), windows.samples))
    for number in range(windows.count):
        total[:, windows.span(number)] += windows.weights(number, first)
    for sensor, number in enumerate(first):
        start = windows.span(int(number)).start
        np.testing.assert_allclose(total[sensor, start:], 1.0, atol=1e-6)
        assert not total[sensor, :start].any()


def test_windows_share_the_noise_of_the_time_that_they_share() -> None:
    stage = small_stage()
    positions = np.array([[0.0, 0.0], [500.0, 100.0]])
    for noise in (grid_noise(stage, 3, (2, 1)), place_noise(stage, 3, positions, 900.0)):
        arrays = [noise.of(0, window)([0, 1])() for window in range(4)]
        half = arrays[0].shape[-1] // 2
        for before, after in itertools.pairwise(arrays):
            assert torch.equal(before[..., half:], after[..., :half])
            assert not torch.equal(before[..., :half], after[..., :half])
        assert not torch.equal(arrays[0], noise.of(1, 0)([0, 1])())


def test_noise_at_places_is_normal_alike_over_the_distance_and_each_places_own() -> None:
    rng = np.random.default_rng(0)
    positions = np.concatenate([[[0.0, 0.0]], rng.uniform(-3000, 3000, (39, 2))])
    draws = [PlaceNoise(seed, 0, positions, (400,), 900.0).at(range(40))().numpy() for seed in range(20)]
    values = np.concatenate(draws, axis=1)
    assert np.abs(values.mean(axis=1)).max() < 0.06
    np.testing.assert_allclose(values.std(axis=1), 1.0, atol=0.06)
    distance = np.linalg.norm(positions - positions[0], axis=1)
    found = values @ values[0] / values.shape[1]
    np.testing.assert_allclose(found, np.exp(-distance / 900.0), atol=0.08)
    alone = PlaceNoise(0, 0, positions[7:8], (400,), 900.0).at([0])().numpy()
    np.testing.assert_allclose(alone[0], draws[0][7], atol=1e-5)


def test_nothing_is_added_before_a_sensors_first_window_or_where_nothing_moves() -> None:
    stage = small_stage()
    far = motion(640, first_s=6.0)
    field = long_field(640, traces_m_s=far, first_arrival_s=np.full(12, 5.5), reference_m_s=motion(640))
    added = restore_in_windows(stage, field, grid_noise(stage, 5, GRID))[0] - far
    assert not added[..., :290].any()
    assert np.abs(added[..., 330:]).max() > 0.01 * np.abs(far).max()


def test_a_corner_is_filtered_out_before_and_in_again_after() -> None:
    from spectremor.signal.corner import with_rise_time

    stage = small_stage()
    quick = long_field(640)
    slow_traces = with_rise_time(quick.traces_m_s, 0.02, 0.1, 0.4)
    slow = long_field(640, traces_m_s=slow_traces, reference_m_s=slow_traces, rise_times_s=(0.4, 0.1))
    noise = grid_noise(stage, 5, GRID)
    found, expected = (restore_in_windows(stage, field, noise)[0] for field in (slow, quick))
    expected = with_rise_time(expected, 0.02, 0.1, 0.4)
    assert np.abs(found - expected)[..., :-20].max() < 0.01 * np.abs(expected).max()


def test_memory_beside_the_result_does_not_grow_with_the_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_module, "SENSORS_AT_ONCE", 64)
    stage = small_stage(steps=1, noise_correlation=0.0)
    seen: list[int] = []
    coefficients = stage.latents.coefficients
    monkeypatch.setattr(stage.latents, "coefficients", lambda x: seen.append(len(x)) or coefficients(x))

    def beside(sensors: int) -> int:
        field = long_field(480, sensors, reference_m_s=motion(480))
        noise = place_noise(stage, 1, np.zeros((sensors, 2)), 0.0)
        tracemalloc.start()
        try:
            result = restore_in_windows(stage, field, noise)
            return tracemalloc.get_traced_memory()[1] - result.nbytes
        finally:
            tracemalloc.stop()

    few, many = beside(128), beside(512)
    assert many < 1.2 * few + 100_000
    # Tensors, which are not traced: never of more sensors than are worked on together.
    assert max(seen) == 64


def test_records_that_windows_do_not_fill_are_refused() -> None:
    with pytest.raises(InputError, match="500 samples; allowed: 640, which windows fill"):
        restored(small_stage(), 500)
