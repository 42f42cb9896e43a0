"""Stage 2: a diffusion model that restores what stage 1 loses, conditioned on its traces.

Network, condition, process and samplers are independent: a sampler sees D(x, condition, step) alone.
"""
