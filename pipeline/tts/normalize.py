"""English text as it is spoken on the telephone: amounts, times, long numbers and abbreviations as words.

Whatever is not listed here is left to the voice, plain numbers of up to four digits among it.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

MIN_SPELT_DIGITS = 5
"""Numbers of so many digits or more are read digit by digit: they are account numbers, not quantities."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_ONES = _DIGITS + _TEENS
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_PLURALS = {"penny": "pence"}
_ABBREVIATIONS = {
    "mr.": "Mister",
    "mrs.": "Missus",
    "ms.": "Miz",
    "dr.": "Doctor",
    "approx.": "approximately",
    "e.g.": "for example",
    "i.e.": "that is",
    "etc.": "et cetera",
    "ext.": "extension",
    "vs.": "versus",
    "24/7": "twenty four seven",
    "&": "and",
    "@": "at",
}


class Piece(NamedTuple):
    """A piece of the text to speak, from `start` on, and the span of the source that it stands for.

    `verbatim`: character for character; otherwise each part of the piece stands for all of the span.
    """

    start: int
    source_start: int
    source_end: int
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Normalized:
    """Text to speak, and where each piece of it comes from, in order and without holes."""

    text: str
    pieces: tuple[Piece, ...]

    def source_span(self, char_start: int, char_end: int) -> tuple[int, int]:
        """The span of the source that `text[char_start:char_end]` speaks.

        Several words may have the same one: all of "five dollars" stands for the "$5". Raises ValueError for a
        span that is empty or not in `text`.
        """
        if not 0 <= char_start < char_end <= len(self.text):
            raise ValueError(f"no span of {len(self.text)} characters: {char_start} to {char_end}")
        first, last = self._piece(char_start), self._piece(char_end - 1)
        start = first.source_start + (char_start - first.start if first.verbatim else 0)
        end = last.source_start + char_end - last.start if last.verbatim else last.source_end
        return start, end

    def _piece(self, position: int) -> Piece:
        return self.pieces[bisect_right(self.pieces, position, key=lambda piece: piece.start) - 1]


def normalize(text: str, *, spell_digits: bool = False) -> Normalized:
    """Make `text` speakable. With `spell_digits` every bare number is read digit by digit, however short."""
    spoken: list[str] = []
    pieces: list[Piece] = []
    length = position = 0

    def add(piece: str, start: int, end: int, verbatim: bool) -> None:
        nonlocal length
        if piece:
            spoken.append(piece)
            pieces.append(Piece(length, start, end, verbatim))
            length += len(piece)

    for found in _TOKEN.finditer(text):
        words = _speak(found, spell_digits)
        if words is not None:
            add(text[position : found.start()], position, found.start(), True)
            add(_apart_from_words(words, found), found.start(), found.end(), False)
            position = found.end()
    add(text[position:], position, len(text), True)
    return Normalized("".join(spoken), tuple(pieces))


def cardinal(number: int) -> str:
    """A number from 0 to 999,999,999,999 in words without "and". Raises ValueError beyond."""
    if not 0 <= number < 10**12:
        raise ValueError(f"{number} is not between 0 and 999,999,999,999")
    for scale, name in _SCALES:
        if number >= scale:
            rest = number % scale
            return f"{cardinal(number // scale)} {name}" + (f" {cardinal(rest)}" if rest else "")
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10] + (f" {_ONES[number % 10]}" if number % 10 else "")


def ordinal(number: int) -> str:
    """As `cardinal`, but for 21 it is "twenty first"."""
    *head, last = cardinal(number).split()
    regular = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*head, _ORDINALS.get(last, regular)])


def digits_apart(digits: str) -> str:
    """The digits as words: "1204" is "one two zero four"."""
    return " ".join(_ONES[int(digit)] for digit in digits)


def _apart_from_words(words: str, found: re.Match[str]) -> str:
    if words == " ":
        return words
    text, start, end = found.string, found.start(), found.end()
    before = " " if start and text[start - 1].isalnum() else ""
    return before + words + (" " if end < len(text) and text[end].isalnum() else "")


def _count(amount: int, unit: str) -> str:
    plural = _PLURALS.get(unit, unit + "s")
    return f"{cardinal(amount)} {unit if amount == 1 else plural}"


