"""Numbers and strings of digits in what was said. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from offhook.pipeline.asr.digit_words import digit_values, repeats
from offhook.pipeline.understanding.ambiguous import one_of
from offhook.pipeline.understanding.corrections import after_corrections
from offhook.pipeline.understanding.lexicons import lexicon
from offhook.pipeline.understanding.numerals import (
    Numerals,
    cardinal_at,
    known_numerals,
    number_words,
    ordinal_at,
    small_at,
)
from offhook.pipeline.understanding.words import base_of

MAX_DIGITS = 64

_FIGURE = re.compile(r"[0-9][0-9.,]*")
NEGATIVE = {"en": ("minus", "negative"), "de": ("minus",), "es": ("menos",), "fr": ("moins",)}
_NO_SIGN_BEHIND = {
    "en": (("plus",), ("plus", "or")),
    "de": (("plus",), ("plus", "oder")),
    "es": (("al",), ("lo",), ("cuando",), ("mas", "o")),
    "fr": (("au",), ("du",), ("le",), ("plus", "ou")),
}
"""What makes a phrase with a word of NEGATIVE behind it: at least, about."""

_CURRENCY_SIGNS = ("$", "€", "£", "¥")
_SIGN = re.compile(r"(?<!\S)(?<!\d\s)[-\u2212](?:([$€£¥])\s?)?(?=\d)|(?<=[$€£¥])[-\u2212](?=\d)")
"""Before figures: -5, -$5, $-5. Not within 5-10, which is a range, and not with a blank behind it, as a dash has."""

_HALVES = {
    "en": (("and", "a", "half"),),
    "es": (("y", "media"), ("y", "medio")),
    "fr": (("et", "demie"), ("et", "demi")),
}
_REPEATS = {
    "en": {"twice": 2, "quadruple": 4},
    "de": {"doppel": 2, "doppelt": 2, "dreimal": 3, "zweimal": 2, "viermal": 4},
    "es": {"doble": 2, "triple": 3},
    "fr": {"double": 2, "triple": 3},
}


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """A number, and where it is: `words[start:end]`."""

    value: Decimal
    start: int
    end: int


def figure_value(text: str, decimal: str) -> Decimal | None:
    """The value of "1,204.50", or "1.204,50" with a decimal comma; None if it is not one number."""
    if not _FIGURE.fullmatch(text):
        return None
    text = text.rstrip(".,")
    group = "," if decimal == "." else "."
    whole, point, parts = text.partition(decimal)
    if group in whole and not re.fullmatch(rf"[0-9]{{1,3}}(?:{re.escape(group)}[0-9]{{3}})+", whole):
        # "12.50" where a comma is usual: recognisers write either.
        if point or text.count(group) != 1:
            return None
        whole, _, parts = text.partition(group)
    if not (parts == "" or parts.isdigit()):
        return None
    return Decimal(f"{whole.replace(group, '')}.{parts or 0}") if parts else Decimal(whole.replace(group, ""))


def number_at(words: Sequence[str], start: int, numerals: Numerals, language: str | None) -> FoundNumber | None:
    """The longest number at `start`, in figures or words, with decimals and scales ("2 million", "3 point 5")."""
    value = figure_value(words[start], numerals.decimal)
    if value is not None:
        found = FoundNumber(value, start, start + 1)
    else:
        whole = cardinal_at(words, start, numerals)
        if whole is None:
            return None
        found = FoundNumber(Decimal(whole.value), start, whole.end)
    found = _with_decimals(words, found, numerals, language)
    for half in _HALVES.get(base_of(language), ()):
        if tuple(words[found.end : found.end + len(half)]) == half:
            found = FoundNumber(found.value + Decimal("0.5"), start, found.end + len(half))
    at = found.end
    if at < len(words) and words[at] in numerals.scales:
        # "2 million", "two and a half thousand"
        return FoundNumber(found.value * numerals.scales[words[at]], start, at + 1)
    return found


def _with_decimals(words: Sequence[str], whole: FoundNumber, numerals: Numerals, language: str | None) -> FoundNumber:
    at = whole.end
    if at >= len(words) or words[at] not in numerals.points:
        return whole
    values = digit_values_folded(language)
    digits, at = "", at + 1
    while at < len(words) and (digit := _digits_of(words[at], values)):
        digits, at = digits + digit, at + 1
    if not digits:
        parts = small_at(words, whole.end + 1, numerals) if whole.end + 1 < len(words) else None
        if parts is None:
            return whole
        digits, at = str(parts.value), parts.end
    elif len(digits) == 1 and (parts := small_at(words, whole.end + 1, numerals)) and parts.end > at:
        digits, at = str(parts.value), parts.end
    return FoundNumber(Decimal(f"{whole.value}.{digits}"), whole.start, at)


def _digits_of(word: str, values: dict[str, str]) -> str:
    return word if word.isascii() and word.isdigit() else values.get(word, "")


def digit_values_folded(language: str | None) -> dict[str, str]:
    """As `digit_values`, folded; English also has "o"."""
    from_table = digit_values(language)
    return {" ".join(number_words(word, language)): digit for word, digit in from_table.items()}


def numbers_in(words: Sequence[str], language: str | None) -> Iterator[FoundNumber]:
    """The numbers in words, from left to right."""
    numerals = known_numerals(language)
    if numerals is None:
        yield from (
            FoundNumber(value, at, at + 1)
            for at, word in enumerate(words)
            if (value := figure_value(word, ".")) is not None
        )
        return
    base, at = base_of(language), 0
    while at < len(words):
        found = number_at(words, at, numerals, language)
        if found is None:
            nth = ordinal_at(words, at, numerals)
            at = nth.end if nth is not None else at + 1
            continue
        if _is_sign(words, at - 1, base):
            found = FoundNumber(-found.value, at - 1, found.end)
        elif at and words[at - 1] in _CURRENCY_SIGNS and _is_sign(words, at - 2, base):
            found = FoundNumber(-found.value, at, found.end)
        yield found
        at = found.end


def _is_sign(words: Sequence[str], at: int, base: str) -> bool:
    """Whether the word there makes what follows a number below zero: not that of "au moins", at least."""
    if at < 0 or words[at] not in NEGATIVE.get(base, ()):
        return False
    return not any(tuple(words[max(0, at - len(one)) : at]) == one for one in _NO_SIGN_BEHIND.get(base, ()))


def with_signs_as_words(text: str, language: str | None) -> str:
    """`text` with the sign of figures below zero as the word right before them, as numbers are said: "$ minus 5"."""
    negative = NEGATIVE.get(base_of(language))
    return text if negative is None else _SIGN.sub(rf"\1 {negative[0]} ", text)


def read_number(text: str, language: str | None = None) -> object | None:
    """The number in `text`: int, or Decimal if it has decimals; Ambiguous for several; None if there is none.

    Digits said one by one are one number: "one two five" is 125.
    """
    text = with_signs_as_words(text, language)
    for part in after_corrections(number_words(text, language), language):
        numbers = list(numbers_in(part, language))
        adjacent = all(one.end == other.start for one, other in pairwise(numbers))
        if len(numbers) > 1 and adjacent and all(0 <= each.value <= 9 for each in numbers):
            return int("".join(str(each.value) for each in numbers))
        found = [number for number in numbers if not _is_article(part, number, language)]
        if not found:
            continue
        return one_of([_plain(each.value) for each in found])
    return None


def _is_article(words: Sequence[str], found: FoundNumber, language: str | None) -> bool:
    """ "ein Tisch für vier": only the four counts."""
    said = words[found.start : found.end]
    articles = {"de": ("ein", "eine", "einen", "einem", "einer"), "es": ("un", "una"), "fr": ("un", "une")}
    if base_of(language) == "en":
        # "the last one", "that one", "one moment"
        return (
            said == ["one"] and len(words) > 1 and any(w in words for w in ("last", "that", "this", "moment", "which"))
        )
    if len(said) != 1 or said[0] not in articles.get(base_of(language), ()):
        return False
    return any(other.start != found.start for other in numbers_in(words, language))


def _plain(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() else value


def read_digits(text: str, language: str | None = None) -> str | None:
    """Digits said one by one, in pairs, or as numbers: "one two oh four", "twelve oh four", "double five".

    Words around them ("my number is …") do no harm; None if there is anything else, or no digit.
    """
    for part in after_corrections(number_words(text[:1_000], language), language):
        digits = _digits(part, language)
        if digits is not None:
            return digits
        if any(True for _ in numbers_in(part, language)):
            return None  # digits among other words
    return None


def _digits(words: Sequence[str], language: str | None) -> str | None:
    numerals = known_numerals(language)
    values = digit_values_folded(language)
    around = lexicon(base_of(language)).words("around_digits")
    repeated = repeats(language) | _REPEATS.get(base_of(language), {})
    digits, repeat, at = "", 1, 0
    while at < len(words):
        word = words[at]
        if word in repeated and repeat == 1:
            repeat, at = repeated[word], at + 1
            continue
        found = cardinal_at(words, at, numerals) if numerals is not None else None
        figures = "".join(re.findall("[0-9]", word)) if word[:1].isdigit() else ""
        if figures:
            said, end = figures, at + 1
        elif word in values and (found is None or found.end == at + 1):
            said, end = values[word], at + 1
        elif found is not None:
            said, end = str(found.value), found.end
        elif word in around and repeat == 1:
            at += 1
            continue
        else:
            return None
        if repeat != 1 and len(said) != 1:
            return None
        digits, repeat, at = digits + said * repeat, 1, end
    return digits if digits and repeat == 1 and len(digits) <= MAX_DIGITS else None
