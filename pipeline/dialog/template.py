"""Texts with variables: `{name}` stands for a value, `{{` and `}}` for literal braces."""

import re
from collections.abc import Mapping

_PIECE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_variable_name(text: str) -> bool:
    """Whether `text` is valid between braces."""
    return _NAME.fullmatch(text) is not None


def names_in(text: str) -> tuple[str, ...]:
    """The variables that `text` uses, in order. Raises ValueError for an unmatched brace."""
    names = []
    for piece in _PIECE.finditer(text):
        if piece.group(1) is not None:
            names.append(piece.group(1))
        elif len(piece.group()) == 1:
            raise ValueError(f"a single {piece.group()} at character {piece.start() + 1}")
    return tuple(names)


def render(text: str, values: Mapping[str, str]) -> str:
    """`text` with its variables filled in. Raises KeyError for one without a value; values are not expanded again."""

    def replace(piece: re.Match[str]) -> str:
        name = piece.group(1)
        return values[name] if name is not None else piece.group()[0]

    return _PIECE.sub(replace, text)
