"""`say`: an announcement."""

from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.actions import Result, Speak
from offhook.pipeline.dialog.one_of import Text, worded
from offhook.pipeline.dialog.problem import Path
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step, Then
from offhook.pipeline.events import Answer


@dataclass(frozen=True, slots=True)
class Say(Step):
    """Say something, go on."""

    text: Text
    next: str
    barge_in: bool = True

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next),)

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return worded(("say",), self.text)

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.next

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Then:
        """See Step."""
        return Speak(run.prompt(self, run.fill(self, self.text), barge_in=self.barge_in))

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, Answer):
            return Step.follow(self, run, result)
        return Enter(self.next, "next")
