"""What the bot says by itself when something keeps the caller waiting, by language. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PatienceWords:
    """`filler` is said first, and again while it lasts; `apology` when something has stalled."""

    filler: str = "One moment, please."
    apology: str = "I am sorry, this is taking longer than it should."


_ENGLISH = PatienceWords()
_BY_LANGUAGE = {
    "en": _ENGLISH,
    "de": PatienceWords("Einen Moment, bitte.", "Entschuldigung, das dauert leider länger."),
    "es": PatienceWords("Un momento, por favor.", "Disculpe, esto está tardando más de lo normal."),
    "fr": PatienceWords("Un instant, s'il vous plaît.", "Excusez-moi, cela prend plus de temps que prévu."),
    "it": PatienceWords("Un attimo, per favore.", "Mi scusi, ci vuole più tempo del previsto."),
    "nl": PatienceWords("Een ogenblik alstublieft.", "Sorry, het duurt langer dan verwacht."),
    "pt": PatienceWords("Um momento, por favor.", "Desculpe, está demorando mais do que o normal."),
}


def patience_in(language: str | None, own: Mapping[str, str] | None = None) -> PatienceWords:
    """The words in a language, a BCP 47 tag; English for None, and for a language that has none.

    `own` has fillers by language tag, whole or without its region, that go before ours.
    """
    words = _BY_LANGUAGE.get((language or "en").lower().partition("-")[0], _ENGLISH)
    return PatienceWords(own_filler_in(language, own or {}) or words.filler, words.apology)


def own_filler_in(language: str | None, own: Mapping[str, str]) -> str | None:
    """The filler of `own` in a language, as in `patience_in`; None if it has none."""
    tag = (language or "en").lower()
    fillers = {name.lower(): text for name, text in own.items()}
    return fillers.get(tag, fillers.get(tag.partition("-")[0]))
