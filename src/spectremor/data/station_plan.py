"""How a campaign's stations are made up: some at random places, and one patch of close ones."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class StationPlan(BaseModel):
    """The stations of each sample, which come in this order: first the random ones, then the patch, x slowest.

    Attributes:
        random: stations at random places over the sensors' range.
        patch: stations of the patch along each of its two sides.
        patch_spacing_m: between neighbours in the patch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    random: Annotated[int, Field(ge=0, le=100_000)] = 256
    patch: Annotated[int, Field(ge=1, le=300)] = 16
    patch_spacing_m: Annotated[float, Field(gt=0)] = 75.0

    @property
    def count(self) -> int:
        """Stations altogether."""
        return self.random + self.patch**2

    @property
    def patch_side_m(self) -> float:
        """Length of the patch's sides."""
        return (self.patch - 1) * self.patch_spacing_m
