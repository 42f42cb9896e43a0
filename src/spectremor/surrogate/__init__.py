"""Stage 1: Fourier neural operators that map a geology and a source to the surface wavefield."""
