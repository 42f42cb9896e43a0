"""Random heterogeneity on top of any ground, for ensembles of grounds that differ in unmeasured detail."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from spectremor.campaign.random_geology import von_karman_covariance, von_karman_field
from spectremor.core.errors import InputError
from spectremor.core.geology import Geology, as_geology
from spectremor.core.seeds import generator

#: Largest coefficient of variation: more than twice that of the published recipe's mean layer, and more than rock has.
LARGEST_VARIATION = 0.5
#: Longest correlation length, in sides of the domain: a longer one only scales the ground as a whole.
LONGEST_IN_SIDES = 10.0


def perturb_geology(
    geology: Geology | xr.DataArray | xr.Dataset,
    *,
    seed: int,
    coefficient_of_variation: float = 0.1,
    correlation_lengths_m: tuple[float, float, float] = (1500.0, 1500.0, 1500.0),
    hurst: float = 0.1,
) -> Geology:
    """The ground with random heterogeneity added: the same seed gives the same ground.

    Speeds are multiplied by exp(s f - s^2 / 2), where f is a Gaussian field of von Karman covariance (mean 0,
    variance 1 over many seeds), and s^2 = ln(1 + variation^2): over many seeds, their mean is that of the geology, and
    their standard deviation is the coefficient of variation times this mean. A given Vp is multiplied by the same
    factor as Vs, so that their ratio does not change. Given density and Q do not change. Properties that are not given
    follow from the new Vs.

    Args:
        geology: the ground.
        seed: seed of the heterogeneity.
        coefficient_of_variation: standard deviation of Vs over its mean, at each node; at most 0.5.
        correlation_lengths_m: correlation lengths of the covariance along x, y and z, in m; at least the distance
            between nodes.
        hurst: exponent of the von Karman covariance, in (0, 1].

    Returns:
        A geology on the same nodes; its attributes record the arguments.

    Raises:
        InputError: a value that is not allowed, or speeds that no rock has.

    Example:
        >>> import numpy as np
        >>> import spectremor as sp
        >>> ground = sp.make_geology(np.full((8, 8, 8), 2500.0))
        >>> other = sp.perturb_geology(ground, seed=1, coefficient_of_variation=0.05)
        >>> other.shape
        (8, 8, 8)
    """
    ground = as_geology(geology)
    lengths_m = _checked(ground, coefficient_of_variation, correlation_lengths_m, hurst)
    # The recipe's field has one spacing: axes are measured in the number of nodes that a correlation length covers.
    steps = tuple(length / step for length, step in zip(lengths_m, ground.spacing_m, strict=True))
    field = _unit_field(seed, ground.shape, (steps[0], steps[1], steps[2]), hurst)
    log_variance = math.log1p(coefficient_of_variation**2)
    factor = np.exp(math.sqrt(log_variance) * field - 0.5 * log_variance)
    heterogeneous = ground.dataset.copy()
    for name in {"vs", "vp"} & ground.given.keys():
        heterogeneous[name] = heterogeneous[name].copy(data=ground.given[name] * factor)
    attrs = {
        "heterogeneity_seed": seed,
        "heterogeneity_coefficient_of_variation": coefficient_of_variation,
        "heterogeneity_correlation_lengths_m": list(lengths_m),
        "heterogeneity_hurst": hurst,
    }
    return as_geology(heterogeneous.assign_attrs(attrs))


def _unit_field(seed: int, shape: tuple[int, int, int], steps: tuple[float, float, float], hurst: float) -> np.ndarray:
    """A field of mean 0 and variance 1 over many seeds.

    The grid carries only part of the spectrum's variance: the field is divided by the square root of this part.
    """
    field = von_karman_field(generator(seed, "heterogeneity"), shape, steps, 1.0, hurst)
    carried = float(von_karman_covariance((1, 1, 1), steps, 1.0, hurst)[0, 0, 0])
    return np.asarray(field / math.sqrt(carried))


def _checked(ground: Geology, variation: float, lengths_m: Any, hurst: float) -> tuple[float, float, float]:
    if not 0 <= variation <= LARGEST_VARIATION:
        raise InputError("coefficient_of_variation", variation, f"[0, {LARGEST_VARIATION:g}]")
    if not 0 < hurst <= 1:
        raise InputError("hurst", hurst, "(0, 1]")
    try:
        x, y, z = (float(length) for length in lengths_m)
    except (TypeError, ValueError):
        raise InputError("correlation_lengths_m", lengths_m, "three lengths in m, along x, y and z") from None
    for axis, length, step, side in zip("xyz", (x, y, z), ground.spacing_m, ground.extent_m, strict=True):
        if not step <= length <= LONGEST_IN_SIDES * side:
            allowed = (
                f"[{step:g}, {LONGEST_IN_SIDES * side:g}] m: the distance between nodes to ten sides of the domain"
            )
            raise InputError(f"correlation_lengths_m.{axis}", f"{length:g} m", allowed)
    return x, y, z
