"""`set`: values for variables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.limits import MAX_SET
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step
from offhook.pipeline.dialog.variables import name_problems


@dataclass(frozen=True, slots=True)
class Set(Step):
    """Give each variable of `values` the value of its expression, one after the other, and go on."""

    values: Mapping[str, str]
    next: str

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next, {name: parse(text) for name, text in self.values.items()}),)

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        return tuple(Evaluated(("set", name), text, name) for name, text in self.values.items())

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.enter(run).name

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Enter:
        """See Step."""
        for name, text in self.values.items():
            run.store(name, run.value_of(parse(text)))
        return Enter(self.next, "next")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        if len(self.values) > MAX_SET:
            what, why = f"step `{self.name}` sets {len(self.values)} variables", f"at most {MAX_SET} are set in a step"
            yield FlowProblem(what, why, "make two steps", (*at, "set"))
        for name in self.values:
            yield from name_problems(name, constants, "the value", (*at, "set", name))
