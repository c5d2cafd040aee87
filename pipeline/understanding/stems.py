"""Words without their endings, so that "bills" and "billing" are one. Pure."""

from functools import lru_cache

from offhook.pipeline.tts.languages.rules import listed

_ENDINGS = {
    "en": listed("ations ation ings ing ies ied ers es ed er ly 's s e y"),
    "de": listed("ungen ung erinnen erin ern en er em es e n s t"),
    "es": listed("aciones acion iones ion arlo arla ando iendo ados adas ado ada ar er ir es os as o a s e"),
    "fr": listed("ations ation ements ement ions ion ees ee es er ez ent e s r"),
}
_MIN_STEM = 3
_WHOLE = frozenset(("checking", "savings"))
"""Words that mean something else than what they seem to come from."""


_INFLECTED = {"en": listed("ing ied ies ed es s")}


@lru_cache(maxsize=8_192)
def inflected(word: str, base: str) -> str:
    """The word without the endings of its inflection alone ("longer" is not "long"); in other languages the stem."""
    if base not in _INFLECTED:
        return stem(word, base)
    ending = next((each for each in _INFLECTED[base] if word.endswith(each)), "")
    cut = word[: len(word) - len(ending)] if len(word) - len(ending) >= _MIN_STEM else word
    cut = cut[:-1] if len(cut) > _MIN_STEM and cut[-1:] == cut[-2:-1] else cut
    return cut[:-1] if len(cut) > _MIN_STEM and cut[-1:] in "ey" else cut


@lru_cache(maxsize=8_192)
def stem(word: str, base: str) -> str:
    """The word without its ending, at least three letters of it."""
    if word in _WHOLE and base == "en":
        return word
    for ending in _ENDINGS.get(base, ()):
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            cut = word[: -len(ending)]
            return cut[:-1] if len(cut) > _MIN_STEM and cut[-1:] == cut[-2:-1] else cut
    return word
