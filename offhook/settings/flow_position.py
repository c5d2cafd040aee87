"""Finds the place in a flow's file that a problem is about."""

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from offhook.pipeline.dialog.problem import Path


def locate(root: Node, path: Path) -> Node:
    """The node to report a problem at: the value, or the key if the value takes several lines."""
    if len(path) > 2 and path[2] in ("no_input", "no_match") and _walk(root, path[:3]) is None:
        path = path[2:]
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
