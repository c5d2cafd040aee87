"""Encryption of what is kept of calls: its keys, its format, and reading it."""
