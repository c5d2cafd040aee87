"""The types of values in expressions: what a check knows of them before the first call."""

from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from enum import StrEnum

from offhook.pipeline.understanding.amounts import Money


class Type(StrEnum):
    """`ANY` is known in the call only: a field of what an HTTP request gets, or a variable that is set to several
    types."""

    TEXT = "text"
    NUMBER = "number"
    TRUTH = "yes or no"
    DATE = "date"
    TIME = "time"
    LIST = "list"
    OBJECT = "object"
    ANY = "any"


TYPE_WORDS = {"yes_no" if each is Type.TRUTH else each.value: each for each in Type}
"""The types, by their words in a flow's file."""


def word_of(kind: Type) -> str:
    """The word for a type in a flow's file."""
    return next(word for word, each in TYPE_WORDS.items() if each is kind)


def type_of(value: object) -> Type:
    """That of a value in a call."""
    if isinstance(value, bool):
        return Type.TRUTH
    if isinstance(value, int | Decimal | Money):
        return Type.NUMBER
    found = {str: Type.TEXT, date: Type.DATE, time: Type.TIME, list: Type.LIST, tuple: Type.LIST, dict: Type.OBJECT}
    return found.get(type(value), Type.ANY)


def joined(types: Iterable[Type]) -> Type:
    """That of a value which has one of several."""
    found = set(types)
    return found.pop() if len(found) == 1 else Type.ANY


def may_be(given: Type, wanted: Type) -> bool:
    """Whether a value of one type can stand where another is wanted."""
    return Type.ANY in (given, wanted) or given is wanted
