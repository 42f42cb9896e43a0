"""Sizes of an operator along rays that is made in a moment."""

from __future__ import annotations

from spectremor.surrogate.config import NetworkDomainConfig

DOMAIN = NetworkDomainConfig(
    extent_m=(9600.0,) * 3,
    nodes=(17, 17, 17),
    sensors=(6, 6),
    first_sensor_m=(600.0, 600.0),
    last_sensor_m=(9000.0, 9000.0),
    samples=64,
    sampling_hz=10.0,
    ray_smoothings_m=(1000.0,),
)
SMALL = {
    "kind": "rays",
    "domain": DOMAIN.model_dump(),
    "steps": 36,
    "time_modes": 12,
    "along": 6,
    "across": 3,
    "depths": 3,
    "tube_width": 4,
    "latent": 12,
    "knots": 3,
    "context": 4,
    "width": 6,
    "layers": 2,
}
