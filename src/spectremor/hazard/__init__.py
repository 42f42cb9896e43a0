"""Comparison of wavefields with ground-motion models and with what was recorded."""
