"""The value of an expression in a call."""

import ast
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from offhook.pipeline.dialog.expression.functions import FUNCTIONS
from offhook.pipeline.dialog.expression.types import Type, may_be, type_of
from offhook.pipeline.dialog.expression.words import WORDS
from offhook.pipeline.dialog.limits import MAX_TEXT_CHARS
from offhook.pipeline.understanding.amounts import Money

MAX_NUMBER = 10**15


class Evaluation(ast.NodeVisitor):
    """`visit` gives the value of a part, None for what makes no sense: it raises nothing. The visitor is given what
    `expression.parse` allows. `now` is the local time, `language` (BCP 47) that of the text with the expression."""

    def __init__(self, values: Mapping[str, object], now: datetime, language: str | None = None) -> None:
        self._values = values
        self._now = now
        self._language = language

    def visit_Constant(self, node: ast.Constant) -> object:
        return Decimal(str(node.value)) if isinstance(node.value, float) else node.value

    def visit_Name(self, node: ast.Name) -> object:
        return WORDS[node.id] if node.id in WORDS else self._values.get(node.id)

    def visit_Call(self, node: ast.Call) -> object:
        assert isinstance(node.func, ast.Name), "nothing else is parsed"
        function = FUNCTIONS[node.func.id]
        arguments = [_plain(self.visit(each)) for each in node.args]
        if not len(function.takes) - function.optional <= len(arguments) <= len(function.takes):
            return None
        for each, wanted in zip(arguments, function.takes, strict=False):
            if each is None or not may_be(type_of(each), wanted):
                return None
        try:
            return _limited(function.run(self._language if function.by_language else self._now, *arguments))
        except (TypeError, ArithmeticError):
            return None

    def visit_Compare(self, node: ast.Compare) -> bool:
        values = [self.visit(each) for each in (node.left, *node.comparators)]
        return all(_compared(op, one, other) for op, one, other in zip(node.ops, values, values[1:], strict=False))

    def visit_BoolOp(self, node: ast.BoolOp) -> bool:
        wanted = all if isinstance(node.op, ast.And) else any
        return wanted(self.visit(each) for each in node.values)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> object:
        value = self.visit(node.operand)
        return not value if isinstance(node.op, ast.Not) else _calculated(ast.Sub(), 0, value)

    def visit_BinOp(self, node: ast.BinOp) -> object:
        return _calculated(node.op, self.visit(node.left), self.visit(node.right))

    def visit_IfExp(self, node: ast.IfExp) -> object:
        return self.visit(node.body if self.visit(node.test) else node.orelse)

    def visit_List(self, node: ast.List) -> object:
        # Lists in lists could be made to grow by a loop.
        values = [self.visit(each) for each in node.elts]
        return None if any(isinstance(each, list | tuple | Mapping) for each in values) else values

    def visit_Attribute(self, node: ast.Attribute) -> object:
        return part_of(self.visit(node.value), node.attr)

    def visit_Subscript(self, node: ast.Subscript) -> object:
        return part_of(self.visit(node.value), self.visit(node.slice))


def _plain(value: object) -> object:
    """A value to calculate with: an amount of money is its number."""
    return value.amount if isinstance(value, Money) else value


def part_of(value: object, key: object) -> object:
    """A field of an object, by its name, or an item of a list, by its number from 0."""
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list | tuple) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return None


ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda one, other: one + other,
    ast.Sub: lambda one, other: one - other,
    ast.Mult: lambda one, other: one * other,
    ast.Div: lambda one, other: Decimal(one) / Decimal(other),
    ast.FloorDiv: lambda one, other: _divided(one, other)[0],
    ast.Mod: lambda one, other: _divided(one, other)[1],
}


def _divided(one: int | Decimal, other: int | Decimal) -> tuple[int | Decimal, int | Decimal]:
    """The quotient without a rest, and the rest, which has the sign of `other`, for all numbers as for whole ones."""
    quotient, rest = divmod(one, other)
    return (quotient - 1, rest + other) if rest and (rest < 0) is not (other < 0) else (quotient, rest)


def _calculated(op: ast.operator, one: object, other: object) -> object:
    one, other = _plain(one), _plain(other)
    numbers = all(type_of(each) is Type.NUMBER for each in (one, other))
    texts = isinstance(op, ast.Add) and isinstance(one, str) and isinstance(other, str)
    if not numbers and not texts:
        return None
    try:
        return _limited(ARITHMETIC[type(op)](one, other))
    except ArithmeticError:
        return None


def _limited(value: object) -> object:
    if isinstance(value, str):
        return value[:MAX_TEXT_CHARS]
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    if type_of(value) is Type.NUMBER and not -MAX_NUMBER <= value <= MAX_NUMBER:  # type: ignore[operator]
        return None
    return value


COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda one, other: one == other,
    ast.NotEq: lambda one, other: one != other,
    ast.Lt: lambda one, other: one < other,
    ast.LtE: lambda one, other: one <= other,
    ast.Gt: lambda one, other: one > other,
    ast.GtE: lambda one, other: one >= other,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
_ORDERED = (Type.NUMBER, Type.TEXT, Type.DATE, Type.TIME)


def _same(one: object, other: object) -> bool:
    return type_of(one) is type_of(other) and one == other  # in Python True is 1


def _compared(op: ast.cmpop, one: object, other: object) -> bool:
    one, other = _plain(one), _plain(other)
    if isinstance(op, ast.In | ast.NotIn):
        if isinstance(other, str) and not isinstance(one, str):
            return isinstance(op, ast.NotIn)
        if not isinstance(other, str | list | tuple | Mapping) or isinstance(one, list | tuple | Mapping):
            return isinstance(op, ast.NotIn)
        if isinstance(other, list | tuple):
            return any(_same(one, _plain(each)) for each in other) is isinstance(op, ast.In)
        return COMPARISONS[type(op)](one, other)
    if isinstance(op, ast.Eq | ast.NotEq):
        return _same(one, other) is isinstance(op, ast.Eq)
    if type_of(one) is not type_of(other) or type_of(one) not in _ORDERED:
        return False
    return COMPARISONS[type(op)](one, other)
