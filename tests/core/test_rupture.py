"""Ruptures: sums over their points, what they refuse, and random ones from a magnitude."""

from __future__ import annotations

import math

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.moment_rates import RiseTimes, SampledRates
from spectremor.core.random_rupture import PlaneSettings, plane_size_m
from spectremor.core.rupture import Rupture
from spectremor.core.source import moment_from_mw

SOURCE = sp.Source.from_angles(
    position_m=(4800, 4700, -8400), strike_deg=48, dip_deg=45, rake_deg=88, mw=5.1, rise_time_s=0.1
)
GROUND = sp.make_geology(np.full((6, 6, 6), 3000.0), (30000.0, 30000.0, 20000.0))
RANDOM = {"mw": 5.8, "hypocentre_m": (15e3, 15e3, -9e3), "strike_deg": 40, "dip_deg": 60, "rake_deg": 90}


def two_points(**changes) -> Rupture:
    one = np.array(SOURCE.moment_tensor_nm)
    given = {
        "position_m": np.array([[1000.0, 2000.0, -3000.0], [2000.0, 2000.0, -5000.0]]),
        "tensors": np.stack([one, 3 * one]),
        "start_s": np.array([0.0, 0.4]),
        "rates": RiseTimes(np.array([0.1, 0.2])),
    }
    return Rupture(**(given | changes))


def test_a_source_is_a_rupture_of_one():
    rupture = sp.Rupture.from_source(SOURCE)
    assert rupture.as_source() == SOURCE
    assert rupture.moment_nm == pytest.approx(SOURCE.moment_nm)
    assert rupture.centroid_m == SOURCE.position_m
    assert rupture.strike_dip_rake_deg() == pytest.approx(SOURCE.strike_dip_rake_deg())


def test_sums_are_weighted_by_moment():
    rupture = two_points()
    assert rupture.moment_nm == pytest.approx(4 * SOURCE.moment_nm)
    assert rupture.centroid_m == pytest.approx((1750, 2000, -4500))
    assert rupture.centroid_s == pytest.approx(0.25 * 0.2 + 0.75 * 0.8)
    assert rupture.hypocentre_m == (1000, 2000, -3000)
    assert rupture.as_source() is None


def test_two_directions_of_one_subfault_add_up_as_vectors():
    """Two slips at right angles of 3 and 4 are one of 5."""
    at = {"position_m": (100, 100, -100), "strike_deg": 20, "dip_deg": 70}
    parts = [
        sp.Source.from_angles(rake_deg=r, moment_nm=m, rise_time_s=0.1, **at) for r, m in ((10, 3e15), (100, 4e15))
    ]
    tensors = np.array([p.moment_tensor_nm for p in parts])
    rupture = two_points(tensors=tensors, subfault=np.array([7, 7]))
    assert rupture.moment_nm == pytest.approx(5e15)
    assert two_points(tensors=tensors).moment_nm == pytest.approx(7e15)


def test_parts_of_a_rupture():
    part = two_points().take([1])
    assert part.moment_nm == pytest.approx(3 * SOURCE.moment_nm)
    assert part.start_s.tolist() == [0.4]
    assert part.rates.rise_time_s.tolist() == [0.2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position_m": np.array([[0.0, 0, -1], [0, 0, 5]])}, r"^rupture\.z: got 5 m, point 1; allowed: below"),
        ({"start_s": np.array([0.0, -1])}, r"^rupture\.start_s: got -1 s; allowed: 0 s or more"),
        ({"start_s": np.array([0.0, np.nan])}, r"^rupture\.start_s: got 1 NaN or infinite values"),
        ({"tensors": np.zeros((2, 6))}, r"^rupture\.tensors: got all zeros"),
        ({"rates": RiseTimes(np.array([0.1]))}, r"^rupture\.rates: got 1 rates; allowed: 2, one for each point"),
        ({"tensors": np.ones((2, 6)) * 1e30}, r"^rupture\.moment: got .* allowed: 3\.98e\+04 to 2\.24e\+23 N m"),
    ],
)
def test_what_is_no_rupture_is_refused(change, message):
    with pytest.raises(sp.InputError, match=message):
        two_points(**change)


