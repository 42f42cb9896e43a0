"""The inputs of a stage-1 network for one event: plain arrays made from a geology and a source."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.core.source import Source
from spectremor.data.normalisation import GeologyNormalisation, trace_scale
from spectremor.surrogate.config import MifnoConfig, NetworkConfig, PublishedStageConfig
from spectremor.surrogate.ray_theory import DirectWaves, direct_waves, direct_waves_at


def event_inputs(
    vs_m_s: Float[np.ndarray, "x y z"],
    source: Source,
    config: NetworkConfig,
    normalisation: GeologyNormalisation,
    waves: DirectWaves | None = None,
    simulated_m_s: Float[np.ndarray, "3 sx sy time"] | None = None,
    points_m: Float[np.ndarray, "sx sy 2"] | None = None,
) -> dict[str, np.ndarray]:
    """The arrays of one event, float32, without a batch axis.

    Args:
        vs_m_s: Vs at the nodes in m/s.
        source: of any moment.
        config: of the network.
        normalisation: of the geology.
        waves: the event's direct waves, if they are known already.
        simulated_m_s: velocities of a simulation on a coarse grid, for a network that corrects one.
        points_m: East and North of sensors in the place of the network's own, for a network along rays.

    Returns:
        geology (sx, sy, z): normalised Vs below the sensors.
        position (3,): of the source over the ground's size, z positive downward.
        moment (6,): tensor over its scalar moment.
        offset_time (sx, sy, z): S arrival below the sensors in s, in the first medium, for a network on volumes.
        s_time (media, sx, sy): S arrival at the sensors in s, in each medium of `ray_smoothings_m`.
        amplitude (2, 9 media, sx, sy): direct waves, real and imaginary parts, (medium, wave, component) flattened,
            normalised.
        sensor (4, sx, sy): Vs at the surface over 3000 m/s, incidence East and North, distance over the ground's size.
        scale (): from m/s to normalised traces.
        simulation (3, sx, sy, time): normalised traces of the simulation, where there is one.

        For the published network: position, moment, scale and nodes (x, y, z), normalised Vs at the nodes, alone.
    """
    if isinstance(config, PublishedStageConfig):
        return _published_inputs(vs_m_s, source, config, normalisation)
    extent_m = config.trained_range.extent_m
    own_m = config.sensors.points_m()[:, :2].reshape(*config.sensors.shape, 2)
    gx, gy = np.moveaxis(own_m if points_m is None else points_m, -1, 0)
    if waves is None:
        places_m = np.stack([gx, gy], axis=-1)
        waves = direct_waves_at(vs_m_s, source, extent_m, places_m, config.ray_smoothings_m)
    scale = trace_scale(vs_m_s, source, extent_m)
    amplitude = waves.amplitude.reshape(-1, *gx.shape) * scale
    px, py, pz = source.position_m
    distance = np.sqrt((gx - px) ** 2 + (gy - py) ** 2 + pz**2)
    size = np.array(extent_m)
    arrays = {
        "geology": below_sensors(normalisation.apply(vs_m_s), config),
        **_source_inputs(source, extent_m),
        "s_time": waves.s_time_s,
        "amplitude": np.stack([amplitude.real, amplitude.imag]),
        "sensor": np.stack([waves.surface_vs_m_s[0] / 3000.0, *waves.incidence[0], distance / size.max()]),
        "scale": np.array(scale),
    }
    if isinstance(config, MifnoConfig):
        arrays["offset_time"] = below_sensors(waves.s_time_volume_s[0], config)
    if simulated_m_s is not None:
        arrays["simulation"] = simulated_m_s * scale
    return {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in arrays.items()}


def _published_inputs(
    vs_m_s: Float[np.ndarray, "x y z"],
    source: Source,
    config: PublishedStageConfig,
    normalisation: GeologyNormalisation,
) -> dict[str, np.ndarray]:
    extent_m = config.trained_range.extent_m
    arrays = {
        "nodes": normalisation.apply(vs_m_s),
        **_source_inputs(source, extent_m),
        "scale": np.array(trace_scale(vs_m_s, source, extent_m)),
    }
    return {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in arrays.items()}


def _source_inputs(source: Source, extent_m: tuple[float, float, float]) -> dict[str, np.ndarray]:
    px, py, pz = source.position_m
    return {
        "position": np.array([px, py, -pz]) / np.array(extent_m),
        "moment": np.array(source.moment_tensor_nm) / source.moment_nm,
    }


def below_sensors(volume: Float[np.ndarray, "x y z"], config: NetworkConfig) -> Float[np.ndarray, "sx sy z"]:
    """A nodal volume interpolated linearly to the columns below the sensors, so that all volumes share x and y."""
    for axis, positions in enumerate((config.sensors.x_m, config.sensors.y_m)):
        index = positions / config.trained_range.extent_m[axis] * (volume.shape[axis] - 1)
        low = np.clip(index.astype(int), 0, volume.shape[axis] - 2)
        part = (index - low).reshape([-1 if a == axis else 1 for a in range(3)])
        volume = np.take(volume, low, axis) * (1 - part) + np.take(volume, low + 1, axis) * part
    return volume


def traced_waves(vs_m_s: Float[np.ndarray, "x y z"], source: Source, config: NetworkConfig) -> DirectWaves:
    """Direct waves of an event at the network's sensors, in its smoothed media."""
    sensors, extent_m = config.sensors, config.trained_range.extent_m
    return direct_waves(vs_m_s, source, extent_m, sensors.x_m, sensors.y_m, config.ray_smoothings_m)
