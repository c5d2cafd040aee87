"""A Python function that a step of a flow calls: what it takes and gives, and how values of a flow become its own."""

import inspect
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, get_origin, get_type_hints

from offhook.pipeline.dialog.expression.types import Type, may_be, type_of
from offhook.pipeline.understanding.amounts import Money

MAX_DEPTH = 20
"""Of what it returns: lists in objects in lists."""

MAX_CHARS = 262_144
"""Of what it returns: all texts and numbers together."""

END_OF_NUMBERS = 10**40

_TYPES: dict[object, Type] = {
    str: Type.TEXT,
    int: Type.NUMBER,
    float: Type.NUMBER,
    Decimal: Type.NUMBER,
    bool: Type.TRUTH,
    date: Type.DATE,
    time: Type.TIME,
    list: Type.LIST,
    tuple: Type.LIST,
    dict: Type.OBJECT,
    Mapping: Type.OBJECT,
}


class WrongResultError(Exception):
    """The function has returned what it should not; the text says why, without the value."""


@dataclass(frozen=True, slots=True)
class FlowFunction:
    """`name` is MODULE:NAME. `takes` and `gives` are its annotations; what has none takes and gives anything."""

    name: str
    function: Callable[..., object]
    takes: Mapping[str, object]
    gives: object

    @classmethod
    def of(cls, name: str, function: Callable[..., object]) -> "FlowFunction":
        """A function, with what its annotations say; those that cannot be resolved say nothing."""
        try:
            hints = get_type_hints(function)
        except Exception:  # noqa: BLE001  # annotations are the user's: whatever evaluating them raises
            hints = {}
        return cls(name, function, {key: hint for key, hint in hints.items() if key != "return"}, hints.get("return"))

    @property
    def is_async(self) -> bool:
        """Whether it is a coroutine function."""
        called = getattr(type(self.function), "__call__", None)  # noqa: B004  # callable objects count
        return inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(called)

    def misfit(self, names: list[str]) -> str:
        """Why it cannot be called with parameters of these names; empty if it can."""
        try:
            inspect.signature(self.function).bind(**dict.fromkeys(names))
        except TypeError as error:
            return str(error)
        except ValueError:
            return ""  # it has no signature that can be inspected
        return ""

    def types(self) -> dict[str, Type]:
        """Those of its parameters, as far as they are known."""
        return {name: kind for name, hint in self.takes.items() if (kind := kind_of(hint)) is not Type.ANY}

    def arguments(self, values: Mapping[str, object]) -> dict[str, object]:
        """Values of a flow as it takes them: an amount as its number, a number as an int where one is wanted. Raises
        WrongResultError for one that it does not take."""
        return {name: _as_taken(name, value, self.takes.get(name)) for name, value in values.items()}


def kind_of(hint: object) -> Type:
    """The type of a flow's values that an annotation means; ANY where it means none, or several."""
    meant = get_origin(hint) or hint
    return _TYPES.get(meant, Type.ANY) if isinstance(meant, Hashable) else Type.ANY


def result_in(value: object, wanted: Type, results: Mapping[str, Type]) -> object:
    """What a function has returned, as a flow keeps it: `wanted`, or an object with `results`. Raises
    WrongResultError."""
    kept = _kept(value, 0, [MAX_CHARS])
    if not results:
        return _of_type(kept, wanted, "it")
    if not isinstance(kept, dict):
        raise WrongResultError(f"it has returned a {type(value).__name__}, in place of {{name: value}}")
    if missing := [name for name in results if name not in kept]:
        raise WrongResultError(f"its result has no `{missing[0]}`")
    return {name: _of_type(kept[name], kind, f"`{name}`") for name, kind in results.items()}


def _of_type(value: object, wanted: Type, what: str) -> object:
    if isinstance(value, str) and wanted in (Type.DATE, Type.TIME):
        try:
            return date.fromisoformat(value) if wanted is Type.DATE else time.fromisoformat(value)
        except ValueError:
            raise WrongResultError(f"{what} is no {wanted} in ISO 8601") from None
    given = type_of(value)
    if wanted is not Type.ANY and (value is None or not may_be(given, wanted)):
        shown = "nothing" if value is None else f"a {given}"
        raise WrongResultError(f"{what} is {shown}, in place of a {wanted}")
    return value


def _kept(value: Any, depth: int, left: list[int]) -> object:
    """The value with types of flows alone; `left` is the room for characters. Raises WrongResultError."""
    if depth > MAX_DEPTH:
        raise WrongResultError(f"its result is nested more than {MAX_DEPTH} deep")
    left[0] -= len(value) + 1 if isinstance(value, str | list | tuple | Mapping) else 8
    if left[0] < 0:
        raise WrongResultError(f"its result has more than {MAX_CHARS} characters")
    if isinstance(value, Mapping):
        return {str(key): _kept(each, depth + 1, left) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_kept(each, depth + 1, left) for each in value]
    if isinstance(value, float):
        value = Decimal(str(value))
    if isinstance(value, Decimal) and not value.is_finite():
        raise WrongResultError("its result has a number that is none")
    if isinstance(value, int | Decimal) and not -END_OF_NUMBERS < value < END_OF_NUMBERS:
        raise WrongResultError("its result has a number of more than 40 digits")
    is_plain = value is None or isinstance(value, str | int | Decimal | time)
    if not is_plain and (not isinstance(value, date) or isinstance(value, datetime)):
        raise WrongResultError(f"its result has a {type(value).__name__}, which flows do not know")
    return value


def _as_taken(name: str, value: object, hint: object) -> object:
    if isinstance(value, Money):
        value = value.amount
    try:
        if hint is int and isinstance(value, Decimal):
            if value != int(value):
                raise WrongResultError(f"`{name}` is no whole number")
            return int(value)
        if hint is float and isinstance(value, int | Decimal):
            return float(value)
    except (InvalidOperation, OverflowError, ValueError):
        raise WrongResultError(f"`{name}` is a number that it cannot take") from None
    wanted = kind_of(hint)
    if wanted is not Type.ANY and (value is None or not may_be(type_of(value), wanted)):
        raise WrongResultError(f"`{name}` is {'nothing' if value is None else f'a {type_of(value)}'}, not a {wanted}")
    return value
