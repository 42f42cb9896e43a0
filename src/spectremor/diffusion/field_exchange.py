"""What a sensor hears of its neighbours: their signals at equal time after S, weighed by where they lie."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.diffusion.config import FieldConfig
from spectremor.diffusion.denoiser import fold, start_at_zero, unfold
from spectremor.diffusion.field_condition import FieldCondition
from spectremor.diffusion.neighbours import PAIR_FEATURES

#: Size of what is made of each pair's features, once for all levels.
PAIR_WIDTH = 32


class PairFeatures(nn.Module):
    """From what is told of each pair of neighbours to what the weights of all levels are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(PAIR_FEATURES, PAIR_WIDTH), nn.SiLU(), nn.Linear(PAIR_WIDTH, PAIR_WIDTH))

    def forward(self, pair: Float[Tensor, "b k g"]) -> Float[Tensor, "b k p"]:
        """What the weights of each pair are made of."""
        return F.silu(self.layers(pair))


class Exchange(nn.Module):
    """Sensors hear of their neighbours at one level; nothing at first.

    The features of a level become a few signals at the full rate of the latents, are moved to the clock of the S wave,
    added up over the neighbours with weights that depend on the pair (a convolution over any layout of points: Gilmer
    et al. 2017; Schuett et al. 2017), and moved back.

    Args:
        width: channels of the level.
        samples_per_point: latent samples that a point of the level stands for.
        groups: of the group normalisation.
        embedding: size of the vector of the diffusion step.
        config: of the exchange.
    """

    def __init__(self, width: int, samples_per_point: int, groups: int, embedding: int, config: FieldConfig) -> None:
        super().__init__()
        self.samples_per_point, self.heads = samples_per_point, config.heads
        folded = config.channels * samples_per_point
        self.norm = nn.GroupNorm(groups, width)
        self.tell = nn.Conv1d(width, folded, 1)
        self.weigh = nn.Linear(PAIR_WIDTH, config.heads)
        self.loudness = nn.Linear(embedding, config.channels)
        self.hear = nn.Conv1d(folded, width, 1)
        start_at_zero(self.loudness)
        start_at_zero(self.hear)

    def forward(
        self,
        h: Float[Tensor, "b c m"],
        context: Float[Tensor, "b e"],
        pair: Float[Tensor, "b k p"],
        condition: FieldCondition,
    ) -> Float[Tensor, "b c m"]:
        """The features with what was heard added.

        Args:
            h: features of the level.
            context: embedding of the diffusion step and of the sensor.
            pair: from `PairFeatures`.
            condition: of the same sensors.
        """
        told = unfold(self.tell(F.silu(self.norm(h))), self.samples_per_point) @ condition.clock
        weights = self.weigh(pair) * condition.weight[:, :, None]
        heard = self._added_up(told, weights, condition.neighbour) @ condition.clock.transpose(1, 2)
        heard = heard * (1 + self.loudness(context)[:, :, None])
        return h + self.hear(fold(heard, self.samples_per_point))

    def _added_up(self, told: Tensor, weights: Float[Tensor, "b k h"], neighbour: Tensor) -> Float[Tensor, "b c n"]:
        """Weighted sums over the neighbours, each head of its own channels."""
        b, c, n = told.shape
        # Sums over neighbours are kept in single precision, whatever the network runs in.
        rows = told.float().reshape(b * self.heads, (c // self.heads) * n)
        head = neighbour.new_tensor(range(self.heads))[None, :, None]
        index = (neighbour[:, None, :] * self.heads + head).reshape(b * self.heads, -1)
        each = weights.float().transpose(1, 2).reshape(b * self.heads, -1)
        return F.embedding_bag(index, rows, per_sample_weights=each.contiguous(), mode="sum").view(b, c, n)
