"""Random heterogeneity laid over a ground: its statistics, its seed, and what it leaves as it is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from spectremor.campaign.perturbation import perturb_geology
from spectremor.campaign.random_geology import von_karman_covariance
from spectremor.core.errors import InputError
from spectremor.core.geology import Geology, make_geology

EXTENT = (6000.0, 4500.0, 3000.0)
SETTINGS = {"coefficient_of_variation": 0.2, "correlation_lengths_m": (1200.0, 900.0, 600.0), "hurst": 0.3}


def _ground(**given: object) -> Geology:
    """Faster with depth, on nodes that are not equally far apart along the axes."""
    z = np.linspace(3000, 1500, 13)
    return make_geology(np.broadcast_to(z, (21, 19, 13)), EXTENT, attrs={"model": "gradient"}, **given)


def test_mean_variation_and_correlation() -> None:
    ground = _ground()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ratios = np.stack([perturb_geology(ground, seed=s, **SETTINGS).vs_m_s / ground.vs_m_s for s in range(150)])
    assert ratios.mean() == pytest.approx(1.0, abs=0.01)
    assert ratios.std(axis=0).mean() == pytest.approx(0.2, rel=0.05)
    # At every depth, and no trend along any axis.
    np.testing.assert_allclose(ratios.mean(axis=(0, 1, 2)), 1.0, atol=0.02)
    logs = np.log(ratios)
    logs -= logs.mean()
    steps = tuple(
        length / step for length, step in zip(SETTINGS["correlation_lengths_m"], ground.spacing_m, strict=True)
    )
    expected = von_karman_covariance((4, 4, 4), steps, 1.0, 0.3)
    for axis in (1, 2, 3):
        n = logs.shape[axis]
        lagged = (logs.take(range(2, n), axis) * logs.take(range(n - 2), axis)).mean() / (logs**2).mean()
        at = tuple(2 if axis == k + 1 else 0 for k in range(3))
        assert lagged == pytest.approx(expected[at] / expected[0, 0, 0], abs=0.04)


def test_a_seed_is_a_ground() -> None:
    one, same, other = (perturb_geology(_ground(), seed=seed, coefficient_of_variation=0.05) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.vs_m_s, same.vs_m_s)
    assert np.abs(one.vs_m_s / other.vs_m_s - 1).max() > 0.05
    assert one.attrs["heterogeneity_seed"] == 1
    assert one.attrs["model"] == "gradient"


def test_the_ratio_of_speeds_and_other_properties_stay() -> None:
    vs = _ground().vs_m_s
    ground = _ground(vp_m_s=1.9 * vs, density_kg_m3=np.full(vs.shape, 2400.0), qs=np.full(vs.shape, 100.0))
    other = perturb_geology(ground, seed=3, coefficient_of_variation=0.05)
    np.testing.assert_allclose(other.given["vp"] / other.vs_m_s, 1.9, rtol=1e-5)
    np.testing.assert_array_equal(other.given["density"], ground.given["density"])
    np.testing.assert_array_equal(other.given["qs"], ground.given["qs"])
    assert "qp" not in other.given


def test_no_variation_is_the_ground_itself() -> None:
    np.testing.assert_allclose(
        perturb_geology(_ground(), seed=1, coefficient_of_variation=0.0).vs_m_s, _ground().vs_m_s, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"coefficient_of_variation": -0.1}, r"^coefficient_of_variation: got -0\.1; allowed: \[0, 0\.5\]$"),
        ({"coefficient_of_variation": float("nan")}, r"^coefficient_of_variation: got nan"),
        ({"hurst": 0.0}, r"^hurst: got 0\.0; allowed: \(0, 1\]$"),
        (
            {"correlation_lengths_m": (1e3, 1e3, 100.0)},
            r"^correlation_lengths_m\.z: got 100 m; allowed: \[250, 30000\] m",
        ),
        ({"correlation_lengths_m": (1e9, 1e3, 1e3)}, r"^correlation_lengths_m\.x: got 1e\+09 m"),
    ],
)
def test_what_is_refused(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        perturb_geology(_ground(), seed=1, **settings)
