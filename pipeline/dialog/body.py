"""The body of a request, as a flow's file gives it: values of JSON, whose texts may have expressions. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from offhook.pipeline.dialog.problem import Path
from offhook.pipeline.dialog.template import expressions_in, fill

Body = str | int | float | bool | None | Mapping[str, "Body"] | list["Body"]
"""A text with expressions in braces, a value as it is, or an object or a list of these."""

_WHOLE = re.compile(r"\{([^{}]+)\}")


def expressions_of(body: Body, at: Path) -> Iterator[tuple[Path, str]]:
    """The expressions in its texts, each with the path of its text; `at` is that of the body. The braces match."""
    if isinstance(body, str):
        yield from ((at, each) for each in expressions_in(body))
    elif isinstance(body, Mapping):
        for name, value in body.items():
            yield from expressions_of(value, (*at, name))
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from expressions_of(value, (*at, index))


def filled(body: Body, value_of: Callable[[str], object], as_text: Callable[[object], str]) -> Any:
    """The body with the values of its expressions: a text that is one expression becomes its value, of any type, and
    others have `as_text` of each."""
    if isinstance(body, str):
        whole = _WHOLE.fullmatch(body)
        if whole is not None:
            return value_of(whole[1].strip())
        return fill(body, lambda each: as_text(value_of(each)), None)
    if isinstance(body, Mapping):
        return {name: filled(value, value_of, as_text) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, value_of, as_text) for value in body]
    return body
