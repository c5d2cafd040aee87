"""Calls, independent of their carrier."""
