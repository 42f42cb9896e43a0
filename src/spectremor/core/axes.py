"""Names and default positions of all axes.

Horizontal axes are x = East and y = North, in m from the domain's south-west corner; z is 0 at the
free surface and negative below it; time is in s after the origin time.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

COMPONENTS: tuple[str, str, str] = ("E", "N", "Z")
TENSOR_COMPONENTS: tuple[str, ...] = ("xx", "yy", "zz", "xy", "xz", "yz")

#: The HEMEW domain (REFERENCE: Lehmann et al. 2024, doi:10.5194/essd-16-3949-2024).
HEMEW_EXTENT_M = 9600.0
HEMEW_NODES = 32
HEMEW_SENSORS = 32
HEMEW_SAMPLING_HZ = 50.0
HEMEW_SAMPLES = 320
HEMEW_BAND_HZ = 5.0


def geology_axes(
    shape: tuple[int, int, int] = (HEMEW_NODES, HEMEW_NODES, HEMEW_NODES),
    extent_m: tuple[float, float, float] = (HEMEW_EXTENT_M, HEMEW_EXTENT_M, HEMEW_EXTENT_M),
) -> tuple[Float[np.ndarray, " x"], Float[np.ndarray, " y"], Float[np.ndarray, " z"]]:
    """Positions in m of grid nodes spread evenly over the domain, edges included.

    Args:
        shape: number of nodes along x, y, z.
        extent_m: size of the domain along x, y, z (depth).

    Returns:
        x, y in [0, extent] and z in [-extent, 0], increasing (index 0 is the deepest).
    """
    nx, ny, nz = shape
    lx, ly, lz = extent_m
    return np.linspace(0.0, lx, nx), np.linspace(0.0, ly, ny), np.linspace(-lz, 0.0, nz)


def sensor_axis_m(n: int = HEMEW_SENSORS, first_m: float = 150.0, last_m: float = 9450.0) -> Float[np.ndarray, " n"]:
    """Sensor positions along one horizontal axis in m; by default those of HEMEW^S-3D, 300 m apart."""
    return np.linspace(first_m, last_m, n)


def time_axis_s(
    n: int = HEMEW_SAMPLES, sampling_hz: float = HEMEW_SAMPLING_HZ, start_s: float = 0.0
) -> Float[np.ndarray, " n"]:
    """Sample times in s after the origin time."""
    return start_s + np.arange(n) / sampling_hz
