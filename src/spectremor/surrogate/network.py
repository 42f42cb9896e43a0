"""The project's MIFNO: geology and source to the surface wavefield, on aligned axes, with wave physics as input.

With `simulation_m`, it corrects a simulation on a coarse grid, which then stands among the waves.

Three stages. The geology branch works on (x, y, z). The context branch turns depth into time and learns, on
(x, y, time), what the ground does around each arrival. The waves start as the direct waves of ray theory plus the
context contracted with the moment tensor, and pass through Fourier layers that the context steers.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.surrogate.config import MifnoConfig
from spectremor.surrogate.first_guess import arrival_envelopes, direct_wave_spectra, pulse_spectrum
from spectremor.surrogate.fourier_layer import FourierLayer
from spectremor.surrogate.gated import GatedFourierLayer
from spectremor.surrogate.simulated import simulated_spectra
from spectremor.surrogate.source_branch import SourceBranch
from spectremor.surrogate.time_axis import at_times, delay, on_grid, spectrum

Inputs = Mapping[str, Tensor]

#: Direct waves of one medium: P, SV, SH with three components each.
_WAVES = 9


class Mifno(nn.Module):
    """The network; see `MifnoConfig` for the switches. Volumes are channels-last inside."""

    pulse: Tensor

    def __init__(self, config: MifnoConfig) -> None:
        super().__init__()
        self.config = config
        self.geology = GeologyBranch(config)
        self.context = ContextBranch(config)
        self.waves: LinearWaves | FreeWaves = LinearWaves(config) if config.moment == "linear" else FreeWaves(config)
        pulse = pulse_spectrum(config.steps, config.period_s, config.rise_time_s, config.lowpass_hz)
        self.register_buffer("pulse", pulse, persistent=False)

    def forward(self, inputs: Inputs) -> Float[Tensor, "b 3 x y time"]:
        """Normalised velocities at the output times.

        Args:
            inputs: the arrays of `event_inputs`, each with a batch axis.
        """
        c = self.config
        arrival = inputs["s_time"][:, 0]
        origin = arrival if c.align else torch.zeros_like(arrival)
        context = self.context(self.geology(inputs), inputs, origin)
        waves = self._known_waves(inputs, origin)
        traces = self.waves(waves, context, inputs["moment"]).movedim(-1, 1)
        coefficients = delay(spectrum(traces), origin[:, None], c.period_s)
        times = c.recording
        found = at_times(coefficients, 0.0, 1.0 / times.sampling_hz, times.samples, c.period_s)
        return found if c.simulation_m is None else found + inputs["simulation"]

    def _known_waves(self, inputs: Inputs, origin: Tensor) -> Float[Tensor, "b x y t wave"] | None:
        c = self.config
        spectra = []
        if c.first_guess:
            spectra += [direct_wave_spectra(inputs["amplitude"], inputs["s_time"], origin, self.pulse, c.period_s)]
        if c.simulation_m is not None:
            k, rate = (c.steps + 1) // 2, c.recording.sampling_hz
            spectra += [simulated_spectra(inputs["simulation"], rate, origin, k, c.period_s)]
        if not spectra:
            return None
        return on_grid(torch.cat(spectra, dim=1), c.steps).movedim(1, -1).contiguous()


class GeologyBranch(nn.Module):
    """Fourier layers on (x, y, z); with `source_branch`, merged with the source's volume as published."""

    def __init__(self, config: MifnoConfig) -> None:
        super().__init__()
        self.config = config
        width = config.geology_width
        self.lift = nn.Linear(8 if config.travel_times else 4, width)
        self.layers = nn.ModuleList(
            FourierLayer(width, config.modes, law=config.skip) for _ in range(config.geology_layers)
        )
        self.source = SourceBranch(9, config.trained_range.nodes[0] // 2, width) if config.source_branch else None

    def forward(self, inputs: Inputs) -> Float[Tensor, "b x y z c"]:
        """The geology's channels."""
        x = self.lift(self._channels(inputs))
        for layer in self.layers:
            x = layer(x)
        if self.source is None:
            return x
        size = (x.shape[1], x.shape[2], x.shape[3])
        s = self.source(torch.cat([inputs["position"], inputs["moment"]], dim=1), size)
        return torch.cat([x + s, x - s, x * s], dim=-1)

    def _channels(self, inputs: Inputs) -> Tensor:
        vs, sensors, ground = inputs["geology"], self.config.sensors, self.config.trained_range
        axes = [
            torch.tensor(sensors.x_m / ground.extent_m[0], dtype=vs.dtype, device=vs.device),
            torch.tensor(sensors.y_m / ground.extent_m[1], dtype=vs.dtype, device=vs.device),
            torch.linspace(0, 1, ground.nodes[2], dtype=vs.dtype, device=vs.device),
        ]
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij")).expand(len(vs), -1, -1, -1, -1)
        channels = [vs[:, None], grid]
        if self.config.travel_times:
            # Depth counts from the bottom here and from the surface in the source's position.
            at = inputs["position"] * vs.new_tensor([1, 1, -1]) + vs.new_tensor([0, 0, 1])
            channels += [grid - at[:, :, None, None, None], inputs["offset_time"][:, None] / 3.0]
        return torch.cat(channels, dim=1).movedim(1, -1)


class ContextBranch(nn.Module):
    """From (x, y, z) to (x, y, time): what the waves need to know of the ground."""

    def __init__(self, config: MifnoConfig) -> None:
        super().__init__()
        self.config = config
        width = config.geology_width * (3 if config.source_branch else 1)
        time_modes = (*config.modes[:2], config.modes[2])
        self.turn = FourierLayer(width, time_modes, law=config.skip)
        self.sensors = nn.Linear(4 + 6, width) if config.travel_times else None
        self.layers = nn.ModuleList(
            FourierLayer(width, (*config.modes[:2], config.time_modes), law=config.skip, expansion=2)
            for _ in range(config.context_layers - 1)
        )
        self.width = width

    def forward(
        self, geology: Float[Tensor, "b x y z c"], inputs: Inputs, origin: Float[Tensor, "b sx sy"]
    ) -> Float[Tensor, "b sx sy t c"]:
        """The context's channels."""
        c = self.config
        x = self.turn(geology, c.steps)
        if self.sensors is not None:
            envelopes = arrival_envelopes(inputs["s_time"][:, 0], origin, c.steps, c.period_s)
            fixed = inputs["sensor"].movedim(1, -1)[..., None, :]
            weight = self.sensors.weight.T
            x = x + envelopes @ weight[4:] + (fixed @ weight[:4] + self.sensors.bias)
        for layer in self.layers:
            x = layer(x)
        return x


class LinearWaves(nn.Module):
    """Waves exactly linear in the moment tensor, steered by a context that does not know it."""

    def __init__(self, config: MifnoConfig) -> None:
        super().__init__()
        context, width = config.geology_width, config.wave_width
        modes = (*config.modes[:2], config.time_modes)
        known = _known_channels(config)
        self.lift = nn.Parameter(torch.randn(known, width) / _WAVES**0.5) if known else None
        self.radiate = nn.Parameter(0.1 * torch.randn(6, context, width) / context**0.5)
        self.layers = nn.ModuleList(
            GatedFourierLayer(width, context, modes, expansion=config.expansion) for _ in range(config.wave_layers)
        )
        # A simulation is close already: its correction starts small.
        start = 0.01 if config.simulation_m is None else 1e-4
        self.head = nn.Parameter(start * torch.randn(width, 3))
        self.first_guess = _corrected(config)

    def forward(
        self, known: Float[Tensor, "b x y t wave"] | None, context: Tensor, moment: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b x y t 3"]:
        """Three components on the network's axis."""
        radiation = torch.einsum("bm,mcw->bcw", moment, self.radiate)
        waves = torch.matmul(context.flatten(1, 3), radiation).view(*context.shape[:4], -1)
        if known is not None and self.lift is not None:
            waves = waves + known @ self.lift
        for layer in self.layers:
            waves = layer(waves, context)
        traces = waves @ self.head
        return traces if known is None or self.first_guess is None else traces + self.first_guess(known)


class FreeWaves(nn.Module):
    """Plain Fourier layers on context, direct waves and moment tensor together."""

    def __init__(self, config: MifnoConfig) -> None:
        super().__init__()
        context = config.geology_width * (3 if config.source_branch else 1)
        width = config.wave_width
        modes = (*config.modes[:2], config.time_modes)
        self.lift = nn.Linear(context + _known_channels(config), width)
        self.moment = nn.Linear(6, width, bias=False)
        self.layers = nn.ModuleList(
            FourierLayer(width, modes, law=config.skip, expansion=config.expansion) for _ in range(config.wave_layers)
        )
        self.head = nn.Linear(width, 3)
        nn.init.normal_(self.head.weight, std=1e-3)
        nn.init.zeros_(self.head.bias)
        self.first_guess = _corrected(config)

    def forward(
        self, known: Float[Tensor, "b x y t wave"] | None, context: Tensor, moment: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b x y t 3"]:
        """Three components on the network's axis."""
        waves = self.lift(context if known is None else torch.cat([context, known], dim=-1))
        waves = waves + self.moment(moment)[:, None, None, None]
        for layer in self.layers:
            waves = layer(waves)
        traces = self.head(waves)
        return traces if known is None or self.first_guess is None else traces + self.first_guess(known)


class FirstGuess(nn.Module):
    """What the network corrects: the direct waves; of several media, a mixture that it learns.

    The mixture starts at half the first medium's waves: where a pulse comes early or late, half of it costs least.
    """

    sum: Tensor

    def __init__(self, config: MifnoConfig) -> None:
        super().__init__()
        start = torch.eye(3, dtype=torch.float32, device="cpu").repeat(3, 1)
        channels = _direct_channels(config)
        self.register_buffer("sum", start, persistent=False)
        self.mixture = None
        if channels > _WAVES:
            self.mixture = nn.Parameter(torch.cat([0.5 * start, start.new_zeros(channels - _WAVES, 3)]))

    def forward(self, direct: Float[Tensor, "b x y t wave"]) -> Float[Tensor, "b x y t 3"]:
        """Three components."""
        return direct @ (self.sum if self.mixture is None else self.mixture)


def _direct_channels(config: MifnoConfig) -> int:
    return _WAVES * len(config.ray_smoothings_m) if config.first_guess else 0


def _known_channels(config: MifnoConfig) -> int:
    return _direct_channels(config) + (0 if config.simulation_m is None else 3)


def _corrected(config: MifnoConfig) -> FirstGuess | None:
    return FirstGuess(config) if config.first_guess and config.simulation_m is None else None
