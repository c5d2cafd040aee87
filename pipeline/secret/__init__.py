"""Secrets that callers key: kept where they can be overwritten, checked, and shown to nobody."""
