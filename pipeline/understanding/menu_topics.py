"""What callers speak of when they mean a choice without naming it: an umbrella on the train for "lost property". Pure.

The lexicon's section `about` has rows of words of menus and words that evoke them. Each part of what was said that
evokes a choice is evidence for it; one part is not much, several together are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from offhook.pipeline.events import Choice
from offhook.pipeline.understanding.canonical import Words, canonical
from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.menu_words import is_filler, weight
from offhook.pipeline.understanding.stems import inflected, stem

MAX_WORDS = 5
"""Of what evokes a choice."""

SEVERAL_WORDS, ONE_WORD, COMMON_WORD = 0.6, 0.5, 0.3
"""How much evidence a part is: several words, one, or one that is a filler elsewhere."""

NAME_STRENGTH = 0.8
"""What a choice's name counts beside its phrases: authors often call it what it is about."""


@dataclass(frozen=True, slots=True)
class _Topics:
    """The rows: `heads` are stems of the words of a menu, `evoking` the words of callers; both with their rows."""

    heads: tuple[tuple[frozenset[str], int], ...]
    evoking: Mapping[Words, frozenset[int]]


Topics = tuple[Mapping[int, float], ...]
"""For each choice how strongly it belongs to each row, up to 1."""


@lru_cache(maxsize=256)
def topics_of(choices: tuple[Choice, ...], base: str) -> Topics:
    """What the choices are about, by their phrases and names."""
    found = []
    for choice in choices:
        strengths: dict[int, float] = {}
        for phrase in choice.phrases:
            _add(strengths, canonical(phrase, base), base, 1.0)
        if choice.phrases:
            _add(strengths, canonical(choice.name.replace("_", " "), base), base, NAME_STRENGTH)
        found.append(strengths)
    return tuple(found)


def evidence(
    words: Words, topics: Topics, is_negated: Callable[[int, int], bool], base: str
) -> list[tuple[float, frozenset[int]]]:
    """For each choice how much of what was said evokes it, from 0 to less than 1, and the positions of these words.

    `is_negated` tells whether a part, from its first position to the one after its last, is not wanted.
    """
    evoked = list(_evoked(words, is_negated, base))
    found = []
    for strengths in topics:
        doubt, used = 1.0, set[int]()
        for start, end, quality, rows in evoked:
            strength = max((strengths.get(row, 0.0) for row in rows), default=0.0)
            if strength and not used & set(range(start, end)):
                doubt *= 1 - quality * strength
                used |= set(range(start, end))
        found.append((1 - doubt, frozenset(used)))
    return found


def _evoked(
    words: Words, is_negated: Callable[[int, int], bool], base: str
) -> Iterator[tuple[int, int, float, frozenset[int]]]:
    """Parts that evoke something, the longest first."""
    evoking = _topics(base).evoking
    stems = tuple(inflected(word, base) for word in words)
    for length in range(min(MAX_WORDS, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            rows = evoking.get(stems[start : start + length])
            if rows and not is_negated(start, start + length):
                yield start, start + length, _quality(words[start : start + length], base), rows


def _quality(words: Sequence[str], base: str) -> float:
    content = sum(not is_filler(word, base) for word in words)
    if len(words) > 1:
        return SEVERAL_WORDS if content else ONE_WORD
    return ONE_WORD if content and weight(words[0], base) >= 1 else COMMON_WORD


def _add(strengths: dict[int, float], words: Words, base: str, factor: float) -> None:
    weights = {stem(word, base): weight(word, base) for word in words}
    total = sum(weights.values())
    for head, row in _topics(base).heads:
        if total and head <= weights.keys():
            share = sum(weights[each] for each in head) / total
            strengths[row] = max(strengths.get(row, 0.0), factor * (0.4 + 0.6 * share))


@lru_cache(maxsize=8)
def _topics(base: str) -> _Topics:
    heads: list[tuple[frozenset[str], int]] = []
    evoking: dict[Words, frozenset[int]] = {}
    for row, line in enumerate(lexicon(base).sections.get("about", ())):
        about, _, said = line.partition(" : ")
        for phrase in about.split(" | "):
            content = frozenset(stem(word, base) for word in canonical(phrase, base) if weight(word, base))
            heads.append((content or frozenset(stem(word, base) for word in canonical(phrase, base)), row))
        for phrase in said.split(" | "):
            key = tuple(inflected(word, base) for word in canonical(phrase, base))
            evoking[key] = evoking.get(key, frozenset()) | {row}
    return _Topics(tuple(heads), evoking)
