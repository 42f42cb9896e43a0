"""The domain that a stage-1 network is made for: a stage 1's, and the media in which its direct waves are traced."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from spectremor.core import domain

#: The kernel that smooths is as long as this asks: far above any use is refused.
Smoothing = Annotated[float, Field(ge=0, le=100_000)]


class Domain(domain.Domain):
    """The domain that a network is made for.

    Attributes:
        ray_smoothings_m: how much the media are smoothed in which the direct waves are traced (Gaussian standard
            deviations; 0: the geology itself). The first one's arrivals are the network's clock. Against 150 m
            simulations of rough media, 500 m serves the band to 5 Hz best, 1000 to 1500 m its part below 1 Hz.
    """

    ray_smoothings_m: tuple[Smoothing, ...] = Field((0.0,), min_length=1, max_length=8)
