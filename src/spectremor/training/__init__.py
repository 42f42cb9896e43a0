"""Training of both stages: one config, one loop, checkpoints that survive anything."""
