"""Finds the place in a flow's file that a problem is about."""

from collections.abc import Mapping
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from offhook.pipeline.dialog.problem import Path
from offhook.pipeline.dialog.scopes import local, scope_of
from offhook.settings.yaml_file import position


@dataclass(frozen=True, slots=True)
class Source:
    """Where a flow or a sub-flow is written: its file, with the lines, and its node there."""

    file: str
    root: Node
    lines: list[str]


_OF_THE_FLOW = ("no_input", "no_match", "commands", "silent")
"""Keys of a question that it may have from the top."""


def place(sources: Mapping[str, Source], path: Path) -> str:
    """FILE:LINE:COLUMN of a path in a flow, whose sub-flows are written in `sources`, by their scopes."""
    scope = ""
    if path[0] == "flows" and len(path) > 1 and path[1] in sources:
        scope, path = str(path[1]), path[2:]
    elif path[0] == "steps" and len(path) > 1:
        name = str(path[1])
        scope, path = scope_of(name), ("steps", local(name), *path[2:])
    if path[2:3] and path[2] in _OF_THE_FLOW and _walk(sources[scope].root, path[:3]) is None:
        at_top = (each for each in (scope, "") if _walk(sources[each].root, path[2:4]) is not None)
        scope, path = next(at_top, scope), path[2:]
    source = sources[scope]
    return position(locate(source.root, path), source.file)


def locate(root: Node, path: Path) -> Node:
    """The node to report a problem at: the value, or the key if the value takes several lines."""
    while path:
        found = _walk(root, path)
        if found is not None:
            return found
        path = path[:-1]
    return root


def _walk(root: Node, path: Path) -> Node | None:
    key = node = root
    for part in path:
        if isinstance(part, int):
            if isinstance(node, SequenceNode):
                if part >= len(node.value):
                    return None
                key = node = node.value[part]
            continue
        if not isinstance(node, MappingNode):
            return None
        pairs = [(k, v) for k, v in node.value if isinstance(k, ScalarNode) and k.value == part]
        if not pairs:
            return None
        key, node = pairs[0]
    return node if isinstance(node, ScalarNode) and node.value else key
