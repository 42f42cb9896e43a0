"""The best, median and worst sensors, chosen by rank over everything that was scored."""

from __future__ import annotations

import dataclasses

import numpy as np

from spectremor.judging.benchmark import Benchmark


@dataclasses.dataclass(frozen=True)
class Ranked:
    """One sensor of one event, and where it stands.

    Attributes:
        word: "best", "median" or "worst".
        contender: by whose scores.
        sample: event.
        sensor: number, x-major.
        score: mean of EG and PG.
        count: how many sensors were ranked.
    """

    word: str
    contender: str
    sample: int
    sensor: int
    score: float
    count: int


def ranked_sensors(result: Benchmark) -> list[Ranked]:
    """Best, median and worst sensor of the full model, or of stage 1 alone; none if none is defined."""
    tally = next((t for t in result.tallies if t.name.endswith("+ diffusion")), result.tallies[0])
    score = np.concatenate([(s["EG"] + s["PG"]) / 2 for s in tally.sensors])
    sample = np.repeat(result.samples, [len(c) for c in result.chosen])
    sensor = np.concatenate(result.chosen)
    order = np.argsort(-score, kind="stable")[: int((~np.isnan(score)).sum())]
    if not len(order):
        return []
    places = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    return [
        Ranked(word, tally.name, int(sample[k]), int(sensor[k]), float(score[k]), len(order))
        for word, k in places.items()
    ]
