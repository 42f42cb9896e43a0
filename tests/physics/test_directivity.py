"""A unilateral rupture seen from ahead and from behind, against Haskell (1964, BSSA 54, 1811).

A line of length L that breaks at the speed v looks as if it lasted L (1 / v - cos(angle) / c): from ahead its far-field
pulse is shorter and higher than from behind. Along the strike of a vertical strike-slip fault there are S waves alone.
"""

from __future__ import annotations

import numpy as np

import spectremor as sp
from spectremor.core.moment_rates import RiseTimes
from spectremor.core.recording import Stations
from spectremor.core.rupture import Rupture

VS, VP, RHO = 2500.0, 4250.0, 2400.0
LENGTH, SPEED, RISE = 2000.0, 2000.0, 0.15
CENTRE = np.array([12000.0, 3000.0, -6000.0])
AWAY, LOWPASS, RATE = 10000.0, 1.2, 100.0


def line() -> Rupture:
    """Points every 100 m along x, broken from the west to the east."""
    along = np.linspace(-LENGTH / 2, LENGTH / 2, 21)
    point = sp.Source.from_angles(position_m=tuple(CENTRE), strike_deg=90, dip_deg=90, rake_deg=0, mw=4.5)
    return Rupture(
        position_m=CENTRE + along[:, None] * np.array([1.0, 0.0, 0.0]),
        tensors=np.tile(np.array(point.moment_tensor_nm) / len(along), (len(along), 1)),
        start_s=(along - along[0]) / SPEED,
        rates=RiseTimes(np.full(len(along), RISE)),
    )


def displacement(velocity: np.ndarray) -> np.ndarray:
    """Positive where it is largest."""
    motion = np.cumsum(velocity, axis=-1) / RATE
    return motion * np.sign(motion.max(axis=-1) + motion.min(axis=-1))[..., None]


def height_and_width(pulse: np.ndarray) -> np.ndarray:
    """Of a pulse: its peak, and how long it is above half of it, in s."""
    (above,) = np.nonzero(pulse >= 0.5 * pulse.max())
    return np.array([pulse.max(), (above[-1] - above[0] + 1) / RATE])


def test_pulses_ahead_and_behind(stokes_velocity, inverse_transform):
    ground = sp.make_geology(np.full((4, 4, 4), VS), (24000.0, 6000.0, 9000.0), density_kg_m3=np.full((4, 4, 4), RHO))
    stations = Stations(
        ("AHEAD", "BEHIND"), CENTRE[0] + np.array([AWAY, -AWAY]), np.full(2, CENTRE[1]), np.full(2, CENTRE[2])
    )
    field = sp.simulate(
        ground,
        line(),
        grid_spacing_m=300.0,
        duration_s=6.1,
        sampling_hz=RATE,
        lowpass_hz=LOWPASS,
        attenuation=False,
        stations=stations,
    )
    found = np.array([height_and_width(pulse) for pulse in displacement(field.sel(component="N").values)])
    # What the point in the middle radiates, smeared over Haskell's durations.
    middle = line().as_point(rise_time_s=RISE)
    offset = np.array([AWAY, 0.0, 0.0])
    times = field["time"].values
    one = displacement(
        inverse_transform(lambda w: stokes_velocity(w, offset, middle, (VS, VP, RHO))[1], times, LOWPASS)
    )
    durations_s = LENGTH * np.array([1 / SPEED - 1 / VS, 1 / SPEED + 1 / VS])
    expected = []
    for duration_s in durations_s:
        box = np.full(round(duration_s * RATE), 1 / round(duration_s * RATE))
        expected.append(height_and_width(np.convolve(one, box)))
    expected = np.array(expected)
    # Four wavelengths away the near field is still a few percent, of either pulse alike.
    np.testing.assert_allclose(found, expected, rtol=0.08)
    # Ahead over behind: higher and shorter, as Haskell's formula says.
    np.testing.assert_allclose(found[0] / found[1], expected[0] / expected[1], rtol=0.035)
    assert found[0, 0] / found[1, 0] > 2
    assert found[0, 1] / found[1, 1] < 0.5
