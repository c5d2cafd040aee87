"""The functions of expressions. Each takes values of its types, and gives None where there is no sensible result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.opening_hours import WEEKDAYS
from offhook.pipeline.understanding.recorded import recorded

MAX_NUMBER_CHARS = 40
MAX_VALUE_CHARS = 1_000_000


@dataclass(frozen=True, slots=True)
class Function:
    """`takes` are its arguments' types, the last `optional` of which may be left out. `run` gets the call's local time
    before them."""

    takes: tuple[Type, ...]
    gives: Type
    run: Callable[..., Any]
    about: str
    optional: int = 0


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


def _last(now: datetime, text: str, count: int) -> str | None:
    return (text[-_places(count) :] if count >= 1 else "") if count >= 0 else None


def _first(now: datetime, text: str, count: int) -> str | None:
    return text[: _places(count)] if count >= 0 else None


def _places(count: int | Decimal) -> int:
    """`count` of characters, but no more than a value has: a Decimal may have as many digits as its exponent says."""
    return int(min(count, MAX_VALUE_CHARS))


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the check digit of the others by the Luhn algorithm (ISO/IEC 7812-1, Annex B)."""
    if len(digits) < 2 or not (digits.isascii() and digits.isdigit()):
        return False
    total = 0
    for place, each in enumerate(reversed(digits)):
        value = int(each) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _round(now: datetime, number: int | Decimal, places: int = 0) -> int | Decimal | None:
    if not 0 <= places <= 10:
        return None
    rounded = round(Decimal(number), int(places))
    return int(rounded) if places == 0 else rounded


FUNCTIONS: dict[str, Function] = {
    "length": Function((Type.ANY,), Type.NUMBER, lambda _, x: len(x), "of a text or a list"),
    "lower": Function((Type.TEXT,), Type.TEXT, lambda _, text: text.lower(), "in small letters"),
    "upper": Function((Type.TEXT,), Type.TEXT, lambda _, text: text.upper(), "in capitals"),
    "first": Function((Type.TEXT, Type.NUMBER), Type.TEXT, _first, "the first characters"),
    "last": Function((Type.TEXT, Type.NUMBER), Type.TEXT, _last, "the last characters: `last(account, 4)`"),
    "digits": Function(
        (Type.TEXT,), Type.TEXT, lambda _, text: "".join(c for c in text if c in "0123456789"), "its digits alone"
    ),
    "contains": Function((Type.TEXT, Type.TEXT), Type.TRUTH, lambda _, text, part: part in text, "a part of a text"),
    "begins_with": Function((Type.TEXT, Type.TEXT), Type.TRUTH, lambda _, text, part: text.startswith(part), ""),
    "ends_with": Function((Type.TEXT, Type.TEXT), Type.TRUTH, lambda _, text, part: text.endswith(part), ""),
    "number": Function((Type.TEXT,), Type.NUMBER, _number, "the number that a text is: `number(pin) > 5`"),
    "text": Function((Type.ANY,), Type.TEXT, _text, "of a number or a date (2026-12-24)"),
    "round": Function((Type.NUMBER, Type.NUMBER), Type.NUMBER, _round, "to so many places, or to a whole number", 1),
    "luhn": Function((Type.TEXT,), Type.TRUTH, lambda _, text: has_check_digit(text), "its last digit is right"),
    "today": Function((), Type.DATE, lambda now: now.date(), "the date in the flow's time zone"),
    "now": Function((), Type.TIME, lambda now: now.time().replace(microsecond=0, tzinfo=None), "the time there"),
    "weekday": Function((Type.DATE,), Type.TEXT, lambda _, day: WEEKDAYS[day.weekday()], "`monday` to `sunday`"),
    "days_until": Function(
        (Type.DATE,), Type.NUMBER, lambda now, day: (day - now.date()).days, "from today; negative: it is past"
    ),
}
"""By name."""
