"""A moment tensor in a uniform full space, against the analytic near-, intermediate- and far-field solution."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.source import Source
from spectremor.simulation.grid import Grid, points_per_wavelength

VS, VP, RHO = 2500.0, 4250.0, 2400.0
CENTRE = np.array([2237.0, 2061.0, -3012.0])
OFFSETS = np.array([[700.0, 400.0, 300.0], [-500.0, 800.0, -450.0], [130.0, -850.0, 640.0], [-900.0, -210.0, 80.0]])
SIX = np.eye(6) * 1e15
RISE = 0.1


def stokes_velocity(omega, offset, tensor):
    """Velocity spectra (3, frequency) of a moment tensor: Aki & Richards (2002), eq. 4.29, differentiated in time."""
    r = np.linalg.norm(offset)
    g = offset / r
    ggg = np.einsum("n,p,q->npq", g, g, g)
    d = np.eye(3)
    gd = np.einsum("n,pq->npq", g, d)
    pn, qn = np.einsum("p,nq->npq", g, d), np.einsum("q,np->npq", g, d)
    contract = lambda a: np.einsum("npq,pq->n", a, tensor)[:, None]  # noqa: E731
    near = contract(15 * ggg - 3 * gd - 3 * pn - 3 * qn)
    mid_p = contract(6 * ggg - gd - pn - qn)
    mid_s = contract(6 * ggg - gd - pn - 2 * qn)
    far_p, far_s = contract(ggg), contract(ggg - qn)
    iw = 1j * omega
    rate = 1 / (1 + iw * RISE) ** 2  # spectrum of the moment rate
    ta, tb = r / VP, r / VS
    ea, eb = np.exp(-iw * ta), np.exp(-iw * tb)
    # Integral of t exp(-i w t) from ta to tb.
    integral = (ta * ea - tb * eb) / iw + (ea - eb) / iw**2
    k = 1 / (4 * np.pi * RHO)
    return (
        k
        * rate
        * (
            near / r**4 * integral
            + mid_p / (VP**2 * r**2) * ea
            - mid_s / (VS**2 * r**2) * eb
            + far_p / (VP**3 * r) * iw * ea
            - far_s / (VS**3 * r) * iw * eb
        )
    )


def field(lab, tools, spacing, order, six, lowpass, duration=1.25):
    cells = (round(4400 / spacing), round(4200 / spacing))
    uniform = lab.uniform(Grid(spacing, cells, round(5600 / spacing), order), VS, VP, RHO, lowpass)
    source = Source(position_m=tuple(CENTRE), moment_tensor_nm=tuple(six), rise_time_s=RISE)
    times, velocity = uniform.run(source, tools.inside_receivers(uniform.grid, CENTRE + OFFSETS), duration)
    return source, times, velocity[:, :, 0]


def expected(inverse_transform, source, times, lowpass):
    return np.stack(
        [
            [inverse_transform(lambda w: stokes_velocity(w, o, source.tensor_nm)[n], times, lowpass) for o in OFFSETS]  # noqa: B023
            for n in range(3)
        ]
    )


@pytest.mark.parametrize("six", SIX, ids=["xx", "yy", "zz", "xy", "xz", "yz"])
def test_each_tensor_component_within_two_percent(lab, tools, inverse_transform, rrmse, six):
    spacing, lowpass = 100.0, 4.0
    assert VS / (lowpass * spacing) >= 5  # points per shear wavelength at the corner
    source, times, found = field(lab, tools, spacing, 8, six, lowpass)
    assert rrmse(found, expected(inverse_transform, source, times, lowpass)) <= 0.02


def test_joint_refinement_converges(lab, tools, inverse_transform, rrmse):
    # Fine enough grids reach a floor near 1%; here differencing errors lead.
    six = (1e15, -2e15, 1e15, 5e14, -8e14, 3e14)
    errors = []
    for spacing in (200.0, 100.0):
        source, times, found = field(lab, tools, spacing, 4, six, 3.0)
        errors.append(rrmse(found, expected(inverse_transform, source, times, 3.0)))
    assert np.log2(errors[0] / errors[1]) >= 1.8, errors


def test_points_per_wavelength_fall_with_order():
    assert points_per_wavelength(2) > points_per_wavelength(4) > points_per_wavelength(8) > 2
