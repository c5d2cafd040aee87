"""YAML with positions: a file's nodes, and a reader that turns them into values or a `Problem` at a line.

Only composed nodes are used, and nothing is constructed from tags; so `yes`, `no` and `on` stay words where a text is
expected.
"""

import json
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from offhook.settings.yaml_composer import TooDeepError, composed
from offhook.settings.yaml_hints import Unit, explain, number_meant, whole_number_meant
from offhook.usererror import Problem, UserError, did_you_mean

MAX_FILE_BYTES = 256 * 1024
MAX_NODES = 50_000  # aliases count at every use
MAX_PROBLEMS = 50  # the first ones usually cause the rest

T = TypeVar("T")

_SEEN_TOO_LATE = ("found unexpected end of stream", "could not find expected ':'")
_NULL = "tag:yaml.org,2002:null"
_JSON = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|true|false", re.IGNORECASE)
"""Numbers and truths as JSON has them. In YAML 1.1 12:30 is 750, 0123 is 83, no is false, and 1e3 is a text."""
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "value")
)
INDENT = "indent its `key: value` lines below it"
_KINDS = {MappingNode: "a mapping (`key: value` lines)", SequenceNode: "a list", ScalarNode: "a single value"}


def read_limited(path: Path, limit_bytes: int, kind: str) -> bytes:
    """The bytes of a file. UserError if it cannot be read or exceeds `limit_bytes`."""
    where = str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"the {kind} is not a file", "it is a directory or a device", "name a file", where)
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except FileNotFoundError:
        why, todo = "there is no file of this name", f"check the path: ls -l {path.parent}"
        raise UserError(f"the {kind} cannot be read", why, todo, where) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(f"the {kind} cannot be read", why, f"check it: ls -l {path}", where) from None
    if len(data) > limit_bytes:
        what, why = f"the {kind} is too large", f"at most {limit_bytes // 1024} KiB are read"
        raise UserError(what, why, "name another file, or split it", where)
    return data


def decoded(data: bytes, name: str, kind: str) -> str:
    """The data as UTF-8 text. UserError, with the line, if it is not."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"byte {error.object[error.start] if error.start < len(data) else 0:#04x} is not UTF-8"
        todo = "save it as UTF-8 in your editor"
        raise UserError(f"the {kind} is not text", why, todo, f"{name}:{line}") from None


def compose(text: str, name: str, guide: str = "docs/flows.md") -> Node:
    """The root node of a file's only document. UserError, with the position, if it is not plain YAML."""
    try:
        root = composed(text)
    except yaml.MarkedYAMLError as error:
        raise UserError.of([_syntax_problem(error, name, text)]) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML also lets chr() and int() fail on escapes and versions out of range.
        why = str(error).splitlines()[0]
        raise UserError("this is not YAML", why, "remove the odd character", _reader_where(error, text, name)) from None
    if root is None:
        raise UserError("the file is empty", "there is nothing in it to run", f"see {guide} for one", name)
    size = _size(root, {}, name)
    if size > MAX_NODES:
        what, why = "the file is too large", f"with its aliases it has more than {MAX_NODES} values"
        raise UserError(what, why, "use fewer aliases (`*name`)", name)
    return root


def _syntax_problem(error: yaml.MarkedYAMLError, name: str, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    if error.problem in _SEEN_TOO_LATE or (error.context or "").startswith("while parsing a flow "):
        mark = error.context_mark or mark  # where the unclosed bracket or quote begins
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    why = ", ".join(part for part in (error.context, error.problem) if part) or "it cannot be read"
    if isinstance(error, TooDeepError):
        return Problem("the file is nested too deeply", why, "flatten it", where)
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    before = lines[mark.line - 1] if mark is not None and 0 < mark.line <= len(lines) else ""
    why, todo = explain(why, line, before)
    return Problem("this is not YAML", why, todo, where)


def _reader_where(error: Exception, text: str, name: str) -> str:
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return name
    return f"{name}:{text.count(chr(10), 0, position) + 1}"


def _size(node: Node, known: dict[int, int], name: str) -> int:
    """How many values `node` has with its aliases expanded; `known` has those already counted.

    Anchors precede their aliases, so the recursion is no deeper than the text's nesting. 0 marks a node being counted:
    an alias that leads to one contains itself.
    """
    size = known.get(id(node))
    if size == 0:
        what, why = "an alias contains itself", "it would never end"
        raise UserError(what, why, "remove the alias (`*name`)", position(node, name))
    if size is not None:
        return size
    known[id(node)] = 0
    size = 1 + sum(_size(child, known, name) for child in _children(node))
    known[id(node)] = size = min(size, MAX_NODES + 1)  # no need for huge numbers
    return size


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, SequenceNode):
        yield from node.value


def position(node: Node, name: str) -> str:
    """FILE:LINE:COLUMN of a node's start."""
    mark = node.start_mark
    return f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name


