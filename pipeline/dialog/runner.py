"""Runs a flow: pure, one runner per call.

`start()` and `answered()` return what to do next. After `Speak`, call `answered` when it has ended (the kind of answer
is ignored); after `AskFor`, with what the caller did; after `Delegate`, call `handed_back`; after `Connect`, call
`back` if the caller is; after `FindOut`, call `found_out`; after `HangUp`, nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from offhook.pipeline.dialog.digits import apart, fitting_digits, spoken_digits
from offhook.pipeline.dialog.flow import (
    AgentStep,
    Ask,
    Collect,
    End,
    Flow,
    Option,
    Retry,
    Say,
    Step,
    TransferStep,
    WhoAnsweredStep,
)
from offhook.pipeline.dialog.steps import ANSWERED_BY
from offhook.pipeline.dialog.template import render
from offhook.pipeline.dialog.wording import Wording, wording_in
from offhook.pipeline.events import Answer, AnswerKind, Prompt, Question
from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.menu import match
from offhook.pipeline.understanding.recorded import recorded


@dataclass(frozen=True, slots=True)
class Speak:
    """Say `prompt`; then call `answered`."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class AskFor:
    """Say `prompt` and listen for `question`; then call `answered` with the answer."""

    prompt: Prompt
    question: Question


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call, after `prompt` if there is one."""

    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Delegate:
    """Give the call to the agent of `step`, with these instructions; then call `handed_back`."""

    step: AgentStep
    instructions: str
    greeting: str | None
    language: str | None
    voice: str | None


@dataclass(frozen=True, slots=True)
class Connect:
    """Say `prompt`, if there is one, and connect the caller as `step` says; then call `back`, if they are."""

    step: TransferStep
    prompt: Prompt | None
    summary: str


@dataclass(frozen=True, slots=True)
class FindOut:
    """Find out who answered, as `step` says; then call `found_out`."""

    step: WhoAnsweredStep


Action = Speak | AskFor | HangUp | Delegate | Connect | FindOut


class FlowRunner:
    """The state of one call in `flow`; `language` is the call's, for steps of a flow without one (None: English).
    `variables` are the call's values of the flow's constants, for this call alone; others are not used.

    No-inputs, no-matches and recogniser failures are counted separately, from zero at each visit to a step. A failure
    is not the caller's fault: they are asked again, with an apology and the keys. The no-match branch is taken only
    after more failures than the allowed no-matches: the recogniser will not recover.
    """

    def __init__(
        self, flow: Flow, language: str | None = None, variables: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._flow = flow
        self._constants = {name: variables.get(name, text) for name, text in flow.constants.items()}
        self._call_language = language
        self._step: Step | None = None
        self._by = ""
        self._finished = False
        self._counts = dict.fromkeys(_COUNTED, 0)
        self._collected: dict[str, str] = {}
        self._spoken: dict[str, str] = {}
        self._before: _Position | None = None

    @property
    def step(self) -> str:
        """The name of the current step; empty before `start`."""
        return self._step.name if self._step is not None else ""

    @property
    def by(self) -> str:
        """What led to the current action, of the step before it: one of `steps.edges`, or "failed" where the recogniser
        did. Empty at the start."""
        return self._by

    @property
    def in_early_media(self) -> bool:
        """Whether the current step may be carried out before the call is answered; every other one is answered for."""
        return self._step is not None and self._step.early_media

    def start(self) -> Action:
        """The first action. Raises RuntimeError if it was already taken."""
        if self._step is not None:
            raise RuntimeError("the flow has been started already")
        return self._enter(self._flow.start)

    def answered(self, answer: Answer) -> Action:
        """The action after the current one has ended. Raises RuntimeError before `start` and after `HangUp`."""
        step = self._step
        if step is None or self._finished:
            raise RuntimeError("the flow is not waiting for an answer")
        self._before = self._position()
        if isinstance(step, Say):
            return self._enter(step.next, "next")
        if isinstance(step, Ask):
            option = _chosen(step, answer, self._answered_in(step))
            if option is None:
                return self._again(step, answer.kind)
            return self._enter(option.next, f"choices.{option.choice.name}")
        if isinstance(step, Collect):
            stored = _collected(step, answer, self._answered_in(step))
            if stored is None:
                return self._again(step, answer.kind)
            self._collected[step.into], self._spoken[step.into] = stored
            return self._enter(step.next, "next")
        raise RuntimeError("the flow is not waiting for an answer")

    def handed_back(self, outcome: str, values: Mapping[str, str]) -> Action:
        """The action after a `Delegate` has ended with an outcome ("": none). RuntimeError after anything else."""
        step = self._step
        if not isinstance(step, AgentStep):
            raise RuntimeError("the flow has not given the call to an agent")
        self._before = None
        for each in step.outcomes:
            if each.name == outcome:
                stored = {name: values.get(name, "") for name in each.values}
                self._collected.update(stored)
                self._spoken.update(stored)
                return self._enter(each.next, f"outcomes.{each.name}")
        return self._enter(step.otherwise, "otherwise")

    def back(self, reason: str = "") -> Action:
        """The action after a `Connect`, when the caller is with the bot again: since it failed, or ("") afterwards.
        RuntimeError after anything else."""
        step = self._step
        if not isinstance(step, TransferStep):
            raise RuntimeError("the flow has not connected the call")
        self._before = None
        if reason:
            return self._enter(*_led(dict(step.failures), reason, "on_failure", step.otherwise))
        if step.next is not None:
            return self._enter(step.next, "next")
        self._finished = True
        return HangUp()

    def found_out(self, by: str) -> Action:
        """The action after a `FindOut`; `by` is empty where it is not known. RuntimeError after anything else."""
        step = self._step
        if not isinstance(step, WhoAnsweredStep):
            raise RuntimeError("the flow has not asked who answered")
        self._before = None
        self._collected[ANSWERED_BY] = self._spoken[ANSWERED_BY] = by
        return self._enter(*_led(dict(step.answers), by, "who_answered", step.otherwise))

    def corrected(self, answer: Answer) -> Action | None:
        """The last answer was another one: the action in place of the one it led to; None: it is the same."""
        before, now = self._before, self._position()
        if before is None:
            return None
        self._restore(before)
        action = self.answered(answer)
        return None if self._position() == now else action

    def ahead(self) -> Question | None:
        """The next question if only announcements precede it; None if the call ends first."""
        step, seen = self._step, set[str]()
        while isinstance(step, Say) and step.name not in seen:
            seen.add(step.name)
            step = self._flow.steps[step.next]
        return self._question(step) if isinstance(step, Ask | Collect) else None

    def dump(self) -> dict[str, object]:
        """The live state, for debugging; collected digits are masked."""
        return {
            "flow": self._flow.name,
            "step": self._step.name if self._step else None,
            "finished": self._finished,
            **{kind.value: count for kind, count in self._counts.items()},
            "collected": {name: "*" * len(digits) for name, digits in self._collected.items()},
        }

    def _position(self) -> "_Position | None":
        step = self._step
        if step is None:
            return None
        return _Position(step, dict(self._counts), dict(self._collected), dict(self._spoken))

    def _restore(self, position: "_Position") -> None:
        self._step, self._finished = position.step, False
        self._counts = dict(position.counts)
        self._collected, self._spoken = dict(position.collected), dict(position.spoken)

    def _enter(self, name: str, by: str = "") -> Action:
        step = self._step = self._flow.steps[name]
        self._by = by
        self._counts = dict.fromkeys(_COUNTED, 0)
        if isinstance(step, Say):
            return Speak(self._prompt(step, self._fill(step.text), step.barge_in))
        if isinstance(step, End):
            self._finished = True
            return HangUp(None if step.text is None else self._prompt(step, self._fill(step.text), barge_in=False))
        if isinstance(step, AgentStep):
            greeting = None if step.greeting is None else self._fill(step.greeting)
            voice = self._flow.voice_of(step)
            return Delegate(step, self._fill(step.instructions), greeting, self._language(step), voice)
        if isinstance(step, TransferStep):
            said = None if step.announce is None else self._prompt(step, self._fill(step.announce), barge_in=False)
            return Connect(step, said, "" if step.summary is None else self._fill(step.summary))
        if isinstance(step, WhoAnsweredStep):
            return FindOut(step)
        return self._ask(step, self._fill(step.prompt))

    def _ask(self, step: Ask | Collect, text: str) -> AskFor:
        return AskFor(self._prompt(step, text, step.barge_in), self._question(step))

    def _prompt(self, step: Step, text: str, barge_in: bool) -> Prompt:
        return Prompt(text, barge_in, language=self._language(step), voice=self._flow.voice_of(step))

    def _question(self, step: Ask | Collect) -> Question:
        return replace(step.question(), language=self._language(step))

    def _language(self, step: Step) -> str | None:
        return step.language or self._flow.language

    def _answered_in(self, step: Step) -> str | None:
        return self._language(step) or self._call_language

    def _again(self, step: Ask | Collect, kind: AnswerKind) -> Action:
        # Speech or keys that fit no branch are a no-match, whatever the listener made of them.
        kind = kind if kind in _COUNTED else AnswerKind.NO_MATCH
        self._counts[kind] += 1
        count = self._counts[kind]
        retry = step.no_input if kind is AnswerKind.NO_INPUT else step.no_match
        if kind is AnswerKind.FAILED:
            # One more than no-matches: the answer was not judged, so even a single attempt gets an apology.
            self._by = "failed"
            return self._enter(retry.then, "failed") if count > retry.attempts else self._ask(step, self._apology(step))
        self._by = str(kind)
        if count >= retry.attempts:
            return self._enter(retry.then, f"{kind}.then")
        return self._ask(step, self._fill(_reprompt(retry, count) or step.prompt))

    def _apology(self, step: Ask | Collect) -> str:
        wording = self._wording(step)
        prompt = self._fill(step.prompt)
        if isinstance(step, Collect):
            return f"{wording.apology} {wording.keypad}. {prompt}"
        offers = [
            _offer(wording, option.choice.name, option.choice.dtmf) for option in step.options if option.choice.dtmf
        ]
        if not offers:
            return f"{wording.apology} {prompt}"
        return f"{wording.apology} {wording.keypad}: {', '.join(offers)}."

    def _wording(self, step: Step) -> Wording:
        return self._flow.wording or wording_in(self._answered_in(step))

    def _fill(self, text: str) -> str:
        return render(text, {**self._constants, **self._spoken})


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a call is in the flow."""

    step: Step
    counts: dict[AnswerKind, int]
    collected: dict[str, str]
    spoken: dict[str, str]


