"""What the steps of a flow's file have in common: texts, names of steps, and how questions listen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict, TypeVar

from yaml.nodes import Node, ScalarNode, SequenceNode

from offhook.pipeline.dialog.flow import Retry
from offhook.pipeline.endpoint.expectation import parse_expectation
from offhook.pipeline.events import DigitRule, Expectation
from offhook.settings.flow_hints import digits_hint
from offhook.settings.yaml_file import Reader, position
from offhook.usererror import Problem

LISTENING = (
    "no_input",
    "no_match",
    "silence_ms",
    "timeout_s",
    "barge_in",
    "min_confidence",
    "confirm_below",
    "language",
    "voice",
    "expect",
)
"""The keys of a question that say how it listens."""

_RETRY = ("attempts", "reprompts", "then")
_MEANS = {"no_input": "says nothing", "no_match": "says something else"}

_T = TypeVar("_T")


class _Rules(TypedDict):
    """The listening options of a question."""

    silence_ms: int
    timeout_s: float
    barge_in: bool
    min_confidence: float | None
    language: str | None
    confirm_below: float | None
    voice: str | None
    expect: Expectation | None


@dataclass(frozen=True, slots=True)
class FlowDefaults:
    """Defaults for questions."""

    silence_ms: int = 500
    no_input_ms: int = 5_000


class StepReader(Reader):
    """Reads parts of steps; `lines` are those of the file."""

    def __init__(self, name: str, defaults: FlowDefaults, lines: list[str]) -> None:
        super().__init__(name)
        self.doubts: list[Problem] = []
        self._lines = lines
        self._defaults = defaults
        self._retries: dict[str, Retry | None] = {}  # of the flow, for questions without their own
        self._confirm_below: float | None = None

    def _spoken(self, node: Node, what: str) -> str | None:
        text = self.text(node, what)
        if text and isinstance(node, ScalarNode) and node.style is None and text[-1] not in ".!?…":
            mark = node.end_mark
            rest = self._lines[mark.line][mark.column :].strip() if mark and mark.line < len(self._lines) else ""
            if rest.startswith("#"):
                why, todo = "what follows a # after a space is a comment", "put the text in quotes if it should be said"
                self.doubts.append(Problem(f"`{rest[:60]}` is not said", why, todo, position(node, self.name)))
        return text

    def _spoken_by(self, found: dict[str, Node], what: str) -> tuple[str | None, str | None]:
        """Language and voice of a step."""
        language = self._optional(self.text, found, "language", what, None)
        return language, self._optional(self.text, found, "voice", what, None)

    def _step_name(self, node: Node, what: str) -> str | None:
        if not isinstance(node, SequenceNode):
            return self.text(node, what)
        self.problem(node, f"{what} names several steps", "one step follows", "name one")
        return None

    def _rule(self, found: dict[str, Node], what: str) -> DigitRule:
        node = found["digits"]
        low: int | None
        high: int | None
        if (hint := digits_hint(node)) is not None:
            self.problem(node, f"`digits` of {what} is not a number", self.got(node), f"type `digits: {hint}`")
            low = high = None
        elif isinstance(node, ScalarNode):
            low = high = self.whole(node, f"`digits` of {what}")
        else:
            ends = self.fields(node, f"`digits` of {what}", ("min", "max"), required=("min", "max")) or {}
            low, high = (self.whole(ends[end], f"`{end}` of {what}") if end in ends else None for end in ("min", "max"))
        rule = DigitRule()
        terminator = self._optional(self.text, found, "terminator", what, rule.terminator)
        inter_digit_ms = self._optional(self.whole, found, "inter_digit_ms", what, rule.inter_digit_ms)
        # Unreadable values were reported already: any numbers will do.
        low, high = (1 if low is None else low), (1 if high is None else high)
        return DigitRule(low, high, "" if terminator == "none" else terminator, inter_digit_ms)

    def _listening(self, found: dict[str, Node], what: str) -> tuple[Retry | None, Retry | None, _Rules]:
        retries = []
        for key in ("no_input", "no_match"):
            if key in found:
                retries.append(self._retry(found[key], f"`{key}` of {what}"))
            else:
                if key not in self._retries:
                    node = found.get("ask") or found["collect"]
                    why = f"neither it nor the flow says what follows when the caller {_MEANS[key]}"
                    todo = f"add `{key}: {{then: …}}` to the step or the flow"
                    self.problem(node, f"{what} has no `{key}`", why, todo)
                retries.append(self._retries.get(key))
        silence_ms = self._optional(self.whole, found, "silence_ms", what, self._defaults.silence_ms)
        timeout_s = self._optional(self.number, found, "timeout_s", what, self._defaults.no_input_ms / 1000)
        barge_in = self._optional(self.truth, found, "barge_in", what, True)
        min_confidence = self._optional(self.number, found, "min_confidence", what, None)
        language, voice = self._spoken_by(found, what)
        confirm_below = self._optional(self.number, found, "confirm_below", what, self._confirm_below)
        rules: _Rules = {
            "silence_ms": silence_ms,
            "timeout_s": timeout_s,
            "barge_in": barge_in,
            "min_confidence": min_confidence,
            "language": language,
            "confirm_below": confirm_below,
            "voice": voice,
            "expect": self._expect(found, what),
        }
        return retries[0], retries[1], rules

    def _expect(self, found: dict[str, Node], what: str) -> Expectation | None:
        text = self.text(found["expect"], f"`expect` of {what}") if "expect" in found else None
        if text is None:
            return None
        try:
            return parse_expectation(text)
        except ValueError as error:
            problem = f"`expect` of {what} is not known"
            self.problem(found["expect"], problem, str(error), "type `expect: digits(10..16)`, or remove it")
            return None

    def _retry(self, node: Node, what: str) -> Retry | None:
        example = f"type `{{then: {node.value if isinstance(node, ScalarNode) and node.value else '…'}}}`"
        found = self.fields(node, what, _RETRY, ("then",), example)
        if not found or "then" not in found:
            return None
        then = self._step_name(found["then"], f"`then` of {what}")
        reprompts = self.texts(found["reprompts"], f"`reprompts` of {what}") if "reprompts" in found else []
        attempts = self._optional(self.whole, found, "attempts", what, 3)
        return None if then is None else Retry(then, attempts, tuple(reprompts))

    def _optional(
        self, read: Callable[[Node, str], _T | None], found: dict[str, Node], key: str, what: str, default: _T
    ) -> _T:
        value = read(found[key], f"`{key}` of {what}") if key in found else None
        return default if value is None else value
