"""`collect`: digits, or a value such as a date, that a variable keeps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.digits import apart, fitting_digits, is_digits, spoken_digits
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.one_of import worded
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.ssml import behind
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.options import (
    Option,
    chosen_option,
    each_key,
    key_offer,
    option_exits,
    option_problems,
)
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run
from offhook.pipeline.dialog.variables import name_problems
from offhook.pipeline.events import Answer, AnswerKind, DigitRule, Question, ValueKind
from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.directory import Listed, Person
from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Spelling, Text, Time, YesNo
from offhook.pipeline.understanding.patterns import Pattern
from offhook.pipeline.understanding.phones import Phone
from offhook.pipeline.understanding.valid import Valid, on_day


@dataclass(frozen=True, slots=True)
class Collect(ListeningStep):
    """Ask for digits, by key and, if `spoken`, by voice; store them in the variable `into`.

    With `value` it asks for a value of that kind instead, by voice and, where it can be keyed, by key. `options` may
    be chosen in its place. What does not satisfy the condition `where` is no answer, after which `where_reprompt` is
    said in place of the other reprompts. With `confirm` the value is read back, and counts when the caller agrees.
    """

    into: str
    rule: DigitRule
    next: str
    spoken: bool = False
    value: ValueKind | None = field(default=None, kw_only=True)
    options: tuple[Option, ...] = field(default=(), kw_only=True)
    where: str | None = field(default=None, kw_only=True)
    where_reprompt: str | None = field(default=None, kw_only=True)
    confirm: bool = field(default=False, kw_only=True)

    @property
    def kind(self) -> ValueKind | None:
        """What reads it; None: the step judges the digits as they are."""
        if self.value is None and (self.confirm or self.where is not None):
            return Digits(self.rule.minimum, self.rule.maximum)
        return self.value

    @property
    def keyed(self) -> DigitRule | None:
        """How it is keyed; None: it cannot be."""
        rule, keys = self.rule, None if self.value is None else self.value.keys
        if self.value is None or keys is None:
            return rule if self.value is None else None
        return replace(rule, minimum=keys.minimum, maximum=keys.maximum)

    @property
    def hears_values(self) -> bool:
        """See ListeningStep."""
        return self.spoken or self.value is not None

    def question(self) -> Question:
        """See ListeningStep."""
        choices = tuple(option.choice for option in self.options)
        is_free = isinstance(self.value, Text)
        return Question(
            choices=choices,
            speech=self.hears_values or any(choice.phrases for choice in choices),
            digits=self.keyed,
            silence_ms=self.silence_ms,
            no_input_ms=round(self.timeout_s * 1000),
            min_confidence=self.min_confidence,
            language=self.language,
            value=self.kind,
            confirm_below=0.0 if is_free else self.confirm_below,
            any_words=is_free,
            expect=self.expect,
            read_back=self.confirm,
        )

    def question_in(self, run: Run) -> Question:
        """See Step."""
        kind = self._kind_in(run)
        if kind is not None and self.where is not None:
            kind = Valid(kind, lambda value: self._holds(run, value))
        return replace(ListeningStep.question_in(self, run), value=kind)

    def _kind_in(self, run: Run) -> ValueKind | None:
        """What reads it on the day of the call."""
        today = run.value_of(parse("today()"))
        return on_day(self.kind, today) if isinstance(today, date) else self.kind

    def _holds(self, run: Run, value: object) -> bool:
        # Of a late final it is asked when the flow has gone on, perhaps out of a sub-flow.
        return self.where is None or bool(run.value_of(parse(self.where), {self.into: _kept(value)}, self.scope))

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        collected = Exit(("next",), self.next, {self.into: _type_of(self.value)})
        return (collected, *option_exits(self.options), *self.retry_exits())

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        return () if self.where is None else (Evaluated(("where",), self.where, given=self.into),)

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        refused = () if self.where_reprompt is None else ((("where_reprompt",), self.where_reprompt),)
        return (*worded(("collect",), self.prompt), *self.retry_texts(), *refused)

    def branch(self, run: Run, answer: Answer) -> Enter | None:
        """See ListeningStep."""
        language = run.answered_in(self)
        if answer.value is None and (instead := chosen_option(self.options, answer, language)) is not None:
            return instead
        kind = self.kind
        if kind is not None:
            if answer.value is None or isinstance(answer.value, Ambiguous):
                return None
            said = None if isinstance(kind, Text) else kind.say(answer.value, language)
            run.store(self.into, _kept(answer.value), said)
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

    def reprompt(self, run: Run, answer: Answer) -> str | None:
        """See ListeningStep."""
        kind = self._kind_in(run)
        if self.where_reprompt is None or kind is None or answer.kind is not AnswerKind.NO_MATCH:
            return None
        read = kind.read_keys(answer.digits) if answer.digits else kind.read(answer.text, run.answered_in(self))
        # What holds was not refused by the condition, but by the caller.
        refused = read is not None and not isinstance(read, Ambiguous) and not self._holds(run, read)
        return self.where_reprompt if refused else None

    def offer(self, run: Run) -> str:
        """See ListeningStep."""
        offers = key_offer(self.options, run.wording(self))
        keypad = f"{run.wording(self).keypad}: {offers}" if offers else run.wording(self).keypad
        return behind(f"{keypad}.", run.fill(self, self.prompt))

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        yield from _rule_problems(self.rule, at)
        yield from name_problems(self.into, constants, "the collected digits", (*at, "into"))
        if self.where_reprompt is not None and self.where is None:
            why = "it is said after what does not satisfy the condition `where`"
            yield FlowProblem("`where_reprompt` is never said", why, "add `where: …`, or remove it", at)
        yield from option_problems(self.options, self.name, at)
        for option in self.options:
            for key, path in each_key(option.choice, (*at, "choices", option.choice.name)):
                yield from self._key_problems(key, option.choice.name, path)
        yield from self.listening_problems(at)

    def _key_problems(self, key: str, choice: str, at: Path) -> Iterator[FlowProblem]:
        """A key of a choice that would be taken for an entry, or never be heard as the choice's."""
        rule, kind = self.keyed, self.kind
        if rule is None:
            return
        todo = "give the choice a key that is none, such as `'*'`, or a phrase"
        if rule.terminator and rule.terminator in key:
            yield FlowProblem(f"key {key} of `{choice}` ends the entry", "it is the terminator", todo, at)
        elif is_digits(key) and len(key) > rule.maximum:
            why = f"an entry is complete with {rule.maximum} digits"
            yield FlowProblem(f"key {key} of `{choice}` is never heard in full", why, todo, at)
        elif is_digits(key) and len(key) >= rule.minimum and (kind is None or kind.read_keys(key) is not None):
            why = f"{key} could be what is collected, too"
            yield FlowProblem(f"key {key} of `{choice}` is ambiguous", why, todo, at)


