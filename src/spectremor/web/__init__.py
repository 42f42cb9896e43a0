"""A page on localhost to generate, open, view and export wavefields. Needs the extra `web`."""
