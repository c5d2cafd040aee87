"""Phrases as JSGF alternatives, and the spelling that a recogniser knows them by. Pure.

The tables by which values are read are folded ("funf"); a recogniser's dictionary has "fünf".
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from offhook.pipeline.tts.languages import french_numbers, german_numbers, spanish_numbers
from offhook.pipeline.understanding.numerals import Words, number_words, numerals_of
from offhook.pipeline.understanding.words import fold

_CARDINALS = {"de": german_numbers.cardinal, "es": spanish_numbers.cardinal, "fr": french_numbers.cardinal}
_ORDINALS = {"de": german_numbers.ordinal, "es": spanish_numbers.ordinal, "fr": french_numbers.ordinal}
_ACCENTED = {
    "de": "märz jänner übermorgen früh nächste nächsten nächster",
    "es": "miércoles sábado mañana mediodía día días año años próximo último dólar dólares céntimo céntimos",
    "fr": "février août décembre après à années passé",
}
_JOINED = {
    "en": {"am": "a m", "pm": "p m"},
    "fr": {"aujourd hui": "aujourd'hui", "l après midi": "l'après-midi", "après midi": "après-midi"}
    | {"après demain": "après-demain", "avant hier": "avant-hier"},
}
"""Words that a recogniser writes otherwise than they are compared, the longer ones first."""

_ENDINGS = ("", "n", "r")
"""Of German ordinals: "dritte", "dritten", "dritter"."""

_UNLISTED = frozenset(["fourty", "nought", "oclock", "juliett", "xray", "haitch"])
"""Spellings that transcripts may have and dictionaries lack."""


def alternatives(phrases: Iterable[Sequence[str]]) -> str:
    """The phrases in parentheses; those that begin alike share their beginning, so that the grammar stays small."""
    tree: _Node = {}
    for phrase in phrases:
        if not phrase or _UNLISTED & set(phrase):
            continue
        node = tree
        for word in phrase:
            node = node.setdefault(word, {})
        node[_END] = {}
    return f"({_written(tree)})"


def spellings(words: Sequence[str], base: str) -> list[Words]:
    """Folded words as recognisers of the language write them: "fünfundzwanzig", "dix sept" and "dix-sept"."""
    accents = _accents(base)
    written = [accents.get(word, word) for word in words]
    if base == "de" and "und" in words and known_number(words, base):
        return [("".join(written),)]
    text = f" {' '.join(written)} "
    for folded, joined in _JOINED.get(base, {}).items():
        text = text.replace(f" {folded} ", f" {joined} ")
    plain = tuple(text.split())
    is_number = base == "fr" and len(words) > 1 and "et" not in words and known_number(words, base)
    return [plain, ("-".join(plain),)] if is_number else [plain]


def known_number(words: Sequence[str], base: str) -> bool:
    """Whether the words are a number below 100."""
    numerals = numerals_of(base)
    return numerals is not None and tuple(words) in numerals.small


_END = ""

_Node = dict[str, Any]  # of nodes by word; _END: a phrase ends here


def _written(tree: _Node) -> str:
    return " | ".join(word + _rest(node) for word, node in tree.items() if word != _END)


def _rest(node: _Node) -> str:
    if set(node) == {_END}:
        return ""
    rest = _written(node)
    if _END in node:
        return f" [{rest}]"
    return f" {rest}" if len(node) == 1 else f" ({rest})"


@lru_cache(maxsize=8)
def _accents(base: str) -> dict[str, str]:
    listed = _ACCENTED.get(base, "").split()
    cardinal, ordinal = _CARDINALS.get(base), _ORDINALS.get(base)
    if cardinal is not None and ordinal is not None:
        listed += [word for n in range(101) for word in cardinal(n).split()]
        endings = _ENDINGS if base == "de" else ("",)
        listed += [word + ending for n in range(1, 32) for word in ordinal(n).split() for ending in endings]
    return {folded: word for word in listed if len(number_words(word, base)) == 1 and (folded := fold(word)) != word}
