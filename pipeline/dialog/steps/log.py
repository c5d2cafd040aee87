"""`log`: a line among the events of the call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.actions import Done, Note, Result
from offhook.pipeline.dialog.limits import MAX_TEXT_CHARS
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step, Then
from offhook.pipeline.dialog.template import expressions_in


@dataclass(frozen=True, slots=True)
class LogStep(Step):
    """Note `text`, with its expressions filled in, for those who read the call's record; the caller hears nothing."""

    text: str
    next: str

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next),)

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        try:
            return tuple(Evaluated(("log",), each) for each in expressions_in(self.text))
        except ValueError:  # which is among its problems
            return ()

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.next

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Then:
        """See Step."""
        return Note(run.fill(self, self.text))

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        return Enter(self.next, "next") if isinstance(result, Done) else Step.follow(self, run, result)

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        path = (*at, "log")
        if not 0 < len(self.text) <= MAX_TEXT_CHARS:
            what, why = f"the line has {len(self.text)} characters", f"1 to {MAX_TEXT_CHARS} are kept"
            yield FlowProblem(what, why, "shorten it", path)
        try:
            expressions_in(self.text)
        except ValueError as error:
            why = "braces enclose an expression, such as {order}"
            yield FlowProblem(str(error), why, "double it, {{ or }}, for the brace itself", path)
