"""Amounts of money in what was said. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from offhook.pipeline.understanding.ambiguous import one_of
from offhook.pipeline.understanding.corrections import after_corrections
from offhook.pipeline.understanding.numbers import FoundNumber, numbers_in, with_signs_as_words
from offhook.pipeline.understanding.numerals import number_words
from offhook.pipeline.understanding.words import base_of


@dataclass(frozen=True, slots=True)
class Money:
    """An amount. `currency` is its ISO 4217 code, None if it was not said."""

    amount: Decimal
    currency: str | None = None


_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_UNITS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "dollar": "USD",
        "dollars": "USD",
        "buck": "USD",
        "bucks": "USD",
        "euro": "EUR",
        "euros": "EUR",
        "pound": "GBP",
        "pounds": "GBP",
        "quid": "GBP",
        "franc": "CHF",
        "francs": "CHF",
        "yen": "JPY",
    },
    "de": {
        "euro": "EUR",
        "euros": "EUR",
        "franken": "CHF",
        "dollar": "USD",
        "dollars": "USD",
        "pfund": "GBP",
        "yen": "JPY",
    },
    "es": {
        "euro": "EUR",
        "euros": "EUR",
        "dolar": "USD",
        "dolares": "USD",
        "peso": "MXN",
        "pesos": "MXN",
        "libra": "GBP",
        "libras": "GBP",
        "yenes": "JPY",
        "francos": "CHF",
    },
    "fr": {
        "euro": "EUR",
        "euros": "EUR",
        "balles": "EUR",
        "dollar": "USD",
        "dollars": "USD",
        "livre": "GBP",
        "livres": "GBP",
        "franc": "CHF",
        "francs": "CHF",
        "yens": "JPY",
    },
}
_CODES = frozenset({"usd", "eur", "gbp", "chf", "jpy", "mxn", "cad", "aud"})
_PARTS: Mapping[str, Mapping[str, str | None]] = {
    "en": {"cent": None, "cents": None, "penny": "GBP", "pence": "GBP", "p": "GBP"},
    "de": {"cent": None, "cents": None, "rappen": "CHF", "penny": "GBP", "pence": "GBP"},
    "es": {"centimo": "EUR", "centimos": "EUR", "centavo": None, "centavos": None, "penique": "GBP", "peniques": "GBP"},
    "fr": {"centime": None, "centimes": None, "cent": None, "cents": None, "penny": "GBP", "pence": "GBP"},
}
_AND = frozenset({"and", "und", "y", "con", "et"})
_HALF = {"a half": "0.5", "half": "0.5", "halb": "0.5", "medio": "0.5", "media": "0.5", "demi": "0.5", "demie": "0.5"}


_US_DOLLAR = re.compile(r"\bu\.?\s?s\.?[\s-]dollar", re.I)
"""A dollar, as it is without the country."""


def money_words(base: str, currency: str | None) -> tuple[list[str], list[str]]:
    """The words for units, and for parts of them; with `currency`, only those that may mean it."""
    units = [word for word, code in _UNITS.get(base, {}).items() if currency in (None, code)]
    parts = _PARTS.get(base, {}).items()
    return units, [word for word, code in parts if len(word) > 1 and (currency is None or code in (None, currency))]


def read_amount(text: str, language: str | None = None, currency: str | None = None) -> object | None:
    """The amount in `text`, in `currency` if none is said; Ambiguous for several readings, None if there is none.

    "Twelve fifty" without a currency may be 12.50 or 1250.
    """
    for part in after_corrections(
        number_words(with_signs_as_words(_US_DOLLAR.sub("dollar", text), language), language), language
    ):
        found = _amounts(part, language, currency)
        if found:
            return one_of(found)
    return None


def _amounts(words: Sequence[str], language: str | None, currency: str | None) -> list[Money]:
    base = base_of(language)
    numbers = list(numbers_in(words, language))
    if not numbers:
        named = [_currency(other, base) for one, other in pairwise(words) if one in ("a", "an")]
        return [Money(Decimal(1), code) for code in named if code is not None]
    found: list[Money] = []
    at = 0
    while at < len(numbers):
        made, used = _amount_at(words, numbers, at, base)
        if made is not None:
            found.append(made if made.currency else Money(made.amount, currency))
        elif _is_alternative(words, numbers, at):
            found.append(Money(numbers[at].value, _next_currency(words, numbers[at:], base) or currency))
        at += used
    if found:
        return found
    return _without_currency(words, numbers, currency)


def _amount_at(words: Sequence[str], numbers: Sequence[FoundNumber], at: int, base: str) -> tuple[Money | None, int]:
    """The amount whose first number is `numbers[at]`, and how many numbers it has."""
    number = numbers[at]
    parts = _PARTS.get(base, {})
    after = _word(words, number.end)
    code = _SIGNS.get(_word(words, number.start - 1)) if number.start else None
    end = number.end
    if code is None and (code := _currency(after, base)) is not None:
        end += 1
        if base == "en" and after in ("pound", "pounds") and _word(words, end) in ("sterling",):
            end += 1
    if code is None and after in parts:
        return Money(number.value / 100, parts[after]), 1
    if code is None:
        return None, 1
    joined = end + 1 if _word(words, end) in _AND else end
    for half, value in _HALF.items():
        if list(words[joined : joined + len(half.split())]) == half.split() and joined > end:
            return Money(_further(number.value, Decimal(value)), code), 1
    following = numbers[at + 1] if at + 1 < len(numbers) else None
    whole = number.value == number.value.to_integral_value()
    if following is not None and whole and following.start == joined and 0 < following.value < 100:
        named = _word(words, following.end) in parts
        # "twelve euros fifty", but "five dollars and two euros" are two amounts.
        if named or (_currency(_word(words, following.end), base) is None and following.value == int(following.value)):
            return Money(_further(number.value, following.value / 100), code), 2
    return Money(number.value, code), 1


def _further(value: Decimal, part: Decimal) -> Decimal:
    """With its part: the cents of an amount below zero are below it, too."""
    return value - part if value < 0 else value + part


_OR = frozenset({"or", "oder", "o", "u", "ou", "to", "bis", "a"})


def _is_alternative(words: Sequence[str], numbers: Sequence[FoundNumber], at: int) -> bool:
    """ "Five or six dollars": the currency of the second is that of the first."""
    following = numbers[at + 1] if at + 1 < len(numbers) else None
    return following is not None and following.start == numbers[at].end + 1 and words[numbers[at].end] in _OR


def _next_currency(words: Sequence[str], numbers: Sequence[FoundNumber], base: str) -> str | None:
    return next((code for each in numbers if (code := _currency(_word(words, each.end), base))), None)


def _currency(word: str, base: str) -> str | None:
    if word in _SIGNS:
        return _SIGNS[word]
    if word in _CODES:
        return word.upper()
    return _UNITS.get(base, {}).get(word)


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if 0 <= at < len(words) else ""


def _without_currency(words: Sequence[str], numbers: Sequence[FoundNumber], currency: str | None) -> list[Money]:
    if len(numbers) == 2 and numbers[0].end == numbers[1].start and 10 <= numbers[1].value < 100:
        first, second = numbers[0].value, numbers[1].value
        if first == int(first) and second == int(second) and 0 < abs(first) < 100:
            return [Money(_further(first, second / 100), currency), Money(_further(first * 100, second), currency)]
    return [Money(each.value, currency) for each in numbers]
