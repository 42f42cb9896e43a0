"""A first guess of the ground motion from ray theory: direct P and S waves at each sensor.

For each sensor: arrival times from the eikonal equation, directions of departure and arrival from the ray that descends
it, far-field amplitudes of a moment tensor (Aki & Richards 2002, eqs. 4.96-4.97, with the impedances of both ends),
and the motion of the free surface under the arriving wave (their eqs. 5.27-5.32). Everything is linear in the moment
tensor. Waves do not see structure much smaller than their length, and the fastest path through a rough medium is not
theirs, so rays are traced in media of smoothed slowness. Scattered and converted waves, focusing and the near field
are missing: they are what the network adds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Complex, Float

from spectremor.core.medium import VP_OVER_VS, density_kg_m3, vp_m_s
from spectremor.core.rays import departures, trilinear
from spectremor.core.source import Source
from spectremor.core.travel_times import interpolate, travel_times

#: Horizontal slowness is kept below that of a wave along the surface.
_MAX_SINE = 0.98


@dataclasses.dataclass(frozen=True, kw_only=True)
class DirectWaves:
    """Direct waves at the sensors of one event, for each smoothing of the medium.

    Attributes:
        s_time_s: arrival of the S wave; P arrives VP_OVER_VS times sooner, on the same ray.
        amplitude: velocity spectrum over (i omega) times the moment rate's, in m per unit moment-rate spectrum:
            components (E, N, Z) of P, SV and SH. Complex: the imaginary part multiplies the Hilbert transform.
        incidence: horizontal slowness times the surface's Vs (sine of the S wave's angle), East and North.
        surface_vs_m_s: Vs below each sensor.
        s_time_volume_s: S arrival at the nodes of the geology.
    """

    s_time_s: Float[np.ndarray, "smoothing x y"]
    amplitude: Complex[np.ndarray, "smoothing wave=3 component=3 x y"]
    incidence: Float[np.ndarray, "smoothing 2 x y"]
    surface_vs_m_s: Float[np.ndarray, "smoothing x y"]
    s_time_volume_s: Float[np.ndarray, "smoothing nx ny nz"]


def direct_waves(
    vs_m_s: Float[np.ndarray, "nx ny nz"],
    source: Source,
    extent_m: tuple[float, float, float],
    x_m: Float[np.ndarray, " x"],
    y_m: Float[np.ndarray, " y"],
    smoothings_m: Sequence[float] = (0.0,),
) -> DirectWaves:
    """Trace the direct P and S waves of a source to sensors on the surface.

    Args:
        vs_m_s: S-wave velocity at nodes spread evenly over the domain, z upward.
        source: inside the domain.
        extent_m: size of the domain.
        x_m: sensor positions along East.
        y_m: sensor positions along North.
        smoothings_m: standard deviation of the Gaussian that smooths the slowness, for each medium; 0 leaves it rough.
    """
    gx, gy = np.meshgrid(x_m, y_m, indexing="ij")
    return direct_waves_at(vs_m_s, source, extent_m, np.stack([gx, gy], axis=-1), smoothings_m)


def direct_waves_at(
    vs_m_s: Float[np.ndarray, "nx ny nz"],
    source: Source,
    extent_m: tuple[float, float, float],
    points_m: Float[np.ndarray, "x y 2"],
    smoothings_m: Sequence[float] = (0.0,),
) -> DirectWaves:
    """As `direct_waves`, at any points (East, North) of the surface, in rows of equal length.

    Args:
        vs_m_s: as for `direct_waves`, and so are `source`, `extent_m` and `smoothings_m`.
        source: likewise.
        extent_m: likewise.
        points_m: of the sensors.
        smoothings_m: likewise.
    """
    vs = np.asarray(vs_m_s, dtype=float)
    traced = [_traced(_smoothed(vs, s, extent_m), source, extent_m, points_m, s) for s in smoothings_m]
    return DirectWaves(**{name: np.stack([one[name] for one in traced]) for name in traced[0]})


def _smoothed(vs: np.ndarray, smoothing_m: float, extent_m: tuple[float, float, float]) -> np.ndarray:
    """The medium of smoothed slowness."""
    if smoothing_m == 0:
        return vs
    slowness = 1.0 / vs
    for axis, side_m in enumerate(extent_m):
        slowness = _smoothed_along(slowness, axis, smoothing_m / (side_m / (vs.shape[axis] - 1)))
    return np.asarray(1.0 / slowness)


def _smoothed_along(values: np.ndarray, axis: int, deviation: float) -> np.ndarray:
    """Values smoothed by a Gaussian, in nodes, cut at four deviations; the edge values continue outside."""
    reach = int(4 * deviation + 0.5)
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    weight /= weight.sum()
    padding = [(reach, reach) if a == axis else (0, 0) for a in range(values.ndim)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, padding, mode="edge"), len(weight), axis)
    return np.asarray(windows @ weight)


def _traced(
    vs: np.ndarray,
    source: Source,
    extent_m: tuple[float, float, float],
    points_m: Float[np.ndarray, "x y 2"],
    smoothing_m: float,
) -> dict[str, np.ndarray]:
    """The fields of `DirectWaves` in one medium."""
    steps = np.array(extent_m) / (np.array(vs.shape) - 1)
    # A medium that is rough from node to node needs a finer march.
    volume = travel_times(vs, source.position_m, extent_m, refinement=1 if smoothing_m >= steps.max() else 2)
    sensors = np.concatenate([points_m.reshape(-1, 2), np.zeros((points_m[..., 0].size, 1))], axis=1)
    origin = np.array(source.position_m)

    # T**2 is smooth where T has its cusp, so its gradient can be interpolated up to the source.
    gradient = np.stack(np.gradient(volume**2, *steps), axis=-1)
    departure = departures(gradient, sensors, origin, steps, extent_m)
    times = np.sqrt(np.maximum(trilinear(volume[..., None] ** 2, sensors, steps, extent_m)[:, 0], 1e-8))
    slowness = trilinear(gradient, sensors, steps, extent_m)[:, :2] / (2 * times[:, None])
    beta = interpolate(vs, sensors, extent_m)
    sine = slowness * beta[:, None]
    sine *= np.minimum(1.0, _MAX_SINE / np.maximum(np.linalg.norm(sine, axis=1, keepdims=True), 1e-12))

    beta0 = float(interpolate(vs, origin[None], extent_m)[0])
    amplitude = _amplitudes(source.tensor_nm, departure, sine, beta0, beta)
    amplitude /= np.linalg.norm(sensors - origin, axis=1)
    shape = points_m.shape[:2]
    return {
        "s_time_s": times.reshape(shape),
        "amplitude": amplitude.reshape(3, 3, *shape),
        "incidence": sine.T.reshape(2, *shape),
        "surface_vs_m_s": beta.reshape(shape),
        "s_time_volume_s": volume,
    }


def _amplitudes(
    tensor: Float[np.ndarray, "3 3"],
    departure: Float[np.ndarray, "n 3"],
    sine: Float[np.ndarray, "n 2"],
    beta0: float,
    beta: Float[np.ndarray, " n"],
) -> Complex[np.ndarray, "3 3 n"]:
    """Surface amplitudes (wave, component, sensor) without the 1 / distance."""
    # Both waves arrive along the S slowness scaled to a unit vector: they share the ray.
    arrival = np.concatenate([sine, np.sqrt(1 - (sine**2).sum(1))[:, None]], axis=1)
    force = departure @ tensor
    radial = (force * departure).sum(1)
    shear = _carried(force - radial[:, None] * departure, departure, arrival)

    rho0, rho = density_kg_m3(vp_m_s(np.array([beta0])))[0], density_kg_m3(vp_m_s(beta))
    s_factor = 1 / (4 * np.pi * np.sqrt(rho0 * rho * beta) * beta0**2.5)
    p_factor = s_factor / VP_OVER_VS**3

    horizontal = np.linalg.norm(sine, axis=1)
    ahead = np.where(horizontal[:, None] > 1e-6, sine / np.maximum(horizontal, 1e-12)[:, None], [1.0, 0.0])
    p_hor, p_ver, s_hor, s_ver = free_surface_motion(horizontal)
    # Unit vectors of an upgoing wave: SV's points ahead and down, SH's to the left.
    sv = (shear[:, :2] * ahead).sum(1) * np.sqrt(1 - horizontal**2) - shear[:, 2] * horizontal
    sh = shear[:, 1] * ahead[:, 0] - shear[:, 0] * ahead[:, 1]
    zero = np.zeros_like(sh)
    p = radial * p_factor * np.stack([p_hor * ahead[:, 0], p_hor * ahead[:, 1], p_ver])
    v = sv * s_factor * np.stack([s_hor * ahead[:, 0], s_hor * ahead[:, 1], s_ver])
    h = sh * s_factor * np.stack([-2 * ahead[:, 1], 2 * ahead[:, 0], zero])
    return np.stack([p.astype(complex), v.astype(complex), h.astype(complex)])


def free_surface_motion(
    sine: Float[np.ndarray, " n"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Motion of the free surface under plane waves of unit amplitude.

    Args:
        sine: of the angle between the S ray and the vertical; the P wave arrives along the same ray.

    Returns:
        Horizontal (ahead) and upward motion for P, then for SV (whose own motion points ahead and down); complex
        where the SV wave makes an evanescent P wave (time dependence exp(-i omega t)).
    """
    # In units of the surface's Vs. The P ray's slowness is its own: sine / Vp.
    a = VP_OVER_VS
    p_hor, p_ver = _p_motion(sine / a, a)
    s_hor, s_ver = _sv_motion(sine, a)
    return p_hor, p_ver, s_hor, s_ver


