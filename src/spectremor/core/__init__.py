"""The words everything speaks: geology, source, medium, wavefield, axes, seeds."""
