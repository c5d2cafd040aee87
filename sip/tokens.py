"""Unguessable tokens."""

import secrets


def random_token() -> str:
    """96 random bits, for tags, branches, Call-IDs and handles (RFC 3261 §19.3 asks for 32)."""
    return secrets.token_hex(12)
