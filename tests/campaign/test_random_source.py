"""Random sources: the published ranges, uniform, in the published convention."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import kstest, uniform

from spectremor.campaign.config import load_scenario
from spectremor.campaign.random_source import HEMEWS_SOURCE, SourceRecipe, random_source
from spectremor.core.source import Source
from spectremor.data.published import v1_source


def test_a_source_depends_on_seed_and_index_alone():
    assert random_source(1, 4) == random_source(1, 4)
    assert random_source(1, 4) != random_source(1, 5)
    assert random_source(1, 4) != random_source(2, 4)


def test_positions_are_uniform_over_the_published_ranges():
    positions = np.array([random_source(0, i).position_m for i in range(2000)])
    for axis, (low, high) in enumerate(((1200, 8400), (1200, 8400), (-9000, -600))):
        assert kstest(positions[:, axis], uniform(low, high - low).cdf).pvalue > 1e-3


def test_dips_are_uniform_and_sizes_fixed():
    sources = [random_source(0, i) for i in range(1000)]
    assert {round(s.moment_nm / 1e12) for s in sources} == {round(2.47e16 / 1e12)}
    dips = []
    for s in sources:
        dip = s.strike_dip_rake_deg()[1]
        assert 0 <= dip <= 90
        dips.append(dip)
    # Either of the two nodal planes may come back, so only the spread is checked.
    assert np.percentile(dips, 5) < 20
    assert np.percentile(dips, 95) > 80


def test_fixed_recipe_is_the_source_of_version_1():
    drawn = random_source(9, 3, load_scenario("hemew").source)
    assert drawn == v1_source()
    same = Source.from_angles(position_m=drawn.position_m, strike_deg=42, dip_deg=45, rake_deg=92)
    np.testing.assert_allclose(drawn.tensor_nm, same.tensor_nm, rtol=0, atol=1e-9 * drawn.moment_nm)


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError):
        SourceRecipe.model_validate({**HEMEWS_SOURCE.model_dump(), "depth_m": (0, 1)})
