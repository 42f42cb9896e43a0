"""A rupture in one run: the sum of its points, the moment that the file states, and what is refused or said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.moment_rates import RiseTimes, SampledRates
from spectremor.core.rupture import Rupture
from spectremor.simulation.grid import AXES, lay_grid
from spectremor.simulation.point_source import rupture_forces
from spectremor.simulation.rupture_drive import rupture_drive

EXTENT = (6000.0, 4800.0, 4800.0)
RUN = {
    "grid_spacing_m": 300.0,
    "duration_s": 4.0,
    "sampling_hz": 20.0,
    "lowpass_hz": 1.0,
    "sensors_m": (np.array([900.0, 2950.0, 5000.0]), np.array([700.0, 3300.0])),
}


def ground() -> sp.Geology:
    """Uneven down to its bottom, so that the grid is as deep whatever the source."""
    return sp.make_geology(np.random.default_rng(0).uniform(2000, 3000, (6, 5, 7)), EXTENT)


def tensors(*rakes: float) -> np.ndarray:
    at = {"position_m": (1, 1, -1), "strike_deg": 20, "dip_deg": 60}
    return np.array([sp.Source.from_angles(rake_deg=r, mw=5, **at).moment_tensor_nm for r in rakes])


def rupture(rates, **changes) -> Rupture:
    given = {
        "position_m": np.array([[2000.0, 2000, -2100], [2600, 2350, -2700], [3310, 2800, -1500], [2600, 2350, -2700]]),
        "tensors": tensors(30, 60, 90, 120),
        "start_s": np.array([0.0, 0.25, 0.613, 1.05]),
        "rates": rates,
        "spacing_m": 500.0,
    }
    return Rupture(**(given | changes))


RISING = rupture(RiseTimes(np.array([0.1, 0.07, 0.3, 0.15])))
SAMPLED = rupture(
    SampledRates(np.array([0.0, 2, 1, 3, 1, 4, 0, 1, 2, 1]), np.array([3, 2, 1, 4]), np.array([0.2, 0.3, 0.1, 0.05]))
)


@pytest.mark.parametrize("whole", [RISING, SAMPLED], ids=["rise times", "sampled rates"])
def test_a_rupture_is_the_sum_of_its_points(whole):
    # What is corrected along paths, from one point for a whole rupture, is another matter: loss, and the grid's delay.
    plain = {"attenuation": False, "remove_dispersion": False, **RUN}
    field = sp.simulate(ground(), whole, **plain).values
    parts = [sp.simulate(ground(), whole.take([i]), **plain).values for i in range(len(whole))]
    assert np.abs(field - sum(parts)).max() < 1e-5 * np.abs(field).max()
    corrected = {"attenuation": False, **RUN}
    field = sp.simulate(ground(), whole, **corrected).values
    parts = [sp.simulate(ground(), whole.take([i]), **corrected).values for i in range(len(whole))]
    assert np.abs(field - sum(parts)).max() < 1e-4 * np.abs(field).max()


def test_a_rupture_of_one_is_its_source():
    """To the byte where it starts at once; by the other way of driving a run, later and to rounding, where it waits."""
    source = sp.Source.from_angles(
        position_m=(2600, 2350, -2700), strike_deg=20, dip_deg=60, rake_deg=60, mw=5, rise_time_s=0.1
    )
    field = sp.simulate(ground(), source, **RUN)
    one = Rupture.from_source(source)
    assert sp.simulate(ground(), one, **RUN).identical(field)
    # The end of a record is tapered: what lies a period and a half before it counts.
    waiting = dataclasses.replace(one, start_s=np.array([0.5]))
    field, later = (sp.simulate(ground(), s, attenuation=False, **RUN) for s in (source, waiting))
    shifted = field.values[..., :40]
    assert np.abs(later.values[..., 10:50] - shifted).max() < 2e-5 * np.abs(shifted).max()


def test_what_is_injected_is_what_the_rupture_states():
    """First moments of the forces about the origin are the moment tensor; the points' own are at their positions."""
    grid, _ = lay_grid(ground(), RISING.as_point(rise_time_s=0.1), 300.0, 8)
    injected = rupture_forces(RISING, grid)
    drive = rupture_drive(RISING, 0.02, 400, 1.0)
    assert drive.moments[:, -1] == pytest.approx(np.ones(4), abs=1e-5)
    assert np.abs(drive.moments[:, 0]).max() < 1e-5
    volume = 300.0**3
    for k in range(len(RISING)):
        total = np.zeros((3, 3))
        for i, axis in enumerate(AXES):
            at = injected[axis].nodes + 0.5 * (np.arange(3) == i)
            weights = injected[axis].weights_n_m3[:, [k]].toarray()[:, 0]
            total[i] = (weights * volume) @ (at * 300.0)
        # From (x, y, down) to (East, North, Up).
        total *= np.outer((1, 1, -1), (1, 1, -1))
        assert total == pytest.approx(RISING.take([k]).tensor_nm, abs=1e-3 * RISING.take([k]).moment_nm)


def test_points_share_nodes():
    grid, _ = lay_grid(ground(), RISING.as_point(rise_time_s=0.1), 300.0, 8)
    apart = sum(len(rupture_forces(RISING.take([i]), grid)["x"].nodes) for i in range(4))
    assert len(rupture_forces(RISING, grid)["x"].nodes) < 0.8 * apart


def test_the_wavefield_records_the_point_that_stands_for_it():
    field = sp.simulate(ground(), RISING, **RUN)
    assert field.attrs["rupture_points"] == 4
    assert field.attrs["source_position_m"] == pytest.approx(RISING.centroid_m)
    assert 2 * field.attrs["source_rise_time_s"] == pytest.approx(RISING.centroid_s)


def test_rigidity_is_the_grounds():
    unknown = dataclasses.replace(RISING, tensors=RISING.tensors / 1e10, needs_rigidity=True)
    field = sp.simulate(ground(), unknown, **RUN)
    known = sp.simulate(ground(), unknown.with_rigidity(ground()), **RUN)
    assert np.array_equal(field.values, known.values)


def test_a_lattice_that_is_too_coarse_is_said():
    with pytest.warns(InputWarning, match=r"^rupture\.spacing_m: subfaults 2000 m apart are smooth up to 0\.\d+ Hz"):
        sp.simulate(ground(), dataclasses.replace(RISING, spacing_m=2000.0), **RUN)


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ((2000.0, 2000, -200), r"^rupture\.z: got -200 m; allowed: at least one grid cell deep: z <= -300 m$"),
        ((2000.0, 5000, -900), r"^rupture\.y: got 2350 to 5000 m, 1 of 4 points outside; allowed: \[0, 4800\] m"),
        ((2000.0, 2000, -4900), r"^rupture\.z: got -4900 to -1500 m, 1 of 4 points outside"),
    ],
)
def test_a_rupture_that_the_ground_does_not_hold_is_refused(to, message):
    positions = RISING.position_m.copy()
    positions[0] = to
    with pytest.raises(InputError, match=message):
        sp.simulate(ground(), dataclasses.replace(RISING, position_m=positions), **RUN)
