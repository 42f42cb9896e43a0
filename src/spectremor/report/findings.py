"""The results of a run in sentences: differences between contenders, paired over events, with bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spectremor.core.seeds import generator
from spectremor.judging.intervals import BOOTSTRAP_DRAWS, widened
from spectremor.judging.tally import Tally
from spectremor.report.tables import IDEAL
from spectremor.signal.spectra import BANDS_HZ

_WORDS = {
    "ln_bias_high": "bias at 2–5 Hz",
    "PG": "phase goodness of fit",
    "EG": "envelope goodness of fit",
}


def findings(tallies: Sequence[Tally], seed: int = 0, band_high_hz: float = math.inf) -> list[str]:
    """How the first model with a second stage compares with its own stage 1, with the baselines and with other models.

    Baselines predict a mean, so they are compared with the model's mean, `expect`; a draw is compared with the draws
    of other models. The bias is left out if its band reaches beyond `band_high_hz`, the highest frequency of the data.
    """
    metrics = [m for m in _WORDS if m != "ln_bias_high" or BANDS_HZ[-1][1] <= band_high_hz + 1e-9]
    full = next((t for t in tallies if t.name.endswith("+ diffusion")), None)
    prefix = "" if full is None else full.name.removesuffix("stage 1 + diffusion")
    stage1 = next((t for t in tallies if t.name == f"{prefix}stage 1"), None)
    if stage1 is None or full is None:
        return []
    sentences = []
    for metric in metrics:
        words = _WORDS[metric]
        before, after = (_mean(t, metric) for t in (stage1, full))
        verdict = {1: "better", -1: "worse", 0: "not distinguishable with these events"}[
            better(full, stage1, metric, seed)
        ]
        sentences.append(
            f"{prefix}{'d' if prefix else 'D'}iffusion changes the {words} from {before:.2f} to {after:.2f}: {verdict}."
        )
    expected = next((t for t in tallies if t.name == f"{full.name}, expect"), None)
    for other in tallies:
        own_baseline = other.name.startswith(prefix) and other.name.endswith(("x gain", "+ regression"))
        if expected is not None and (own_baseline or other.name.startswith("simulation at ")):
            sentences.append(_against("`expect`", expected, other, metrics, seed))
    other_models = [t for t in tallies if t is not full and t.name.endswith("+ diffusion")]
    return sentences + [_against("one draw", full, other, metrics, seed) for other in other_models]


def _against(words: str, full: Tally, other: Tally, metrics: Sequence[str], seed: int) -> str:
    verdicts = {
        metric: better(full, other, metric, seed) for metric in ("EG", "PG", "ln_bias_high") if metric in metrics
    }
    parts = []
    for sign, verb in ((1, "is better in"), (-1, "is worse in"), (0, "is not distinguishable in")):
        names = [_WORDS[m] if m == "ln_bias_high" else m for m, result in verdicts.items() if result == sign]
        if names:
            parts.append(f"{verb} {' and '.join(names)}")
    return f"Against '{other.name}', {words} {', '.join(parts)}."


def better(one: Tally, other: Tally, metric: str, seed: int = 0) -> int:
    """1 if the mean score of `one` is nearer to perfect than that of `other`, -1 if it is farther, 0 if undecided.

    Decided by the widened 95% interval of a paired bootstrap over the events with both scores.
    """
    pair = np.array([[row[metric] for row in tally.rows] for tally in (one, other)])
    pair = pair[:, ~np.isnan(pair).any(axis=0)]
    if pair.shape[1] < 2:
        return 0
    draws = generator(seed, "paired bootstrap").integers(0, pair.shape[1], (BOOTSTRAP_DRAWS, pair.shape[1]))
    distance = np.abs(pair[:, draws].mean(axis=-1) - IDEAL[metric])
    gain = distance[1] - distance[0]
    low, high = widened(gain, pair.shape[1])
    return 1 if low > 0 else -1 if high < 0 else 0


def _mean(tally: Tally, metric: str) -> float:
    return float(np.nanmean([row[metric] for row in tally.rows]))
