"""The steps of a flow, as plain values, and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import Choice, DigitRule, Expectation, Question, ValueKind

MAX_STEPS = 500
MAX_TEXT_CHARS = 2_000
MAX_CHOICES = 50
MAX_CHOICE_PHRASES = 100
MAX_QUESTION_PHRASES = 1_000  # over all choices of a question: the limit of the recogniser's grammars
MAX_PHRASE_CHARS = 200
MAX_ATTEMPTS = 10
MAX_DIGITS = 32
MIN_SILENCE_MS, MAX_SILENCE_MS = 100, 5_000
MIN_CONFIDENCE, MAX_CONFIDENCE = 0.0, 1.0
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 0.5, 120.0
MIN_INTER_DIGIT_MS, MAX_INTER_DIGIT_MS = 300, 30_000
KEYS = "0123456789*#ABCD"


@dataclass(frozen=True, slots=True)
class Retry:
    """What to do when the caller said nothing, or nothing that matches.

    The question is asked `attempts` times in all, then step `then` follows. After the n-th failure the n-th of
    `reprompts` is said, or the last one; without any, the prompt itself.
    """

    then: str
    attempts: int = 3
    reprompts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of an `Ask` and the step it leads to."""

    choice: Choice
    next: str


@dataclass(frozen=True, slots=True)
class Say:
    """Say something, go on."""

    name: str
    text: str
    next: str
    barge_in: bool = True
    language: str | None = None  # the flow's
    voice: str | None = None  # the flow's, or that of another language
    early_media: bool = False  # before the call is answered


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a question with a few answers, by speech or key."""

    name: str
    prompt: str
    options: tuple[Option, ...]
    no_input: Retry
    no_match: Retry
    silence_ms: int = 500
    timeout_s: float = 5.0
    barge_in: bool = True
    min_confidence: float | None = None  # the bot's setting
    language: str | None = None  # the flow's
    confirm_below: float | None = None  # the bot's setting
    voice: str | None = None  # as in Say
    expect: Expectation | None = None  # what the choices, digits or value say
    early_media: bool = False  # as in Say

    def question(self) -> Question:
        """The question to listen for."""
        choices = tuple(option.choice for option in self.options)
        return Question(
            choices=choices,
            speech=any(choice.phrases for choice in choices),
            silence_ms=self.silence_ms,
            no_input_ms=round(self.timeout_s * 1000),
            min_confidence=self.min_confidence,
            language=self.language,
            confirm_below=self.confirm_below,
            expect=self.expect,
        )


@dataclass(frozen=True, slots=True)
class Collect:
    """Ask for digits, by key and, if `spoken`, by voice; store them in the variable `into`.

    With `value` it asks for a value of that kind instead, by voice and, where it can be keyed, by key.
    """

    name: str
    prompt: str
    into: str
    rule: DigitRule
    next: str
    no_input: Retry
    no_match: Retry
    spoken: bool = False
    silence_ms: int = 500
    timeout_s: float = 5.0
    barge_in: bool = True
    min_confidence: float | None = None  # the bot's setting
    language: str | None = None  # the flow's
    confirm_below: float | None = None  # the bot's setting
    value: ValueKind | None = None
    voice: str | None = None  # as in Say
    expect: Expectation | None = None  # what the choices, digits or value say
    early_media: bool = False  # as in Say

    def question(self) -> Question:
        """The question to listen for."""
        return Question(
            speech=self.spoken or self.value is not None,
            digits=self.rule if self.value is None else self.value.keys,
            silence_ms=self.silence_ms,
            no_input_ms=round(self.timeout_s * 1000),
            min_confidence=self.min_confidence,
            language=self.language,
            confirm_below=self.confirm_below,
            value=self.value,
            expect=self.expect,
        )


@dataclass(frozen=True, slots=True)
class End:
    """Hang up, after `text` if there is one, which nothing interrupts."""

    name: str
    text: str | None = None
    language: str | None = None  # the flow's
    voice: str | None = None  # as in Say
    early_media: bool = False  # as in Say


@dataclass(frozen=True, slots=True)
class AgentOutcome:
    """A result of an `AgentStep`: `values` come back as variables of these names (their types are the application's),
    and `next` follows."""

    name: str
    next: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentStep:
    """Give the call to a language model, with these instructions, until it hands back an outcome.

    `file` has the agent that it is: its model, its tools, its general instructions. Without an outcome, `otherwise`
    follows: the caller was silent, or the model failed, or was done without one.
    """

    name: str
    instructions: str
    file: str
    outcomes: tuple[AgentOutcome, ...]
    otherwise: str
    greeting: str | None = None
    language: str | None = None  # the flow's
    voice: str | None = None  # as in Say
    early_media: bool = False  # as in Say


@dataclass(frozen=True, slots=True)
class TransferStep:
    """Connect the caller to `target`, a name or a number that the application knows, after `announce`.

    With `failures`, by reason, or else `otherwise` the flow goes on with a caller who is not connected. `next` follows
    when they come back after it; None: then the bot hangs up. `summary` is for the one who is called. `mode` is the
    application's, None: its setting.
    """

    name: str
    target: str
    otherwise: str
    failures: tuple[tuple[str, str], ...] = ()
    next: str | None = None
    announce: str | None = None
    summary: str | None = None
    mode: str | None = None
    ring_s: float | None = None
    language: str | None = None  # the flow's
    voice: str | None = None  # as in Say
    early_media: bool = False  # as in Say


@dataclass(frozen=True, slots=True)
class WhoAnsweredStep:
    """In a call that the bot placed: find out who answered, for `within_s` at most. `answers` has the step that
    follows each (`answering.AnsweredBy`), `otherwise` follows the rest, and what is not known. With a voicemail that
    has a step of its own its beep is waited for. The variable `answered_by` has the word."""

    name: str
    answers: tuple[tuple[str, str], ...]
    otherwise: str
    within_s: float = 5.0
    language: str | None = None  # nothing is said
    voice: str | None = None
    early_media: bool = False  # a call that the bot placed is answered


ANSWERED_BY = "answered_by"
"""The variable of a `WhoAnsweredStep`."""

Step = Say | Ask | Collect | End | AgentStep | TransferStep | WhoAnsweredStep


Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """One problem in a flow. `path` leads to it from the top, by the names used in a flow file."""

    what: str
    why: str
    todo: str
    path: Path


class AnyFlow(Protocol):
    """A `Flow` that has not been checked."""

    @property
    def start(self) -> str:
        """The first step's name."""

    @property
    def steps(self) -> Mapping[str, Step]:
        """By name."""

    @property
    def constants(self) -> Mapping[str, str]:
        """By name."""

    @property
    def language(self) -> str | None:
        """Of texts and answers; None: the call's."""

    @property
    def voice(self) -> str | None:
        """Of texts; None: the engine's own for the language."""

    @property
    def wording(self) -> Wording | None:
        """What is said after the recogniser failed; None: that of the step's language."""


def retries(step: Step) -> tuple[tuple[str, Retry], ...]:
    """A step's retry rules with their names in a flow file."""
    if isinstance(step, Ask | Collect):
        return (("no_input", step.no_input), ("no_match", step.no_match))
    return ()


def targets(step: Step) -> tuple[tuple[Path, str], ...]:
    """The steps that can follow `step`, each with the path within the step where it is named."""
    found: list[tuple[Path, str]] = []
    if isinstance(step, Say | Collect):
        found.append((("next",), step.next))
    elif isinstance(step, Ask):
        found.extend((("choices", option.choice.name, "next"), option.next) for option in step.options)
    elif isinstance(step, AgentStep):
        found.extend((("outcomes", outcome.name, "next"), outcome.next) for outcome in step.outcomes)
        found.append((("otherwise",), step.otherwise))
    elif isinstance(step, TransferStep):
        found.extend((("on_failure", reason), name) for reason, name in step.failures)
        found.append((("otherwise",), step.otherwise))
        if step.next is not None:
            found.append((("next",), step.next))
    elif isinstance(step, WhoAnsweredStep):
        found.extend((("who_answered", by), name) for by, name in step.answers)
        found.append((("otherwise",), step.otherwise))
    found.extend(((key, "then"), retry.then) for key, retry in retries(step))
    return tuple(found)


def edges(step: Step) -> dict[str, str]:
    """The edges out of a step, by their names in a flow file, and the steps that they lead to: `next`, `choices.hours`,
    `no_input.then`. Where a question may be asked again after silence or after something else, `no_input` and
    `no_match` lead back to it."""
    found = {".".join(str(each) for each in path[:2]): name for path, name in targets(step)}
    again = {key: step.name for key, retry in retries(step) if retry.attempts > 1}
    return found | again


def texts(step: Step) -> tuple[tuple[Path, str], ...]:
    """Everything that `step` may say, each with its path within the step."""
    found: list[tuple[Path, str]] = []
    if isinstance(step, Say):
        found.append((("say",), step.text))
    elif isinstance(step, Ask):
        found.append((("ask",), step.prompt))
    elif isinstance(step, Collect):
        found.append((("collect",), step.prompt))
    elif isinstance(step, AgentStep):
        found.append((("agent",), step.instructions))
        if step.greeting is not None:
            found.append((("greeting",), step.greeting))
    elif isinstance(step, TransferStep):
        found.extend(((key,), text) for key in ("announce", "summary") if (text := getattr(step, key)) is not None)
    elif isinstance(step, End) and step.text is not None:
        found.append((("hang_up",), step.text))
    for key, retry in retries(step):
        found.extend(((key, "reprompts", index), text) for index, text in enumerate(retry.reprompts))
    return tuple(found)
