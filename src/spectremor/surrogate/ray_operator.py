"""From the ground along each ray to the motion at its sensor: the operator alone, or one that corrects a simulation.

The direct waves of ray theory are the first guess or, where there is one, a simulation on a coarse grid. From the
ground around its ray (`ray_tube`), each sensor's network makes (1) a transfer function for each direct wave and the
simulation (`transfer`), and (2) a context in time that steers layers which are linear in the waves (`time_layer`),
for what arrives besides: converted, scattered and reverberating waves. Everything is exactly linear in the moment
tensor. The same weights serve all sensors, in the frame (radial, transverse, up) of each, so an event holds as many
examples as sensors.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from spectremor.core.medium import VP_OVER_VS
from spectremor.surrogate.config import RayConfig
from spectremor.surrogate.first_guess import arrival_envelopes, direct_wave_spectra, pulse_spectrum
from spectremor.surrogate.initial import normal
from spectremor.surrogate.network import Inputs
from spectremor.surrogate.ray_ground import GroundEncoder, describe_pairs
from spectremor.surrogate.ray_tube import SensorFrames, column_points_m, sampled, sensor_frames, tube_points_m
from spectremor.surrogate.simulated import simulated_spectra
from spectremor.surrogate.time_axis import at_times, delay, on_grid, spectrum
from spectremor.surrogate.time_layer import GatedTimeLayer
from spectremor.surrogate.transfer import WAVES, TransferFunctions

#: Where the six numbers of a moment tensor stand in its matrix.
_SIX = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
#: Until so long before the first arrival of ray theory, which comes late where the ground is rough, nothing moves; in
#: the next so many seconds the motion is let in.
_QUIET_S, _RISE_S = 0.35, 0.2
#: Normalised Vs is divided by 4 standard deviations; the network sees it over one.
_DEVIATIONS = 4.0


class RayOperator(nn.Module):
    """The network.

    Args:
        config: sizes.

    Attributes:
        bf16: run what describes the ground, and the pointwise networks that it steers, in bfloat16, for training. The
            waves themselves and what Fourier transforms see stay in single precision.
    """

    bf16 = False
    pulse: Tensor
    sensors_m: Tensor
    corners_m: Tensor

    def __init__(self, config: RayConfig) -> None:
        super().__init__()
        self.config = config
        steps, period_s, media = config.steps, config.period_s, len(config.ray_smoothings_m)
        self.ground = GroundEncoder(config)
        simulated = config.simulation_m is not None
        self.transfer = TransferFunctions(
            config.latent, config.knots, media, simulated=simulated, steps=steps, period_s=period_s
        )
        self.context = TimeContext(config)
        self.waves = ScatteredWaves(config)
        pulse = pulse_spectrum(steps, period_s, config.rise_time_s, config.lowpass_hz)
        self.register_buffer("pulse", pulse, persistent=False)
        x_m, y_m = config.sensors.x_m.tolist(), config.sensors.y_m.tolist()
        positions = torch.tensor([[x, y, 0.0] for x in x_m for y in y_m], dtype=torch.float32, device="cpu")
        bottom = positions.new_tensor([0.0, 0.0, -config.trained_range.extent_m[2]])
        self.register_buffer("sensors_m", positions, persistent=False)
        self.register_buffer("corners_m", torch.stack([positions[0] + bottom, positions[-1]]), persistent=False)

    def forward(self, inputs: Inputs) -> Float[Tensor, "b 3 x y time"]:
        """Normalised velocities at the output times.

        Args:
            inputs: the arrays of `event_inputs`, each with a batch axis.
        """
        shape = self.config.sensors.shape
        every = torch.arange(math.prod(shape), device=inputs["s_time"].device)
        return self.at(inputs, every.expand(len(inputs["s_time"]), -1)).unflatten(2, shape)

    def at(self, inputs: Inputs, sensors: Int[Tensor, "b s"], *, stride: int = 1) -> Float[Tensor, "b 3 s time"]:
        """Normalised velocities at some sensors.

        Args:
            inputs: as `forward`.
            sensors: numbers of each event's sensors, on the flattened grid.
            stride: of every `stride` output times one is given.
        """
        picked = {name: _picked(inputs[name], sensors) for name in ("s_time", "amplitude", "sensor")}
        if self.config.simulation_m is not None:
            picked["simulation"] = _picked(inputs["simulation"].movedim(-1, 2), sensors).transpose(-1, -2)
        return self._at({**inputs, **picked}, self.sensors_m[sensors], stride)

    def anywhere(self, inputs: Inputs, points_m: Float[Tensor, "b s 2"]) -> Float[Tensor, "b 3 s time"]:
        """Normalised velocities at any points of the surface.

        Args:
            inputs: the arrays of `event_inputs` for these points.
            points_m: East and North.
        """
        listed = {name: inputs[name].flatten(-2) for name in ("s_time", "amplitude", "sensor")}
        if self.config.simulation_m is not None:
            listed["simulation"] = inputs["simulation"].flatten(2, 3)
        places_m = torch.cat([points_m, torch.zeros_like(points_m[..., :1])], dim=-1)
        return self._at({**inputs, **listed}, places_m, 1)

    def _at(self, inputs: Inputs, places_m: Float[Tensor, "b s 3"], stride: int) -> Float[Tensor, "b 3 s time"]:
        """Normalised velocities at sensors, whose inputs are in a list."""
        c, b = self.config, len(places_m)
        s_time = inputs["s_time"]
        frames = sensor_frames(self._source_m(inputs["position"]), places_m)
        pair = describe_pairs(frames, s_time, inputs["sensor"])
        around = self._around(inputs["geology"], frames)
        with self._precision(pair):
            latent = self.ground(*around, pair.flatten(0, 1)).to(pair.dtype).unflatten(0, (b, -1))

        origin = s_time[:, 0]
        spectra = self._first_guess(inputs, frames)
        passed = self.transfer(spectra, latent)
        direct = on_grid(passed, c.steps).movedim(1, -1)
        envelopes = arrival_envelopes(s_time[:, 0], origin, c.steps, c.period_s)
        with self._precision(pair):
            context = self.context(latent, envelopes).to(pair.dtype)
        traces = self.waves(direct, context, _turned(inputs["moment"], frames.axes), bf16=self.bf16)
        # What is added to a simulation, or to nothing: the direct waves, or the change of the simulated ones.
        added = passed.unflatten(1, (-1, 3)).sum(dim=1) if c.simulation_m is None else passed[:, -3:] - spectra[:, -3:]
        traces = traces + on_grid(added, c.steps).movedim(1, -1)

        moved = delay(spectrum(torch.einsum("bstr,bsri->bist", traces, frames.axes)), origin[:, None], c.period_s)
        step_s, count = stride / c.recording.sampling_hz, -(-c.recording.samples // stride)
        motion = at_times(moved, 0.0, step_s, count, c.period_s) * _after_p(s_time, step_s, count)[:, None]
        if c.simulation_m is None:
            return motion
        return motion + inputs["simulation"][..., :: stride // self._thinning(inputs["simulation"])]

    def _first_guess(self, inputs: Inputs, frames: SensorFrames) -> Complex[Tensor, "b trace s k"]:
        """Spectra of the direct waves and of the simulation in the frame of each sensor, three components each."""
        c, s_time = self.config, inputs["s_time"]
        amplitude = inputs["amplitude"].unflatten(2, (-1, 3))
        local = torch.einsum("bsri,bpwis->bpwrs", frames.axes, amplitude).flatten(2, 3)
        spectra = direct_wave_spectra(local, s_time, s_time[:, 0], self.pulse, c.period_s)
        if c.simulation_m is None:
            return spectra
        traces = torch.einsum("bsri,bist->brst", frames.axes, inputs["simulation"])
        sampling_hz = c.recording.sampling_hz / self._thinning(traces)
        simulated = simulated_spectra(traces, sampling_hz, s_time[:, 0], spectra.shape[-1], c.period_s)
        return torch.cat([spectra, simulated], dim=1)

    def _thinning(self, simulated: Float[Tensor, "*_ time"]) -> int:
        """Of how many of the network's samples a simulation that it is given has one."""
        return round(self.config.recording.samples / simulated.shape[-1])

    def _precision(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, torch.bfloat16, enabled=self.bf16)

    def _source_m(self, position: Float[Tensor, "b 3"]) -> Float[Tensor, "b 3"]:
        """Position of the source from that of `event_inputs`, which counts depth downward."""
        x_m, y_m, z_m = self.config.trained_range.extent_m
        return position * position.new_tensor([x_m, y_m, -z_m])

    def _around(self, geology: Float[Tensor, "b x y z"], frames: SensorFrames) -> tuple[Tensor, Tensor]:
        """Vs in each ray's tube and in the column below each sensor, one after the other for all pairs."""
        c = self.config
        volume, (low_m, high_m) = _DEVIATIONS * geology[:, None], self.corners_m
        tube = sampled(volume, tube_points_m(frames, c.along, c.across, c.tube_spacing_m), low_m, high_m)
        column = sampled(volume, column_points_m(frames, c.depths, c.across, c.column_spacing_m), low_m, high_m)
        return tube.flatten(0, 1).flatten(2), column.flatten(0, 1).flatten(2)


