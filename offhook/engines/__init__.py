"""Detectors, recognisers and voices: by name, made from the settings, started together."""
