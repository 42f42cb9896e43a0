"""Sensors of made-up events in any layout, and stages with random weights, for tests of what sees the field."""

from __future__ import annotations

import numpy as np
import torch

from spectremor.diffusion.config import DiffusionConfig, FieldConfig, LatentConfig, NetworkConfig, SamplingConfig
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.surroundings import COLUMN_DEPTHS_M, Surroundings

SAMPLES, HZ = 96, 15.0
EPICENTRE_M = np.array([4000.0, 5200.0])


def stage_config(**field: object) -> DiffusionConfig:
    """The smallest stage that sees the field; `field` changes its exchange."""
    return DiffusionConfig(
        latent=LatentConfig(time_samples=SAMPLES, sampling_hz=HZ, latent_samples=40, target="residual"),
        network=NetworkConfig(widths=(8, 16), embedding=16),
        sampling=SamplingConfig(sampler="ddim", steps=1),
        field=FieldConfig(neighbours=4, channels=4, heads=2, observed_neighbours=2).model_copy(update=field),
    )


def random_stage(config: DiffusionConfig, seed: int = 0, scale: float = 0.3) -> FieldStage:
    """A stage none of whose weights is zero, so that everything that it is told matters."""
    torch.manual_seed(seed)
    stage = FieldStage(config)
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(scale * torch.randn(parameter.shape))
    return stage.eval()


def surroundings(positions_m: np.ndarray, reference_m_s: float = 0.01) -> Surroundings:
    """Of a source 3 km deep in ground that varies smoothly; every number follows from the sensor's place."""
    offset = np.concatenate([positions_m - EPICENTRE_M, np.full((len(positions_m), 1), 3000.0)], axis=1)
    distance = np.linalg.norm(offset, axis=1)
    away = offset / distance[:, None]
    surface = 2000 + 300 * np.sin(distance / 2000)
    tensor = np.array([[0.2, 0.5, -0.3], [0.5, 0.4, 0.6], [-0.3, 0.6, -0.6]])
    force = away @ tensor
    along = (force * away).sum(axis=1, keepdims=True) * away
    return Surroundings(
        positions_m=positions_m,
        epicentre_m=EPICENTRE_M,
        p_time_s=distance / 4500,
        s_time_s=distance / 2600,
        vs_column_m_s=surface[:, None] + 0.3 * np.array(COLUMN_DEPTHS_M),
        distance_m=distance,
        p_radiation=along,
        s_radiation=force - along,
        reference_m_s=reference_m_s,
    )


def random_positions(count: int, seed: int = 0, size_m: float = 3000.0) -> np.ndarray:
    """Places without any order."""
    return np.random.default_rng(seed).uniform(0, size_m, (count, 2)) + 2500.0


def random_traces(count: int, seed: int = 1, size_m_s: float = 0.01) -> np.ndarray:
    """Traces that move from the beginning, so that nothing is muted."""
    rng = np.random.default_rng(seed)
    return (size_m_s * rng.standard_normal((count, 3, SAMPLES))).astype(np.float32)
