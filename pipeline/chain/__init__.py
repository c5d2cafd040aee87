"""Engines made of engines: a chain tries the next one when one fails or is silent for too long."""