def _money(found: re.Match[str]) -> str:
    unit, part = _CURRENCIES[found["currency"]]
    whole = int(found["amount"].replace(",", ""))
    parts = int(found["cents"] or "0")
    if not parts:
        return _count(whole, unit)
    return _count(parts, part) if not whole else f"{_count(whole, unit)} and {_count(parts, part)}"


def _clock(found: re.Match[str]) -> str | None:
    hour, minute = int(found["hour"]), int(found["minute"] or "0")
    half = f" {found['half'][0].upper()} M" if found["half"] else ""
    if hour > 23 or minute > 59:
        return None
    if minute:
        return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}{half}"
    if half or not 1 <= hour <= 12:
        return cardinal(hour) + (half or " hundred")
    return f"{cardinal(hour)} o'clock"


def _number(found: re.Match[str]) -> str:
    whole = found["number"].replace(",", "")
    spoken = cardinal(int(whole)) if len(whole) <= 12 else digits_apart(whole)
    if found["decimals"]:
        spoken += f" point {digits_apart(found['decimals'])}"
    return spoken + (" percent" if found["percent"] else "")


def _telephone(found: re.Match[str]) -> str:
    groups = re.findall(r"[0-9]+", found["telephone"])
    return ("plus " if found["telephone"].startswith("+") else "") + ", ".join(map(digits_apart, groups))


_SPEAKERS: dict[str, Callable[[re.Match[str]], str | None]] = {
    "money": _money,
    "clock": _clock,
    "telephone": _telephone,
    "ordinal": lambda found: ordinal(int(found["nth"])),
    "quantity": _number,
    "hash": lambda found: "number",
    "abbreviation": lambda found: _ABBREVIATIONS[found["abbreviation"].lower()],
    "control": lambda found: " ",
}


def _speak(found: re.Match[str], spell_digits: bool) -> str | None:
    """The words for what was found, None where it is to be left as it stands."""
    kind = found.lastgroup or ""
    if kind == "digits":
        digits = found["digits"]
        spelt = spell_digits or len(digits) >= MIN_SPELT_DIGITS or _LEADING_ZERO.match(found.string, found.start())
        return digits_apart(digits) if spelt else None
    return _SPEAKERS[kind](found)


_LEADING_ZERO = re.compile(r"(?<![-.:/,])0[0-9]+(?![-/:])")  # and no part of a date or time

# Each alternative is one group with all others inside, so that `lastgroup` names it. All counts are bounded, so
# that the time it takes grows only linearly with the text.
_TOKEN = re.compile(
    r"""
    (?P<money>(?P<currency>[$€£])(?P<amount>[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,12})
        (?:\.(?P<cents>[0-9]{2}))?(?![0-9]|[.,][0-9]))
    |(?P<clock>(?<![\w:.,])(?P<hour>[0-9]{1,2})
        (?: :(?P<minute>[0-9]{2})(?![0-9:]) | (?=\ ?[ap](?:m\b|\.m\.)) )
        (?: \ ?(?P<half>[ap](?:m\b|\.m\.)) )?)
    |(?P<telephone>(?<![\w.,+-])(?:
        \+[0-9]{1,15}(?:[ -][0-9]{2,6}){0,4} | [0-9]{1,4}(?:[ -][0-9]{2,6}){0,3}-[0-9]{3,6})(?![\w-]))
    |(?P<ordinal>(?<![\w.,])(?P<nth>[0-9]{1,6})(?:st|nd|rd|th)\b)
    |(?P<quantity>(?<![\w.,$€£])(?P<number>[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,12}(?=\.[0-9]|\ ?%))
        (?:\.(?P<decimals>[0-9]{1,9}))?(?P<percent>\ ?%)?(?![\w%]|[.,][0-9]))
    |(?P<abbreviation>(?<!\S)(?:24/7|[&@])(?![^\s.,;!?])
        |(?<![\w.])(?:mr\.|mrs\.|ms\.|dr\.|approx\.|e\.g\.|i\.e\.|etc\.|ext\.|vs\.))
    |(?P<digits>[0-9]{1,64})
    |(?P<hash>\#(?=[0-9]))
    |(?P<control>[\x00-\x1f\x7f]{1,64})
    """,
    re.VERBOSE | re.IGNORECASE,
)
