"""The figure of one result."""

from __future__ import annotations

import numpy as np

from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.report.overview import overview_figure


def test_the_measure_on_the_maps_is_named():
    source = Source.from_angles(position_m=(1000, 2000, -3000), strike_deg=10, dip_deg=50, rake_deg=75, mw=4.0)
    values = np.random.default_rng(3).normal(size=(3, 4, 5, 50))
    axes_m = {"x_m": 1000.0 * np.arange(4), "y_m": 1000.0 * np.arange(5)}
    field = make_wavefield(values, **axes_m, time_s=np.arange(50) / 50, source=source)
    labels = [axis.get_ylabel() for axis in overview_figure(field, field, source).axes]
    assert "peak velocity, norm of E, N, Z (cm/s)" in labels
