"""Callers played by a language model, recorded once and replayed without it."""
