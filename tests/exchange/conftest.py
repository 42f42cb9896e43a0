"""A small wavefield with everything that an export has to carry: nx != ny, a late start, a source."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.exchange.georeference import Georeference


@pytest.fixture(scope="session")
def source() -> Source:
    return Source.from_angles(
        position_m=(2100, 900, -1500), strike_deg=20, dip_deg=30, rake_deg=40, mw=4.7, rise_time_s=0.25
    )


@pytest.fixture(scope="session")
def field(source) -> xr.DataArray:
    """Two realizations, 3 x 4 sensors, 50 Hz from 0.98 s, content below 5 Hz."""
    rng = np.random.default_rng(3)
    time_s = 0.98 + np.arange(200) / 50
    shape = (2, 3, 3, 4)
    velocity = np.zeros((*shape, len(time_s)))
    for _ in range(6):
        frequency, phase = rng.uniform(0.3, 4.5, (*shape, 1)), rng.uniform(0, 6.28, (*shape, 1))
        velocity += 0.01 * np.sin(2 * np.pi * frequency * time_s + phase)
    velocity *= np.sin(np.pi * (time_s - time_s[0]) / (time_s[-1] - time_s[0])) ** 2
    return make_wavefield(
        velocity,
        x_m=150.0 + 600.0 * np.arange(3),
        y_m=450.0 + 300.0 * np.arange(4),
        time_s=time_s,
        source=source,
        band_hz=(0.0, 5.0),
    )


@pytest.fixture(scope="session")
def place() -> Georeference:
    return Georeference(longitude_deg=5.7, latitude_deg=43.5)
