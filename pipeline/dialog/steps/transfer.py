"""`transfer`: somebody else takes the call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.actions import CameBack, Connect, HangUp, Result
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.limits import MAX_RUNG
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step, Then, chosen
from offhook.pipeline.dialog.template import expressions_in, fill
from offhook.pipeline.understanding.recorded import plain


@dataclass(frozen=True, slots=True)
class TransferStep(Step):
    """Connect the caller to one of `targets`, names or numbers that the application knows, after `announce`. They may
    have expressions, as texts do; whether what comes of them may be called is the application's to decide. Several are
    called at the same time, and the first who answers has the caller.

    With `failures`, by reason, or else `otherwise` the flow goes on with a caller who is not connected. `next` follows
    when they come back after it; None: then the bot hangs up. `summary` is for the one who is called. `mode` is the
    application's, None: its setting.
    """

    targets: tuple[str, ...]
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
        return tuple(
            Evaluated(path, each) for target, path in self._each_target(()) for each in _expressions_in(target)
        )

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        for target, path in self._each_target(at):
            try:
                expressions_in(target)
            except ValueError as error:
                why = "braces enclose an expression, such as {person.number}"
                yield FlowProblem(str(error), why, "remove it", path)
        yield from self._count_problems(at)
        for key in ("mode", "summary"):
            value = getattr(self, key)
            if len(self.targets) > 1 and value not in (None, "auto", "bridge"):
                why = "who answers first has the caller at once, by a bridge: nobody is asked, or hears a summary"
                todo = f"remove `{key}`, or have the caller wait in a `queue`, which says a summary to all of them"
                yield FlowProblem(f"`{key}` is for one who is called, not for several", why, todo, (*at, key))

    def _each_target(self, at: Path) -> tuple[tuple[str, Path], ...]:
        """The targets, each with its path."""
        several = len(self.targets) > 1
        path = (*at, "transfer")
        return tuple((each, (*path, index) if several else path) for index, each in enumerate(self.targets))

    def _count_problems(self, at: Path) -> Iterator[FlowProblem]:
        path, todo = (*at, "transfer"), "name each once: `transfer: [anna, ben]`"
        if not 1 <= len(self.targets) <= MAX_RUNG:
            what = f"{len(self.targets)} are called at the same time"
            yield FlowProblem(what, f"1 to {MAX_RUNG} are possible", "a `queue`, for more", path)
        twice = next((each for index, each in enumerate(self.targets) if each in self.targets[:index]), None)
        if twice is not None:
            yield FlowProblem(f"`{twice}` is called twice at the same time", "one phone has one caller", todo, path)

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Then:
        """See Step."""
        said = None if self.announce is None else run.prompt(self, run.fill(self, self.announce), barge_in=False)
        filled = (fill(each, lambda expression: plain(run.value_of(parse(expression)))) for each in self.targets)
        targets = tuple(dict.fromkeys(filled))  # two may have come out the same
        return Connect(self, targets, said, "" if self.summary is None else run.fill(self, self.summary))

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