_COUNTED = (AnswerKind.NO_INPUT, AnswerKind.NO_MATCH, AnswerKind.FAILED)


def _led(named: Mapping[str, str], key: str, kind: str, otherwise: str) -> tuple[str, str]:
    """The step that `key` leads to, and the way there."""
    return (named[key], f"{kind}.{key}") if key in named else (otherwise, "otherwise")


def _offer(wording: Wording, choice: str, key: str) -> str:
    spoken = {"*": wording.star, "#": wording.hash}.get(key, key)
    return render(wording.option, {"choice": choice.replace("_", " "), "key": spoken})


def _reprompt(retry: Retry, count: int) -> str | None:
    return retry.reprompts[min(count, len(retry.reprompts)) - 1] if retry.reprompts else None


def _chosen(step: Ask, answer: Answer, language: str | None) -> Option | None:
    if answer.kind is AnswerKind.SPEECH:
        found = match(answer.text, [o.choice for o in step.options], language)
        fits = [o for o in step.options if found is not None and o.choice.name == found.choice]
    elif answer.kind is AnswerKind.DTMF:
        fits = [o for o in step.options if answer.digits and o.choice.dtmf == answer.digits]
    else:
        return None
    named = [o for o in step.options if o.choice.name == answer.choice]
    return next(iter(named or fits), None)


def _collected(step: Collect, answer: Answer, language: str | None) -> tuple[str, str] | None:
    """What is stored, and the text that speaks of it."""
    if step.value is not None:
        known = answer.value is not None and not isinstance(answer.value, Ambiguous)
        return (recorded(answer.value), step.value.say(answer.value, language)) if known else None
    digits: str | None = None
    if answer.kind is AnswerKind.DTMF:
        digits = answer.digits
    elif answer.kind is AnswerKind.SPEECH and step.spoken:
        digits = spoken_digits(answer.text, language)
    fitting = None if digits is None else fitting_digits(digits, step.rule)
    return None if fitting is None else (fitting, apart(fitting))
