"""Judging wavefields: the published scores, benchmark runs over a campaign, the report."""

from spectremor.evaluation.scores import METRICS, Scores, evaluate

__all__ = ["METRICS", "Scores", "evaluate"]
