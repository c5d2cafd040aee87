"""Measurements on the wire."""
