"""The six experiments, each a module with `run(settings) -> Result`, and the L1 baseline."""