class TimeContext(nn.Module):
    """What the waves at a sensor need to know, along time.

    Args:
        config: sizes.
    """

    def __init__(self, config: RayConfig) -> None:
        super().__init__()
        self.steps = config.steps
        self.spread = nn.Linear(config.latent, config.steps * config.context)
        self.arrivals = nn.Linear(6, config.context)

    def forward(self, latent: Float[Tensor, "b s z"], envelopes: Float[Tensor, "b s t 6"]) -> Float[Tensor, "b s t c"]:
        """Channels of the context."""
        return self.spread(latent).unflatten(-1, (self.steps, -1)) + self.arrivals(envelopes)


class ScatteredWaves(nn.Module):
    """Layers that are linear in the waves, sensor by sensor: what comes on top of the direct or simulated waves.

    Args:
        config: sizes.
    """

    def __init__(self, config: RayConfig) -> None:
        super().__init__()
        width, context = config.width, config.context
        waves = WAVES * len(config.ray_smoothings_m) + (config.simulation_m is not None)
        self.lift = nn.Parameter(normal(3 * waves, width, over=(3 * WAVES) ** 0.5))
        self.radiate = nn.Parameter(normal(6, context, width, scale=0.1, over=context**0.5))
        modes = min(config.time_modes, (config.steps + 1) // 2)
        self.layers = nn.ModuleList(
            GatedTimeLayer(width, context, modes, expansion=config.expansion) for _ in range(config.layers)
        )
        self.head = nn.Parameter(normal(width, 3, scale=0.003 if config.simulation_m is None else 0.0003))

    def forward(
        self,
        direct: Float[Tensor, "b s t wave"],
        context: Float[Tensor, "b s t c"],
        moment: Float[Tensor, "b s 6"],
        *,
        bf16: bool,
    ) -> Float[Tensor, "b s t 3"]:
        """Three components in the frame of each sensor; the pointwise networks in bfloat16 if asked."""
        radiated = torch.einsum("bsm,mcw->bscw", moment, self.radiate)
        waves = (context @ radiated + direct @ self.lift).flatten(0, 1)
        for layer in self.layers:
            waves = layer(waves, context.flatten(0, 1), bf16=bf16)
        return (waves @ self.head).unflatten(0, direct.shape[:2])


def _after_p(s_time: Float[Tensor, "b media s"], step_s: float, count: int) -> Float[Tensor, "b s time"]:
    """0 before the first wave can be there, 1 from a little before it on: the network's axis is a circle."""
    time_s = torch.arange(count, dtype=s_time.dtype, device=s_time.device) * step_s
    since_s = time_s - (s_time.amin(dim=1) / VP_OVER_VS - _QUIET_S)[..., None]
    share = (since_s / _RISE_S).clamp(0, 1)
    return share * share * (3 - 2 * share)


def _picked(plane: Float[Tensor, "b *c x y"], sensors: Int[Tensor, "b s"]) -> Float[Tensor, "b *c s"]:
    """Values at each event's sensors."""
    flat = plane.flatten(-2)
    index = sensors.view(len(sensors), *[1] * (flat.ndim - 2), -1)
    return flat.gather(-1, index.expand(*flat.shape[:-1], -1))


def _turned(moment: Float[Tensor, "b 6"], axes: Float[Tensor, "b s 3 3"]) -> Float[Tensor, "b s 6"]:
    """Moment tensors in the frame of each sensor."""
    full = moment.new_empty(len(moment), 3, 3)
    for k, (i, j) in enumerate(_SIX):
        full[:, i, j] = full[:, j, i] = moment[:, k]
    turned = torch.einsum("bsri,bij,bstj->bsrt", axes, full, axes)
    return torch.stack([turned[..., i, j] for i, j in _SIX], dim=-1)
