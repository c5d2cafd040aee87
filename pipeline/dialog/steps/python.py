"""`python`: a function of the user's own, with values of the call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from offhook.pipeline.dialog.actions import Action, Invoke, Result, Returned
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.limits import MAX_REQUEST_S, MIN_REQUEST_S
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step, Then
from offhook.pipeline.dialog.variables import name_problems


@dataclass(frozen=True, slots=True)
class PythonStep(Step):
    """Call a function with the values of `arguments` (expressions, by parameter); then `next` follows. If it raises, is
    not done within `timeout_s`, or returns something else than it should, it is `otherwise`.

    What it returns is kept in the variable `into`, of the type `gives`; or, where it has several results, each in the
    variable that has its name in `results`, of that type. `takes` are the types of its parameters, as far as they are
    known. `meanwhile` is said if it takes longer than a moment. The function itself is the application's.
    """

    next: str
    otherwise: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    takes: Mapping[str, Type] = field(default_factory=dict)
    into: str | None = None
    gives: Type = Type.ANY
    results: Mapping[str, Type] = field(default_factory=dict)
    meanwhile: str | None = None
    timeout_s: float = 5.0
    function: object = field(default=None, repr=False, compare=False)

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        stores = dict(self.results) if self.into is None else {self.into: self.gives}
        return (Exit(("next",), self.next, stores), Exit(("otherwise",), self.otherwise))

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        takes = self.takes
        return tuple(Evaluated(("with", name), text, wanted=takes.get(name)) for name, text in self.arguments.items())

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return () if self.meanwhile is None else ((("meanwhile",), self.meanwhile),)

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Action:
        """See Step."""
        values = {name: run.value_of(parse(text)) for name, text in self.arguments.items()}
        said = None if self.meanwhile is None else run.prompt(self, run.fill(self, self.meanwhile), barge_in=False)
        return Invoke(self, values, said)

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, Returned):
            return Step.follow(self, run, result)
        if not result.returned:
            return Enter(self.otherwise, "otherwise")
        if self.into is not None:
            run.store(self.into, result.value)
        elif isinstance(result.value, Mapping):
            for name in self.results:
                run.store(name, result.value[name])
        return Enter(self.next, "next")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        if self.into is not None:
            yield from name_problems(self.into, constants, "what the function returns", (*at, "into"))
        for name in self.results:
            yield from name_problems(name, constants, "a result of the function", (*at, "into", name))
        yield from out_of_range(self.timeout_s, MIN_REQUEST_S, MAX_REQUEST_S, (*at, "timeout_s"))
