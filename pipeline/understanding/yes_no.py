"""Yes and no in what was said. Pure."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.reported import is_reported
from offhook.pipeline.understanding.words import base_of, words_of

_LONGEST = 6
_WRITTEN = {"en": ("yes", "no"), "de": ("ja", "nein"), "es": ("sí", "no"), "fr": ("oui", "non")}
_OPENERS = frozenset(("ok", "okay", "bueno", "vale"))
"""Yes, or nothing at all: "okay, no"."""


@lru_cache(maxsize=32)
def yes_phrases(language: str | None) -> tuple[str, ...]:
    """What a recogniser should listen for; empty in a language that is not known."""
    return lexicon(base_of(language)).phrases("yes")[:12]


@lru_cache(maxsize=32)
def no_phrases(language: str | None) -> tuple[str, ...]:
    """As `yes_phrases`."""
    return lexicon(base_of(language)).phrases("no")[:8]


def written_yes_no(value: bool, language: str | None) -> str:
    """The value as a word for the voice."""
    yes, no = _WRITTEN.get(base_of(language), _WRITTEN["en"])
    return yes if value else no


def read_yes_no(text: str, language: str | None = None) -> bool | None:
    """Whether it means yes or no.

    None if it means neither, both ("yes and no"), or is undecided ("maybe"), or if it was only spoken of ("did you say
    yes").

    The longest phrase counts: "not right" is no, although "right" is yes. What is said after a correction ("no, sorry,
    yes") holds.
    """
    words = words_of(text, language)
    table = _answers(base_of(language))
    found: list[bool | None] = []
    at = corrected = 0
    while at < len(words):
        length = next((n for n in range(_LONGEST, 0, -1) if tuple(words[at : at + n]) in table), 0)
        if length:
            reported = is_reported(words, at, base_of(language))
            found.append(None if reported else table[tuple(words[at : at + length])])
        elif words[at] in _CORRECTING:
            corrected = len(found)
        at += length or 1
    found = found[corrected:] or found
    if not found or None in found:
        return None
    return _agreed(found, words)


_CORRECTING = frozenset(("sorry", "wait", "actually", "mean", "entschuldigung", "moment", "perdon", "digo", "pardon"))


def _agreed(found: Sequence[bool | None], words: Sequence[str]) -> bool | None:
    if len(set(found)) == 1:
        return found[0]
    return found[-1] if words[0] in _OPENERS and len(set(found[1:])) == 1 else None


@lru_cache(maxsize=8)
def _answers(base: str) -> Mapping[tuple[str, ...], bool | None]:
    answers: dict[tuple[str, ...], bool | None] = {}
    for section, meaning in (("yes", True), ("no", False), ("unsure", None)):
        answers |= {tuple(words_of(phrase, base)): meaning for phrase in lexicon(base).phrases(section)}
    return answers
