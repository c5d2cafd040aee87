"""How the keys that came differ from those that were pressed. Pure."""

from itertools import pairwise
from typing import NamedTuple


class Difference(NamedTuple):
    """Its kind, for programs, and what it is, for people."""

    kind: str
    what: str


def difference(expected: str, found: str) -> Difference | None:
    """None: they are the same."""
    if found == expected:
        return None
    if _repeats(found) > _repeats(expected):
        return Difference("keys_doubled", "keys came twice")
    if len(found) < len(expected) and _is_part(found, expected):
        return Difference("keys_lost", "keys were lost")
    return Difference("keys", "other keys came")


def _repeats(keys: str) -> int:
    return sum(one == other for one, other in pairwise(keys))


def _is_part(found: str, expected: str) -> bool:
    """Whether `found` is `expected` without some of its keys."""
    left = iter(expected)
    return all(key in left for key in found)
