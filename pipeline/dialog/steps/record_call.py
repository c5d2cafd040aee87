"""`record_call`: whether the call is recorded from here on, and what the caller said to that."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.actions import Done, RecordCall, Result
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step, Then

WORDS = ("on", "off", "pause", "resume")
GIVEN, REFUSED, ANNOUNCED = "given", "refused", "announced"
CONSENTS = (GIVEN, REFUSED, ANNOUNCED)
_OF = {"on": (GIVEN, ANNOUNCED), "off": (REFUSED,)}


@dataclass(frozen=True, slots=True)
class RecordCallStep(Step):
    """Record from here on (`on`) or no more (`off`), or leave out what follows (`pause`, until `resume`). `consent`
    goes onto the call's record: the caller has GIVEN it, or REFUSED it, or the recording was ANNOUNCED."""

    does: str
    next: str
    consent: str | None = None

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next),)

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.next

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Then:
        """See Step."""
        return RecordCall(self.does, self.consent)

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        return Enter(self.next, "next") if isinstance(result, Done) else Step.follow(self, run, result)

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        fitting = _OF.get(self.does, ())
        if self.consent is None or self.consent in fitting:
            return
        what = f"`consent: {self.consent}` does not go with `record_call: {self.does}`"
        why = "who refuses is not recorded, and who gives consent is"
        todo = f"type `consent: {fitting[0]}`" if fitting else "remove it: it belongs to `on` and `off`"
        yield FlowProblem(what, why, todo, (*at, "consent"))
