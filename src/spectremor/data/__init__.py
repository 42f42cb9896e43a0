"""Files of the published data and of the project: geologies, wavefields, campaign stores, and limits on reading."""
