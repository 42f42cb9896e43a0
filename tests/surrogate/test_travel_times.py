"""Travel times and direct waves against analytic media."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.medium import VP_OVER_VS, density_kg_m3
from spectremor.core.source import Source
from spectremor.core.travel_times import interpolate, travel_times
from spectremor.surrogate.ray_theory import _carried, direct_waves, free_surface_motion

EXTENT = (9600.0, 7200.0, 9600.0)
SHAPE = (25, 19, 25)


def distances(source):
    x, y, z = np.meshgrid(
        np.linspace(0, EXTENT[0], SHAPE[0]),
        np.linspace(0, EXTENT[1], SHAPE[1]),
        np.linspace(-EXTENT[2], 0, SHAPE[2]),
        indexing="ij",
    )
    return np.sqrt((x - source[0]) ** 2 + (y - source[1]) ** 2 + (z - source[2]) ** 2), z


@pytest.mark.parametrize("source", [(1216.0, 4500.0, -600.0), (4800.0, 3600.0, -8400.0), (6161.0, 1317.0, -3023.0)])
def test_uniform_medium(source):
    times = travel_times(np.full(SHAPE, 2000.0), source, EXTENT)
    assert np.abs(times - distances(source)[0] / 2000.0).max() < 0.01


@pytest.mark.parametrize("source", [(3100.0, 5200.0, -4000.0), (4800.0, 1300.0, -8400.0), (8000.0, 6100.0, -700.0)])
def test_velocity_growing_with_depth(source):
    """The analytic time of a linear gradient g: arccosh(1 + g^2 r^2 / (2 v v0)) / g."""
    gradient, surface = 0.25, 1500.0
    r, z = distances(source)
    v, v0 = surface - gradient * z, surface - gradient * source[2]
    exact = np.arccosh(1 + gradient**2 * r**2 / (2 * v * v0)) / gradient
    error = np.abs(travel_times(v, source, EXTENT) - exact)
    assert error[:, :, -1].max() < 0.04
    assert error.mean() < 0.01


def test_interpolation_is_exact_for_linear_fields():
    field = np.add.outer(np.add.outer(np.linspace(0, 1, 5), np.linspace(0, 2, 4)), np.linspace(0, 3, 6))
    points = np.array([[0.0, 0.0, -9600.0], [9600.0, 7200.0, 0.0], [4800.0, 1800.0, -4800.0]])
    np.testing.assert_allclose(interpolate(field, points, EXTENT), [0, 6, 0.5 + 0.5 + 1.5])


def test_free_surface():
    """At vertical incidence each wave doubles; beyond the critical angle SV's motion turns complex."""
    p_hor, p_ver, s_hor, s_ver = free_surface_motion(np.array([0.0, 0.3, 0.8]))
    assert p_ver[0] == pytest.approx(2)
    assert s_hor[0] == pytest.approx(2)
    assert abs(p_hor[0]) + abs(s_ver[0]) < 1e-12
    assert abs(s_hor[1].imag) < 1e-12 < abs(s_hor[2].imag)


def test_free_surface_is_free():
    """Incident and reflected P and SV together leave no traction (independent plane-wave sums)."""
    a = VP_OVER_VS
    for p in (0.1, 0.4):
        eta_p, eta_s = np.sqrt(1 / a**2 - p**2), np.sqrt(1 - p**2)
        # Upgoing P of unit amplitude plus unknown downgoing P and SV; rows: shear and normal traction, z down.
        lam = a**2 - 2

        def traction(polarisation, eta, p=p, lam=lam):
            ux, uz = polarisation
            return np.array([ux * eta + uz * p, lam * (p * ux + eta * uz) + 2 * eta * uz])

        up_p, down_p, down_s = (a * p, -a * eta_p), (a * p, a * eta_p), (eta_s, -p)
        matrix = np.stack([traction(down_p, eta_p), traction(down_s, eta_s)], axis=1)
        r = np.linalg.solve(matrix, -traction(up_p, -eta_p))
        ux = up_p[0] + r[0] * down_p[0] + r[1] * down_s[0]
        uz = up_p[1] + r[0] * down_p[1] + r[1] * down_s[1]
        p_hor, p_ver, *_ = free_surface_motion(np.array([a * p]))
        assert p_hor[0].real == pytest.approx(ux)
        assert p_ver[0].real == pytest.approx(-uz)
        up_s = (eta_s, p)
        r = np.linalg.solve(matrix, -traction(up_s, -eta_s))
        *_, s_hor, s_ver = free_surface_motion(np.array([p]))
        assert s_hor[0].real == pytest.approx(up_s[0] + r[0] * down_p[0] + r[1] * down_s[0])
        assert s_ver[0].real == pytest.approx(-(up_s[1] + r[0] * down_p[1] + r[1] * down_s[1]))


