"""`call` and `return`: a sub-flow, whose steps are a part of the flow for each step that calls it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.hints import near
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.scopes import scope_of
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step
from offhook.pipeline.dialog.variables import name_problems


@dataclass(frozen=True, slots=True)
class SubFlow:
    """What a `CallStep` calls: the sub-flow's first step, by its whole name, the types of its parameters and results,
    the outcomes that it returns, and the file that it stands in."""

    start: str
    parameters: Mapping[str, Type] = field(default_factory=dict)
    results: Mapping[str, Type] = field(default_factory=dict)
    outcomes: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class CallStep(Step):
    """Go on in a sub-flow, with the values of `arguments` (expressions, by parameter).

    By the outcome that it returns a step of `outcomes` follows, or else `next`. `results` has the variables that its
    results are stored in, each with the name of its result.
    """

    flow: str
    sub_flow: SubFlow
    arguments: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, str] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    next: str | None = None

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("call",), self.sub_flow.start, self.sub_flow.parameters, self.name),)

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        wanted = self.sub_flow.parameters
        return tuple(Evaluated(("with", name), text, wanted=wanted.get(name)) for name, text in self.arguments.items())

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.enter(run).name

    def after_silence(self) -> str | None:
        """See Step."""
        return self.sub_flow.start

    def enter(self, run: Run) -> Enter:
        """See Step."""
        values = {name: run.value_of(parse(text)) for name, text in self.arguments.items()}
        for name, value in values.items():
            run.store(name, value, scope=self.name)
        run.begin(self.name)
        return Enter(self.sub_flow.start, "call")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        flow, called = f"the sub-flow `{self.flow}`", self.sub_flow
        for name in self.arguments:
            if name not in called.parameters:
                yield _unknown(f"{flow} has no parameter `{name}`", name, called.parameters, (*at, "with", name))
        for name in called.parameters:
            if name not in self.arguments:
                what, why = f"parameter `{name}` of {flow} has no value", "a call gives a value to every parameter"
                yield FlowProblem(what, why, f"add it: `with: {{{name}: …}}`", (*at, "call"))
        yield from self._result_problems(at, constants)
        for outcome in self.outcomes:
            if outcome not in called.outcomes:
                path = (*at, "outcomes", outcome)
                yield _unknown(f"{flow} never returns `{outcome}`", outcome, called.outcomes, path)
        for outcome in called.outcomes:
            if self.next is None and outcome not in self.outcomes:
                what, why = f"nothing follows when {flow} returns `{outcome}`", "every outcome must lead to a step"
                yield FlowProblem(what, why, f"add it: `outcomes: {{{outcome}: …}}`, or `next: …`", (*at, "call"))
        if self.next is not None and all(outcome in self.outcomes for outcome in called.outcomes):
            what, why = f"`next` of step `{self.name}` never follows", "every outcome has a step of its own"
            yield FlowProblem(what, why, "remove it, or one of `outcomes`", (*at, "next"))

    def _result_problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        flow, called = f"the sub-flow `{self.flow}`", self.sub_flow
        for variable, result in self.results.items():
            if result not in called.results:
                path = (*at, "results", variable)
                yield _unknown(f"{flow} has no result `{result}`", result, called.results, path)
            yield from name_problems(variable, constants, "the result", (*at, "results", variable))


@dataclass(frozen=True, slots=True)
class ReturnStep(Step):
    """The end of a sub-flow, with an outcome: `next`, which the calling step names at `named_at`, follows. `results`
    has the variables of the caller that get a value, each with the variable here that has it; where that has none, the
    caller's stays as it is."""

    outcome: str
    next: str | None = None
    named_at: Path = ()
    results: Mapping[str, str] = field(default_factory=dict)

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        if self.next is None:
            return ()
        results = {variable: parse(result) for variable, result in self.results.items()}
        return (Exit(self.named_at, self.next, results, scope_of(self.scope), named_in=self.scope),)

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.enter(run).name

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Enter:
        """See Step."""
        assert self.next is not None, "a flow with a `return` that leads nowhere is refused"
        for variable, result in self.results.items():
            run.pass_on(result, variable, scope_of(self.scope))
        return Enter(self.next, ".".join(str(each) for each in self.named_at))

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        if not self.scope:
            what, why = f"step `{self.name}` returns to nobody", "only a sub-flow is called, and returns"
            yield FlowProblem(what, why, "end the call: `hang_up: Goodbye.`", (*at, "return"))


def _unknown(what: str, name: str, known: Mapping[str, object] | tuple[str, ...], path: Path) -> FlowProblem:
    todo = near(name, known) if known else "remove it"
    return FlowProblem(what, "its file says what it has" if known else "it has none", todo, path)
