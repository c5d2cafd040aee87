"""Detectors, recognisers and voices, made from the settings."""
