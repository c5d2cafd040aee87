"""The functions of expressions. Each takes values of its types, and gives None where there is no sensible result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from offhook.pipeline.dialog.expression.plurals import plural
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.opening_hours import WEEKDAYS
from offhook.pipeline.understanding.recorded import recorded

MAX_NUMBER_CHARS = 40


@dataclass(frozen=True, slots=True)
class Function:
    """`takes` are its arguments' types, the last `optional` of which may be left out. `run` gets the call's local time
    before them, or, with `by_language`, the language (BCP 47; None: English)."""

    takes: tuple[Type, ...]
    gives: Type
    run: Callable[..., Any]
    optional: int = 0
    by_language: bool = False


def _number(now: datetime, text: str) -> int | Decimal | None:
    return number_in(text)


def number_in(text: str) -> int | Decimal | None:
    """The number that a text is."""
    plain = text.strip()
    if not plain or len(plain) > MAX_NUMBER_CHARS or not set(plain) <= set("0123456789.-"):
        return None
    try:
        value = Decimal(plain)
    except InvalidOperation:
        return None
    return int(value) if value == value.to_integral_value() and "." not in plain else value


def _text(now: datetime, value: object) -> str | None:
    return None if isinstance(value, list | tuple | Mapping) else recorded(value)


def _last(now: datetime, text: str, count: int | Decimal) -> str | None:
    return (text[-_places(text, count) :] if count >= 1 else "") if count >= 0 else None


def _first(now: datetime, text: str, count: int | Decimal) -> str | None:
    return text[: _places(text, count)] if count >= 0 else None


def _places(text: str, count: int | Decimal) -> int:
    """`count` of characters, but no more than there are: a Decimal may have as many digits as its exponent says."""
    return int(min(count, len(text)))


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the check digit of the others by the Luhn algorithm (ISO/IEC 7812-1, Annex B)."""
    if len(digits) < 2 or not (digits.isascii() and digits.isdigit()):
        return False
    total = 0
    for place, each in enumerate(reversed(digits)):
        value = int(each) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def has_iban_check(text: str) -> bool:
    """Whether it is an IBAN with the right check digits (ISO 13616-1: ISO/IEC 7064, MOD 97-10), with spaces or not."""
    plain = text.replace(" ", "").upper()
    if not 15 <= len(plain) <= 34 or not (plain.isascii() and plain.isalnum()):
        return False
    if not (plain[:2].isalpha() and plain[2:4].isdigit()):
        return False
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def _round(now: datetime, number: int | Decimal, places: int = 0) -> int | Decimal | None:
    if not 0 <= places <= 10:
        return None
    rounded = round(Decimal(number), int(places))
    return int(rounded) if places == 0 else rounded


FUNCTIONS: dict[str, Function] = {
    "length": Function((Type.ANY,), Type.NUMBER, lambda _, x: len(x)),
    "lower": Function((Type.TEXT,), Type.TEXT, lambda _, text: text.lower()),
    "upper": Function((Type.TEXT,), Type.TEXT, lambda _, text: text.upper()),
    "first": Function((Type.TEXT, Type.NUMBER), Type.TEXT, _first),
    "last": Function((Type.TEXT, Type.NUMBER), Type.TEXT, _last),
    "digits": Function((Type.TEXT,), Type.TEXT, lambda _, text: "".join(c for c in text if c in "0123456789")),
    "contains": Function((Type.TEXT, Type.TEXT), Type.TRUTH, lambda _, text, part: part in text),
    "begins_with": Function((Type.TEXT, Type.TEXT), Type.TRUTH, lambda _, text, part: text.startswith(part)),
    "ends_with": Function((Type.TEXT, Type.TEXT), Type.TRUTH, lambda _, text, part: text.endswith(part)),
    "number": Function((Type.TEXT,), Type.NUMBER, _number),
    "text": Function((Type.ANY,), Type.TEXT, _text),
    "plural": Function((Type.NUMBER, Type.TEXT, Type.TEXT, Type.TEXT), Type.TEXT, plural, optional=1, by_language=True),
    "round": Function((Type.NUMBER, Type.NUMBER), Type.NUMBER, _round, optional=1),
    "luhn": Function((Type.TEXT,), Type.TRUTH, lambda _, text: has_check_digit(text)),
    "iban": Function((Type.TEXT,), Type.TRUTH, lambda _, text: has_iban_check(text)),
    "today": Function((), Type.DATE, lambda now: now.date()),
    "now": Function((), Type.TIME, lambda now: now.time().replace(microsecond=0, tzinfo=None)),
    "weekday": Function((Type.DATE,), Type.TEXT, lambda _, day: WEEKDAYS[day.weekday()]),
    "days_until": Function((Type.DATE,), Type.NUMBER, lambda now, day: (day - now.date()).days),
}
"""By name; what each does stands in docs/flows.md."""