def test_a_rupture_that_leaves_the_ground_is_refused():
    rupture = two_points()
    assert rupture.check_inside((3000, 3000, 6000)) is rupture
    with pytest.raises(sp.InputError, match=r"^rupture\.x: got 1000 to 2000 m, 1 of 2 points outside; allowed: \[0, 1"):
        rupture.check_inside((1500, 3000, 6000))


def test_rigidity_is_the_grounds_or_a_number():
    unknown = two_points(tensors=two_points().tensors / 3e10, needs_rigidity=True)
    with pytest.raises(sp.InputError, match=r"^rupture\.rigidity: got none in the file; allowed: a rigidity"):
        unknown.mw
    assert unknown.with_rigidity(3e10).moment_nm == pytest.approx(4 * SOURCE.moment_nm)
    rigidity = float(GROUND.density.values.flat[0]) * 3000.0**2
    assert unknown.with_rigidity(GROUND).moment_nm == pytest.approx(4 * SOURCE.moment_nm * rigidity / 3e10, rel=1e-5)
    with pytest.raises(sp.InputError, match=r"^rigidity_pa: got 30; allowed: 1e7 to 1e12 Pa"):
        unknown.with_rigidity(30)


def test_spectra_are_those_of_the_rates():
    """Against the Fourier integral of the rate itself, finely sampled."""
    rates = SampledRates(np.array([0.0, 2.0, 1.0, 0.5, 4.0]), np.array([4, 1]), np.array([0.1, 0.25]))
    w = np.array([0.0, 3.0, 17.0])
    t = np.linspace(-0.5, 1.5, 200_001)
    first = np.interp(t, [-0.1, 0.0, 0.1, 0.2, 0.3, 0.4], [0, 0, 2, 1, 0.5, 0]) / 0.35
    second = np.interp(t, [-0.25, 0, 0.25], [0, 4, 0])
    for rate, spectrum in zip((first, second), rates.spectrum(w), strict=True):
        expected = [np.trapezoid(rate * np.exp(-1j * v * t), t) for v in w]
        assert np.allclose(spectrum, expected, atol=1e-6)
    assert rates.take(np.array([1])).spectrum(w)[0] == pytest.approx(rates.spectrum(w)[1])
    assert rates.centroid_s == pytest.approx([(0.1 * 2 + 0.2 + 0.3 * 0.5) / 3.5, 0.0])


@pytest.mark.parametrize(
    ("samples", "counts", "message"),
    [([0.0, 0.0], [2], "without positive area"), ([1.0], [2], "counts"), ([np.nan], [1], "NaN")],
)
def test_rates_that_are_none_are_refused(samples, counts, message):
    with pytest.raises(sp.InputError, match=message):
        SampledRates(np.array(samples), np.array(counts), np.array([0.1]))


@pytest.mark.parametrize(("mw", "rake", "area_km2"), [(6.0, 90, 99.8), (6.0, 0, 101.6), (5.0, 180, 10.16)])
def test_size_follows_leonards_relation(mw, rake, area_km2):
    """Mw = log10 A + 4.0 for dip-slip and + 3.99 for strike-slip, A in km2 (Leonard 2010, table 6)."""
    length, width = plane_size_m(moment_from_mw(mw), rake)
    assert length * width / 1e6 == pytest.approx(area_km2, rel=0.02)
    assert length >= width * (1 - 1e-12)


