"""Expressions: parsed once, checked with the flow, evaluated in calls. Pure, and without a way out: nothing but the
values and functions that are given.

They are written as in Python, and parsed by its parser; of what that reads, only what stands in `_check` is allowed. In
a call each has a value: what makes no sense (a field that is not there, a division by zero) is None, which is equal to
nothing else, neither larger nor smaller, and spoken as nothing.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from keyword import iskeyword
from warnings import catch_warnings, simplefilter

from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.evaluation import ARITHMETIC, COMPARISONS, MAX_NUMBER, Evaluation
from offhook.pipeline.dialog.expression.functions import FUNCTIONS
from offhook.pipeline.dialog.expression.type_check import TypeCheck
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.expression.words import WORDS
from offhook.pipeline.dialog.hints import near

MAX_CHARS = 500
MAX_DEPTH = 40

_DATE = re.compile(r"""(?<![\w"'])\d{4}-\d\d?-\d\d?(?![\w"'])""")

_HINTS = (
    (re.compile(r"[“”„‘’‚]"), 'quotes are straight: `"text"`'),
    (re.compile(r"<>"), "`!=` is not equal"),
    (re.compile(r"\?.*:"), '`"late" if now() > closing else "open"`'),
    (re.compile(r"\d:\d\d"), "times are compared by `hours` at the top of the flow: `hours.shop`"),
    (re.compile(r"\b0\d"), 'digits that begin with 0 are a text: `"007"`, in other quotes around it'),
    (re.compile(r"^\w+( \w+)+[.!?]?$"), "a text has quotes of its own: `'\"Hello there\"'`"),
    (re.compile(r"(?<![=!<>])=(?!=)"), "`==` compares"),
    (re.compile(r"&&"), "write `and`"),
    (re.compile(r"\|\|"), "write `or`"),
    (re.compile(r"!(?!=)"), "write `not`"),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """One that can be evaluated. `text` is as it was written, `names` are the variables in it, in their order."""

    text: str
    names: tuple[str, ...] = field(compare=False, repr=False)
    _root: ast.expr = field(compare=False, repr=False)

    def parts_of(self, name: str) -> tuple[str, ...]:
        """The fields of the variable `name` that it uses."""
        parts = [node for node in ast.walk(self._root) if isinstance(node, ast.Attribute)]
        return tuple(node.attr for node in parts if isinstance(node.value, ast.Name) and node.value.id == name)

    def type_in(self, types: Mapping[str, Type]) -> Type:
        """The type of its value, where variables have these. Raises ExpressionError where it cannot make sense."""
        found: Type = TypeCheck(types).visit(self._root)
        return found

    def value_in(self, values: Mapping[str, object], now: datetime, language: str | None = None) -> object:
        """Its value, with those of its variables, at a local time, in a text in `language` (BCP 47; None: English)."""
        return Evaluation(values, now, language).visit(self._root)


@lru_cache(4096)
def parse(text: str) -> Expression:
    """Raises ExpressionError."""
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"it has {len(text)} characters, at most {MAX_CHARS} are read", "divide it by `set`")
    if _DATE.search(text):
        todo = '`text(today()) == "2026-12-24"`, or `days_until(day) < 3`'
        raise ExpressionError("a date in it would be calculated with", todo)
    try:
        with catch_warnings():
            simplefilter("error", SyntaxWarning)  # of an unknown escape in a text, such as `\d`
            simplefilter("error", DeprecationWarning)  # the same, before Python 3.12
            root = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        if iskeyword(text.strip()):
            raise ExpressionError("it means something else in expressions", "choose another name") from None
        todo = next((todo for found, todo in _HINTS if found.search(text)), 'as in `people > 6 and day != "sunday"`')
        raise ExpressionError("it is no expression", todo) from None
    _check(root, 0)
    return Expression(text, _names(root), root)


def _names(root: ast.expr) -> tuple[str, ...]:
    nodes = list(ast.walk(root))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    found = (node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in called)
    return tuple(name for name in dict.fromkeys(found) if name not in WORDS)


def _check(node: ast.expr, depth: int) -> None:
    """Raises ExpressionError for what is not of this language."""
    if depth > MAX_DEPTH:
        raise ExpressionError("it is nested too deeply", "divide it by `set`")
    match node:
        case ast.Constant(value=str() | bool() | int() | float() as value):
            _check_size(value)
        case ast.Name() | ast.UnaryOp(op=ast.Not() | ast.USub()) | ast.BoolOp() | ast.IfExp() | ast.List():
            pass
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            if name not in FUNCTIONS:
                raise ExpressionError(f"there is no function `{name}`", near(name, FUNCTIONS))
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            pass
        case ast.Compare(ops=ops) if all(type(op) in COMPARISONS for op in ops):
            pass
        case ast.Attribute() | ast.Subscript(slice=ast.Constant() | ast.Name() | ast.UnaryOp(op=ast.USub())):
            pass
        case _:
            raise _not_known(node)
    for child in _operands(node):
        _check(child, depth + 1)


def _check_size(value: str | float) -> None:
    if not isinstance(value, str) and not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise ExpressionError("a number in it is too large", f"at most {MAX_NUMBER}; digits are a text, in quotes")


def _not_known(node: ast.expr) -> ExpressionError:
    why = f"`{ast.unparse(node)[:40]}` is not of this language"
    match node:
        case ast.Subscript(slice=ast.Slice()):
            todo = f"`last({ast.unparse(node.value)[:40]}, 4)`"
        case ast.Subscript():
            todo = "give the number a name by `set`"
        case ast.Set() | ast.Dict():
            todo = "names stand without braces in expressions"
        case ast.Constant(value=None):
            todo = "write `nothing`"
        case ast.Compare():
            todo = "`==` and `!=` compare, with `nothing`, too"
        case ast.Call(func=ast.Attribute(attr=name)) if name in FUNCTIONS:
            todo = f"`{name}(…)`, with the text in it"
        case _:
            todo = "values, comparisons, `and`, `or`, `not`, + - * / and functions"
    return ExpressionError(why, todo)


def _operands(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        yield from node.args
    else:
        yield from (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
