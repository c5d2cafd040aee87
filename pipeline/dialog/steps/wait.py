"""`wait`: a pause between two steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog.actions import Result, Wait
from offhook.pipeline.dialog.limits import MAX_WAIT_S, MIN_WAIT_S
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step, Then
from offhook.pipeline.events import Answer


@dataclass(frozen=True, slots=True)
class WaitStep(Step):
    """Say nothing for so long, or until the caller presses a key, which answers nothing else then."""

    seconds: float
    next: str
    until_key: bool = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next),)

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Then:
        """See Step."""
        return Wait(self.seconds, self.until_key)

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        return Enter(self.next, "next") if isinstance(result, Answer) else Step.follow(self, run, result)

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        yield from out_of_range(self.seconds, MIN_WAIT_S, MAX_WAIT_S, (*at, "wait"))
