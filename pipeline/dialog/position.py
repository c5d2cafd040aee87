"""Where a call is in its flow: what a correction takes back, and what looking ahead leaves as it was. Pure."""

from dataclasses import dataclass, field, replace

from offhook.pipeline.dialog.scopes import SEPARATOR
from offhook.pipeline.dialog.steps.listening import COUNTED
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.events import AnswerKind


def no_counts() -> dict[AnswerKind, int]:
    """Those of a new visit."""
    return dict.fromkeys(COUNTED, 0)


@dataclass(slots=True)
class Position:
    """A position, as it changes: the step, and the scope of the variables that its expressions see; what came to
    nothing on this visit; the values of the variables, by their whole names, and how those are spoken that are spoken
    otherwise than their type is; how often each step was visited, the no-inputs, the questions that led here, and the
    language that was chosen."""

    step: Step | None = None
    scope: str = ""
    counts: dict[AnswerKind, int] = field(default_factory=no_counts)
    values: dict[str, object] = field(default_factory=dict)
    spoken: dict[str, str] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    silences: int = 0
    asked: tuple[str, ...] = ()
    language: str | None = None

    def copy(self) -> "Position":
        """One that changes by itself."""
        counts, values, spoken = dict(self.counts), dict(self.values), dict(self.spoken)
        return replace(self, counts=counts, values=values, spoken=spoken, visits=dict(self.visits))

    def visit(self, step: Step) -> int:
        """Come to a step: how often that was, with this time."""
        self.step, self.scope, self.counts = step, step.scope, no_counts()
        self.visits[step.name] = self.visits.get(step.name, 0) + 1
        return self.visits[step.name]

    def begin(self, scope: str) -> None:
        """A sub-flow is called: its steps have not been visited yet."""
        inside = f"{scope}{SEPARATOR}"
        self.visits = {name: count for name, count in self.visits.items() if not name.startswith(inside)}
