"""YAML as nodes, of one document: by libyaml's parser where PyYAML has it, by PyYAML's own in any doubt. Pure.

libyaml takes a fifth of the time. It also takes a little more than PyYAML does, and its errors have other words and
places: so PyYAML has the last word on what is refused, and on texts with what the two read differently.
"""

import yaml
from yaml.composer import Composer
from yaml.nodes import Node, ScalarNode
from yaml.resolver import Resolver

MAX_DEPTH = 16

_READ_DIFFERENTLY = frozenset("\t\ufeff")
"""libyaml takes tabs within a line, and counts no column for a byte order mark."""


class TooDeepError(yaml.MarkedYAMLError):
    """Nested more than `MAX_DEPTH` deep."""


class _Limited(Composer):
    """Refuses nesting deep enough to exhaust the stack."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[attr-defined]
            raise TooDeepError(problem=f"nested more than {MAX_DEPTH} deep", problem_mark=mark)
        self.depth += 1
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Loader(_Limited, yaml.SafeLoader):
    pass


if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _FastLoader(_Limited, CParser, Resolver):
        """Its parser is libyaml's. The nodes are composed in Python: the composer in C has no limit of depth."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            _Limited.__init__(self)
            Resolver.__init__(self)

        def compose_node(self, parent: Node | None, index: int) -> Node | None:
            node = super().compose_node(parent, index)
            if isinstance(node, ScalarNode) and not node.style:
                node.style = None  # as PyYAML says that a text is in no quotes
                if getattr(parent, "flow_style", False) and ("?" in node.value or not node.value):
                    raise yaml.YAMLError("in brackets, PyYAML ends a text at a question mark, and nothing at the colon")
            return node


def composed(text: str) -> Node | None:
    """The root node, or None without a document. Raises what PyYAML does: YAMLError, ValueError, OverflowError."""
    if yaml.__with_libyaml__ and _READ_DIFFERENTLY.isdisjoint(text):
        try:
            return _FastLoader(text).get_single_node()
        except (yaml.YAMLError, ValueError, OverflowError):
            pass  # it is refused below, or is no mistake
    return composed_by_pyyaml(text)


def composed_by_pyyaml(text: str) -> Node | None:
    """The same, by the loader in Python alone."""
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()
