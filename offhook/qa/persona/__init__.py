"""Callers whom a language model plays, recorded once and replayed without it."""
