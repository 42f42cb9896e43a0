"""Types of numbers and ranges in recipes of random geologies and sources."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from spectremor.core.geology import VS_CEILING_M_S

#: A wave speed in m/s, at most the highest of any rock.
Speed = Annotated[float, Field(gt=0, le=VS_CEILING_M_S)]


def ordered(ends: tuple[float, float]) -> tuple[float, float]:
    """The ends of a range, the lower one first.

    Raises:
        PydanticCustomError: the higher end comes first.
    """
    if ends[0] > ends[1]:
        raise PydanticCustomError("ordered", "the lower end comes first")
    return ends


#: (lowest, highest); equal ends fix the value.
Range = Annotated[tuple[float, float], AfterValidator(ordered)]
SpeedRange = Annotated[tuple[Speed, Speed], AfterValidator(ordered)]
