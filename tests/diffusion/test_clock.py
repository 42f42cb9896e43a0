"""Traces on the clock of the S wave."""

from __future__ import annotations

import numpy as np
import torch

from spectremor.diffusion.clock import to_s_clock


def test_whole_samples_only_turn_the_record() -> None:
    traces = torch.randn(3, 2, 40)
    moved = traces @ to_s_clock(torch.tensor([0.0, 7.0, 53.0]), 40)
    torch.testing.assert_close(moved[0], traces[0])
    torch.testing.assert_close(moved[1], traces[1].roll(-7, dims=1))
    torch.testing.assert_close(moved[2], traces[2].roll(-13, dims=1))


def test_one_pulse_after_two_arrivals_is_at_one_place() -> None:
    times = np.arange(80)
    delays = np.array([12.3, 30.8])
    pulses = np.exp(-0.5 * ((times - delays[:, None] - 10) / 2.0) ** 2)
    traces = torch.from_numpy(pulses[:, None]).float()
    matrix = to_s_clock(torch.from_numpy(delays).float(), 80)
    aligned = traces @ matrix
    wanted = torch.from_numpy(np.exp(-0.5 * ((times - 10) / 2.0) ** 2)).float()
    torch.testing.assert_close(aligned[0, 0], wanted, atol=0.02, rtol=0)
    torch.testing.assert_close(aligned[1, 0], wanted, atol=0.02, rtol=0)
    back = aligned @ matrix.transpose(1, 2)
    torch.testing.assert_close(back, traces, atol=0.03, rtol=0)
