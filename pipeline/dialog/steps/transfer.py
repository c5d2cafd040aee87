"""`transfer`: somebody else takes the call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.actions import CameBack, Connect, HangUp, Result
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step, Then, chosen
from offhook.pipeline.dialog.template import expressions_in, fill
from offhook.pipeline.understanding.recorded import plain


@dataclass(frozen=True, slots=True)
class TransferStep(Step):
    """Connect the caller to `target`, a name or a number that the application knows, after `announce`. It may have
    expressions, as texts do; whether what comes of them may be called is the application's to decide.

    With `failures`, by reason, or else `otherwise` the flow goes on with a caller who is not connected. `next` follows
    when they come back after it; None: then the bot hangs up. `summary` is for the one who is called. `mode` is the
    application's, None: its setting.
    """

    target: str
    otherwise: str
    failures: tuple[tuple[str, str], ...] = ()
    next: str | None = None
    announce: str | None = None
    summary: str | None = None
    mode: str | None = None
    ring_s: float | None = None

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

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        return tuple(Evaluated(("transfer",), each) for each in _expressions_in(self.target))

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        try:
            expressions_in(self.target)
        except ValueError as error:
            why = "braces enclose an expression, such as {person.number}"
            yield FlowProblem(str(error), why, "remove it", (*at, "transfer"))

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Then:
        """See Step."""
        said = None if self.announce is None else run.prompt(self, run.fill(self, self.announce), barge_in=False)
        target = fill(self.target, lambda each: plain(run.value_of(parse(each))))
        return Connect(self, target, said, "" if self.summary is None else run.fill(self, self.summary))

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, CameBack):
            return Step.follow(self, run, result)
        if result.reason:
            return chosen(dict(self.failures), result.reason, "on_failure", self.otherwise)
        return HangUp() if self.next is None else Enter(self.next, "next")


def _expressions_in(target: str) -> tuple[str, ...]:
    """None where the braces do not match, which is a problem of the step."""
    try:
        return expressions_in(target)
    except ValueError:
        return ()
