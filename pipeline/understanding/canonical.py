"""Words and numbers in the form in which menus compare them. Pure."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from offhook.pipeline.tts.languages.rules import listed
from offhook.pipeline.understanding.numerals import cardinal_at, known_numerals, number_words

Words = tuple[str, ...]


@lru_cache(maxsize=1_024)
def canonical(text: str, base: str) -> Words:
    """The words of `text` for comparison: folded, numbers as figures ("line ten", "line one oh" are "line 10")."""
    numerals = known_numerals(base)
    words = [part for word in number_words(text, base) for part in (list(word) if _is_figure(word) else [word])]
    if numerals is None:
        return _together(word for word in words if word not in ".,:/-")
    found: list[str] = []
    at = 0
    while at < len(words):
        number = cardinal_at(words, at, numerals)
        if number is not None:
            found += list(str(number.value))
            at = number.end
            continue
        zero = base == "en" and words[at] in ("oh", "o") and (_next_to_digit(found, words, at))
        found.append("0" if zero else words[at])
        at += 1
    return _together(_owner(word, base) for word in found if word not in ".,:/-")


def _together(words: Iterable[str]) -> Words:
    """Digits in a row are one word: "ten" has nothing of "one" in it."""
    joined: list[str] = []
    for word in words:
        if joined and word.isdigit() and joined[-1].isdigit():
            joined[-1] += word
        else:
            joined.append(word)
    return tuple(joined)


_SHORT = frozenset(listed("it's that's what's who's where's when's how's there's let's he's she's"))


def _owner(word: str, base: str) -> str:
    """ "The wifi's down": the word without its s."""
    return word[:-2] if base == "en" and word.endswith("'s") and word not in _SHORT else word


def _is_figure(word: str) -> bool:
    return word[0].isdigit()


def _next_to_digit(before: Sequence[str], words: Sequence[str], at: int) -> bool:
    return bool(before and before[-1].isdigit()) or (at + 1 < len(words) and words[at + 1].isdigit())
