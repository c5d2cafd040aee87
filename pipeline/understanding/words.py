"""Words in the form in which they are compared: lower case, without accents and punctuation. Pure."""

import re
import unicodedata
from functools import lru_cache

MAX_CHARS = 2_000
"""Only so much of a transcript is read; a menu or a value is answered with less."""

_WORD = re.compile(r"[0-9]+(?:[.,:/-][0-9]+)*|[^\W\d_]+(?:'[^\W\d_]+)*|[$€£¥%]")
_PLAIN = str.maketrans(
    {"ß": "ss", "œ": "oe", "æ": "ae", "’": "'", "‘": "'", "–": "-", "\N{MINUS SIGN}": "-", "\xa0": " ", "\u202f": " "}
)
_DAY_HALF = re.compile(r"\b([ap])\.?\s?m\b\.?")
_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu|jusqu|quelqu|lorsqu|puisqu|aujourd)(?=')")


def fold(text: str) -> str:
    """Lower case, without accents: "Fünf ÉTÉ" is "funf ete"."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFD", text.lower().translate(_PLAIN))
    return "".join(c for c in apart if not unicodedata.combining(c))


def words_of(text: str, language: str | None = None) -> list[str]:
    """The words of `text`, folded. A figure with its marks ("1,204.50", "10:30", "03/04") is one word."""
    folded = _DAY_HALF.sub(r"\1m", fold(text[:MAX_CHARS]))
    if base_of(language) == "fr":
        folded = _ELISION.sub(lambda found: found[0] + " ", folded).replace(" '", " ")
    return _WORD.findall(folded)


@lru_cache(maxsize=256)
def base_of(language: str | None) -> str:
    """The language without its region; "en" for None."""
    return (language or "en").lower().replace("_", "-").partition("-")[0]


def region_of(language: str | None) -> str:
    """The region in lower case ("us"), "" without one."""
    parts = (language or "").lower().replace("_", "-").split("-")[1:]
    return next((part for part in parts if len(part) == 2 or part.isdigit()), "")
