"""The imported published sample is axis-aligned and its mechanism right, because a simulation says so.

A 300 m simulation of the imported geology and source follows the imported traces below 2 Hz. Any other reading of the
files (horizontal axes exchanged in one of them, mirrored, angles taken for standard ones) follows them much worse.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from spectremor.core.axes import time_axis_s
from spectremor.core.errors import InputWarning
from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.core.wavefield import source_of
from spectremor.data.geology_files import read_geology
from spectremor.data.symmetries import SYMMETRIES
from spectremor.data.wavefield_files import read_wavefield
from spectremor.signal.filters import low_pass

pytestmark = pytest.mark.shared_data

BAND_HZ = 2.0
DT_S = 0.02


@pytest.fixture(scope="module")
def sample(hemew3d):
    path = hemew3d / "sample0.h5"
    field = read_wavefield(path)
    return read_geology(path), source_of(field), field


def _simulate(geology, source, field, components=None) -> np.ndarray:
    """Traces (component, x, y, time) at the field's sensors and times, low-passed."""
    from spectremor.simulation.elastic import simulate

    times = field["time"].values
    count = round(times[-1] / DT_S) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        ours = simulate(
            geology,
            source,
            grid_spacing_m=300,
            duration_s=count * DT_S,
            sensors_m=(field["x"].values, field["y"].values),
            sampling_hz=1 / DT_S,
            lowpass_hz=BAND_HZ,
        )
    np.testing.assert_allclose(ours["time"].values, time_axis_s(count, 1 / DT_S))
    return ours.values[..., -len(times) :]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


@pytest.fixture(scope="module")
def published(sample):
    return low_pass(sample[2].values.astype(float), DT_S, BAND_HZ)


@pytest.fixture(scope="module")
def simulated(sample):
    return _simulate(*sample)


def test_the_imported_sample_is_reproduced(simulated, published):
    assert _correlation(simulated, published) > 0.93
    # Each component has its own size: none is taken for another or turned over.
    for ours, theirs in zip(simulated, published, strict=True):
        assert _correlation(ours, theirs) > 0.88
        assert np.linalg.norm(ours) / np.linalg.norm(theirs) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("s", SYMMETRIES[1:], ids=lambda s: str(s.number))
def test_no_turned_wavefield_fits(sample, simulated, published, s):
    """Every other reading of the wavefield's two horizontal axes is far off."""
    planes_only = s.plane(published, (-3, -2))
    with_components = s.traces(published)
    for other in (planes_only, with_components):
        assert _correlation(simulated, other) < _correlation(simulated, published) - 0.2


def test_no_transposed_geology_fits(sample, simulated, published):
    """The published pair as it is stored: geology and wavefield with exchanged axes."""
    geology, source, field = sample
    transposed = make_geology(geology.vs_m_s.swapaxes(0, 1), geology.extent_m)
    assert _correlation(_simulate(transposed, source, field), published) < 0.8


def test_no_upside_down_geology_fits(sample, published):
    geology, source, field = sample
    flipped = make_geology(geology.vs_m_s[:, :, ::-1], geology.extent_m)
    assert _correlation(_simulate(flipped, source, field), published) < 0.5


def test_angles_taken_for_standard_ones_fit_worse(sample, simulated, published):
    """The event is nearly symmetric, which hides the mistake in correlation; sizes of the components show it."""
    geology, source, field = sample
    wrong = Source.from_angles(position_m=source.position_m, strike_deg=48, dip_deg=45, rake_deg=88)

    def misfit(traces):
        ratios = [np.linalg.norm(t) / np.linalg.norm(p) for t, p in zip(traces, published, strict=True)]
        return abs(ratios[0] / ratios[1] - 1)

    other = _simulate(geology, wrong, field)
    assert misfit(other) > misfit(simulated) + 0.1
    assert _correlation(other, published) < _correlation(simulated, published)
