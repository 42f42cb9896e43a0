"""The source: tensors, angles and their conventions, against ObsPy and against themselves."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from obspy.imaging.beachball import MomentTensor, aux_plane, mt2plane

from spectremor.core.errors import InputError
from spectremor.core.source import (
    HEMEW_MOMENT_NM,
    MW_RANGE,
    Source,
    moment_from_mw,
    moment_function,
)

HERE = (4800.0, 3000.0, -8400.0)

strikes = st.floats(0, 360, exclude_max=True)
dips = st.floats(0, 90)
rakes = st.floats(-180, 180)


def source(strike: float, dip: float, rake: float, **more) -> Source:
    return Source.from_angles(position_m=HERE, strike_deg=strike, dip_deg=dip, rake_deg=rake, **more)


def up_south_east(s: Source) -> MomentTensor:
    """(East, North, Up) to ObsPy's (Up, South, East)."""
    xx, yy, zz, xy, xz, yz = s.moment_tensor_nm
    return MomentTensor(zz, yy, xx, -yz, xz, -xy, 0)


@given(strikes, dips, rakes)
@example(0, 0, 0)
@example(30, 90, 180)
@example(359.999, 90, -180)
@example(10, 0, 77)
@example(0, 45, 90)
def test_double_couple_has_no_trace_no_determinant_and_the_asked_moment(strike, dip, rake):
    s = source(strike, dip, rake, moment_nm=3e15)
    unit = s.tensor_nm / 3e15
    assert abs(np.trace(unit)) < 1e-14
    assert s.moment_nm == pytest.approx(3e15, rel=1e-13)
    np.testing.assert_allclose(np.linalg.eigvalsh(unit), [-1, 0, 1], atol=1e-14)


@given(strikes, dips, rakes)
@example(0, 0, 0)
@example(200, 0, 31)
@example(0, 90, 0)
@example(270, 90, -90)
@example(123, 90, 180)
@example(45, 1e-7, 10)
@example(45, 90 - 1e-7, 10)
def test_angles_survive_a_round_trip_through_the_tensor(strike, dip, rake):
    s = source(strike, dip, rake)
    back = source(*s.strike_dip_rake_deg())
    np.testing.assert_allclose(back.tensor_nm / HEMEW_MOMENT_NM, s.tensor_nm / HEMEW_MOMENT_NM, atol=1e-7)


