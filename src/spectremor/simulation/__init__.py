"""The elastic solver: grid, medium, free surface, sources, propagation, and a coarse simulation as stage 1."""
