"""Number words and where they are in a sentence, by language. Pure.

The tables are made from the words that the voice says (`tts.languages`), so that what is said is understood; what only
callers say is added.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from offhook.pipeline.tts.languages import english_numbers, french_numbers, german_numbers, spanish_numbers
from offhook.pipeline.tts.languages.rules import listed
from offhook.pipeline.understanding.words import base_of, fold, words_of

Words = tuple[str, ...]

MAX_NUMBER_WORDS = 40


@dataclass(frozen=True, slots=True)
class Numerals:
    """The number words of a language, folded.

    `small` are 0 to 99, `hundreds` those in front of them, `ordinals` 1 to 99; `joiners` may stand between parts,
    `points` before decimals. `decimal` is the decimal mark of figures.
    """

    small: Mapping[Words, int]
    hundreds: Mapping[Words, int]
    scales: Mapping[str, int]
    ordinals: Mapping[Words, int]
    joiners: frozenset[str]
    points: frozenset[str]
    decimal: str
    half: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A number and where it is: `words[start:end]`."""

    value: int
    start: int
    end: int


_GERMAN_ATOMS = listed(
    "null eins eine einen einem einer ein zwei zwo drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn "
    "vierzehn funfzehn sechzehn siebzehn achtzehn neunzehn zwanzig dreissig vierzig funfzig sechzig siebzig achtzig "
    "neunzig hundert tausend und"
)
_GERMAN_ATOM = re.compile("|".join(sorted(_GERMAN_ATOMS, key=len, reverse=True)))
_GERMAN_NUMBER = re.compile(f"(?:{_GERMAN_ATOM.pattern})+")


def number_words(text: str, language: str | None) -> list[str]:
    """As `words_of`; German compounds are divided: "einundzwanzig" is "ein und zwanzig"."""
    words = words_of(text, language)
    if base_of(language) != "de":
        return words
    # "Wir sind zu zweit": a number of people.
    groups = _german_groups()
    said = (groups.get(word, word) if at and words[at - 1] == "zu" else word for at, word in enumerate(words))
    return [part for word in said for part in _german_parts(word)]


@lru_cache(maxsize=1)
def _german_groups() -> dict[str, str]:
    return {fold(german_numbers.ordinal(n))[:-1]: fold(german_numbers.cardinal(n)) for n in range(2, 21)}


def _german_parts(word: str) -> list[str]:
    return _GERMAN_ATOM.findall(word) if _GERMAN_NUMBER.fullmatch(word) else [word]


def cardinal_at(words: Sequence[str], start: int, numerals: Numerals) -> Found | None:
    """The longest number in words that begins at `start`."""
    total, at, last = 0, start, 0
    limit = min(len(words), start + MAX_NUMBER_WORDS)
    while at < limit:
        joined = at + 1 if at > start and words[at] in numerals.joiners else at
        group = _below_ten_thousand(words, joined, numerals)
        value, end = (group.value, group.end) if group else (0, joined)
        scale = numerals.scales.get(words[end]) if end < limit else None
        # "mille" alone is 1,000, at the beginning and behind millions.
        if scale and (not last or scale < last) and (group is None or value < scale):
            total, at, last = total + (value or 1) * scale, end + 1, scale
        elif scale and last and not group and scale > last and joined == at:
            total, at, last = total * scale, end + 1, scale  # "mil millones"
        elif group and (not last or value < last):
            return Found(total + value, start, end)
        else:
            break
    return Found(total, start, at) if last else None


def _below_ten_thousand(words: Sequence[str], start: int, numerals: Numerals) -> Found | None:
    hundreds = _longest(words, start, numerals.hundreds)
    if hundreds is None:
        return _longest(words, start, numerals.small)
    at = hundreds.end
    if at < len(words) and words[at] in numerals.joiners:
        at += 1
    rest = _longest(words, at, numerals.small)
    if rest is None or not rest.value:
        return hundreds
    return Found(hundreds.value + rest.value, start, rest.end)


def small_at(words: Sequence[str], start: int, numerals: Numerals) -> Found | None:
    """A number below 100 in words."""
    return _longest(words, start, numerals.small)


def ordinal_at(words: Sequence[str], start: int, numerals: Numerals) -> Found | None:
    """An ordinal in words."""
    return _longest(words, start, numerals.ordinals)


def _longest(words: Sequence[str], start: int, table: Mapping[Words, int]) -> Found | None:
    for length in range(min(6, len(words) - start), 0, -1):
        value = table.get(tuple(words[start : start + length]))
        if value is not None:
            return Found(value, start, start + length)
    return None


@lru_cache(maxsize=8)
def numerals_of(language: str) -> Numerals | None:
    """The numerals of a language without region ("en"); None for one that is not known."""
    make = _LANGUAGES.get(language)
    return make() if make is not None else None


def known_numerals(language: str | None) -> Numerals | None:
    """As `numerals_of`, for any tag; None is English."""
    return numerals_of(base_of(language))