@given(strikes, dips, rakes, st.floats(1e10, 1e22), st.tuples(st.booleans(), st.booleans(), st.booleans()))
@example(0, 45, 90, 1e15, (True, False, True))
@example(0, 90, 0, 1e15, (True, False, False))
@example(37, 45, 0, 1e15, (False, False, True))
def test_the_plane_hangs_neither_on_the_moment_nor_on_the_signs_of_eigenvectors(strike, dip, rake, moment, signs):
    s = source(strike, dip, rake)
    vectors = np.linalg.eigh(s.tensor_nm)
    flipped = vectors._replace(eigenvectors=vectors.eigenvectors * np.where(signs, -1.0, 1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.linalg, "eigh", lambda _: flipped)
        other = s.strike_dip_rake_deg()
    scaled = Source.from_tensor(position_m=s.position_m, tensor_nm=s.tensor_nm * (moment / s.moment_nm))
    for found in (other, scaled.strike_dip_rake_deg()):
        # Planes whose strikes differ by less than rounding are told apart by chance.
        turns = np.abs((np.subtract(found, s.strike_dip_rake_deg()) + 180) % 360 - 180)
        assert turns.max() < 1e-4 or _tie(s)


def _tie(s: Source) -> bool:
    """Vertical or level planes, and two planes that strike alike, within rounding."""
    strike, dip, rake = s.strike_dip_rake_deg()
    other = aux_plane(strike, dip, rake)
    apart = abs((strike - other[0] + 180) % 360 - 180)
    return min(dip, other[1], 90 - dip, 90 - other[1], apart, strike % 180, 180 - strike % 180) < 1e-3


def off_axis(angle: float) -> bool:
    """ObsPy's own planes flip their sign within rounding of the axes."""
    return 1e-3 < angle % 90 < 90 - 1e-3


@given(strikes.filter(off_axis), st.floats(1, 89), rakes.filter(off_axis))
def test_nodal_plane_is_one_of_obspys_two(strike, dip, rake):
    s = source(strike, dip, rake)
    plane = mt2plane(up_south_east(s))
    candidates = [(plane.strike, plane.dip, plane.rake), aux_plane(plane.strike, plane.dip, plane.rake)]
    for other in (*candidates, (strike, dip, rake)):
        again = source(other[0], min(max(other[1], 0.0), 90.0), other[2])
        np.testing.assert_allclose(again.tensor_nm / HEMEW_MOMENT_NM, s.tensor_nm / HEMEW_MOMENT_NM, atol=2e-6)


@pytest.mark.parametrize(
    ("angles", "vector_m_s"),
    [
        # Vertical left-lateral strike slip on a North-South plane: Mne = +M0 by Aki & Richards.
        ((0, 90, 0), {"xy": 1.0}),
        # Thrust at 45 degrees: the vertical axis is tensional.
        ((0, 45, 90), {"zz": 1.0, "xx": -1.0}),
        # Normal faulting at 45 degrees on an East-West plane.
        ((90, 45, -90), {"zz": -1.0, "yy": 1.0}),
        # Vertical dip slip, strike North: the East (hanging-wall) side rises.
        ((0, 90, 90), {"xz": 1.0}),
    ],
)
def test_textbook_mechanisms(angles, vector_m_s):
    s = source(*angles, moment_nm=1e16)
    expected = [vector_m_s.get(name, 0.0) for name in ("xx", "yy", "zz", "xy", "xz", "yz")]
    np.testing.assert_allclose(np.array(s.moment_tensor_nm) / 1e16, expected, atol=1e-15)


@given(st.floats(0, 360), dips, st.floats(0, 360))
@example(48, 45, 88)
def test_hemew_angles_are_a_standard_mechanism(phi, delta, lam):
    hemew = source(phi, delta, lam, convention="hemew", moment_nm=1e16)
    plain = source(90 - phi, delta, 180 - lam, moment_nm=1e16)
    np.testing.assert_allclose(hemew.tensor_nm, plain.tensor_nm, atol=1e-12 * 1e16)


def test_hemew_angles_differ_from_standard_ones():
    assert not np.allclose(
        source(20, 30, 70, convention="hemew").tensor_nm, source(20, 30, 70).tensor_nm, rtol=0, atol=1e15
    )


@given(st.floats(*MW_RANGE))
def test_moment_and_magnitude_are_inverse(mw):
    assert source(1, 2, 3, mw=mw).mw == pytest.approx(mw, abs=1e-10)
    assert moment_from_mw(mw) == pytest.approx(10 ** (1.5 * mw + 9.1), rel=1e-12)


@pytest.mark.parametrize("mw", [MW_RANGE[0] - 0.01, MW_RANGE[1] + 0.01, -6.07, 9.57])
def test_every_way_to_give_a_size_has_the_same_bounds(mw):
    moment = moment_from_mw(mw)
    tensor = moment * np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    ways = [
        lambda: source(1, 2, 3, mw=mw),
        lambda: source(1, 2, 3, moment_nm=moment),
        lambda: Source.from_tensor(position_m=HERE, tensor_nm=tensor),
        lambda: Source(position_m=HERE, moment_tensor_nm=(0, 0, 0, moment, 0, 0)),
    ]
    for way in ways:
        with pytest.raises(InputError, match=r"source\.(mw|moment): got .*-3.*9\.5"):
            way()


@pytest.mark.parametrize("mw", MW_RANGE)
def test_the_bounds_of_size_themselves_are_taken(mw):
    for s in (source(1, 2, 3, mw=mw), source(1, 2, 3, moment_nm=moment_from_mw(mw))):
        assert s.mw == pytest.approx(mw)


def test_a_moment_in_dyn_cm_is_named_as_one():
    with pytest.raises(InputError, match=r"1 dyn cm is 1e-7 N m"):
        source(1, 2, 3, moment_nm=2.47e23)


def test_moment_without_a_size_is_the_published_one():
    assert source(1, 2, 3).moment_nm == pytest.approx(2.47e16)


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6).filter(lambda m: max(map(abs, m)) > 1e-3))
def test_tensor_round_trip(six):
    six_nm = tuple(1e16 * v for v in six)
    s = Source(position_m=HERE, moment_tensor_nm=six_nm)
    assert Source.from_tensor(position_m=HERE, tensor_nm=s.tensor_nm, rise_time_s=s.rise_time_s) == s
    assert s.moment_nm == pytest.approx(math.sqrt((s.tensor_nm**2).sum() / 2))


