"""A page on localhost: generate or open a wavefield, look at it, take it along. Needs the extra `web`."""
