"""Ground-motion models through pygmm: values, distances to a plane, and what is said outside their range."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.core.extras import MissingExtraError
from spectremor.core.geology import make_geology
from spectremor.core.source import Source, moment_from_mw
from spectremor.hazard.ground_motion_models import MODELS, NGA_WEST2, ask_models, durations, fourier_spectra
from spectremor.hazard.scenario import Scenario, _Plane, mechanism_of, scenarios, vs30_of_ground

POINT = {"hypocentre_depth_km": 5.4, "top_depth_km": 5.4, "rx_km": 0.0}
ABOVE = Scenario(mw=4.9, mechanism="RS", dip_deg=45.0, width_km=2.0, rrup_km=5.4, rjb_km=0.0, vs30_m_s=1100.0, **POINT)


def test_the_four_models_give_what_other_code_gives():
    """hazardlib, for Mw 4.9, reverse, 5.4 km below: PGV 2.9-4.5 cm/s, SA(0.3) 0.11-0.16 g, SA(1) 0.014-0.024 g."""
    answers = ask_models([ABOVE], [0.3, 1.0], NGA_WEST2)
    pgv = [m.pgv[0] for m in answers.motions]
    assert min(pgv) > 0.028
    assert max(pgv) < 0.046
    sa = np.array([m.sa[0] for m in answers.motions]) / 9.80665
    assert ((sa > (0.095, 0.0135)) & (sa < (0.165, 0.0245))).all()
    assert all(0.6 < m.sigma_pgv[0] < 0.9 for m in answers.motions)
    assert any("ASK14 holds for Vs30 from 180 to 1000" in note for note in answers.notes)


def test_every_model_has_motion_that_falls_with_distance():
    far = Scenario(
        mw=4.9, mechanism="RS", dip_deg=45.0, width_km=2.0, rrup_km=30.0, rjb_km=29.5, vs30_m_s=760.0, **POINT
    )
    near = Scenario(
        mw=4.9, mechanism="RS", dip_deg=45.0, width_km=2.0, rrup_km=5.4, rjb_km=0.0, vs30_m_s=760.0, **POINT
    )
    for motion in ask_models([near, far], [0.3, 1.0], MODELS).motions:
        assert motion.pgv[1] < motion.pgv[0]
        assert motion.pga[1] < motion.pga[0]
        assert (motion.sa[1] < motion.sa[0]).all()
    spectra = fourier_spectra([near, far], [0.05, 1.0, 5.0])
    assert np.isnan(spectra[:, 0]).all()
    assert (spectra[1, 1:] < spectra[0, 1:]).all()
    assert durations([near, far])[1] > durations([near, far])[0] > 1


def test_bad_questions_are_refused():
    with pytest.raises(InputError, match="ASK14, BSSA14"):
        ask_models([ABOVE], [0.3], ["nonsense"])
    with pytest.raises(InputError, match="one site or more"):
        ask_models([], [0.3])
    with pytest.raises(InputError, match="vs30"):
        scenarios(source(), np.zeros((1, 3)), np.array([np.nan]))


def test_without_pygmm_one_line_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("pygmm"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    import importlib

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingExtraError, match=r"spectremor\[hazard\]"):
        ask_models([ABOVE], [0.3])


def source(rake_deg: float = 90.0, z_m: float = -6000.0) -> Source:
    return Source.from_angles(
        position_m=(4800, 4800, z_m), strike_deg=0, dip_deg=45, rake_deg=rake_deg, moment_nm=moment_from_mw(5.0)
    )


def test_mechanism_follows_the_rake():
    assert [mechanism_of(r) for r in (0, 29, 31, 149, 180, -31, -149, -179, 350)] == [
        *("SS", "SS", "RS", "RS", "SS", "NS", "NS", "SS", "SS")
    ]


def test_distances_to_a_plane_are_those_to_its_points():
    plane = _Plane(np.array([100.0, 200.0, -3000.0]), 35.0, 50.0, 3000.0, 2000.0)
    along, down = np.meshgrid(np.linspace(-1500, 1500, 601), np.linspace(-1000, 1000, 401), indexing="ij")
    points = plane.middle_m + along[..., None] * plane.along + down[..., None] * plane.down
    for site in ([0.0, 0.0, 0.0], [4000.0, -2500.0, 0.0], [-3000.0, 5000.0, 0.0], [500.0, 600.0, 0.0]):
        offset = np.array(site) - points
        assert plane.distance_m(np.array(site)) == pytest.approx(np.linalg.norm(offset, axis=-1).min(), rel=1e-3)
        nearest = np.linalg.norm(offset[..., :2], axis=-1).min()
        assert plane.joyner_boore_m(np.array(site)) == pytest.approx(nearest, abs=6)
    assert plane.top_depth_m == pytest.approx(3000 - 1000 * np.sin(np.radians(50)))


def test_a_plane_does_not_leave_the_ground():
    plane = _Plane(np.array([0.0, 0.0, -300.0]), 0.0, 45.0, 3000.0, 2000.0)
    assert plane.top_depth_m == 0
    upper_edge = plane.middle_m + plane.top_m * plane.down
    assert upper_edge[2] == pytest.approx(0)


def test_scenarios_of_a_source():
    sites = scenarios(source(), np.array([[4800.0, 4800.0, 0.0], [9000.0, 4800.0, 0.0]]), np.array([760.0, 900.0]))
    assert [s.mechanism for s in sites] == ["RS", "RS"]
    assert sites[0].mw == pytest.approx(5.0)
    assert sites[0].rjb_km == 0
    assert sites[0].rrup_km < 6.0
    assert sites[1].rrup_km > sites[0].rrup_km
    assert [s.vs30_m_s for s in sites] == [760, 900]


def test_vs30_of_ground_is_the_time_through_its_top_30_m():
    vs = np.full((3, 3, 11), 1000.0)
    # The topmost 100 m go from 1500 m/s at the surface to 3000 m/s.
    vs[..., -1] = 500.0
    vs *= 3
    ground = make_geology(vs, (1000.0, 1000.0, 1000.0))
    exact = 30.0 / (np.log(1950.0 / 1500.0) / 15.0)
    np.testing.assert_allclose(vs30_of_ground(ground, np.array([[500.0, 500.0, 0.0]])), exact, rtol=1e-4)
