"""Callers correct themselves: "Tuesday, no wait, Wednesday". Pure."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.words import base_of


@lru_cache(maxsize=8)
def _longer(base: str) -> tuple[tuple[str, ...], ...]:
    """Phrases that begin as a correction does and are none."""
    return tuple(tuple(phrase.split()) for phrase in lexicon(base).phrases("no_corrections"))


@lru_cache(maxsize=8)
def _marks(base: str) -> tuple[tuple[str, ...], ...]:
    """The longest first."""
    return tuple(sorted((tuple(mark.split()) for mark in lexicon(base).phrases("corrections")), key=len, reverse=True))


def correction_at(words: Sequence[str], start: int, language: str | None) -> int:
    """How many words the correction that begins at `start` has; 0: there is none."""
    base = base_of(language)
    length = next((len(mark) for mark in _marks(base) if tuple(words[start : start + len(mark)]) == mark), 0)
    # "No quiero ventas" and "no funciona" correct nothing.
    longer = any(
        tuple(words[start : start + len(phrase)]) == phrase for phrase in _longer(base) if len(phrase) > length
    )
    return 0 if longer else length


def after_corrections(words: Sequence[str], language: str | None) -> Iterator[list[str]]:
    """The parts between corrections, the last one first: what is said last holds, if it says anything."""
    parts: list[list[str]] = [[]]
    at = 0
    while at < len(words):
        length = correction_at(words, at, language)
        if length:
            parts.append([])
        else:
            parts[-1].append(words[at])
        at += length or 1
    yield from (part for part in reversed(parts) if part)
