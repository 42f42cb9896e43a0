"""The figure of one result."""

from __future__ import annotations

import numpy as np

from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.report.overview import overview_figure, peak_velocity_m_s


def test_the_measure_on_the_maps_is_named():
    source = Source.from_angles(position_m=(1000, 2000, -3000), strike_deg=10, dip_deg=50, rake_deg=75, mw=4.0)
    values = np.random.default_rng(3).normal(size=(3, 4, 5, 50))
    axes_m = {"x_m": 1000.0 * np.arange(4), "y_m": 1000.0 * np.arange(5)}
    field = make_wavefield(values, **axes_m, time_s=np.arange(50) / 50, source=source)
    labels = [axis.get_ylabel() for axis in overview_figure(field, field, source).axes]
    assert "peak velocity, RotD50 (cm/s)" in labels


def test_peak_velocity_is_rotd50_and_not_the_norm_of_three_components():
    """Motion along one horizontal line is seen with cos(45 degrees) by half of all directions; Up does not count."""
    time_s = np.arange(50) / 50
    pulse = np.sin(2 * np.pi * time_s)
    values = np.zeros((3, 2, 3, 50))
    values[1], values[2] = 0.2 * pulse, 5.0 * pulse
    field = make_wavefield(values, x_m=300.0 * np.arange(2), y_m=300.0 * np.arange(3), time_s=time_s)
    peak = peak_velocity_m_s(field)
    assert peak.dims == ("x", "y")
    np.testing.assert_allclose(peak, 0.2 * np.abs(pulse).max() * np.sqrt(0.5), rtol=0.01)