def _vertical_slownesses(p: np.ndarray, a: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    eta_p = np.sqrt((1 / a**2 - p**2).astype(complex))
    eta_s = np.sqrt((1 - p**2).astype(complex))
    return eta_p, eta_s, (1 - 2 * p**2) ** 2 + 4 * p**2 * eta_p * eta_s


def _p_motion(p: np.ndarray, a: float) -> tuple[np.ndarray, np.ndarray]:
    eta_p, eta_s, rayleigh = _vertical_slownesses(p, a)
    pp = (-((1 - 2 * p**2) ** 2) + 4 * p**2 * eta_p * eta_s) / rayleigh
    ps = 4 * a * p * eta_p * (1 - 2 * p**2) / rayleigh
    return a * p * (1 + pp) + eta_s * ps, a * eta_p * (1 - pp) + p * ps


def _sv_motion(p: np.ndarray, a: float) -> tuple[np.ndarray, np.ndarray]:
    eta_p, eta_s, rayleigh = _vertical_slownesses(p, a)
    ss = ((1 - 2 * p**2) ** 2 - 4 * p**2 * eta_p * eta_s) / rayleigh
    sp = 4 / a * p * eta_s * (1 - 2 * p**2) / rayleigh
    return eta_s * (1 + ss) + a * p * sp, -(p * (1 - ss) + a * eta_p * sp)


def _carried(
    vectors: Float[np.ndarray, "n 3"], start: Float[np.ndarray, "n 3"], end: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "n 3"]:
    """Vectors turned by the smallest rotation that takes the unit vectors `start` to `end` (Rodrigues)."""
    axis = np.cross(start, end)
    cosine = (start * end).sum(1, keepdims=True)
    along = (axis * vectors).sum(1, keepdims=True)
    return vectors * cosine + np.cross(axis, vectors) + axis * along / np.maximum(1 + cosine, 1e-6)
