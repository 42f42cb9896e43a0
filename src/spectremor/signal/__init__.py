"""Formulas on traces: filters, spectra, goodness of fit, response spectra, coherence, attenuation, dispersion."""
