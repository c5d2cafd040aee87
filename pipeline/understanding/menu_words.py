"""Words around an answer, and words that mean the same on the phone. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from offhook.pipeline.understanding.canonical import Words, canonical
from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.stems import stem
from offhook.pipeline.understanding.words import base_of

WEAK, CONTEXT = 0.3, 0.5
"""What a weak word counts in a phrase, and one of the context; others count 1 and fillers nothing."""


@dataclass(frozen=True, slots=True)
class MenuWords:
    """The words of a language.

    `context` are words that many sentences of a trade contain ("account" at a bank), `compounds` pairs whose first word
    means something else by itself ("credit card").

    `asking` are words of a request, `beginning` stems of a choice that begins something ("make an appointment").
    `synonyms` are words that mean the same as others, with the numbers of their rows; `stems` single ones without their
    endings, `around` pairs with other words in between ("send .. back").
    """

    filler: frozenset[str]
    weak: frozenset[str]
    context: frozenset[str]
    compounds: frozenset[Words]
    loose: frozenset[str]
    asking: frozenset[str]
    beginning: frozenset[str]
    synonyms: Mapping[Words, frozenset[int]]
    stems: Mapping[str, frozenset[int]]
    around: tuple[tuple[str, str, frozenset[int]], ...]


def is_filler(word: str, base: str) -> bool:
    """A word that says nothing about the choice."""
    return word in menu_words(base).filler


def weight(word: str, base: str) -> float:
    """How much a word of a phrase says about it."""
    known = menu_words(base)
    if word in known.filler:
        return 0.0
    return WEAK if word in known.weak else CONTEXT if word in known.context else 1.0


def is_all_said(text: str, phrases: Iterable[str], language: str | None) -> bool:
    """Whether a text is one of the phrases with words around it that say little or nothing: "the operator, please",
    not "the operator was rude"."""
    base = base_of(language)
    said = set(canonical(text, base))
    each = (set(canonical(phrase, base)) for phrase in phrases)
    return any(phrase <= said and all(weight(word, base) <= WEAK for word in said - phrase) for phrase in each)


def is_loose(words: Words, base: str) -> bool:
    """Whether these words, found as a synonym, mean the same only sometimes."""
    return len(words) == 1 and words[0] in menu_words(base).loose


@lru_cache(maxsize=16)
def menu_words(base: str) -> MenuWords:
    """The words of a language without region; empty if it is not known."""
    known = lexicon(base)
    filler, weak, loose = (known.words(section) for section in ("filler", "weak", "loose"))
    rows: dict[Words, frozenset[int]] = {}
    stems: dict[str, frozenset[int]] = {}
    around: list[tuple[str, str, frozenset[int]]] = []
    for number, row in enumerate(known.sections.get("same", ())):
        for phrase in row.split(" | "):
            first, gap, last = phrase.partition(" .. ")
            if gap:
                around.append((first, last, frozenset({number})))
                continue
            key = canonical(phrase, base)
            rows[key] = rows.get(key, frozenset()) | {number}
            if len(key) == 1:
                stems[stem(key[0], base)] = stems.get(stem(key[0], base), frozenset()) | {number}
    asking, beginning = known.words("asking"), known.words("beginning")
    compounds = frozenset(canonical(phrase, base) for phrase in known.phrases("compounds"))
    context = known.words("context")
    return MenuWords(filler, weak, context, compounds, loose, asking, beginning, rows, stems, tuple(around))
