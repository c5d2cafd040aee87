"""`take`: an agent who has called in gets the next caller of a queue."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.actions import CameBack, Result, Take
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step, Then

MAX_WAIT_S = 14_400
TIMEOUT = "timeout"
"""The reason of who has waited in vain: that has taken its time."""


@dataclass(frozen=True, slots=True)
class TakeStep(Step):
    """Connect who is in the call to the next caller of `queue`, a name that the application knows, after `announce`.

    They wait for `wait_s` (None: as long as callers do) until one comes; `end_key` ends the wait, and the talk. `next`
    follows the talk, and `otherwise` when there was none.
    """

    queue: str
    next: str
    otherwise: str
    announce: str | None = None
    wait_s: float | None = None
    end_key: str | None = None

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next), Exit(("otherwise",), self.otherwise))

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return () if self.announce is None else ((("announce",), self.announce),)

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        if self.wait_s is not None:
            yield from out_of_range(self.wait_s, 1, MAX_WAIT_S, (*at, "wait_s"))
        if self.end_key is not None and (len(self.end_key) != 1 or self.end_key not in limits.KEYS):
            yield FlowProblem(
                f"`{self.end_key[:40]}` ends no talk", "it is one key", 'type `end_key: "*"`', (*at, "end_key")
            )

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Then:
        """See Step."""
        said = None if self.announce is None else run.prompt(self, run.fill(self, self.announce), barge_in=False)
        return Take(self.queue, said, self.wait_s, self.end_key)

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, CameBack):
            return Step.follow(self, run, result)
        return Enter(self.otherwise, "otherwise") if result.reason else Enter(self.next, "next")
