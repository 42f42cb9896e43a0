"""What the scores of a run say, in sentences."""

from __future__ import annotations

from typing import Any

from spectremor.evaluation.tables import IDEAL


def findings(summary: list[dict[str, Any]], names: list[str]) -> list[str]:
    """What the numbers say, in sentences; only where an interval backs them."""
    of = {(r["contender"], r["metric"]): r for r in summary}
    stage1 = next((n for n in names if n.endswith("stage 1")), None)
    full = next((n for n in names if n.endswith("+ diffusion")), None)
    if stage1 is None or full is None:
        return []
    said = []
    for metric, words in (
        ("bias_high", "bias at 2–5 Hz"),
        ("PG", "phase goodness of fit"),
        ("EG", "envelope goodness of fit"),
    ):
        before, after = of[stage1, metric], of[full, metric]
        gain = abs(before["mean"] - IDEAL[metric]) - abs(after["mean"] - IDEAL[metric])
        apart = before["ci95_high"] < after["ci95_low"] or after["ci95_high"] < before["ci95_low"]
        verdict = ("better" if gain > 0 else "worse") if apart else "not told apart by these events"
        said.append(f"Diffusion takes the {words} from {before['mean']:.2f} to {after['mean']:.2f}: {verdict}.")
    for baseline in (n for n in names if n.endswith(("x gain", "+ regression")) or n.startswith("simulation")):
        wins = [m for m in ("EG", "PG") if of[full, m]["ci95_low"] > of[baseline, m]["ci95_high"]]
        losses = [m for m in ("EG", "PG") if of[full, m]["ci95_high"] < of[baseline, m]["ci95_low"]]
        verdict = "; ".join(
            text
            for text, metrics in (
                (f"beats it in {' and '.join(wins)}", wins),
                (f"loses in {' and '.join(losses)}", losses),
            )
            if metrics
        )
        said.append(f"Against '{baseline}', diffusion {verdict or 'is not told apart in EG and PG by these events'}.")
    return said
