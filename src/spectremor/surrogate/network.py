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
from spectremor.surrogate.initial import normal
from spectremor.surrogate.resample import Law
from spectremor.surrogate.simulated import simulated_spectra
from spectremor.surrogate.time_axis import at_times, delay, on_grid, spectrum

Inputs = Mapping[str, Tensor]

#: Direct waves of one medium: P, SV, SH with three components each.
_WAVES = 9


class Mifno(nn.Module):
    """The network. Volumes are channels-last inside.

    The branches are those of the config; a laboratory that compares designs hands in others, or overrides `time_origin`
    or `input_waves`.

    Args:
        config: sizes.
        geology: from the inputs of `event_inputs` to channels on (x, y, z).
        context: from these channels to channels on (x, y, time).
        waves: from waves and context to three components on the network's own time axis.
    """

    pulse: Tensor

    def __init__(
        self,
        config: MifnoConfig,
        *,
        geology: nn.Module | None = None,
        context: nn.Module | None = None,
        waves: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.geology = GeologyBranch(config) if geology is None else geology
        self.context = ContextBranch(config) if context is None else context
        self.waves = LinearWaves(config) if waves is None else waves
        pulse = pulse_spectrum(config.steps, config.period_s, config.rise_time_s, config.lowpass_hz)
        self.register_buffer("pulse", pulse, persistent=False)

    def forward(self, inputs: Inputs) -> Float[Tensor, "b 3 x y time"]:
        """Normalised velocities at the output times.

        Args:
            inputs: the arrays of `event_inputs`, each with a batch axis.
        """
        c = self.config
        origin = self.time_origin(inputs)
        context = self.context(self.geology(inputs), inputs, origin)
        waves = self.input_waves(inputs, origin)
        traces = self.waves(waves, context, inputs["moment"]).movedim(-1, 1)
        coefficients = delay(spectrum(traces), origin[:, None], c.period_s)
        times = c.recording
        output = at_times(coefficients, 0.0, 1.0 / times.sampling_hz, times.samples, c.period_s)
        return output if c.simulation_m is None else output + inputs["simulation"]

    def time_origin(self, inputs: Inputs) -> Float[Tensor, "b x y"]:
        """Start of the network's own time axis at each sensor, in s: the S arrival."""
        return inputs["s_time"][:, 0]

    def input_waves(self, inputs: Inputs, origin: Float[Tensor, "b x y"]) -> Float[Tensor, "b x y t wave"]:
        """Direct waves of ray theory, and the simulated traces where the network corrects a simulation."""
        c = self.config
        spectra = [direct_wave_spectra(inputs["amplitude"], inputs["s_time"], origin, self.pulse, c.period_s)]
        if c.simulation_m is not None:
            k, rate = (c.steps + 1) // 2, c.recording.sampling_hz
            spectra += [simulated_spectra(inputs["simulation"], rate, origin, k, c.period_s)]
        return on_grid(torch.cat(spectra, dim=1), c.steps).movedim(1, -1).contiguous()


class GeologyBranch(nn.Module):
    """Fourier layers on (x, y, z).

    Args:
        config: sizes.
        law: how the layers' skips resample.
        channels: of `input_channels`.
    """

    def __init__(self, config: MifnoConfig, *, law: Law = "band_limited", channels: int = 8) -> None:
        super().__init__()
        self.config = config
        width = config.geology_width
        self.lift = nn.Linear(channels, width)
        self.layers = nn.ModuleList(FourierLayer(width, config.modes, law=law) for _ in range(config.geology_layers))

    def forward(self, inputs: Inputs) -> Float[Tensor, "b x y z c"]:
        """The geology's channels."""
        x = self.lift(self.input_channels(inputs))
        for layer in self.layers:
            x = layer(x)
        return x

    def input_channels(self, inputs: Inputs) -> Float[Tensor, "b x y z channel"]:
        """Normalised Vs, position, position relative to the source, and S arrival after that at the source."""
        # Depth counts from the bottom here and from the surface in the source's position.
        grid = self.grid(inputs)
        at = inputs["position"] * grid.new_tensor([1, 1, -1]) + grid.new_tensor([0, 0, 1])
        channels = [inputs["geology"][:, None], grid, grid - at[:, :, None, None, None]]
        return torch.cat([*channels, inputs["offset_time"][:, None] / 3.0], dim=1).movedim(1, -1)

    def grid(self, inputs: Inputs) -> Float[Tensor, "b 3 x y z"]:
        """Position of each node, as fractions of the domain."""
        vs, sensors, ground = inputs["geology"], self.config.sensors, self.config.trained_range
        axes = [
            torch.tensor(sensors.x_m / ground.extent_m[0], dtype=vs.dtype, device=vs.device),
            torch.tensor(sensors.y_m / ground.extent_m[1], dtype=vs.dtype, device=vs.device),
            torch.linspace(0, 1, ground.nodes[2], dtype=vs.dtype, device=vs.device),
        ]
        return torch.stack(torch.meshgrid(*axes, indexing="ij")).expand(len(vs), -1, -1, -1, -1)


class ContextBranch(nn.Module):
    """From (x, y, z) to (x, y, time): what the waves need to know of the ground.

    Args:
        config: sizes.
        law: how the layers' skips resample.
        width: channels in and out; None: those of the geology branch.
    """

    def __init__(self, config: MifnoConfig, *, law: Law = "band_limited", width: int | None = None) -> None:
        super().__init__()
        self.config = config
        width = config.geology_width if width is None else width
        self.turn = FourierLayer(width, config.modes, law=law)
        self.sensors = nn.Linear(4 + 6, width)
        self.layers = nn.ModuleList(
            FourierLayer(width, (*config.modes[:2], config.time_modes), law=law, expansion=2)
            for _ in range(config.context_layers - 1)
        )

    def forward(
        self, geology: Float[Tensor, "b x y z c"], inputs: Inputs, origin: Float[Tensor, "b sx sy"]
    ) -> Float[Tensor, "b sx sy t c"]:
        """The context's channels."""
        x = self.at_sensors(self.turn(geology, self.config.steps), inputs, origin)
        for layer in self.layers:
            x = layer(x)
        return x

    def at_sensors(
        self, x: Float[Tensor, "b sx sy t c"], inputs: Inputs, origin: Float[Tensor, "b sx sy"]
    ) -> Float[Tensor, "b sx sy t c"]:
        """Adds where each sensor is seen from the source, and when P and S arrive there."""
        envelopes = arrival_envelopes(inputs["s_time"][:, 0], origin, self.config.steps, self.config.period_s)
        fixed = inputs["sensor"].movedim(1, -1)[..., None, :]
        weight = self.sensors.weight.T
        return x + envelopes @ weight[4:] + (fixed @ weight[:4] + self.sensors.bias)


class LinearWaves(nn.Module):
    """Waves exactly linear in the moment tensor, steered by a context that does not know it.

    Args:
        config: sizes.
        channels: of the waves that come in; None: those of `Mifno.input_waves`.
    """

    def __init__(self, config: MifnoConfig, *, channels: int | None = None) -> None:
        super().__init__()
        context, width = config.geology_width, config.wave_width
        modes = (*config.modes[:2], config.time_modes)
        channels = input_wave_channels(config) if channels is None else channels
        self.lift = nn.Parameter(normal(channels, width, over=_WAVES**0.5))
        self.radiate = nn.Parameter(normal(6, context, width, scale=0.1, over=context**0.5))
        self.layers = nn.ModuleList(
            GatedFourierLayer(width, context, modes, expansion=config.expansion) for _ in range(config.wave_layers)
        )
        # A simulation is close already: its correction starts small.
        start = 0.01 if config.simulation_m is None else 1e-4
        self.head = nn.Parameter(normal(width, 3, scale=start))
        self.first_guess = corrected_waves(config) if channels else None

    def forward(
        self, input_waves: Float[Tensor, "b x y t wave"], context: Tensor, moment: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b x y t 3"]:
        """Three components on the network's axis."""
        radiation = torch.einsum("bm,mcw->bcw", moment, self.radiate)
        waves = torch.matmul(context.flatten(1, 3), radiation).view(*context.shape[:4], -1)
        waves = waves + input_waves @ self.lift
        for layer in self.layers:
            waves = layer(waves, context)
        traces = waves @ self.head
        return traces if self.first_guess is None else traces + self.first_guess(input_waves)


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
    return _WAVES * len(config.ray_smoothings_m)


def input_wave_channels(config: MifnoConfig) -> int:
    """Channels of `Mifno.input_waves`."""
    return _direct_channels(config) + (0 if config.simulation_m is None else 3)


def corrected_waves(config: MifnoConfig) -> FirstGuess | None:
    """What of the waves that come in the network corrects; None where it corrects a simulation."""
    return FirstGuess(config) if config.simulation_m is None else None
