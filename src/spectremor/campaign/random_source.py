"""Random earthquakes: the sources of HEMEW^S-3D (uniform), or HEMEW-3D's fixed one."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat

from spectremor.campaign.ranges import Range, ordered
from spectremor.core.seeds import generator
from spectremor.core.source import HEMEW_MOMENT_NM, HEMEW_RISE_TIME_S, Source

Below = Annotated[float, Field(lt=0)]
Dip = Annotated[float, Field(ge=0, le=90)]


class SourceRecipe(BaseModel):
    """The ranges of a random source, drawn uniformly and independently; the defaults are HEMEW^S-3D's.

    A range has its lower end first; equal ends fix the value. Angles are in the database's convention
    (`Source.from_angles(convention="hemew")`).

    Attributes:
        x_m: East.
        y_m: North.
        z_m: height above the surface (negative).
        strike_deg: first angle.
        dip_deg: second angle.
        rake_deg: third angle.
        moment_nm: scalar moment in N m.
        rise_time_s: tau of the moment function.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    x_m: Range = (1200.0, 8400.0)
    y_m: Range = (1200.0, 8400.0)
    z_m: Annotated[tuple[Below, Below], AfterValidator(ordered)] = (-9000.0, -600.0)
    strike_deg: Range = (0.0, 360.0)
    dip_deg: Annotated[tuple[Dip, Dip], AfterValidator(ordered)] = (0.0, 90.0)
    rake_deg: Range = (0.0, 360.0)
    moment_nm: PositiveFloat = HEMEW_MOMENT_NM
    rise_time_s: PositiveFloat = HEMEW_RISE_TIME_S


HEMEWS_SOURCE = SourceRecipe()


def random_source(seed: int, index: int = 0, recipe: SourceRecipe = HEMEWS_SOURCE) -> Source:
    """Source number `index` under a master seed: the same whenever and wherever it is drawn."""
    rng = generator(seed, "source", index)
    ranges = (recipe.x_m, recipe.y_m, recipe.z_m, recipe.strike_deg, recipe.dip_deg, recipe.rake_deg)
    x, y, z, strike, dip, rake = (float(rng.uniform(*ends)) for ends in ranges)
    return Source.from_angles(
        position_m=(x, y, z),
        strike_deg=strike,
        dip_deg=dip,
        rake_deg=rake,
        moment_nm=recipe.moment_nm,
        convention="hemew",
        rise_time_s=recipe.rise_time_s,
    )
