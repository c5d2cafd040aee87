"""`collect`: digits, or a value such as a date, that a variable keeps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.digits import apart, fitting_digits, spoken_digits
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.one_of import worded
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.ssml import behind
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run
from offhook.pipeline.dialog.variables import name_problems
from offhook.pipeline.events import Answer, AnswerKind, DigitRule, Question, ValueKind
from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Spelling, Time, YesNo


@dataclass(frozen=True, slots=True)
class Collect(ListeningStep):
    """Ask for digits, by key and, if `spoken`, by voice; store them in the variable `into`.

    With `value` it asks for a value of that kind instead, by voice and, where it can be keyed, by key.
    """

    into: str
    rule: DigitRule
    next: str
    spoken: bool = False
    value: ValueKind | None = field(default=None, kw_only=True)

    def question(self) -> Question:
        """See ListeningStep."""
        return Question(
            speech=self.spoken or self.value is not None,
            digits=self.rule if self.value is None else self.value.keys,
            silence_ms=self.silence_ms,
            no_input_ms=round(self.timeout_s * 1000),
            min_confidence=self.min_confidence,
            language=self.language,
            confirm_below=self.confirm_below,
            value=self.value,
            expect=self.expect,
        )

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next, {self.into: _type_of(self.value)}), *self.retry_exits())

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return (*worded(("collect",), self.prompt), *self.retry_texts())

    def branch(self, run: Run, answer: Answer) -> Enter | None:
        """See ListeningStep."""
        language = run.answered_in(self)
        if self.value is not None:
            if answer.value is None or isinstance(answer.value, Ambiguous):
                return None
            run.store(self.into, answer.value, self.value.say(answer.value, language))
            return Enter(self.next, "next")
        digits: str | None = None
        if answer.kind is AnswerKind.DTMF:
            digits = answer.digits
        elif answer.kind is AnswerKind.SPEECH and self.spoken:
            digits = spoken_digits(answer.text, language)
        fitting = None if digits is None else fitting_digits(digits, self.rule)
        if fitting is None:
            return None
        run.store(self.into, fitting, apart(fitting))
        return Enter(self.next, "next")

    def offer(self, run: Run) -> str:
        """See ListeningStep."""
        return behind(f"{run.wording(self).keypad}.", run.fill(self, self.prompt))

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        rule = self.rule
        if not 1 <= rule.minimum <= rule.maximum <= limits.MAX_DIGITS:
            count = rule.minimum if rule.minimum == rule.maximum else f"{rule.minimum} to {rule.maximum}"
            what = f"{count} digits cannot be collected"
            why = f"1 to {limits.MAX_DIGITS} are possible, and the minimum cannot exceed the maximum"
            yield FlowProblem(what, why, "type `digits: 4`, or `digits: {min: 4, max: 6}`", (*at, "digits"))
        if rule.terminator not in ("", "*", "#"):
            why = "only * or # can end the entry"
            todo = "type `terminator: '#'`, or `none`"
            yield FlowProblem(f"`{rule.terminator}` cannot be the terminator", why, todo, (*at, "terminator"))
        low, high = limits.MIN_INTER_DIGIT_MS, limits.MAX_INTER_DIGIT_MS
        yield from out_of_range(rule.inter_digit_ms, low, high, (*at, "inter_digit_ms"))
        yield from name_problems(self.into, constants, "the collected digits", (*at, "into"))
        yield from self.listening_problems(at)


_TYPES: dict[type, Type] = {
    Number: Type.NUMBER,
    Digits: Type.TEXT,
    Date: Type.DATE,
    Time: Type.TIME,
    Amount: Type.NUMBER,
    Spelling: Type.TEXT,
    YesNo: Type.TRUTH,
}


def _type_of(kind: ValueKind | None) -> Type:
    """The type of what is collected; digits are a text, as they may begin with zeros."""
    return Type.TEXT if kind is None else _TYPES.get(type(kind), Type.ANY)
