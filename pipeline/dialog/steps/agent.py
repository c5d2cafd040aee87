"""`agent`: a part of the call for a language model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from offhook.pipeline.dialog.actions import Delegate, HandedBack, Result
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step, Then
from offhook.pipeline.dialog.variables import name_problems


@dataclass(frozen=True, slots=True)
class AgentOutcome:
    """A result of an `AgentStep`: `values` come back as variables of these names, as texts (their types are the
    application's), and `next` follows."""

    name: str
    next: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentStep(Step):
    """Give the call to a language model, with these instructions, until it hands back an outcome.

    `file` has the agent that it is: its model, its tools, its general instructions. Without an outcome, `otherwise`
    follows: the caller was silent, or the model failed, or was done without one.
    """

    instructions: str
    file: str
    outcomes: tuple[AgentOutcome, ...]
    otherwise: str
    greeting: str | None = None

    plain_texts: ClassVar[tuple[str, ...]] = ("agent", "greeting")

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        handed_back = tuple(
            Exit(("outcomes", each.name, "next"), each.next, dict.fromkeys(each.values, Type.TEXT))
            for each in self.outcomes
        )
        return (*handed_back, Exit(("otherwise",), self.otherwise))

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        greeting = () if self.greeting is None else ((("greeting",), self.greeting),)
        return ((("agent",), self.instructions), *greeting)

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Then:
        """See Step."""
        greeting = None if self.greeting is None else run.fill(self, self.greeting)
        return Delegate(self, run.fill(self, self.instructions), greeting, run.language(self), run.voice(self))

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, HandedBack):
            return Step.follow(self, run, result)
        for each in self.outcomes:
            if each.name == result.outcome:
                for name in each.values:
                    value = result.values.get(name, "")
                    run.store(name, value, value)
                return Enter(each.next, f"outcomes.{each.name}")
        return Enter(self.otherwise, "otherwise")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        if not self.outcomes:
            what, why = f"step `{self.name}` has no outcomes", "the model could never hand the call back"
            yield FlowProblem(what, why, "add one to `outcomes`: `done: {next: …}`", (*at, "outcomes"))
        for outcome in self.outcomes:
            for name in outcome.values:
                path = (*at, "outcomes", outcome.name, "values", name)
                yield from name_problems(name, constants, "the outcome's value", path)
