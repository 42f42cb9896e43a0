"""What the score is for: draws that neighbours share as much as the truth does."""

from __future__ import annotations

import numpy as np
import torch
from field_cases import HZ, SAMPLES, surroundings

from spectremor.core.seeds import generator
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.shared_noise import group_noise, later
from spectremor.training.config import FieldTraining, parse_config
from spectremor.training.ensemble_scores import ensemble_scores
from spectremor.training.field_batches import group_of_sample
from spectremor.training.field_cache import FieldSample
from spectremor.training.field_objective import INPUTS, FieldObjective, rows_of_groups
from spectremor.training.layouts import Layout

CONFIG = {
    "model": {
        "latent": {"time_samples": SAMPLES, "sampling_hz": HZ, "latent_samples": 40, "target": "residual"},
        "network": {"widths": [16, 24], "embedding": 16},
        "sampling": {"sampler": "ddim", "steps": 1},
        "field": {"neighbours": 8, "channels": 8, "heads": 4, "observed_neighbours": 2},
    },
    "objective": "score",
    "batch": 4,
    "sensors": 16,
}
LAYOUT = Layout(grid=(4, 4))


def sample(stage: FieldStage, seed: int) -> FieldSample:
    """Sensors 75 m apart, whose motion beyond stage 1 is noise: 85% of its variance shared at equal time after S."""
    rng = generator(seed, "made-up field")
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(4), indexing="ij"), axis=-1).reshape(16, 2)
    where = surroundings(75.0 * grid + rng.uniform(1000, 8000, 2))
    delay = torch.from_numpy((where.s_time_s * HZ * 40 / SAMPLES).astype(np.float32))

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))

    shared = later(normal(1, 3, 40).expand(16, 3, 40), delay)
    unknown = 0.85**0.5 * shared + 0.15**0.5 * normal(16, 3, 40)
    stage1 = 0.01 * normal(16, 3, 40)
    return FieldSample(stage1=stage1, truth=stage1 + 0.01 * stage.latents.spectrum(unknown), surroundings=where)


def likeness(stage: FieldStage, config: FieldTraining) -> tuple[float, float]:
    """Mean correlation of neighbours, of draws and of truth, on fields of their own."""
    scores = []
    for number in range(6):
        rng = generator(number, "judged")
        group = group_of_sample(sample(stage, number), LAYOUT, rng, config, 0.5)
        rows = rows_of_groups({name: group[name][None] for name in INPUTS})
        noise = group_noise(rng, group["positions_m"].numpy(), group["delay"], (3, 3, 40), stage.field)
        with torch.no_grad():
            condition = rows.condition(stage.latents)
            draws = torch.stack([stage.draw(condition, lambda one=one: one) for one in noise])  # type: ignore[misc]
            clean = stage.latents.target(group["truth"], rows.stage1, rows.amplitude)
            scores.append(ensemble_scores(stage.latents, draws, stage.mean(condition), clean, rows))
    return tuple(float(np.mean([score[name] for score in scores])) for name in ("alike_draws", "alike_truth"))  # type: ignore[return-value]


def test_the_score_teaches_draws_that_neighbours_share() -> None:
    config = parse_config(CONFIG, "field")
    assert isinstance(config, FieldTraining)
    torch.manual_seed(0)
    stage = FieldStage(config.model)
    objective = FieldObjective(stage, config)
    optimizer = torch.optim.AdamW(stage.parameters(), lr=4e-3)
    before, truth = likeness(stage, config)
    assert before < 0.2 * truth
    for step in range(60):
        groups = [
            group_of_sample(sample(stage, 1000 + 4 * step + k), LAYOUT, generator(step, "group", k), config, 0.5)
            for k in range(4)
        ]
        loss = objective(**{name: torch.stack([group[name] for group in groups]) for name in groups[0]})
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(stage.parameters(), 1.0)
        optimizer.step()
    after, truth = likeness(stage, config)
    assert abs(after - truth) < 0.4 * truth
