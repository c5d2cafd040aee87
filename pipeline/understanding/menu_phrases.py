"""The phrases of a menu in the form in which they are compared. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from offhook.pipeline.events import Choice
from offhook.pipeline.understanding.canonical import Words, canonical
from offhook.pipeline.understanding.menu_words import is_filler, menu_words, weight
from offhook.pipeline.understanding.stems import stem

MAX_GAP = 5
"""Words between the parts of "send … back"."""

ALTERNATIVE = frozenset(("or", "oder", "o", "u", "ou"))
"""What stands between two things of which one is meant."""

JOINING = ALTERNATIVE | {"and", "und", "y", "et"}
"""What stands between two things that are said together."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a phrase; `sharers` choices have it."""

    word: str
    weight: float
    sharers: int
    meanings: frozenset[int]


@dataclass(frozen=True, slots=True)
class Phrase:
    choice: int
    words: Words
    content: Words
    terms: tuple[Term, ...]


@lru_cache(maxsize=256)
def compiled(choices: tuple[Choice, ...], base: str) -> tuple[Phrase, ...]:
    spoken = [(index, canonical(phrase, base)) for index, choice in enumerate(choices) for phrase in choice.phrases]
    spoken += [(index, each) for index, words in spoken for each in _either(words)]
    shared: dict[str, set[int]] = {}
    for index, words in spoken:
        for word in words:
            shared.setdefault(stem(word, base), set()).add(index)
    compiled = []
    for index, words in spoken:
        meanings = _meanings(words, base)
        terms = tuple(
            Term(word, _weight(word, base), len(shared[stem(word, base)]), meanings.get(at, frozenset()))
            for at, word in enumerate(words)
            if _weight(word, base)
        )
        content = tuple(word for word in words if not is_filler(word, base))
        if words:
            compiled.append(Phrase(index, words, content, terms))
    return tuple(compiled)


def _either(words: Words) -> Iterator[Words]:
    """ "Lost or stolen card" is also "lost card", and "stolen card"."""
    at = next((at for at, word in enumerate(words) if word in JOINING), 0)
    before, after = words[:at], words[at + 1 :]
    if before and after:
        yield before + after[1:]
        yield after
        yield before


def _weight(word: str, base: str) -> float:
    return 0.3 if word == "1" else weight(word, base)


def _meanings(words: Words, base: str) -> dict[int, frozenset[int]]:
    """For each word the rows of synonyms that it belongs to, alone or with its neighbours."""
    found: dict[int, frozenset[int]] = {}
    for start, end, rows in synonyms_in(words, base):
        for at in range(start, end):
            found[at] = found.get(at, frozenset()) | rows
    return found


def synonyms_in(words: Words, base: str) -> Iterator[tuple[int, int, frozenset[int]]]:
    known = menu_words(base)
    for start in range(len(words)):
        for end in range(min(len(words), start + 5), start, -1):
            rows = known.synonyms.get(words[start:end])
            if not rows and end == start + 1 and not is_filler(words[start], base):
                rows = known.stems.get(stem(words[start], base))
            if rows:
                yield start, end, rows
    for first, last, rows in known.around:
        for start, word in enumerate(words):
            if word == first and last in words[start + 2 : start + 2 + MAX_GAP]:
                yield start, words.index(last, start + 2) + 1, rows
