"""Paths in a server's answer, such as `delivery.day`, `items[0].name` or `["first-name"]`. Pure."""

import re

from offhook.pipeline.dialog.expression.evaluation import part_of

Parts = tuple[str | int, ...]
"""The names of fields, and the numbers of items from 0 (-1 is the last), from the whole answer on."""

MAX_PARTS = 20
"""An answer is nested no deeper."""

_PART = re.compile(r"""\.?([A-Za-z_]\w*)|\[(-?\d{1,4})\]|\[(?:"([^"]+)"|'([^']+)')\]""", re.ASCII)


def parts_of(path: str) -> Parts | None:
    """The parts of a path; None: it is none."""
    found: list[str | int] = []
    at = 0
    while at < len(path):
        part = _PART.match(path, at)
        begins_with_dot = path[at] == "."
        if part is None or (begins_with_dot is (at == 0) and part[1] is not None) or len(found) == MAX_PARTS:
            return None
        name = part[1] or part[3] or part[4]
        found.append(int(part[2]) if name is None else name)
        at = part.end()
    return tuple(found) or None


def value_at(answer: object, parts: Parts) -> object:
    """What the answer has there; None: nothing."""
    for part in parts:
        answer = part_of(answer, part)
    return answer
