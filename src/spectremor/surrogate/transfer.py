"""What the ground does to a direct wave, as a transfer function that a network predicts for each ray."""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from spectremor.surrogate.time_axis import frequencies_hz

#: Direct waves of one medium: P, SV, SH.
WAVES = 3
#: Delay in s for which the network's output is 1.
_DELAY_S = 0.1
#: The largest gain is exp of this.
_MAX_LOG_GAIN = 3.0


class TransferFunctions(nn.Module):
    """Exp of a complex function of frequency, smooth between knots, for each direct wave: the Rytov form.

    Its real part is focusing and scattering loss, its imaginary part a delay and what differs from one. It starts at
    half the wave (where a pulse comes early or late, half of it costs least), shared among the media; that of a
    simulation starts at the whole of it.

    Args:
        latent: numbers that describe the ground of one ray.
        knots: along frequency.
        media: in which rays were traced.
        simulated: after their waves comes a simulation, as one wave more.
        steps: of the network's time axis.
        period_s: of that axis.
    """

    hats: Tensor
    frequency: Tensor

    def __init__(
        self, latent: int, knots: int, media: int, *, simulated: bool = False, steps: int, period_s: float
    ) -> None:
        super().__init__()
        self.knots, self.waves = knots, WAVES * media + simulated
        frequency = frequencies_hz(steps, period_s)
        places = torch.linspace(0, float(frequency[-1]), knots, device="cpu")
        hats = (1 - (frequency - places[:, None]).abs() / float(places[1])).clamp(min=0)
        self.register_buffer("hats", hats, persistent=False)
        self.register_buffer("frequency", frequency, persistent=False)
        self.head = nn.Linear(latent, self.waves * (2 * knots + 1))
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.bias.zero_().view(self.waves, -1)[: WAVES * media, :knots] = -math.log(2.0 * media)

    def forward(
        self, direct: Complex[Tensor, "b trace s k"], latent: Float[Tensor, "b s z"]
    ) -> Complex[Tensor, "b trace s k"]:
        """The direct waves' spectra, three components each, as the ground has changed them."""
        values = self.head(latent).unflatten(-1, (self.waves, -1))
        gains, phases, delays = values.split([self.knots, self.knots, 1], dim=-1)
        # Without phase at frequency 0, where the spectrum of a real trace is real.
        phase = (phases @ self.hats) * (self.frequency / (1 + self.frequency))
        phase = phase - 2 * math.pi * _DELAY_S * delays * self.frequency
        factor = torch.polar((gains @ self.hats).clamp(max=_MAX_LOG_GAIN).exp(), phase).transpose(1, 2)
        return direct * factor.repeat_interleave(direct.shape[1] // self.waves, dim=1)
