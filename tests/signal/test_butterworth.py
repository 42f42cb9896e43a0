"""The low-pass that is written out is the one that scipy runs everywhere else."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from spectremor.core.errors import InputError
from spectremor.signal import butterworth, filters


@pytest.mark.parametrize("cutoff_hz", [0.05, 1.0, 5.0, 24.0])
@pytest.mark.parametrize("samples", [16, 17, 320])
def test_it_is_the_projects_own_low_pass(cutoff_hz: float, samples: int) -> None:
    traces = np.random.default_rng(0).standard_normal((5, samples)) + 3.0
    wanted = filters.low_pass(traces, 0.02, cutoff_hz)
    np.testing.assert_allclose(butterworth.zero_phase_low_pass(traces, 0.02, cutoff_hz), wanted, rtol=0, atol=1e-9)
    assert filters.ORDER == butterworth.ORDER


@pytest.mark.parametrize("order", [2, 4, 8])
def test_its_sections_have_the_gain_of_a_butterworth_filter(order: int) -> None:
    sections = butterworth.low_pass_sections(0.07, order)
    table = np.array([[*b, 1.0, *a] for b, a in sections])
    found = scipy.signal.sosfreqz(table, 64)[1]
    wanted = scipy.signal.sosfreqz(scipy.signal.butter(order, 0.07, output="sos", fs=1.0), 64)[1]
    np.testing.assert_allclose(found, wanted, atol=1e-10)


def test_what_it_cannot_filter_is_refused_as_elsewhere() -> None:
    for cutoff_hz, samples, words in ((25.0, 320, "Nyquist"), (0.0, 320, "Nyquist"), (1.0, 15, "more than 15 samples")):
        for low_pass in (filters.low_pass, butterworth.zero_phase_low_pass):
            with pytest.raises(InputError, match=words):
                low_pass(np.zeros((1, samples)), 0.02, cutoff_hz)