def test_random_ruptures_have_their_magnitude_and_mechanism():
    rupture = Rupture.from_magnitude(**RANDOM, seed=3, geology=GROUND)
    assert rupture.mw == pytest.approx(5.8, abs=1e-9)
    planes = [(40, 60, 90), (220, 30, 90)]
    found = rupture.strike_dip_rake_deg()
    assert any(np.allclose(found, p, atol=1e-4) for p in planes)
    # All points lie in the plane through the hypocentre.
    s, d = math.radians(40), math.radians(60)
    normal = np.array([math.cos(s) * math.sin(d), -math.sin(s) * math.sin(d), math.cos(d)])
    assert np.abs((rupture.position_m - RANDOM["hypocentre_m"]) @ normal).max() < 1e-6


def test_random_ruptures_run_at_their_speed_from_the_hypocentre():
    rupture = Rupture.from_magnitude(**RANDOM, seed=3, geology=GROUND)
    distance = np.linalg.norm(rupture.position_m - RANDOM["hypocentre_m"], axis=1)
    assert rupture.start_s == pytest.approx(distance / (0.8 * 3000), rel=1e-6)


def test_rise_times_grow_with_the_root_of_slip():
    rupture = Rupture.from_magnitude(**RANDOM, seed=3)
    ratio = rupture.rates.rise_time_s / np.sqrt(rupture.slip_m)
    assert np.ptp(ratio) < 1e-9 * ratio.mean()
    mean = np.average(rupture.rates.rise_time_s * math.sqrt(48), weights=rupture.slip_m)
    assert mean == pytest.approx(1.6e-9 * (moment_from_mw(5.8) * 1e7) ** (1 / 3))


def test_seeds_decide_slip_and_hypocentre():
    one, same, other = (Rupture.from_magnitude(**RANDOM, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.tensors, same.tensors)
    assert len(one) != len(other) or not np.allclose(one.tensors, other.tensors)
    assert not np.allclose(one.centroid_m, other.centroid_m)


def test_slip_is_correlated_and_tapers():
    settings = PlaneSettings(size_m=(20e3, 10e3), spacing_m=250, hypocentre_share=(0.5, 0.5))
    rupture = Rupture.from_magnitude(**RANDOM | {"mw": 6.4, "dip_deg": 89}, seed=0, settings=settings)
    along = (rupture.position_m - RANDOM["hypocentre_m"]) @ [math.sin(math.radians(40)), math.cos(math.radians(40)), 0]
    order = np.lexsort((along, np.round(rupture.position_m[:, 2])))
    neighbours = np.corrcoef(rupture.slip_m[order][:-1], rupture.slip_m[order][1:])[0, 1]
    assert neighbours > 0.7
    assert rupture.slip_m[np.abs(along) > 9.7e3].mean() < 0.1 * rupture.slip_m.mean()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hypocentre_m": (15e3, 15e3, -300.0), "mw": 6.5}, r"^rupture\.hypocentre_z: got -300 m: a plane .* surface"),
        ({"hypocentre_m": (15e3, 15e3, 300.0)}, r"^rupture\.hypocentre_z: got 300 m; allowed: below"),
        ({"hypocentre_m": (15e3, math.nan, -3e3)}, r"^rupture\.hypocentre_m: got .* three finite numbers"),
        ({"dip_deg": 0}, r"^rupture\.dip: got 0 degrees; allowed: \(0, 90\]"),
        ({"mw": 12}, r"^source\.mw: got 12; allowed"),
        ({"hypocentre_m": (500.0, 15e3, -9e3), "geology": GROUND}, r"^rupture\.x: got .* inside the domain"),
        ({"settings": PlaneSettings(hypocentre_share=(0.5, 1.0)), "mw": 7.5, "hypocentre_m": (0, 0, -5e3)}, "surface"),
        ({"settings": PlaneSettings(spacing_m=1.0)}, r"^rupture\.spacing_m: got 1 m, \d+ subfaults; allowed: at least"),
    ],
)
def test_random_ruptures_that_cannot_be_are_refused(change, message):
    with pytest.raises(sp.InputError, match=message):
        Rupture.from_magnitude(**RANDOM | change)
