"""Experiments on the two-stage model, one module each with a function `run(settings) -> Result`; the L1 baseline."""
