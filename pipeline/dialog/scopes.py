"""The scopes of a flow's variables: its own, and one for each step that calls a sub-flow. Pure.

The steps of a sub-flow are named behind the step that calls it: `identify/number` is the step `number` of the sub-flow
that `identify` calls, and its variables are in the scope `identify`. Those of the flow itself are in the scope "".
"""

from collections.abc import Mapping
from typing import TypeVar

SEPARATOR = "/"

_T = TypeVar("_T")


def within(scope: str, name: str) -> str:
    """The whole name of a step or variable in a scope."""
    return f"{scope}{SEPARATOR}{name}" if scope else name


def scope_of(name: str) -> str:
    """The scope of a step or variable, by its whole name."""
    return name.rpartition(SEPARATOR)[0]


def local(name: str) -> str:
    """A whole name without its scope."""
    return name.rpartition(SEPARATOR)[2]


def in_scope(values: Mapping[str, _T], scope: str) -> dict[str, _T]:
    """What one scope has of `values`, which go by their whole names."""
    return {local(name): value for name, value in values.items() if scope_of(name) == scope}
