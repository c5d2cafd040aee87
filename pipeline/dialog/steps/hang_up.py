"""`hang_up`: the end of the call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog.actions import HangUp
from offhook.pipeline.dialog.limits import MAX_REASON_CHARS
from offhook.pipeline.dialog.one_of import Text, worded
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Exit, Run, Step, Then


@dataclass(frozen=True, slots=True)
class End(Step):
    """Hang up, after `text` if there is one, which nothing interrupts. `reason` goes into the call's record, for those
    who count how calls end; nobody says it, and it has no expressions."""

    text: Text | None = None
    reason: str = ""

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return ()

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return () if self.text is None else worded(("hang_up",), self.text)

    def enter(self, run: Run) -> Then:
        """See Step."""
        prompt = None if self.text is None else run.prompt(self, run.fill(self, self.text), barge_in=False)
        return HangUp(prompt, self.reason)

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        path = (*at, "reason")
        if len(self.reason) > MAX_REASON_CHARS:
            what, why = f"the reason has {len(self.reason)} characters", f"at most {MAX_REASON_CHARS} are kept"
            yield FlowProblem(what, why, "a word or two, such as `reason: paid`", path)
        if "{" in self.reason or "}" in self.reason:
            why = "reasons are counted, and are the same words in every call"
            todo = "`reason: paid`, and a `log` step before it for the values"
            yield FlowProblem(f"`{self.reason[:60]}` would not be filled in", why, todo, path)
