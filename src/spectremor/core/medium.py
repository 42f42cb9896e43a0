"""Properties of the ground, and the laws by which unknown ones follow from the S-wave velocity.

Source: the HEMEW-3D recipe (Lehmann et al. 2024, doi:10.5194/essd-16-3949-2024); density is the
polynomial of Brocher (2005, doi:10.1785/0120050077, eq. 1).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

VP_OVER_VS = 1.7


@dataclasses.dataclass(frozen=True)
class RockProperties:
    """The properties of the ground that govern waves, at points in arrays of any shape.

    Attributes:
        vs_m_s: S-wave velocity in m/s.
        vp_m_s: P-wave velocity in m/s.
        density_kg_m3: density in kg/m3.
        qs: quality factor of S waves.
        qp: quality factor of P waves.
    """

    vs_m_s: Float[np.ndarray, "..."]
    vp_m_s: Float[np.ndarray, "..."]
    density_kg_m3: Float[np.ndarray, "..."]
    qs: Float[np.ndarray, "..."]
    qp: Float[np.ndarray, "..."]


def rock_properties(given: Mapping[str, Float[np.ndarray, "..."]]) -> RockProperties:
    """All five properties: those that are given, and the others by the laws of this module.

    Args:
        given: `vs`, and any of `vp`, `density`, `qs`, `qp`, in SI units.
    """
    vs = given["vs"]
    vp = given["vp"] if "vp" in given else vp_m_s(vs)
    density = given["density"] if "density" in given else density_kg_m3(vp)
    qp_by_law, qs_by_law = quality_factors(vs, vp)
    return RockProperties(vs, vp, density, given.get("qs", qs_by_law), given.get("qp", qp_by_law))


def vp_m_s(vs_m_s: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """P-wave velocity in m/s from S-wave velocity in m/s: Vp = 1.7 Vs."""
    return np.asarray(VP_OVER_VS * vs_m_s)


def density_kg_m3(vp_m_s: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Density in kg/m3 from P-wave velocity in m/s (Brocher 2005, eq. 1)."""
    v = vp_m_s / 1000.0
    return np.asarray(1000.0 * (1.6612 * v - 0.4721 * v**2 + 0.0671 * v**3 - 0.0043 * v**4 + 0.000106 * v**5))


def quality_factors(
    vs_m_s: Float[np.ndarray, "..."], own_vp_m_s: Float[np.ndarray, "..."] | None = None
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Quality factors (Qp, Qs): Qs = Vs/10 and Qp = max(Vp/20, Vs/5), velocities in m/s; Vp = 1.7 Vs if not given."""
    vp = vp_m_s(vs_m_s) if own_vp_m_s is None else own_vp_m_s
    return np.asarray(np.maximum(vp / 20.0, vs_m_s / 5.0)), np.asarray(vs_m_s / 10.0)