def _table(base: str, spoken: Callable[[int], str], numbers: Iterable[int]) -> dict[Words, int]:
    return {tuple(number_words(spoken(number), base)): number for number in numbers}


def _more(base: str, words: Mapping[str, int]) -> dict[Words, int]:
    return {tuple(number_words(text, base)): value for text, value in words.items()}


def _english() -> Numerals:
    small = _table("en", english_numbers.cardinal, range(100)) | _more("en", {"nought": 0, "nil": 0, "fourty": 40})
    hundreds = {(*words, "hundred"): 100 * n for words, n in small.items() if 1 <= n <= 99 and n % 10}
    hundreds |= {("a", "hundred"): 100, ("hundred",): 100, ("one", "hundred"): 100}
    return Numerals(
        small,
        hundreds,
        {"thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12},
        _table("en", english_numbers.ordinal, range(1, 100)),
        frozenset({"and"}),
        frozenset({"point", "dot"}),
        ".",
        "half",
    )


def _german() -> Numerals:
    small = _table("de", german_numbers.cardinal, range(100))
    ones = {"ein": 1, "eine": 1, "einen": 1, "einem": 1, "einer": 1, "zwo": 2}
    small |= _more("de", ones | {f"zwound{tens}": n for tens, n in _tens_of(german_numbers.cardinal, 2)})
    hundreds = {(*words, "hundert"): 100 * n for words, n in small.items() if 1 <= n <= 19 and n != 10}
    hundreds[("hundert",)] = 100
    nth: dict[Words, int] = {}
    for number in range(1, 100):
        stem = german_numbers.ordinal(number)
        nth |= {tuple(words_of(stem + ending)): number for ending in ("", "n", "r", "s", "m")}
    scales = {"tausend": 1_000, "million": 10**6, "millionen": 10**6, "milliarde": 10**9, "milliarden": 10**9}
    scales |= {"billion": 10**12, "billionen": 10**12}
    return Numerals(
        small, hundreds, scales, nth, frozenset({"und"}), frozenset({"komma", "punkt"}), ",", "halb"
    )  # fmt: skip


def _tens_of(spoken: Callable[[int], str], ones: int) -> list[tuple[str, int]]:
    return [(spoken(tens), tens + ones) for tens in range(20, 100, 10)]


def _spanish() -> Numerals:
    small = _table("es", spanish_numbers.cardinal, range(100))
    small |= {(*words[:-1], words[-1].removesuffix("o")): n for words, n in small.items() if words[-1].endswith("uno")}
    small |= {(*words[:-1], words[-1][:-1] + "a"): n for words, n in small.items() if words[-1].endswith("uno")}
    hundreds = {tuple(words_of(spanish_numbers.cardinal(100 * n + 2)))[:1]: 100 * n for n in range(1, 10)}
    hundreds |= {(words[0][:-2] + "as",): n for words, n in hundreds.items() if n > 100}
    hundreds[("cien",)] = 100
    nth = _table("es", spanish_numbers.ordinal, range(1, 100))
    nth |= {(*words[:-1], words[-1][:-1] + "a"): n for words, n in nth.items()}
    nth |= {("primer",): 1, ("tercer",): 3}
    scales = {"mil": 1_000, "millon": 10**6, "millones": 10**6, "billon": 10**12, "billones": 10**12}
    return Numerals(small, hundreds, scales, nth, frozenset({"y"}), frozenset({"coma", "punto"}), ",", "media")


def _french() -> Numerals:
    regions: tuple[french_numbers.Region, ...] = ("fr", "be", "ch")
    small: dict[Words, int] = {}
    nth: dict[Words, int] = {}
    for region in regions:
        small |= {tuple(words_of(french_numbers.cardinal(n, region))): n for n in range(100)}
        nth |= {tuple(words_of(french_numbers.ordinal(n, region))): n for n in range(1, 100)}
    small |= {("octante",): 80, ("une",): 1, ("quatre", "vingt"): 80}
    small |= {(*words[:-1], "une"): n for words, n in small.items() if words[-1] == "un"}
    nth |= {("premiere",): 1, ("second",): 2, ("seconde",): 2}
    hundreds: dict[Words, int] = {("cent",): 100}
    for n in (*range(2, 10), *range(11, 20)):
        words = tuple(words_of(french_numbers.cardinal(n)))
        hundreds |= {(*words, "cent"): 100 * n, (*words, "cents"): 100 * n}
    scales = {"mille": 1_000, "million": 10**6, "millions": 10**6, "milliard": 10**9, "milliards": 10**9}
    scales |= {"billion": 10**12, "billions": 10**12}
    return Numerals(small, hundreds, scales, nth, frozenset({"et"}), frozenset({"virgule", "point"}), ",", "demi")


_LANGUAGES: Mapping[str, Callable[[], Numerals]] = {
    "en": _english,
    "de": _german,
    "es": _spanish,
    "fr": _french,
}
