"""Texts with expressions: `{name}` or `{last(account, 4)}` stands for a value, `{{` and `}}` for literal braces."""

import re
from collections.abc import Callable, Mapping

from offhook.pipeline.dialog.limits import MAX_TEXT_CHARS

MAX_FILLED_CHARS = 2 * MAX_TEXT_CHARS

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_variable_name(text: str) -> bool:
    """Whether `text` is the name of a variable."""
    return _NAME.fullmatch(text) is not None


def expressions_in(text: str) -> tuple[str, ...]:
    """The expressions that `text` has, in their order. Raises ValueError for an unmatched brace."""
    found = []
    for piece in _PIECE.finditer(text):
        if piece.group(1) is not None:
            found.append(piece.group(1).strip())
        elif len(piece.group()) == 1:
            raise ValueError(f"a single {piece.group()} at character {piece.start() + 1}")
    return tuple(found)


def fill(text: str, say: Callable[[str], str], limit: int | None = MAX_FILLED_CHARS) -> str:
    """`text` with what `say` makes of its expressions, up to `limit` characters. Values are not expanded again."""

    def replace(piece: re.Match[str]) -> str:
        expression = piece.group(1)
        return piece.group()[0] if expression is None else say(expression.strip())

    return _PIECE.sub(replace, text)[:limit]


def render(text: str, values: Mapping[str, str]) -> str:
    """`text`, which has only names, with their values. Raises KeyError for one without."""
    return fill(text, values.__getitem__)
