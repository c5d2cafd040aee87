"""A choice that is only spoken of: "did you say yes", "why should I pay now", "I was in sales already". Pure."""

from collections.abc import Sequence
from functools import lru_cache

from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.menu_words import is_filler

_REACH = 4
"""Fillers that may stand between: "did you say that I should say yes"."""


def is_reported(words: Sequence[str], first: int, base: str) -> bool:
    """Whether words before `first`, where the choice or the answer begins, make a question or a report of it."""
    return any(
        tuple(words[end - len(lead) : end]) == lead
        for end in range(first, max(0, first - _REACH) - 1, -1)
        if all(is_filler(word, base) for word in words[end:first])
        for lead in _leads(base)
        if end >= len(lead)
    )


@lru_cache(maxsize=8)
def _leads(base: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for phrase in lexicon(base).phrases("reported"))
