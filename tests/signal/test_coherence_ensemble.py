"""Coherency of known fields; ensembles whose honesty is known."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.signal import coherence, ensemble

X, Y = np.meshgrid(np.arange(7) * 300.0, np.arange(5) * 300.0, indexing="ij")
POSITIONS = np.stack([X.ravel(), Y.ravel()], axis=1)
EDGES = np.array([0.0, 350.0, 700.0, 1500.0])


def test_pairs_lie_in_their_bins() -> None:
    bins = coherence.pairs_by_distance(POSITIONS, EDGES, most=50)
    assert [len(b) for b in bins] == [50, 50, 50]
    for low, high, pairs in zip(EDGES[:-1], EDGES[1:], bins, strict=True):
        distance = np.linalg.norm(POSITIONS[pairs[:, 0]] - POSITIONS[pairs[:, 1]], axis=1)
        assert np.all((distance > low) & (distance <= high))
        assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert len(coherence.pairs_by_distance(POSITIONS, np.array([0.0, 310.0]))[0]) == 6 * 5 + 7 * 4


def test_a_plane_wave_is_coherent_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    wave = np.convolve(rng.standard_normal(460), np.hanning(5), "same")
    delays = (POSITIONS[:, 0] / 300.0).astype(int)
    plane = np.stack([wave[100 - d : 420 - d] for d in delays])[None]
    noise = rng.standard_normal((1, len(POSITIONS), 320))
    pairs = coherence.pairs_by_distance(POSITIONS, EDGES)
    band = slice(10, 100)
    together = coherence.coherency_by_distance(plane, pairs)[:, band]
    apart = coherence.coherency_by_distance(noise, pairs)[:, band]
    assert together.mean() > 0.93
    assert apart.mean() == pytest.approx(0.35, abs=0.05)


def test_coherency_of_a_mixture() -> None:
    """A common signal with noise of equal power on each sensor: coherency 1/2."""
    rng = np.random.default_rng(1)
    both = rng.standard_normal(4096) + rng.standard_normal((60, 4096))
    pairs = [np.stack([np.arange(30), np.arange(30, 60)], axis=1)]
    found = coherence.coherency_by_distance(both[None], pairs, smoothing_bins=101)
    assert found[0, 100:-100].mean() == pytest.approx(0.5, abs=0.05)


def test_undefined_sensors_do_not_spread() -> None:
    traces = np.random.default_rng(2).standard_normal((1, 4, 320))
    pairs = [np.array([[0, 1]]), np.array([[0, 1], [2, 3]]), np.zeros((0, 2), int)]
    whole = coherence.coherency_by_distance(traces, [np.array([[2, 3]])])
    traces[0, 0] = np.nan
    traces[0, 1] = 0.0
    found = coherence.coherency_by_distance(traces, pairs)
    assert np.isnan(found[0]).all()
    assert np.isnan(found[2]).all()
    np.testing.assert_allclose(found[1], whole[0])


def test_short_records_and_even_windows_are_refused() -> None:
    pair = np.array([[0, 1]])
    with pytest.raises(InputError, match="longer record"):
        coherence.lagged_coherency(np.ones((2, 12)), pair)
    with pytest.raises(InputError, match="odd"):
        coherence.lagged_coherency(np.ones((2, 320)), pair, smoothing_bins=4)


def test_semivariogram_of_a_ramp_and_of_noise() -> None:
    pairs = coherence.pairs_by_distance(POSITIONS, EDGES, most=10_000)
    ramp = coherence.semivariogram(POSITIONS[:, 0] / 300.0, pairs)
    steps = (POSITIONS[pairs[0][:, 0], 0] - POSITIONS[pairs[0][:, 1], 0]) / 300.0
    assert ramp[0] == pytest.approx(0.5 * (steps**2).mean())
    assert ramp[0] < ramp[1] < ramp[2]
    values = np.random.default_rng(3).standard_normal(len(POSITIONS))
    values[4] = np.nan
    assert np.all(np.abs(coherence.semivariogram(values, pairs) - 1) < 0.5)


def test_crps_of_a_gaussian() -> None:
    """Closed form for N(0, 1) at y = 0: (sqrt 2 - 1) / sqrt pi."""
    members = np.random.default_rng(4).standard_normal((4000, 1))
    assert ensemble.crps(members, np.zeros(1))[0] == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi), abs=0.01)


def test_crps_by_its_definition() -> None:
    rng = np.random.default_rng(5)
    members, truth = rng.standard_normal((6, 3, 2)), rng.standard_normal((3, 2))
    between = np.abs(members[:, None] - members[None]).sum(axis=(0, 1))
    error = np.abs(members - truth).mean(axis=0)
    np.testing.assert_allclose(ensemble.crps(members, truth), error - 0.5 * between / 30)
    np.testing.assert_allclose(ensemble.crps(members, truth, fair=False), error - 0.5 * between / 36)
    np.testing.assert_allclose(ensemble.crps(members[:1], truth), np.abs(members[0] - truth))


@pytest.mark.parametrize("members", [3, 9, 19, 39])
def test_an_honest_ensemble_covers_what_it_claims(members: int) -> None:
    rng = np.random.default_rng(members)
    draws, truth = rng.standard_normal((members, 20_000)), rng.standard_normal(20_000)
    shares = ensemble.coverage(draws, truth)
    for level, share in zip(ensemble.LEVELS, shares, strict=True):
        if level <= (members - 1) / (members + 1):
            assert share == pytest.approx(level, abs=0.015)
        else:
            assert np.isnan(share)
    counts = ensemble.rank_histogram(draws, truth)
    assert len(counts) == members + 1
    assert counts.sum() == 20_000
    assert np.abs(counts / counts.mean() - 1).max() < 0.2


def test_a_narrow_ensemble_is_caught() -> None:
    rng = np.random.default_rng(6)
    draws, truth = 0.3 * rng.standard_normal((19, 5000)), rng.standard_normal(5000)
    assert np.all(ensemble.coverage(draws, truth, (0.5, 0.8)) < [0.25, 0.4])
    counts = ensemble.rank_histogram(draws, truth)
    assert counts[0] > 3 * counts[10]
    assert counts[-1] > 3 * counts[10]


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_ranks_count_every_defined_case(seed: int, members: int) -> None:
    rng = np.random.default_rng(seed)
    draws, truth = rng.integers(0, 4, (members, 50)).astype(float), rng.integers(0, 4, 50).astype(float)
    truth[::10] = np.nan
    assert ensemble.rank_histogram(draws, truth).sum() == 45
    assert np.all(ensemble.crps(draws, np.nan_to_num(truth)) >= -2.0)


def test_mismatched_ensembles_are_refused() -> None:
    with pytest.raises(InputError, match="truth's shape"):
        ensemble.crps(np.ones((4, 3)), np.ones(2))


def test_a_truth_like_all_members_has_any_rank() -> None:
    counts = ensemble.rank_histogram(np.zeros((4, 5000)), np.zeros(5000))
    np.testing.assert_allclose(counts / 1000, 1.0, atol=0.15)
