"""The names of Google's voices: "en-US-Chirp3-HD-Kore", "de-DE-Wavenet-A". Pure."""

import re
from collections.abc import Collection

from offhook.pipeline.language import covers, primary

CHIRP = "-Chirp3-HD-"
DEFAULT_VOICE = "Kore"

REGIONS = {
    "ar": "ar-XA",
    "cmn": "cmn-CN",
    "da": "da-DK",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fi": "fi-FI",
    "fr": "fr-FR",
    "hi": "hi-IN",
    "it": "it-IT",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "nb": "nb-NO",
    "nl": "nl-NL",
    "pl": "pl-PL",
    "pt": "pt-BR",
    "ru": "ru-RU",
    "sv": "sv-SE",
    "tr": "tr-TR",
    "uk": "uk-UA",
    "vi": "vi-VN",
}
"""Google's models and voices have a region. Other languages without one are passed on as they are."""

_LOCALE = re.compile(r"([a-z]{2,3}-(?:[A-Z]{2}|\d{3}))-\w")
_WITH_MARKS = ("-Standard-", "-Wavenet-", "-Neural2-", "-News-", "-Polyglot-")


def with_region(language: str) -> str:
    """A BCP 47 tag as Google has it."""
    return REGIONS.get(language.lower(), language)


def language_of(name: str) -> str:
    """The language that a voice's name begins with; "" for a name without, such as "Kore"."""
    found = _LOCALE.match(name)
    return found[1] if found else ""


def has_word_times(name: str) -> bool:
    """Whether Google tells where the words of this voice are: it takes marks in a text."""
    return any(family in name for family in _WITH_MARKS)


def full_name(name: str, language: str, known: Collection[str]) -> str:
    """The voice that speaks `language` where `name` is wanted: itself, if the language is its own.

    A Chirp voice speaks every language, under another name; in place of any other voice the default one does. `known`
    are all names, as far as they are.
    """
    own = language_of(name)
    if own and covers(language, own):
        return name
    base = DEFAULT_VOICE if own and CHIRP not in name else name.rpartition(CHIRP)[2]
    found = f"{with_region(language)}{CHIRP}{base}"
    if known and found not in known:  # "de-CH" is spoken by the voice for Germany
        found = f"{with_region(primary(language))}{CHIRP}{base}"
    return found
