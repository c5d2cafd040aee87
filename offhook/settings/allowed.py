"""The patterns of lists that say what may be called: `allowed_numbers`, `allowed_addresses`, `transfer.allow`. Pure."""

from collections.abc import Iterable


def is_listed(patterns: Iterable[str], name: str) -> bool:
    """Whether a pattern covers a number, an extension, a name, or USER@HOST. A pattern's user may end in `*`; what has
    a host is covered by patterns with that host alone, and what has none by patterns without. `*` covers all."""
    return any(_covers(pattern, name) for pattern in patterns)


def _covers(pattern: str, name: str) -> bool:
    if pattern == "*":
        return True
    user, at, host = pattern.partition("@")
    called, also, where = name.partition("@")
    if at != also or host.lower() != where.lower():
        return False
    return called.startswith(user[:-1]) if user.endswith("*") else called == user
