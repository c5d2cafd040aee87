"""`record`: a message of the caller."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.actions import Recorded, RecordMessage, Result
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.one_of import Text, worded
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step, Then
from offhook.pipeline.dialog.variables import name_problems


@dataclass(frozen=True, slots=True)
class RecordStep(Step):
    """Say `prompt`, beep, and record the caller until they have been silent for `silence_s`, press one of `end_keys`,
    or `most_s` are over.

    The variable `into` has what is known of the message then: `seconds`, `file`, `ended_by`. With `review` they may
    hear it, keep it, say it again, or delete it. `otherwise` follows where nothing is kept: what is shorter than
    `least_s` is not. `keep_on_hang_up`: a message that a caller ends by hanging up is. It is for the `mailbox`, if
    there is one.
    """

    prompt: Text
    into: str
    next: str
    otherwise: str
    beep: bool = True
    most_s: float = 120.0
    silence_s: float = 3.0
    least_s: float = 1.0
    end_keys: str = "#"
    review: bool = False
    keep_on_hang_up: bool = True
    mailbox: str = ""

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next, {self.into: Type.OBJECT}), Exit(("otherwise",), self.otherwise))

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return worded(("record",), self.prompt)

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Then:
        """See Step."""
        return RecordMessage(self, run.prompt(self, run.fill(self, self.prompt), barge_in=True), run.answered_in(self))

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, Recorded):
            return Step.follow(self, run, result)
        if result.message is None:
            return Enter(self.otherwise, "otherwise")
        run.store(self.into, result.message)
        return Enter(self.next, "next")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        yield from name_problems(self.into, constants, "the message", (*at, "into"))
        yield from out_of_range(self.most_s, limits.MIN_MESSAGE_S, limits.MAX_MESSAGE_S, (*at, "most_s"))
        yield from out_of_range(self.silence_s, 0.5, limits.MAX_MESSAGE_SILENCE_S, (*at, "silence_s"))
        yield from out_of_range(self.least_s, 0, self.most_s, (*at, "least_s"))
        if set(self.end_keys) - set(limits.KEYS):
            why = "it is one key, `any`, or `none`"
            yield FlowProblem(f"`{self.end_keys[:40]}` ends no message", why, 'type `end_key: "#"`', (*at, "end_key"))
