"""`press`: keys for the far end, such as the menu of a number that the bot has called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog.actions import Done, Press, Result
from offhook.pipeline.dialog.limits import KEYS, MAX_PRESSED
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step, Then
from offhook.pipeline.dialog.template import expressions_in, fill

PAUSE = "w"
"""Half a second in which nothing is pressed."""

_EXAMPLE = 'type `press: "1w2#"`, or `press: "{extension}#"`'


@dataclass(frozen=True, slots=True)
class PressStep(Step):
    """Press `keys`, a PAUSE among them, in which expressions are filled in; `otherwise` (None: `next`) follows if the
    line sends no keys, or a value is none."""

    keys: str
    next: str
    otherwise: str | None = None

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        other = () if self.otherwise is None else (Exit(("otherwise",), self.otherwise),)
        return (Exit(("next",), self.next), *other)

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        try:
            return tuple(Evaluated(("press",), each) for each in expressions_in(self.keys))
        except ValueError:  # which is among its problems
            return ()

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Then:
        """See Step."""
        keys = "".join(run.fill(self, self.keys).split())
        return Press(keys) if is_pressed(keys) else self._failed()

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, Done):
            return Step.follow(self, run, result)
        return self._failed() if result.failed else Enter(self.next, "next")

    def _failed(self) -> Enter:
        return Enter(self.next, "next") if self.otherwise is None else Enter(self.otherwise, "otherwise")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        try:
            literal = fill(self.keys, lambda _: "0")
            expressions_in(self.keys)
        except ValueError as error:
            yield FlowProblem(str(error), "braces enclose an expression, such as {pin}", _EXAMPLE, (*at, "press"))
            return
        if not is_pressed("".join(literal.split())):
            why = f"a phone has the keys 0 to 9, *, # and A to D; {PAUSE} is a pause; {MAX_PRESSED} are sent at most"
            yield FlowProblem(f"`{self.keys[:40]}` are not keys", why, _EXAMPLE, (*at, "press"))


def is_pressed(keys: str) -> bool:
    """Whether all are keys and pauses, and a key among them."""
    return 0 < len(keys) <= MAX_PRESSED and not set(keys) - set(KEYS + PAUSE) and set(keys) != {PAUSE}
