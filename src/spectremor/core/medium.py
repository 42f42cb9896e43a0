"""Laws that turn the S-wave velocity into the other properties of the medium.

Source: the HEMEW-3D recipe (Lehmann et al. 2024, doi:10.5194/essd-16-3949-2024); density is the
polynomial of Brocher (2005, doi:10.1785/0120050077, eq. 1).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

VP_OVER_VS = 1.7


def vp_m_s(vs_m_s: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """P-wave velocity in m/s from S-wave velocity in m/s: Vp = 1.7 Vs."""
    return np.asarray(VP_OVER_VS * vs_m_s)


def density_kg_m3(vp_m_s: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Density in kg/m3 from P-wave velocity in m/s (Brocher 2005, eq. 1)."""
    v = vp_m_s / 1000.0
    return np.asarray(1000.0 * (1.6612 * v - 0.4721 * v**2 + 0.0671 * v**3 - 0.0043 * v**4 + 0.000106 * v**5))


def quality_factors(vs_m_s: Float[np.ndarray, "..."]) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Quality factors (Qp, Qs): Qs = Vs/10 and Qp = max(Vp/20, Vs/5), velocities in m/s."""
    return np.asarray(np.maximum(vp_m_s(vs_m_s) / 20.0, vs_m_s / 5.0)), np.asarray(vs_m_s / 10.0)
