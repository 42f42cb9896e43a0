"""The system's experiments: one file each, with one function `run(settings) -> Result`."""
