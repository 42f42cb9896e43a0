"""The kinds of numbers that recipes of random geologies and sources are written in."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from spectremor.core.geology import VS_CEILING_M_S

#: No rock has more.
Speed = Annotated[float, Field(gt=0, le=VS_CEILING_M_S)]


def ordered(ends: tuple[float, float]) -> tuple[float, float]:
    """The ends of a range, the lower one first.

    Raises:
        PydanticCustomError: the other way round.
    """
    if ends[0] > ends[1]:
        raise PydanticCustomError("ordered", "the lower end comes first")
    return ends


#: (lowest, highest); equal ends fix the value.
Range = Annotated[tuple[float, float], AfterValidator(ordered)]
SpeedRange = Annotated[tuple[Speed, Speed], AfterValidator(ordered)]
