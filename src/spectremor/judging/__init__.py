"""Judging wavefields: the published scores, and benchmark runs over a campaign."""

from spectremor.judging.scores import METRICS, Scores, evaluate

__all__ = ["METRICS", "Scores", "evaluate"]
