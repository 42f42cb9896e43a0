"""The denoiser network: a 1D U-Net over the three components of one sensor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import ClassVar, cast

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.diffusion.config import NetworkConfig
from spectremor.diffusion.protocol import Condition

COMPONENTS = 3
#: End of the names of the weights that only a network with jumps has.
JUMP_WEIGHTS = "embed.jump.weight"
#: Fastest wave by which the length of a jump is embedded, in radians over the whole process: 2 over a 16th of it.
_FASTEST_JUMP_WAVE = 32.0


#: (number of the level, features) -> features.
Exchange = Callable[[int, Tensor], Tensor]


class UNet1d(nn.Module):
    """U-Net (Ronneberger et al. 2015) on (batch, component, latent), each level half as long as the one above.

    The stage-1 traces are channels beside the noisy ones. The diffusion step (sinusoidal embedding) and the log
    amplitude scale and shift the features of every residual block (FiLM, Perez et al. 2018).

    Args:
        config: sizes.
        more_channels: that `seen` has besides `channels_seen`.

    Attributes:
        bf16: run in bfloat16.
    """

    #: Channels of `seen`.
    channels_seen: ClassVar[int] = 2 * COMPONENTS
    bf16 = False

    def __init__(self, config: NetworkConfig, *, more_channels: int = 0) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        channels = (self.channels_seen + more_channels) * config.patch
        self.embed = _Embedding(config.embedding, jumps=config.jumps)
        self.stem = nn.Conv1d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        self.reduce = nn.ModuleList()
        for level, width in enumerate(widths):
            self.down.append(nn.ModuleList(_Block(width, width, config) for _ in range(config.blocks)))
            if level + 1 < len(widths):
                self.reduce.append(nn.Conv1d(width, widths[level + 1], 4, stride=2, padding=1))
        self.up = nn.ModuleList()
        self.enlarge = nn.ModuleList()
        for width, below in reversed(list(itertools.pairwise(widths))):
            self.enlarge.append(nn.Conv1d(below, width, 3, padding=1))
            inputs = [2 * width] + [width] * (config.blocks - 1)
            self.up.append(nn.ModuleList(_Block(n, width, config) for n in inputs))
        self.norm = nn.GroupNorm(config.groups, widths[0])
        self.head = nn.Conv1d(widths[0], COMPONENTS * config.patch, 3, padding=1)
        start_at_zero(self.head)

    def forward(
        self,
        x: Float[Tensor, "b 3 n"],
        condition: Condition,
        step: Float[Tensor, " b"],
        jump: Float[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b 3 n"]:
        """Raw output of the network: noise, velocity or traces, as the process defines it.

        Args:
            x: noisy latents.
            condition: of the same batch.
            step: diffusion step of each item, as a fraction in [0, 1] of the process.
            jump: how much of the process each item takes from there, in [0, 1]; None: an infinitely small step.
        """
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            return self._output(x, condition, step, jump).to(x.dtype)

    def _output(self, x: Tensor, condition: Condition, step: Tensor, jump: Tensor | None) -> Tensor:
        x = self.seen(x, condition)
        context = self.embed(step, condition.log_amplitude, jump, self.also_known(condition))
        exchange = self.exchange(condition, context)
        h = self.stem(fold(x, self.config.patch))
        skips = []
        for level, blocks in enumerate(self.down):
            for block in cast(nn.ModuleList, blocks):
                h = block(h, context)
            h = exchange(level, h)
            if level < len(self.reduce):
                skips.append(h)
                h = self.reduce[level](h)
        for number, (enlarge, blocks) in enumerate(zip(self.enlarge, self.up, strict=True), start=len(self.down)):
            h = enlarge(F.interpolate(h, scale_factor=2.0, mode="nearest"))
            h = torch.cat([h, skips.pop()], dim=1)
            for block in cast(nn.ModuleList, blocks):
                h = block(h, context)
            h = exchange(number, h)
        return unfold(self.head(F.silu(self.norm(h))), self.config.patch)

    def seen(self, x: Float[Tensor, "b 3 n"], condition: Condition) -> Float[Tensor, "b channel n"]:
        """The input channels: the noisy latents, and stage 1's traces beside them."""
        return torch.cat([x, condition.traces], dim=1)

    def also_known(self, _condition: Condition) -> Float[Tensor, "b e"] | None:
        """Further inputs of each sensor, to be added to the embedding of the step; None: none."""
        return None

    def exchange(self, _condition: Condition, _context: Float[Tensor, "b e"]) -> Exchange:
        """Exchange between sensors after each level, counted from the first one down to the last one up; here none."""
        return _nothing


