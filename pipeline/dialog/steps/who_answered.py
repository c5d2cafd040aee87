"""`who_answered`: a person, a machine or a tone, in a call that the bot has placed."""

from dataclasses import dataclass

from offhook.pipeline.dialog.actions import FindOut, FoundOut, Result
from offhook.pipeline.dialog.expression.expression import Expression
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.steps.step import Exit, Run, Step, Then, chosen

ANSWERED_BY = "answered_by"
"""The variable that has the word."""


@dataclass(frozen=True, slots=True)
class WhoAnsweredStep(Step):
    """In a call that the bot placed: find out who answered, for `within_s` at most. `answers` has the step that
    follows each (`answering.AnsweredBy`), `otherwise` follows the rest, and what is not known. With a voicemail that
    has a step of its own its beep is waited for."""

    answers: tuple[tuple[str, str], ...]
    otherwise: str
    within_s: float = 5.0

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        stores: dict[str, Type | Expression] = {ANSWERED_BY: Type.TEXT}
        known = tuple(Exit(("who_answered", by), name, stores) for by, name in self.answers)
        return (*known, Exit(("otherwise",), self.otherwise, stores))

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Then:
        """See Step."""
        return FindOut(self)

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, FoundOut):
            return Step.follow(self, run, result)
        run.store(ANSWERED_BY, result.by, result.by)
        return chosen(dict(self.answers), result.by, "who_answered", self.otherwise)
