"""Campaigns: random geologies, sources and stations, simulated on many workers into one store."""
