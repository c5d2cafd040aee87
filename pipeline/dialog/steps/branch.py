"""`if` and `switch`: what follows depends on values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.actions import Action
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step
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
        return self.then if run.value_of(parse(self.condition)) else self.otherwise

    def enter(self, run: Run) -> Action | Enter:
        """See Step."""
        return Enter(self.then if run.value_of(parse(self.condition)) else self.otherwise)


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
        value = run.value_of(parse(self.value))
        return self.otherwise if value is None else self.cases.get(recorded(value), self.otherwise)

    def enter(self, run: Run) -> Action | Enter:
        """See Step."""
        return Enter(self.onward(run) or self.otherwise)
