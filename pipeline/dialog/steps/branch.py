"""`if` and `switch`: what follows depends on values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step, chosen
from offhook.pipeline.understanding.recorded import recorded


@dataclass(frozen=True, slots=True)
class If(Step):
    """Go on with `then` where the condition holds, with `otherwise` where it does not."""

    condition: str
    then: str
    otherwise: str

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("then",), self.then), Exit(("else",), self.otherwise))

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        return (Evaluated(("if",), self.condition),)

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.enter(run).name

    def enter(self, run: Run) -> Enter:
        """See Step."""
        holds = run.value_of(parse(self.condition))
        return Enter(self.then, "then") if holds else Enter(self.otherwise, "else")


@dataclass(frozen=True, slots=True)
class Switch(Step):
    """Go on with the step of `cases` that belongs to the value, as it is recorded, or else with `otherwise`."""

    value: str
    cases: Mapping[str, str]
    otherwise: str

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        cases = tuple(Exit(("cases", case), name) for case, name in self.cases.items())
        return (*cases, Exit(("otherwise",), self.otherwise))

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        return (Evaluated(("switch",), self.value),)

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.enter(run).name

    def enter(self, run: Run) -> Enter:
        """See Step."""
        value = run.value_of(parse(self.value))
        return chosen(self.cases, None if value is None else recorded(value), "cases", self.otherwise)
