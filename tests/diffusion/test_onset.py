"""Where motion begins, by stage 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spectremor.diffusion.onset import MOVING, QUIET, onset_weights


def test_still_before_the_first_arrival_moving_from_it_on() -> None:
    traces = torch.zeros(2, 3, 100)
    traces[:, 0, 40:] = 0.02  # P, on one component
    traces[:, 1, 70] = 1.0  # S
    traces[1, 2, 20:40] = 0.5 * QUIET  # an error of stage 1
    weights = onset_weights(traces)
    assert weights.shape == (2, 1, 100)
    assert not weights[..., :40].any()
    assert bool((weights[..., 40:] == 1.0).all())


def test_between_still_and_moving_it_rises_with_the_logarithm() -> None:
    traces = torch.zeros(1, 3, 4)
    traces[0, 2] = torch.tensor([QUIET, (QUIET * MOVING) ** 0.5, MOVING, 1.0])
    torch.testing.assert_close(onset_weights(traces)[0, 0], torch.tensor([0.0, 0.5, 1.0, 1.0]), atol=1e-4, rtol=0)


@settings(max_examples=50, deadline=None)
@given(
    values=arrays(np.float32, (4, 3, 30), elements=st.floats(-1, 1, width=32)),
    factor=st.sampled_from([1e-30, 1e-9, 1.0, 1e9]),
)
def test_it_never_falls_and_does_not_know_the_size_of_the_earthquake(values: np.ndarray, factor: float) -> None:
    traces = torch.from_numpy(np.where(np.abs(values) < 1e-3, 0, values).astype(np.float32))
    weights = onset_weights(traces)
    assert bool((weights.diff(dim=2) >= 0).all())
    assert 0.0 <= float(weights.min()) <= float(weights.max()) <= 1.0
    torch.testing.assert_close(onset_weights(traces * factor), weights, atol=1e-3, rtol=0)


@pytest.mark.parametrize("peak", [0.0, 1e-42])
def test_a_sensor_that_never_moves(peak: float) -> None:
    weights = onset_weights(torch.full((1, 3, 10), peak))
    assert bool(torch.isfinite(weights).all())
    assert float(weights.max()) == (1.0 if peak else 0.0)
