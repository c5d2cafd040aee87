"""Reads the tests of a flow from YAML; all problems are reported at once, each with its line.

`docs/flow-tools.md` has the format.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from offhook.flow_tools.case import ENDINGS, MOVES, Case, Expected, Move, Reply, Sent
from offhook.flow_tools.ends import QUEUE_ENDS, TRANSFER_ENDS
from offhook.http_request import METHODS
from offhook.pipeline.dialog.limits import KEYS
from offhook.settings.yaml_file import MAX_FILE_BYTES, Reader, compose, decoded, read_limited
from offhook.usererror import did_you_mean

SUFFIX = ".test.yaml"
GUIDE = "docs/flow-tools.md"
MAX_CASES = 1_000
MAX_MOVES = 500
MAX_WAIT_S = 3_600.0

_FILE = (
    "flow",
    "requests",
    "functions",
    "now",
    "caller",
    "called",
    "language",
    "variables",
    "transfers",
    "queues",
    "secrets",
    "switches",
    "cases",
)
_CASE = ("talk", "expect", *_FILE[1:-1])
_EXPECT = ("ends", "reason", "transferred_to", "steps", "requests", "never_said")
_REPLY = ("json", "status")
_SENT = ("json", "form", "headers")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A flow's file, and its tests."""

    path: Path
    flow: Path
    cases: tuple[Case, ...]


def load_cases(path: Path) -> CaseFile:
    """The tests of a file. Raises UserError with all problems."""
    return parse_cases(read_limited(path, MAX_FILE_BYTES, "test"), path)


def parse_cases(data: bytes, path: Path) -> CaseFile:
    """The tests in `data`, which is from that file. Without `flow` in it they are those of `NAME.yaml`, for a file
    `NAME.test.yaml`. Raises UserError with all problems."""
    return _CaseReader(path).read(compose(decoded(data, str(path), "test"), str(path), GUIDE))


