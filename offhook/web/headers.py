"""Response headers that several routes send."""

NO_STORE = {"Cache-Control": "no-store"}
"""The answer shows the state of a moment, or callers: no cache may keep it."""
