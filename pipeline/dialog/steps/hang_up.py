"""`hang_up`: the end of the call."""

from dataclasses import dataclass

from offhook.pipeline.dialog.actions import HangUp
from offhook.pipeline.dialog.one_of import Text, worded
from offhook.pipeline.dialog.problem import Path
from offhook.pipeline.dialog.steps.step import Exit, Run, Step, Then


@dataclass(frozen=True, slots=True)
class End(Step):
    """Hang up, after `text` if there is one, which nothing interrupts."""

    text: Text | None = None

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return ()

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return () if self.text is None else worded(("hang_up",), self.text)

    def enter(self, run: Run) -> Then:
        """See Step."""
        return HangUp(None if self.text is None else run.prompt(self, run.fill(self, self.text), barge_in=False))