class _CaseReader(Reader):
    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path

    def read(self, root: Node) -> CaseFile:
        found = self.fields(root, "a test", _FILE, ("cases",), f"begin with `cases:`, see {GUIDE}") or {}
        flow = self._flow(root, found)
        common = self._call(found, "the file", Case("", 0, ()))
        cases = list[Case]()
        for name, key, node in (
            self.entries(found["cases"], "`cases`", "write each below its name") or [] if "cases" in found else []
        ):
            if len(cases) == MAX_CASES:
                self.problem(key, f"there are more than {MAX_CASES} cases", "so many are run", "make a second file")
                break
            cases.append(self._case(name, key, node, common))
        if not self.problems and not cases:
            self.problem(root, "there are no cases", "nothing would be tested", "add one below `cases`")
        if flow is None or self.problems:
            raise self.error()
        return CaseFile(self._path, flow, tuple(cases))

    def _flow(self, root: Node, found: Mapping[str, Node]) -> Path | None:
        if "flow" in found:
            name = self.text(found["flow"], "`flow`")
            return None if name is None else self._path.parent / name
        if self._path.name.endswith(SUFFIX):
            return self._path.with_name(self._path.name.removesuffix(SUFFIX) + ".yaml")
        self.problem(root, "the test has no `flow`", f"its name does not end in {SUFFIX}", "add `flow: shop.yaml`")
        return None

    def _case(self, name: str, key: Node, node: Node, common: Case) -> Case:
        what = f"case `{name}`"
        found = self.fields(node, what, _CASE, ("talk",)) or {}
        case = self._call(found, what, common)
        talk = self._talk(found["talk"], what) if "talk" in found else ()
        expected = self._expected(found["expect"], what) if "expect" in found else Expected()
        return replace(case, name=name, line=_line(key), talk=talk, expected=expected)

    def _call(self, found: Mapping[str, Node], what: str, common: Case) -> Case:
        """`common`, with what is said of the call here."""

        def given(key: str, read: Callable[[Node, str], _T | None], default: _T) -> _T:
            value = read(found[key], f"`{key}` of {what}") if key in found else None
            return default if value is None else value

        by_target = isinstance(found.get("transfers"), MappingNode)
        ways: dict[str, tuple[str, ...]] = given("transfers", self._transfer_ends, {}) if by_target else {}

        return replace(
            common,
            caller=given("caller", self.text, common.caller),
            called=given("called", self.text, common.called),
            language=given("language", self.text, common.language),
            variables={**common.variables, **given("variables", self._variables, {})},
            replies={**common.replies, **given("requests", self._replies, {})},
            functions={**common.functions, **given("functions", self._returns, {})},
            now=given("now", self._time, common.now),
            transfers=by_target or given("transfers", self.truth, common.transfers),
            transfer_ends={**common.transfer_ends, **ways},
            queue_ends={**common.queue_ends, **given("queues", self._queue_ends, {})},
            secrets=given("secrets", self.truth, common.secrets),
            switches={**common.switches, **given("switches", self._variables, {})},
        )

    def _transfer_ends(self, node: Node, what: str) -> dict[str, tuple[str, ...]]:
        return self._ends(node, what, TRANSFER_ENDS)

    def _queue_ends(self, node: Node, what: str) -> dict[str, tuple[str, ...]]:
        return self._ends(node, what, QUEUE_ENDS)

    def _ends(self, node: Node, what: str, words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        found = {}
        for name, _, value in self.entries(node, what, f"type `support: {words[-1]}` below it") or []:
            nodes = value.value if isinstance(value, SequenceNode) else [value]
            if not nodes:
                self.problem(value, f"`{name}` of {what} has no ends", "the list is empty", f"type `[{words[-1]}]`")
            for each in nodes:
                text = self.text(each, f"`{name}` of {what}")
                if text is not None and text not in words:
                    why = f"it ends with {', '.join(words)}"
                    self.problem(each, f"`{name[:40]}` cannot end with `{text[:40]}`", why, did_you_mean(text, words))
            found[name] = tuple(each.value for each in nodes if isinstance(each, ScalarNode))
        return found

    def _variables(self, node: Node, what: str) -> dict[str, str]:
        read = {name: self.text(value, f"`{name}` of {what}") for name, _, value in self.entries(node, what) or []}
        return {name: text for name, text in read.items() if text is not None}

    def _time(self, node: Node, what: str) -> datetime | None:
        text = self.text(node, what)
        try:
            return None if text is None else datetime.fromisoformat(text)
        except ValueError:
            self.problem(node, f"{what} is no time", self.got(node), "type `now: 2026-12-24 18:30`")
            return None

    def _talk(self, node: Node, what: str) -> tuple[Move, ...]:
        example = "type `- hears: Hello`, `- says: goodbye` … below it"
        if not isinstance(node, SequenceNode):
            self.problem(node, f"`talk` of {what} is no list", self.got(node), example)
            return ()
        if len(node.value) > MAX_MOVES:
            self.problem(node, f"`talk` of {what} is too long", f"at most {MAX_MOVES} are done", "make two cases")
        read = [self._move(each, what) for each in node.value[:MAX_MOVES]]
        return tuple(each for each in read if each is not None)

    def _move(self, node: Node, what: str) -> Move | None:
        if isinstance(node, ScalarNode) and node.value == "hangs_up":
            return Move("hangs_up", "", _line(node))
        entries = self.entries(node, f"a line of `talk` of {what}", "type `- says: goodbye`") or []
        if len(entries) != 1:
            if entries:
                why = "the caller does one thing after the other"
                self.problem(node, f"a line of `talk` of {what} has {len(entries)} keys", why, "make a line of each")
            return None
        name, key, value = entries[0]
        does = next((each for each in MOVES if each == name), None)
        if does is None:
            why = "a caller " + ", ".join(MOVES)
            self.problem(key, f"callers do not know `{name[:40]}`", why, did_you_mean(name, MOVES))
            return None
        if does == "hangs_up":
            return Move(does, "", _line(key))
        text = self.text(value, f"`{name}`")
        if text is None or not self._can(does, text, value):
            return None
        return Move(does, text, _line(key))

    def _can(self, does: str, text: str, node: Node) -> bool:
        if does == "presses" and not set(text) <= set(KEYS):
            self.problem(node, f"`{text[:40]}` cannot be pressed", "keys are 0 to 9, *, # and A to D", 'type `"1234#"`')
            return False
        if does == "sets" and len(text.split(maxsplit=1)) != 2:
            why = "`offhook flow set` takes a switch and its value"
            self.problem(node, f"`{text[:40]}` sets nothing", why, "type `sets: emergency on`")
            return False
        if does == "waits":
            seconds = self.number(node, "`waits`", unit="s")
            if seconds is not None and not 0 < seconds <= MAX_WAIT_S:
                self.problem(node, f"nobody can wait {seconds:g} s", f"0 to {MAX_WAIT_S:g} s", "type `waits: 10`")
                return False
            return seconds is not None
        return True

    def _expected(self, node: Node, what: str) -> Expected:
        found = self.fields(node, f"`expect` of {what}", _EXPECT) or {}
        said = self.one_of(found, "ends", ENDINGS, "")
        known = {key: self.text(found[key], f"`{key}`") for key in ("transferred_to", "reason") if key in found}
        lists = {key: tuple(self.texts(found[key], f"`{key}`")) for key in ("steps", "never_said") if key in found}
        requests = {"requests": self._all_sent(found["requests"], what)} if "requests" in found else {}
        ends = next((each for each in ENDINGS if each == said), None)
        return replace(Expected(ends), **known, **lists, **requests)  # type: ignore[arg-type]

    # Servers.

    def _all_sent(self, node: Node, what: str) -> tuple[Sent, ...]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        return tuple(self._sent(each, f"a request in `expect` of {what}") for each in nodes)

    def _sent(self, node: Node, what: str) -> Sent:
        if not isinstance(node, MappingNode):
            name = self.text(node, what) or ""
            return Sent(name if self._is_request(name, node) else "")
        entries = self.entries(node, what) or []
        if len(entries) != 1:
            why = "each request is an item of the list"
            self.problem(node, f"{what} has {len(entries)} keys", why, "type `- POST https://…: {json: …}` for each")
            return Sent("")
        name, key, value = entries[0]
        self._is_request(name, key)
        found = self.fields(value, f"`{name}`", _SENT, (), "type `{json: {people: 4}}`, or the request alone") or {}
        if "json" in found and "form" in found:
            self.problem(value, f"`{name}` has `json` and `form`", "a request has one of them", "remove one")
        content = json.dumps(self.json_value(found["json"], "`json`")) if "json" in found else None
        if "form" in found:
            content = json.dumps(self._texts_in(found["form"], "`form`"))
        headers = self._variables(found["headers"], f"`{name}`") if "headers" in found else {}
        return Sent(name, content, headers, "form" in found)

    def _texts_in(self, node: Node, what: str) -> object:
        """Fields of a form, which are texts as they stand."""
        if isinstance(node, MappingNode):
            return {name: self._texts_in(value, what) for name, _, value in self.entries(node, what) or []}
        if isinstance(node, SequenceNode):
            return [self._texts_in(each, what) for each in node.value]
        return node.value

    def _is_request(self, name: str, node: Node) -> bool:
        method, _, address = name.partition(" ")
        if method in METHODS and address.startswith(("http://", "https://")):
            return True
        why = "a request is a method and the whole address"
        self.problem(node, f"`{name[:60]}` is no request", why, "type `GET https://api.example.com/orders/17`")
        return False

    def _replies(self, node: Node, what: str) -> dict[str, tuple[Reply, ...]]:
        found = {}
        for name, key, value in self.entries(node, what, "type `GET https://…: {json: …}`") or []:
            if self._is_request(name, key):
                found[name] = self._in_turn(value, f"`{name}`", self._reply)
        return found

    def _returns(self, node: Node, what: str) -> dict[str, tuple[Reply, ...]]:
        entries = self.entries(node, what, "type `shop:order_status: {returns: sent}`") or []
        return {name: self._in_turn(value, f"`{name}`", self._return) for name, _, value in entries}

    def _in_turn(self, node: Node, what: str, read: Callable[[Node, str], Reply]) -> tuple[Reply, ...]:
        if not isinstance(node, SequenceNode):
            return (read(node, what),)
        if not node.value:
            self.problem(
                node, f"{what} has no answers", "the list is empty", "type `nothing` for a server that is down"
            )
        return tuple(read(each, what) for each in node.value)

    def _return(self, node: Node, what: str) -> Reply:
        if isinstance(node, ScalarNode) and node.value in ("nothing", "raises"):
            return Reply(status=None if node.value == "nothing" else 500)
        found = (
            self.fields(node, what, ("returns",), ("returns",), "type `{returns: sent}`, `raises` or `nothing`") or {}
        )
        return Reply(json.dumps(self.json_value(found["returns"], "`returns`")) if "returns" in found else "null")

    def _reply(self, node: Node, what: str) -> Reply:
        if isinstance(node, ScalarNode) and node.value == "nothing":
            return Reply(status=None)
        found = self.fields(node, what, _REPLY, (), "type `{json: {state: sent}}`, `{status: 500}` or `nothing`") or {}
        status = self.whole(found["status"], f"`status` of {what}") if "status" in found else 200
        if status is not None and not 200 <= status <= 599:
            self.problem(
                found["status"], f"there is no status {status}", "statuses are 200 to 599", "type `status: 500`"
            )
        return Reply(json.dumps(self.json_value(found["json"], "`json`")) if "json" in found else "null", status)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1 if node.start_mark else 0