def _rule_problems(rule: DigitRule, at: Path) -> Iterator[FlowProblem]:
    if not 1 <= rule.minimum <= rule.maximum <= limits.MAX_DIGITS:
        count = rule.minimum if rule.minimum == rule.maximum else f"{rule.minimum} to {rule.maximum}"
        what = f"{count} digits cannot be collected"
        why = f"1 to {limits.MAX_DIGITS} are possible, and the minimum cannot exceed the maximum"
        yield FlowProblem(what, why, "type `digits: 4`, or `digits: {min: 4, max: 6}`", (*at, "digits"))
    if rule.terminator not in ("", "*", "#"):
        why = "only * or # can end the entry"
        todo = "type `terminator: '#'`, or `none`"
        yield FlowProblem(f"`{rule.terminator}` cannot be the terminator", why, todo, (*at, "terminator"))
    if rule.clear not in ("", "*", "#") or (rule.clear and rule.clear == rule.terminator):
        why = "it ends the entry" if rule.clear == rule.terminator else "only * or # can"
        yield FlowProblem(f"`{rule.clear}` cannot clear the entry", why, "type `clear: '*'`", (*at, "clear"))
    low, high = limits.MIN_INTER_DIGIT_MS, limits.MAX_INTER_DIGIT_MS
    yield from out_of_range(rule.inter_digit_ms, low, high, (*at, "inter_digit_ms"))


_TYPES: dict[type, Type] = {
    Number: Type.NUMBER,
    Digits: Type.TEXT,
    Date: Type.DATE,
    Time: Type.TIME,
    Amount: Type.NUMBER,
    Spelling: Type.TEXT,
    YesNo: Type.TRUTH,
    Text: Type.TEXT,
    Phone: Type.TEXT,
    Pattern: Type.TEXT,
    Listed: Type.OBJECT,
}


def _kept(value: object) -> object:
    """A value as the variable keeps it: of a person all that is known."""
    return value.row if isinstance(value, Person) else value


def _type_of(kind: ValueKind | None) -> Type:
    """The type of what is collected; digits are a text, as they may begin with zeros."""
    return Type.TEXT if kind is None else _TYPES.get(type(kind), Type.ANY)
