"""The family of rock profiles, and the site term that it gives."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.hazard.generic_rock import Profile, rock_profile, site_term


@pytest.mark.parametrize("vs30_m_s", [600.0, 760.0, 1000.0, 1500.0])
def test_members_have_the_vs30_that_was_asked_for_and_grow_with_depth(vs30_m_s):
    profile = rock_profile(vs30_m_s)
    assert profile.vs30_m_s == pytest.approx(vs30_m_s, rel=1e-4)
    assert (np.diff(profile.vs_m_s) >= -1e-6 * profile.vs_m_s[1:]).mean() > 0.99


def test_generic_rock_is_boore_and_joyners():
    """Their Vs30 is 618 m/s; Vs at 1 km is 2.505 km/s and at 4 km 3.30 km/s."""
    profile = rock_profile(618.0)
    np.testing.assert_allclose(profile.vs_at(np.array([1000.0, 4000.0])), [2505.0, 3300.0], rtol=5e-3)


@pytest.mark.parametrize(
    ("vs30_m_s", "vs_m_s"),
    [(618.0, [850.0, 1800.0, 3300.0, 3500.0]), (2780.0, [2791.0, 2914.0, 3570.0, 3600.0])],
)
def test_both_ends_of_the_family_are_what_cotton_et_al_read_off_them(vs30_m_s, vs_m_s):
    """Cotton, Scherbaum, Bommer & Bungum (2006), table 3: the generic profiles of Boore & Joyner (1997)."""
    found = rock_profile(vs30_m_s).vs_at(np.array([30.0, 190.0, 4000.0, 8000.0]))
    np.testing.assert_allclose(found, vs_m_s, rtol=0.01)


def test_a_vs30_beyond_the_family_is_refused():
    for vs30_m_s in (300.0, 3500.0):
        with pytest.raises(InputError, match="500, 2780"):
            rock_profile(vs30_m_s)


def test_nodes_keep_the_travel_time_and_nothing_below_their_limit():
    profile, depth_m = rock_profile(760.0), np.linspace(0, 9600, 32)
    nodes = profile.on_nodes(depth_m, 1.0)
    assert nodes.travel_time_s(np.array(9000.0)) == pytest.approx(
        float(profile.travel_time_s(np.array(9000.0))), rel=0.01
    )
    assert profile.on_nodes(depth_m, 1071.0).vs_m_s.min() >= 1071.0


def test_site_term_is_one_without_a_difference_and_the_root_of_the_impedances_with_one():
    depth_m = np.array([0.0, 30_000.0])
    slow, fast = Profile(depth_m, np.full(2, 1000.0)), Profile(depth_m, np.full(2, 2500.0))
    frequency_hz = np.array([0.5, 2.0, 5.0])
    np.testing.assert_allclose(site_term(frequency_hz, slow, slow, 0.0), 1.0)
    both = site_term(frequency_hz, fast, slow, 0.0)
    from spectremor.core.medium import density_kg_m3

    densities = density_kg_m3(np.array([1700.0, 4250.0]))
    np.testing.assert_allclose(both, np.sqrt(2500 * densities[1] / (1000 * densities[0])), rtol=1e-6)
    kappa = site_term(frequency_hz, fast, slow, 0.04) / both
    np.testing.assert_allclose(kappa, np.exp(-np.pi * 0.04 * frequency_hz))


def test_low_frequencies_do_not_see_the_top():
    site = rock_profile(600.0)
    carried = site.on_nodes(np.linspace(0, 9600, 32), 1071.0)
    term = site_term(np.array([0.01, 5.0]), carried, site, 0.0)
    assert term[0] == pytest.approx(1.0, abs=0.02)
    assert term[1] > 1.1
