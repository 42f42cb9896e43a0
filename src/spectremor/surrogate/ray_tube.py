"""The ground along each ray: what the operator alone sees of a geology, in the frame of source and sensor.

A wave that arrives at a sensor has felt the ground near its ray, more widely the longer it is (its Fresnel zone). So
each sensor is given the ground in a tube around the straight line from the source, and in a column below itself, both
turned so that the source lies in the same direction for all sensors. One network then serves every sensor, and each
simulation holds as many examples as sensors.
"""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

#: Horizontal distance from the source, in m, below which a direction is meaningless.
_ABOVE_SOURCE_M = 1.0


@dataclasses.dataclass(frozen=True)
class SensorFrames:
    """The directions that belong to pairs of a source and a sensor.

    Attributes:
        source_m: position of the source (East, North, up).
        sensor_m: position of the sensor.
        axes: unit vectors radial (away from the source, horizontal), transverse (to the left) and up, as rows.
    """

    source_m: Float[Tensor, "b 1 3"]
    sensor_m: Float[Tensor, "b s 3"]
    axes: Float[Tensor, "b s 3 3"]

    @property
    def line_m(self) -> Float[Tensor, "b s 3"]:
        """From the source to the sensor."""
        return self.sensor_m - self.source_m


def sensor_frames(source_m: Float[Tensor, "b 3"], sensor_m: Float[Tensor, "b s 3"]) -> SensorFrames:
    """Frames of each source and its sensors; straight above the source, radial is East."""
    source_m = source_m[:, None]
    across = (sensor_m - source_m)[..., :2]
    distance = across.norm(dim=-1, keepdim=True)
    east = across.new_tensor([1.0, 0.0]).expand_as(across)
    radial = torch.where(distance > _ABOVE_SOURCE_M, across / distance.clamp(min=_ABOVE_SOURCE_M), east)
    zero, one = torch.zeros_like(distance), torch.ones_like(distance)
    rows = (
        torch.cat([radial, zero], -1),
        torch.cat([-radial[..., 1:], radial[..., :1], zero], -1),
        torch.cat([zero, zero, one], -1),
    )
    return SensorFrames(source_m, sensor_m, torch.stack(rows, dim=-2))


def tube_points_m(
    frames: SensorFrames, along: int, across: int, spacing_m: float
) -> Float[Tensor, "b s along across across 3"]:
    """Points around the straight line from source to sensor, at even fractions of it.

    The first offset is horizontal, to the left; the second is perpendicular to it and to the line, upward.
    """
    line = frames.line_m
    direction = line / line.norm(dim=-1, keepdim=True).clamp(min=_ABOVE_SOURCE_M)
    left = frames.axes[..., 1, :]
    above = torch.cross(direction, left, dim=-1)
    fractions = (torch.arange(along, device=line.device, dtype=line.dtype) + 0.5) / along
    offsets = spacing_m * _centred(across, line)
    centre = frames.source_m[:, :, None] + line[:, :, None] * fractions[:, None]
    beside = offsets[:, None, None] * left[:, :, None, None] + offsets[:, None] * above[:, :, None, None]
    return centre[:, :, :, None, None] + beside[:, :, None]


def column_points_m(
    frames: SensorFrames, depths: int, across: int, spacing_m: float
) -> Float[Tensor, "b s depth across across 3"]:
    """Points in a column below the sensor, the first ones at the surface; offsets are radial, then transverse."""
    offsets = spacing_m * _centred(across, frames.axes)
    down = -spacing_m * torch.arange(depths, device=offsets.device, dtype=offsets.dtype)
    radial, left, up = frames.axes.unbind(dim=-2)
    beside = offsets[:, None, None] * radial[:, :, None, None] + offsets[:, None] * left[:, :, None, None]
    below = down[:, None] * up[:, :, None]
    return frames.sensor_m[:, :, None, None, None] + below[:, :, :, None, None] + beside[:, :, None]


def sampled(
    volumes: Float[Tensor, "b c x y z"], points_m: Float[Tensor, "b *points 3"], low_m: Tensor, high_m: Tensor
) -> Float[Tensor, "b *points c"]:
    """Trilinear interpolation of volumes at points; outside, the nearest value inside.

    Args:
        volumes: values at nodes spread evenly from corner to corner, z upward.
        points_m: East, North, up.
        low_m: position of the first node (3,).
        high_m: position of the last node (3,).
    """
    # From -1 to 1 between the corners, in one pass over the points, of which there are many.
    scale = 2 / (high_m - low_m)
    unit = torch.addcmul(-1 - low_m * scale, points_m, scale).reshape(len(volumes), -1, 1, 1, 3)
    # `grid_sample` names the last axis of a volume first.
    values = functional.grid_sample(volumes.transpose(2, 4), unit, align_corners=True, padding_mode="border")
    return values.flatten(2).transpose(1, 2).reshape(*points_m.shape[:-1], volumes.shape[1])


def _centred(count: int, like: Tensor) -> Float[Tensor, " count"]:
    return torch.arange(count, device=like.device, dtype=like.dtype) - (count - 1) / 2