def is_null(node: Node) -> bool:
    """Whether a key has no value."""
    return isinstance(node, ScalarNode) and node.tag == _NULL


class Reader:
    """Reads values from nodes; for an invalid one it adds to `problems` and returns None."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []

    def problem(self, node: Node, what: str, why: str, todo: str) -> None:
        """Note a problem at `node`."""
        self.note(Problem(what, why, todo, position(node, self.name)))

    def note(self, found: Problem) -> None:
        """Note a problem, unless the same was said of its place."""
        said = any((found.where, found.why, found.todo) == (each.where, each.why, each.todo) for each in self.problems)
        if len(self.problems) < MAX_PROBLEMS and not said:
            self.problems.append(found)

    def error(self) -> UserError:
        """All problems (at least one), in the order of the file; those of other files follow."""
        return UserError.of(sorted(self.problems, key=self._order))

    def _order(self, problem: Problem) -> tuple[bool, str, list[int]]:
        file, _, _ = problem.where.partition(":")
        return not problem.where.startswith(f"{self.name}:"), file, _line_and_column(problem)

    def unknown_key(self, name: str, what: str, allowed: Sequence[str]) -> tuple[str, str]:
        """Why `what` has no key `name`, and what to type."""
        return f"{what} has " + ", ".join(f"`{each}`" for each in allowed), did_you_mean(name, allowed)

    def entries(self, node: Node, what: str, example: str = INDENT) -> list[tuple[str, Node, Node]] | None:
        """(key, its node, its value) of a mapping with any keys; a duplicate key is a problem."""
        if not isinstance(node, MappingNode):
            why = "it has no value" if is_null(node) else f"there is {_KINDS[type(node)]}"
            self.problem(node, f"{what} is not {_KINDS[MappingNode]}", why, example)
            return None
        found: dict[str, tuple[str, Node, Node]] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or not key.value:
                self.problem(key, f"a key of {what} is not a name", "keys are single words", "name it with a word")
            elif key.value == "<<":
                todo = "write its keys out here, or use the whole value again: `key: *name`"
                self.problem(key, f"{what} has a merge key (`<<`)", "merge keys are not read", todo)
            elif key.value in found:
                first = position(found[key.value][1], self.name)
                why = f"it is already set at {first}, and only one could be used"
                self.problem(key, f"`{key.value}` occurs twice in {what}", why, "remove or rename one")
            else:
                found[key.value] = (key.value, key, value)
        return list(found.values())

    def fields(
        self, node: Node, what: str, allowed: Sequence[str], required: Sequence[str] = (), example: str = INDENT
    ) -> dict[str, Node] | None:
        """The values of a mapping with fixed keys; unknown and missing keys are problems."""
        entries = self.entries(node, what, example)
        if entries is None:
            return None
        found: dict[str, Node] = {}
        for name, key, value in entries:
            if name in allowed:
                found[name] = value
            else:
                self.problem(key, f"unknown key `{name}` in {what}", *self.unknown_key(name, what, allowed))
        for name in required:
            if name not in found:
                self.problem(node, f"{what} has no `{name}`", "it is required", f"add a line `{name}: …`")
        return found

    def text(self, node: Node, what: str) -> str | None:
        """A text; `yes` and `12` are texts, too."""
        if not isinstance(node, ScalarNode):
            todo = "write one text"
            if node.flow_style:  # type: ignore[attr-defined]
                bracket = "{" if isinstance(node, MappingNode) else "["
                todo = f"put it in quotes if it begins with {bracket}, or write one text"
            self.problem(node, f"{what} is not a text", f"there is {_KINDS[type(node)]}", todo)
            return None
        if is_null(node) and node.style is None:
            why = "it has no value (a # begins a comment)"
            self.problem(node, f"{what} is empty", why, "write the text, in quotes if it begins with #")
            return None
        self._plain_tag(node, what)
        return " ".join(node.value.split())

    def texts(self, node: Node, what: str) -> list[str]:
        """A list of texts, or a single one."""
        if isinstance(node, MappingNode):
            self.problem(node, f"{what} is not a list", f"there is {_KINDS[MappingNode]}", "type `[one, two]`")
            return []
        if isinstance(node, SequenceNode) and any(isinstance(item, SequenceNode) for item in node.value):
            self.problem(node, f"{what} has a list in it", "it is one list of texts", "type `[one, two]`")
            return []
        if not isinstance(node, SequenceNode):
            text = self.text(node, what)
            return [] if text is None else [text]
        found = [self.text(item, f"an item of {what}") for item in node.value]
        return [text for text in found if text is not None]

    def json_value(self, node: Node, what: str, text: Callable[[Node], str] | None = None) -> Any:
        """A value of JSON: here a number is no text, and has to be written as JSON does. `text` makes what is kept of
        each text."""
        if isinstance(node, MappingNode):
            return {key: self.json_value(value, what, text) for key, _, value in self.entries(node, what) or []}
        if isinstance(node, SequenceNode):
            return [self.json_value(each, what, text) for each in node.value]
        if node.tag == "tag:yaml.org,2002:timestamp":  # which JSON does not have
            return node.value
        try:
            value = yaml.SafeLoader("").construct_object(node)
            json.dumps(value, allow_nan=False)
        except (yaml.YAMLError, ValueError, KeyError, TypeError):  # PyYAML lets int() and its own tables fail
            why = "JSON has texts, numbers of some 4000 digits, true, false and null"
            self.problem(node, f"`{node.value[:40]}` is no value of JSON", why, "put it in quotes, for a text")
            return None
        is_plain = isinstance(node, ScalarNode) and node.style is None
        if is_plain and isinstance(value, int | float) is not bool(_JSON.fullmatch(node.value)):
            what, why = f"`{node.value[:40]}` is not written as JSON", f"YAML takes it for {json.dumps(value)[:40]}"
            self.problem(node, what, why, "put it in quotes, for a text, or type it as `3`, `-1.5`, `true` or `false`")
            return None
        return text(node) if isinstance(value, str) and text is not None else value

    def truth(self, node: Node, what: str) -> bool | None:
        """`true` or `false` (and YAML's other words for them)."""
        value = node.value.lower() if isinstance(node, ScalarNode) else None
        if value in ("true", "yes", "on", "false", "no", "off"):
            return value in ("true", "yes", "on")
        self.problem(node, f"{what} is neither true nor false", self.got(node), "type `true` or `false`")
        return None

    def number(self, node: Node, what: str, *, whole: bool = False, unit: Unit = "") -> float | None:
        """A number, with or without a fraction; `whole` and `unit` only change what an error suggests."""
        value = node.value if isinstance(node, ScalarNode) else ""
        # Not float() alone: it accepts "nan", "1_0" and digits of other scripts.
        if value.isascii() and len(value) <= 20 and set(value) <= set("0123456789.-"):
            try:
                return float(value)
            except ValueError:
                pass
        self.problem(node, f"{what} is not a number", self.got(node), number_meant(value, what, whole=whole, unit=unit))
        return None

    def whole(self, node: Node, what: str, *, unit: Unit = "") -> int | None:
        """A whole number; `unit` only changes what an error suggests."""
        value = self.number(node, what, whole=True, unit=unit)
        if value is not None and not value.is_integer():
            self.problem(node, f"{what} is not a whole number", self.got(node), whole_number_meant(value, what, unit))
            return None
        return None if value is None else int(value)

    def value(self, found: Mapping[str, Node], key: str, read: Callable[[Node, str], T | None], default: T) -> T:
        """What `read` (such as `text`) makes of the value at `key`; `default` if it is not there, or wrong."""
        value = read(found[key], f"`{key}`") if key in found else None
        return default if value is None else value

    def one_of(self, found: Mapping[str, Node], key: str, allowed: Sequence[str], default: str) -> str:
        """The word at `key`, one of those that are allowed, as it is spelled there; `default` if it is not there."""
        given = self.value(found, key, self.text, default)
        spelled = {each.lower(): each for each in allowed}.get(given.lower())
        if spelled is None and key in found:
            why = "it is one of " + ", ".join(f"`{each}`" for each in allowed)
            self.problem(found[key], f"`{key}` is `{given[:40]}`", why, did_you_mean(given, allowed))
        return spelled or default

    def within(
        self, found: Mapping[str, Node], key: str, low: float, high: float, default: T, *, whole: bool = False
    ) -> float | T:
        """The number at `key`, a `whole` one, from `low` to `high`; `default` if it is not there, or wrong."""
        if key not in found:
            return default
        what = f"`{key}`"
        value = self.whole(found[key], what) if whole else self.number(found[key], what)
        if value is None:
            return default
        if not low <= value <= high:
            why, todo = f"it goes from {low:g} to {high:g}", f"type `{key}: {low if value < low else high:g}`"
            self.problem(found[key], f"`{key}` is {value:g}", why, todo)
            return default
        return value

    def got(self, node: Node) -> str:
        """What there is at `node`, as the reason of a problem."""
        if is_null(node):
            return "it has no value"
        return f"it is `{node.value[:40]}`" if isinstance(node, ScalarNode) else f"there is {_KINDS[type(node)]}"

    def _plain_tag(self, node: ScalarNode, what: str) -> None:
        if node.tag not in _PLAIN_TAGS:
            tag = node.tag.removeprefix("tag:yaml.org,2002:")
            todo = "remove the tag, or put the text in quotes if it begins with !"
            self.problem(node, f"{what} has the tag `{tag}`", "tags have no meaning here", todo)


def _line_and_column(problem: Problem) -> list[int]:
    return [int(part) for part in problem.where.split(":")[-2:] if part.isdigit()]
