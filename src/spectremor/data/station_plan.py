"""The layout of a campaign's stations: some at random places, and one dense square patch."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class StationPlan(BaseModel):
    """The stations of each sample, in this order: first the random ones, then the patch, x slowest.

    Attributes:
        random: number of stations at random places over the sensors' range.
        patch: number of stations along each side of the patch.
        patch_spacing_m: distance between neighbours in the patch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    random: Annotated[int, Field(ge=0, le=100_000)] = 256
    patch: Annotated[int, Field(ge=1, le=300)] = 16
    patch_spacing_m: Annotated[float, Field(gt=0)] = 75.0

    @property
    def count(self) -> int:
        """Number of all stations."""
        return self.random + self.patch**2

    @property
    def patch_side_m(self) -> float:
        """Length of the patch's sides."""
        return (self.patch - 1) * self.patch_spacing_m
