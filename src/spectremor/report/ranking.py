"""The best, median and worst of all judged sensors of a run."""

from __future__ import annotations

import dataclasses

import numpy as np

from spectremor.judging.benchmark import Benchmark


@dataclasses.dataclass(frozen=True)
class Ranked:
    """One sensor of one event, and its rank.

    Attributes:
        word: "best", "median" or "worst".
        contender: name of the contender whose scores are ranked.
        sample: number of the event.
        sensor: number of the sensor, x-major.
        score: mean of EG and PG.
        count: number of sensors that were ranked.
    """

    word: str
    contender: str
    sample: int
    sensor: int
    score: float
    count: int


def ranked_sensors(result: Benchmark) -> list[Ranked]:
    """Best, median and worst sensors of the first model with diffusion, else of the first contender; empty if none."""
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
