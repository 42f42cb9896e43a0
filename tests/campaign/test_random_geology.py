"""Random geologies: the recipe, reproducible, with the published statistics."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import ks_2samp

from spectremor.campaign.random_geology import (
    HEMEW_GEOLOGY,
    GeologyRecipe,
    random_geology,
    random_vs_m_s,
    von_karman_covariance,
    von_karman_field,
)

GOLDEN = [4500.0, 3450.708, 2447.2, 1734.256, 2398.096]
OBLONG = GeologyRecipe(cells=(12, 8, 10), bottom_cells=2)


def test_a_geology_depends_on_seed_and_index_alone():
    first = random_vs_m_s(3, 7)
    random_vs_m_s(3, 8)
    np.testing.assert_array_equal(first, random_vs_m_s(3, 7))
    assert not np.array_equal(first, random_vs_m_s(3, 8))
    assert not np.array_equal(first, random_vs_m_s(4, 7))


def test_golden_values_keep_campaigns_continuable():
    vs = random_vs_m_s(2026, 0)
    np.testing.assert_allclose(vs[3, 5, [5, 6, 7, 20, 31]], GOLDEN, rtol=1e-5)


def test_axes_and_sizes():
    geology = random_geology(0, 0, OBLONG)
    assert geology.shape == (12, 8, 10)
    assert geology.extent_m == pytest.approx((3600.0, 2400.0, 3000.0))
    assert random_geology(0).extent_m == pytest.approx((9600.0, 9600.0, 9600.0))


def test_a_bottom_beyond_the_range_is_clipped_with_its_interface():
    recipe = GeologyRecipe(bottom_vs_m_s=6000.0)
    for index in range(3):
        vs = random_vs_m_s(5, index, recipe)
        assert vs.max() <= recipe.vs_range_m_s[1]
        assert (vs[:, :, : recipe.bottom_cells] == recipe.vs_range_m_s[1]).all()


@pytest.mark.parametrize("index", range(5))
def test_bottom_interface_and_range(index: int):
    vs = random_vs_m_s(1, index)
    assert (vs[:, :, :6] == 4500).all()
    # The first node above carries the mean of bottom and layer, so at least the mean of 4500 and the lowest value.
    assert vs[:, :, 6].min() >= 0.5 * (4500 + 7500 / 7) - 1e-3
    assert vs.min() >= 7500 / 7 - 1e-3
    assert vs.max() <= 4500


def test_layers_number_one_to_six_with_sharp_interfaces():
    uniform = HEMEW_GEOLOGY.model_copy(update={"variation": (0.0, 0.0)})
    counts = {len(np.unique(random_vs_m_s(5, i, uniform)[0, 0, 7:])) for i in range(60)}
    assert counts == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("length", [1500.0, 3000.0, 4500.0, 6000.0])
def test_band_limit_keeps_about_half_of_the_variance(length: float):
    variance = von_karman_covariance((1, 1, 1), (length, length, length), 300.0, 0.1)[0, 0, 0]
    assert 0.35 < variance < 0.65


def test_full_band_has_unit_variance():
    """With a large exponent hardly anything lies beyond the band limit: the spectrum's constant is right."""
    variance = von_karman_covariance((1, 1, 1), (1500.0, 2000.0, 2500.0), 250.0, 3.0, padding_lengths=20.0)[0, 0, 0]
    assert variance == pytest.approx(1.0, abs=0.01)


def test_empirical_covariance_is_the_models_on_each_axis():
    lengths, shape, draws = (1500.0, 3000.0, 6000.0), (24, 20, 16), 400
    rng = np.random.default_rng(0)
    lags = 6
    sums = np.zeros((3, lags))
    for _ in range(draws):
        field = von_karman_field(rng, shape, lengths, 300.0, 0.1)
        for axis, lag in itertools.product(range(3), range(lags)):
            n = shape[axis]
            a = field.take(range(n - lag), axis)
            b = field.take(range(lag, n), axis)
            sums[axis, lag] += (a * b).mean()
    model = von_karman_covariance((lags, lags, lags), lengths, 300.0, 0.1)
    expected = np.stack([model[:, 0, 0], model[0, :, 0], model[0, 0, :]])
    np.testing.assert_allclose(sums / draws, expected, atol=0.02)
    # The axes differ, so none was taken for another.
    assert expected[0, 1] < expected[1, 1] - 0.01 < expected[2, 1] - 0.02


@pytest.mark.slow
@pytest.mark.shared_data
def test_two_thousand_draws_have_the_published_statistics(hemew3d):
    published = np.genfromtxt(hemew3d / "metadata_materials.csv", delimiter=",", skip_header=1)[:, 1:]
    above = [random_vs_m_s(0, i)[:, :, 6:] for i in range(2000)]
    ours = np.array([[a.min(), a.mean(), a.max(), a.std()] for a in above])
    for column in range(4):
        distance = ks_2samp(np.rint(ours[:, column]), np.rint(published[:, column])).statistic
        assert distance <= 0.10


@pytest.mark.shared_data
def test_mean_profile_is_the_published_one(hemew3d):
    published = np.load(hemew3d / "a_mean.npy").mean((0, 1))
    ours = np.mean([random_vs_m_s(0, i) for i in range(100)], axis=0).mean((0, 1))
    np.testing.assert_allclose(ours[:6], 4500)
    # 100 draws of layer means spread over +-412 m/s.
    np.testing.assert_allclose(ours[6:], published[6:], atol=120)
    assert ours[6] == pytest.approx(published[6], abs=60)
