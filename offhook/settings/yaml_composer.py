"""YAML as nodes, of one document: by libyaml's parser where PyYAML has it, by PyYAML's own in any doubt. Pure.

libyaml takes a fifth of the time. It also takes a little more than PyYAML does, and its errors have other words and
places: so PyYAML has the last word on what is refused, and on texts with what the two read differently.
"""

from typing import Any

import yaml
from yaml.composer import Composer
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
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

    class _FastLoader(CParser, Resolver):
        """libyaml's parser, and a composer for it: the one in C has no limit of depth, PyYAML's takes twice the time.

        Raises what PyYAML does, and YAMLError where that has to look.
        """

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Resolver.__init__(self)
            self._named: dict[str, Node] = {}  # by their anchors
            self._tags: dict[tuple[str, tuple[bool, bool]], str] = {}  # of texts without one

        def document(self) -> Node | None:
            """The root of the only document, or None without one."""
            self.get_event()
            if self.check_event(StreamEndEvent):
                return None
            self.get_event()
            root = self._node(0, in_brackets=False)
            self.get_event()
            if not self.check_event(StreamEndEvent):
                raise yaml.YAMLError("there is another document")
            return root

        def _node(self, depth: int, *, in_brackets: bool) -> Node:
            if depth > MAX_DEPTH:
                raise yaml.YAMLError("nested too deep")
            event: Any = self.get_event()
            if isinstance(event, AliasEvent):
                if event.anchor not in self._named:
                    raise yaml.YAMLError("an alias of nothing")
                return self._named[event.anchor]
            if event.anchor is not None and event.anchor in self._named:
                raise yaml.YAMLError("two anchors of one name")
            if isinstance(event, ScalarEvent):
                return self._kept(event.anchor, self._text(event, in_brackets=in_brackets))
            kind: Any = MappingNode if isinstance(event, MappingStartEvent) else SequenceNode
            tag = self._tag(kind, None, event.implicit) if event.tag in (None, "!") else event.tag
            node = self._kept(event.anchor, kind(tag, [], event.start_mark, None, event.flow_style))
            inside, brackets = depth + 1, event.flow_style
            while not self.check_event(MappingEndEvent, SequenceEndEvent):
                each = self._node(inside, in_brackets=brackets)
                node.value.append((each, self._node(inside, in_brackets=brackets)) if kind is MappingNode else each)
            end: Any = self.get_event()
            node.end_mark = end.end_mark
            return node

        def _text(self, event: Any, *, in_brackets: bool) -> ScalarNode:
            tag, value = event.tag, event.value
            if not event.style and in_brackets and ("?" in value or not value):
                raise yaml.YAMLError("in brackets, PyYAML ends a text at a question mark, and nothing at the colon")
            if tag is None or tag == "!":
                key = (value, event.implicit)
                tag = self._tags.get(key)
                if tag is None:
                    tag = self._tags[key] = self._tag(ScalarNode, value, event.implicit)
            # As PyYAML says that a text is in no quotes: None.
            return ScalarNode(tag, value, event.start_mark, event.end_mark, event.style or None)

        def _tag(self, kind: type[Node], value: str | None, implicit: object) -> str:
            return str(self.resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

        def _kept(self, anchor: str | None, node: Node) -> Node:
            if anchor is not None:
                self._named[anchor] = node
            return node


def composed(text: str) -> Node | None:
    """The root node, or None without a document. Raises what PyYAML does: YAMLError, ValueError, OverflowError."""
    if yaml.__with_libyaml__ and _READ_DIFFERENTLY.isdisjoint(text):
        try:
            return _FastLoader(text).document()
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
