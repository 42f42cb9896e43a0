"""Objects that all other packages share: geology, source, rupture, recording, wavefield, units, seeds."""
