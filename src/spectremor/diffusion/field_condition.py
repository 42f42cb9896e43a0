"""What a network that sees the field is told: of each sensor, of its neighbours, and of recordings at some sensors."""

from __future__ import annotations

import dataclasses

from jaxtyping import Float, Int
from torch import Tensor

from spectremor.diffusion.protocol import Condition


@dataclasses.dataclass(frozen=True, kw_only=True)
class FieldCondition(Condition):
    """Of the sensors of one field, or of several fields one after the other, whose sensors are no neighbours.

    Attributes:
        features: of each sensor (`Surroundings.features`).
        clock: matrices that take traces to times after the S arrival (`clock.to_s_clock`).
        neighbour: numbers of each sensor's neighbours in this batch.
        weight: of each neighbour.
        pair: what is told of each pair of neighbours.
        recorded: recordings less stage 1, as latents; 0 at the other sensors.
        is_recorded: 1 where a sensor has a recording, else 0.
        recording_error: standard deviation of the error of each recorded component, over the sensor's amplitude.
        mean: 1 where the mean is asked for, 0 where a draw is.
    """

    features: Float[Tensor, "b f"]
    clock: Float[Tensor, "b n n"]
    neighbour: Int[Tensor, "b k"]
    weight: Float[Tensor, "b k"]
    pair: Float[Tensor, "b k g"]
    recorded: Float[Tensor, "b c n"]
    is_recorded: Float[Tensor, " b"]
    recording_error: Float[Tensor, "b c"]
    mean: Float[Tensor, " b"]

    def of_mean(self) -> FieldCondition:
        """The same, asking for the mean."""
        return dataclasses.replace(self, mean=self.mean.new_ones(self.mean.shape))
