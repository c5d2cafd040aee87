"""What all steps of a flow have in common, and what they see of the call that they are run in."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Protocol

from offhook.pipeline.dialog.actions import Action, Result
from offhook.pipeline.dialog.expression.expression import Expression
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.one_of import Text
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.scopes import scope_of
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import AnswerKind, Prompt, Question
from offhook.pipeline.tts.recording import Recording


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of a step: to the step `next`, which is named at `path` within it, or within the step `named_in`. The
    variables of `stores` have a value of that type from there on, or that of an expression. They are in the step's own
    scope, or in `scope`: then those get no value whose expression may have none."""

    path: Path
    next: str
    stores: Mapping[str, Type | Expression] = field(default_factory=dict)
    scope: str | None = None
    named_in: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An expression of a step, where it stands within it, and the variable that has its value from there on. The
    variable `given` has a value in it that the step judges. `wanted` is the type that it has to have."""

    path: Path
    text: str
    into: str | None = None
    given: str | None = None
    wanted: Type | None = None


@dataclass(frozen=True, slots=True)
class Enter:
    """Go on with the step of this name; `by` is the way there, as `Step.edges` calls it."""

    name: str
    by: str


@dataclass(frozen=True, slots=True)
class Again:
    """Stay in the step, and do this; `by` says why, as `Step.edges` does, or "failed": the recogniser did."""

    action: Action
    by: str


@dataclass(frozen=True, slots=True)
class Visits:
    """How often a call may come to a step, in all, or for one call of the sub-flow that has it; instead of
    coming once more it goes on with the step `then`."""

    most: int
    then: str


Then = Action | Enter | Again
"""What follows."""


def chosen(steps: Mapping[str, str], key: str | None, field: str, otherwise: str) -> Enter:
    """Go on with the step of `steps`, which are named at `field`, that `key` has, or with `otherwise`."""
    if key is not None and key in steps:
        return Enter(steps[key], f"{field}.{key}")
    return Enter(otherwise, "otherwise")


class Run(Protocol):
    """The call that a step is run in."""

    @property
    def counts(self) -> dict[AnswerKind, int]:
        """How often the caller's answers to the current step came to nothing, by their kind, on this visit."""

    def speak(self, language: str) -> None:
        """From now on this (BCP 47) is the language of steps without one."""

    def begin(self, scope: str) -> None:
        """A sub-flow is called whose steps are in this scope: they count their visits from zero."""

    @property
    def catalogue(self) -> Catalogue:
        """What is said, and listened for, in other languages."""

    def silent_again(self) -> int:
        """Count a no-input of the caller: how many there were in the call, with it."""

    def question_before(self) -> str | None:
        """The step that asked before the current one did, and go back to it; None: there is none."""

    def fill(self, step: "Step", text: Text) -> str:
        """A text of `step`, in its next wording, with the values of its expressions."""

    def value_of(
        self, expression: Expression, given: Mapping[str, object] = MappingProxyType({}), scope: str | None = None
    ) -> object:
        """Its value now, with variables that have the values in `given`. The others are those of the current step's
        scope, or of `scope`."""

    def prompt(self, step: "Step", text: str, *, barge_in: bool) -> Prompt:
        """`text`, which is filled in, in the language and by the voice of the step; SSML is carried out."""

    def sound(self, name: str) -> Recording:
        """A recording of the flow."""

    def language(self, step: "Step") -> str | None:
        """The language of a step's texts; None: the call's."""

    def answered_in(self, step: "Step") -> str | None:
        """The language of the answers to it; None: English."""

    def voice(self, step: "Step") -> str | None:
        """Which voice speaks its texts; None: the engine's own for the language."""

    def wording(self, step: "Step") -> Wording:
        """What the bot says by itself."""

    def store(self, name: str, value: object, spoken: str | None = None, scope: str | None = None) -> None:
        """Give a variable its value, and the text that speaks of it; None: as values of its type are spoken. It is one
        of the current step's scope, or of `scope`."""

    def pass_on(self, name: str, into: str, scope: str) -> None:
        """Give the variable `into` of another scope what `name` has, if it has a value."""


@dataclass(frozen=True, slots=True)
class Step(ABC):
    """A step of a flow, by its name in there."""

    name: str
    language: str | None = field(default=None, kw_only=True)
    """Of its texts and the answers to it, a BCP 47 tag; None: the flow's."""
    voice: str | None = field(default=None, kw_only=True)
    """Who speaks its texts; None: the flow's voice, or that of another language."""
    early_media: bool = field(default=False, kw_only=True)
    """It is carried out before the call is answered."""
    visits: Visits | None = field(default=None, kw_only=True)
    """None: as often as the flow leads there."""

    waits: ClassVar[bool] = True
    """For the caller, or for somebody else."""
    plain_texts: ClassVar[tuple[str, ...]] = ()
    """The keys of texts that cannot be SSML: others than the bot's voice get them."""

    @property
    def scope(self) -> str:
        """That of its variables, see `scopes`."""
        return scope_of(self.name)

    @abstractmethod
    def exits(self) -> tuple[Exit, ...]:
        """Where it leads by what it does, and what is known then."""

    def ways(self) -> tuple[Exit, ...]:
        """All ways on: `exits`, and what holds for every kind of step."""
        limit = () if self.visits is None else (Exit(("visits", "then"), self.visits.then),)
        return (*self.exits(), *limit)

    @abstractmethod
    def enter(self, run: Run) -> Then:
        """What is to be done when the flow comes to it."""

    def follow(self, run: Run, result: Result) -> Then:
        """What is to be done after that. Raises RuntimeError for a result that cannot come of it."""
        raise RuntimeError(f"step {self.name} is not waiting for {type(result).__name__}")

    def edges(self) -> dict[str, str]:
        """The ways out of it, by their names in a flow's file, and the steps that they lead to: `next`,
        `choices.hours`, `no_input.then`; and those that lead back to it, where it is repeated."""
        return {".".join(str(each) for each in way.path[:2]): way.next for way in Step.ways(self)}

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """Everything that it may say, each with its path within the step."""
        return ()

    def sounds(self) -> tuple[tuple[Path, str], ...]:
        """The recordings that it plays, but for those in its texts, each with its path within the step."""
        return ()

    def expressions(self) -> tuple[Evaluated, ...]:
        """Everything that it evaluates, but for what is in its texts, in its order."""
        return ()

    def onward(self, run: Run) -> str | None:
        """The step that follows in this call, whatever the caller does; None: that depends on them, or none does. It
        may store what it would: the caller of this takes it back."""
        return None

    def chosen_languages(self) -> tuple[str, ...]:
        """Those (BCP 47) that the call may be in from here on because of it."""
        return ()

    def after_silence(self) -> str | None:
        """The step that follows if the caller neither says nor presses anything; None: it depends on more."""
        return None

    def question_in(self, run: Run) -> Question | None:
        """The question that it asks there, if it does."""
        return None

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """What is wrong with it, whatever the other steps are; `at` is its path in the flow."""
        yield from ()