def moment_rate(t_s, rise_time_s):
    """The derivative of `moment_function`, in 1/s."""
    u = np.maximum(t_s, 0.0) / rise_time_s
    return u / rise_time_s * np.exp(-u)


@given(st.floats(0.01, 3), st.floats(-1, 20))
def test_moment_rate_is_the_derivative_of_the_moment(rise, t):
    h = 1e-5 * rise
    two = moment_function(np.array([t - h, t + h]), rise)
    slope = (two[1] - two[0]) / (2 * h)
    assert slope == pytest.approx(float(moment_rate(np.array(t), rise)), rel=1e-4, abs=2e-5 / rise)


def test_moment_function_starts_at_zero_and_ends_at_one():
    t = np.linspace(-1, 100, 2021)
    m = moment_function(t, 0.3)
    assert (m[t <= 0] == 0).all()
    assert m[-1] == pytest.approx(1)
    assert (np.diff(m) >= 0).all()
    assert np.trapezoid(moment_rate(t, 0.3), t) == pytest.approx(1, abs=3e-3)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dip_deg": 91}, "source.dip"),
        ({"dip_deg": -1}, "source.dip"),
        ({"strike_deg": float("nan")}, "source.strike_dip_rake"),
        ({"position_m": (1.0, 2.0)}, "source.position_m"),
        ({"position_m": (1.0, float("inf"), -3.0)}, "source.position_m"),
        ({"position_m": (1.0, 2.0, 3.0)}, "source.z"),
        ({"position_m": (1.0, 2.0, 0.0)}, "source.z"),
        ({"moment_nm": -1.0}, "source.moment"),
        ({"moment_nm": float("inf")}, "source.moment"),
        ({"moment_nm": 1e15, "mw": 5.0}, "source.moment"),
        ({"mw": 11.0}, "source.mw"),
        ({"rise_time_s": 0.0}, "source.rise_time_s"),
    ],
)
def test_bad_sources_are_refused_by_name(change, field):
    good = {"position_m": HERE, "strike_deg": 1.0, "dip_deg": 2.0, "rake_deg": 3.0}
    with pytest.raises(InputError) as caught:
        Source.from_angles(**(good | change))
    assert caught.value.field == field
    assert "\n" not in str(caught.value)
    assert "allowed" in str(caught.value)


@pytest.mark.parametrize(
    "tensor",
    [np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0.0]]), np.full((3, 3), np.nan), np.zeros((3, 3))],
    ids=["asymmetric", "nan", "zero"],
)
def test_bad_tensors_are_refused(tensor):
    with pytest.raises(InputError, match=r"source\.(moment_)?tensor_nm"):
        Source.from_tensor(position_m=HERE, tensor_nm=tensor)


def test_source_is_frozen_and_survives_pickling():
    s = source(1, 2, 3)
    with pytest.raises(AttributeError):
        s.rise_time_s = 2.0
    assert pickle.loads(pickle.dumps(s)) == s


@pytest.mark.parametrize(
    ("position", "field"),
    [((-1, 5, -5), "source.x"), ((5, 2001, -5), "source.y"), ((5, 5, -3001), "source.z")],
)
def test_source_outside_the_domain_is_named(position, field):
    s = Source(position_m=position, moment_tensor_nm=(1e16, 0, 0, 0, 0, 0))
    with pytest.raises(InputError) as caught:
        s.check_inside((1000.0, 2000.0, 3000.0))
    assert caught.value.field == field


def test_source_inside_the_domain_but_within_the_margin():
    s = Source(position_m=(500, 950, -1500), moment_tensor_nm=(1e16, 0, 0, 0, 0, 0))
    assert s.check_inside((1000.0, 1000.0, 2000.0)) is s
    with pytest.raises(InputError, match=r"source\.y: got 950 m; allowed: \[100, 900\] m"):
        s.check_inside((1000.0, 1000.0, 2000.0), margin_m=100.0)