def test_vectors_turn_with_the_ray():
    rng = np.random.default_rng(0)
    start, end, v = rng.standard_normal((3, 7, 3))
    start, end = (u / np.linalg.norm(u, axis=1, keepdims=True) for u in (start, end))
    turned = _carried(v, start, end)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(v, axis=1))
    np.testing.assert_allclose((turned * end).sum(1), (v * start).sum(1), atol=1e-12)


def test_direct_waves_in_a_uniform_medium():
    """Straight rays: arrival times and the far-field amplitudes of Aki & Richards, doubled by the surface."""
    beta = 2000.0
    source = Source(position_m=(4800.0, 3600.0, -6000.0), moment_tensor_nm=(0, 0, 0, 0, 1e16, 0))
    waves = direct_waves(
        np.full(SHAPE, beta), source, EXTENT, np.array([4800.0, 6000.0]), np.array([3600.0, 1200.0, 0.0])
    )
    np.testing.assert_allclose(waves.s_time_s[0, 1, 1], np.sqrt(1200**2 + 2400**2 + 6000**2) / beta, atol=1e-2)
    np.testing.assert_allclose(waves.incidence[0, :, 0, 0], 0, atol=0.01)
    # Straight above an xz couple: no P, and S along x of M0 / (4 pi rho beta^3 r), times 2.
    rho = density_kg_m3(np.array([VP_OVER_VS * beta]))[0]
    s = 2 * 1e16 / (4 * np.pi * rho * beta**3 * 6000.0)
    total = waves.amplitude[0].sum(0)[:, 0, 0]
    assert total[0].real == pytest.approx(s, rel=0.02)
    assert np.abs(total[1:]).max() < 0.02 * s


def test_direct_waves_are_linear_in_the_moment_tensor():
    rng = np.random.default_rng(1)
    vs = rng.uniform(1500, 3500, SHAPE)
    sensors = np.linspace(300, 9000, 4), np.linspace(300, 7000, 3)
    a, b = rng.standard_normal((2, 6)) * 1e16

    def amplitude(six):
        source = Source(position_m=(4000.0, 3000.0, -5000.0), moment_tensor_nm=tuple(six))
        return direct_waves(vs, source, EXTENT, *sensors).amplitude

    np.testing.assert_allclose(amplitude(2 * a - b), 2 * amplitude(a) - amplitude(b), rtol=1e-9, atol=1e-12)


def test_oblique_waves_in_a_uniform_medium():
    """Each wave: the far field along its own direction of motion, times the surface's response to it."""
    beta = 2000.0
    source = Source(position_m=(4800.0, 3600.0, -6000.0), moment_tensor_nm=(1e16, -2e16, 3e16, 4e16, 5e16, 6e16))
    waves = direct_waves(np.full(SHAPE, beta), source, EXTENT, np.array([7200.0]), np.array([2100.0]))
    ray, up = np.array([2400.0, -1500.0, 6000.0]), np.array([0.0, 0.0, 1.0])
    distance = np.linalg.norm(ray)
    ray /= distance
    sine = np.hypot(ray[0], ray[1])
    ahead = np.array([ray[0], ray[1], 0.0]) / sine
    sv, sh = ahead * ray[2] - up * sine, np.cross(up, ahead)
    force = source.tensor_nm @ ray / (4 * np.pi * density_kg_m3(np.array([VP_OVER_VS * beta]))[0] * beta**3 * distance)
    p_hor, p_ver, s_hor, s_ver = (motion[0] for motion in free_surface_motion(np.array([sine])))
    expected = np.array(
        [
            force @ ray / VP_OVER_VS**3 * (p_hor * ahead + p_ver * up),
            force @ sv * (s_hor * ahead + s_ver * up),
            force @ sh * 2 * sh,
        ]
    )
    np.testing.assert_allclose(waves.amplitude[0, :, :, 0, 0], expected, atol=0.03 * np.abs(expected).max())


def test_amplitudes_follow_the_impedances_of_both_ends():
    z = np.linspace(-EXTENT[2], 0.0, SHAPE[2])
    vs = np.broadcast_to(1500.0 - 0.25 * z, SHAPE)
    source = Source(position_m=(4800.0, 3600.0, -6000.0), moment_tensor_nm=(0, 0, 0, 0, 1e16, 0))
    east = direct_waves(vs, source, EXTENT, np.array([4800.0]), np.array([3600.0])).amplitude[0].sum(0)[0, 0, 0].real
    rho0, rho = density_kg_m3(VP_OVER_VS * np.array([3000.0, 1500.0]))
    assert east == pytest.approx(2e16 / (4 * np.pi * np.sqrt(rho0 * rho * 1500.0) * 3000.0**2.5 * 6000.0), rel=0.02)
