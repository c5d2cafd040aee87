"""`queue`: the caller waits for somebody who takes the call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.actions import CameBack, Enqueue, HangUp, Result
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step, Then, chosen

MAX_PRIORITY = 9
CALL_BACK = "call_back"
"""The reason of who will be called back, and knows it."""


@dataclass(frozen=True, slots=True)
class QueueStep(Step):
    """Have the caller wait in `queue`, a name that the application knows, after `announce`.

    With `failures`, by reason, or else `otherwise` the flow goes on with a caller who was not connected; with who will
    be called back by `failures` alone, or else the bot hangs up. `next` follows when they come back after the talk;
    None: then the bot hangs up. `summary` is for the agent. A higher `priority` comes first.
    """

    queue: str
    otherwise: str
    failures: tuple[tuple[str, str], ...] = ()
    next: str | None = None
    announce: str | None = None
    summary: str | None = None
    priority: float = 0

    plain_texts: ClassVar[tuple[str, ...]] = ("summary",)

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        failed = tuple(Exit(("on_failure", reason), name) for reason, name in self.failures)
        afterwards = () if self.next is None else (Exit(("next",), self.next),)
        return (*failed, Exit(("otherwise",), self.otherwise), *afterwards)

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        said = (("announce", self.announce), ("summary", self.summary))
        return tuple(((key,), text) for key, text in said if text is not None)

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        yield from out_of_range(self.priority, 0, MAX_PRIORITY, (*at, "priority"))

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Then:
        """See Step."""
        said = None if self.announce is None else run.prompt(self, run.fill(self, self.announce), barge_in=False)
        summary = "" if self.summary is None else run.fill(self, self.summary)
        return Enqueue(self.queue, said, summary, round(self.priority))

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, CameBack):
            return Step.follow(self, run, result)
        if result.reason == CALL_BACK and CALL_BACK not in dict(self.failures):
            return HangUp()
        if result.reason:
            return chosen(dict(self.failures), result.reason, "on_failure", self.otherwise)
        return HangUp() if self.next is None else Enter(self.next, "next")