class _Block(nn.Module):
    """Two convolutions with FiLM between them, and a shortcut."""

    def __init__(self, channels_in: int, channels_out: int, config: NetworkConfig) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(config.groups, channels_in)
        self.conv1 = nn.Conv1d(channels_in, channels_out, 3, padding=1)
        self.film = nn.Linear(config.embedding, 2 * channels_out)
        self.norm2 = nn.GroupNorm(config.groups, channels_out)
        self.dropout = nn.Dropout(config.dropout)
        self.conv2 = nn.Conv1d(channels_out, channels_out, 3, padding=1)
        start_at_zero(self.conv2)
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv1d(channels_in, channels_out, 1)

    def forward(self, x: Float[Tensor, "b c n"], context: Float[Tensor, "b e"]) -> Float[Tensor, "b d n"]:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.film(context)[:, :, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        h = self.conv2(self.dropout(F.silu(h)))
        return self.shortcut(x) + h


class _Embedding(nn.Module):
    """The diffusion step and the log amplitude as one vector."""

    frequencies: Tensor
    jump_frequencies: Tensor

    def __init__(self, size: int, *, jumps: bool) -> None:
        super().__init__()
        self.register_buffer("frequencies", _waves_up_to(1000.0, size // 2), persistent=False)
        self.step = nn.Linear(size, size)
        self.amplitude = nn.Sequential(nn.Linear(1, size), nn.SiLU(), nn.Linear(size, size))
        self.merge = nn.Linear(size, size)
        if jumps:
            # Slow waves: the network then interpolates between the lengths that it learned.
            slow = _waves_up_to(_FASTEST_JUMP_WAVE, size // 2)
            self.register_buffer("jump_frequencies", slow, persistent=False)
            # Zero without a jump, and zero before training.
            self.jump = nn.Linear(size, size, bias=False)
            nn.init.zeros_(self.jump.weight)

    def forward(
        self,
        step: Float[Tensor, " b"],
        log_amplitude: Float[Tensor, " b"],
        jump: Float[Tensor, " b"] | None,
        more: Float[Tensor, "b e"] | None = None,
    ) -> Float[Tensor, "b e"]:
        angle = step[:, None] * self.frequencies
        waves = self.step(torch.cat([angle.sin(), angle.cos()], dim=1))
        if jump is not None:
            angle = jump[:, None] * self.jump_frequencies
            waves = waves + self.jump(torch.cat([angle.sin(), angle.cos() - 1], dim=1))
        embedded = waves + self.amplitude(log_amplitude[:, None])
        return F.silu(self.merge(F.silu(embedded if more is None else embedded + more)))


def _nothing(_level: int, h: Tensor) -> Tensor:
    return h


def start_at_zero(layer: nn.Module) -> None:
    """Set a layer's parameters to zero: before training it gives zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _waves_up_to(highest: float, count: int) -> Float[Tensor, " k"]:
    """Frequencies from 1 to the highest, evenly spaced in their logarithm."""
    return torch.exp(torch.linspace(0.0, math.log(highest), count, dtype=torch.float32, device="cpu"))


def fold(x: Float[Tensor, "b c n"], patch: int) -> Float[Tensor, "b k m"]:
    """So many neighbouring points as channels of one."""
    b, c, n = x.shape
    return x.view(b, c, n // patch, patch).transpose(2, 3).reshape(b, c * patch, n // patch)


def unfold(x: Float[Tensor, "b k m"], patch: int) -> Float[Tensor, "b c n"]:
    """The inverse of `fold`."""
    b, k, m = x.shape
    return x.view(b, k // patch, patch, m).transpose(2, 3).reshape(b, k // patch, m * patch)
