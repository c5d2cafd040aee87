"""A choice by its place in the menu or by its key: "the second one", "option two". Pure."""

from collections.abc import Sequence

from offhook.pipeline.events import Choice
from offhook.pipeline.understanding.match import Match
from offhook.pipeline.understanding.menu_phrases import Phrase
from offhook.pipeline.understanding.menu_words import is_filler
from offhook.pipeline.understanding.numerals import cardinal_at, known_numerals, number_words, ordinal_at

EXACT, BY_PLACE = 0.9, 0.8
"""Confidence in a key that was said, and in a place."""

_LAST = {
    "en": ("last",),
    "de": ("letzte", "letzten", "letztes"),
    "es": ("ultima", "ultimo"),
    "fr": ("derniere", "dernier"),
}
_OPTION = {
    "en": ("option", "number", "choice"),
    "de": ("option", "nummer", "auswahl"),
    "es": ("opcion", "numero"),
    "fr": ("option", "numero", "choix"),
}


def by_position(text: str, choices: Sequence[Choice], phrases: Sequence[Phrase], base: str) -> Match | None:
    """ "The second one", "option two": by the place in the menu, a number also by its key."""
    numerals = known_numerals(base)
    listed = [choice for choice in choices if choice.listed]
    if numerals is None or not listed:
        return None
    words = number_words(text, base)
    ordinals = [found for at in range(len(words)) if (found := ordinal_at(words, at, numerals)) is not None]
    others = [word for word in words if not is_filler(word, base) and word not in (*_OPTION[base], "one")]
    if len(ordinals) == 1 and len(others) <= ordinals[0].end - ordinals[0].start:
        return _nth(listed, ordinals[0].value)
    if any(last in words for last in _LAST[base]) and len(others) <= 1 and not ordinals:
        return Match(listed[-1].name, BY_PLACE)
    for at, word in enumerate(words[:-1]):
        if word not in _OPTION[base] or any(
            each.isdigit() and each != "1" for phrase in phrases for each in phrase.words
        ):
            continue
        said = words[at + 1]
        number = cardinal_at(words, at + 1, numerals)
        value = int(said) if said.isdigit() else None if number is None else number.value
        if value is not None and len(others) <= 1:
            keyed = next((choice for choice in choices if str(value) in choice.keys), None)
            return Match(keyed.name, EXACT) if keyed is not None else _nth(listed, value)
    return None


def _nth(choices: Sequence[Choice], number: int) -> Match | None:
    return Match(choices[number - 1].name, BY_PLACE) if 1 <= number <= len(choices) else None
