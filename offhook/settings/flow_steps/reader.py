"""What the steps of a flow's file have in common: texts, and names of steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, TypeVar

from yaml.nodes import Node, ScalarNode, SequenceNode

from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.steps.listening import Retry
from offhook.settings.yaml_file import Reader, position
from offhook.usererror import Problem, did_you_mean

_T = TypeVar("_T")


class Spoken(TypedDict):
    """How a step's texts are spoken."""

    language: str | None
    voice: str | None


@dataclass(frozen=True, slots=True)
class FlowDefaults:
    """Defaults for questions."""

    silence_ms: int = 500
    no_input_ms: int = 5_000


class StepReader(Reader):
    """Reads parts of steps; `lines` are those of the file, `environ` has what `${NAME}` stands for."""

    def __init__(self, name: str, defaults: FlowDefaults, lines: list[str], environ: Mapping[str, str]) -> None:
        super().__init__(name)
        self.doubts: list[Problem] = []
        self.environ = environ
        self.defaults = defaults
        self.retries: dict[str, Retry | None] = {}
        """Of the flow, for questions without their own."""
        self.confirm_below: float | None = None
        """As `retries`."""
        self.country: str | None = None
        """By whose rules phone numbers are dialled, by its ISO 3166-1 code."""
        self.language: str | None = None
        """Of the flow's texts, and of the names in its directories."""
        self._lines = lines

    def spoken(self, node: Node, what: str) -> str | None:
        """A text that is said."""
        text = self.text(node, what)
        if text and isinstance(node, ScalarNode) and node.style is None and text[-1] not in ".!?…":
            mark = node.end_mark
            rest = self._lines[mark.line][mark.column :].strip() if mark and mark.line < len(self._lines) else ""
            if rest.startswith("#"):
                why, todo = "what follows a # after a space is a comment", "put the text in quotes if it should be said"
                self.doubts.append(Problem(f"`{rest[:60]}` is not said", why, todo, position(node, self.name)))
        return text

    def spoken_by(self, found: Mapping[str, Node], what: str) -> Spoken:
        """Language and voice of a step."""
        language, voice = (self.optional(self.text, found, key, what, None) for key in ("language", "voice"))
        return {"language": language, "voice": voice}

    def step_name(self, node: Node, what: str) -> str | None:
        """The name of a step that follows."""
        if not isinstance(node, SequenceNode):
            return self.text(node, what)
        self.problem(node, f"{what} names several steps", "one step follows", "name one")
        return None

    def optional(
        self, read: Callable[[Node, str], _T | None], found: Mapping[str, Node], key: str, what: str, default: _T
    ) -> _T:
        """The value of a key that need not be there."""
        value = read(found[key], f"`{key}` of {what}") if key in found else None
        return default if value is None else value

    def expression(self, node: Node, what: str) -> str | None:
        """An expression that can be parsed."""
        if isinstance(node, ScalarNode) and node.tag.startswith("!"):
            why = "YAML takes what begins with ! for a tag"
            self.problem(node, f"{what} cannot be evaluated: `{node.tag[:60]}`", why, f"type `not {node.tag[1:60]}`")
            return None
        text = self.text(node, what)
        if text is None:
            return None
        try:
            parse(text)
        except ExpressionError as error:
            self.problem(node, f"{what} cannot be evaluated: `{text[:60]}`", error.why, error.todo)
            return None
        return text

    def by_word(self, node: Node, field: str, kind: str, known: Sequence[str], why: str) -> list[tuple[str, str]]:
        """The steps that follow each of the known words; `why` says to what words they belong."""
        read = []
        for word, key, value in self.entries(node, field, f"type `{{{known[0]}: …}}`") or []:
            if word not in known:
                self.problem(key, f"`{word[:40]}` is not {kind}", why, did_you_mean(word, known))
            elif (follows := self.step_name(value, f"`{word}` of {field}")) is not None:
                read.append((word, follows))
        return read
