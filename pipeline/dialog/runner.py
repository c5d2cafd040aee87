"""Runs a flow: pure, one runner per call.

`start()` is the first thing to do, `after(result)` what follows its result, until a `HangUp`: see `actions`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from types import MappingProxyType

from offhook.pipeline.dialog.actions import (
    Action,
    AskFor,
    CameBack,
    Done,
    Fetched,
    FoundOut,
    HandedBack,
    HangUp,
    Recorded,
    Result,
    Returned,
    SecretTaken,
)
from offhook.pipeline.dialog.expression.expression import Expression, parse
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.limits import MAX_BACK, MAX_DIGITS
from offhook.pipeline.dialog.one_of import Text
from offhook.pipeline.dialog.position import Position
from offhook.pipeline.dialog.scopes import in_scope, within
from offhook.pipeline.dialog.spoken_ssml import filled, parts_of
from offhook.pipeline.dialog.spoken_text import as_text
from offhook.pipeline.dialog.ssml import is_ssml, unmarked
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.step import Again, Enter, Step, Then
from offhook.pipeline.dialog.steps.take import TIMEOUT, TakeStep
from offhook.pipeline.dialog.template import fill
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.dialog.variables import CALL, HOURS, SWITCHES
from offhook.pipeline.dialog.wording import Wording, wording_in
from offhook.pipeline.events import Answer, AnswerKind, Prompt, Question
from offhook.pipeline.prompt_parts import transcript
from offhook.pipeline.secret.entry import SecretOutcome
from offhook.pipeline.tts.recording import Recording
from offhook.pipeline.understanding.recorded import recorded

MAX_STEPS_ALONE = 1_000
_HEARD = (AnswerKind.SPEECH, AnswerKind.DTMF, AnswerKind.NO_MATCH)
_NOTHING = (Returned(False), Recorded(), Done(failed=True))


class EndlessFlowError(RuntimeError):
    """A loop that the check could not see: its condition never changes."""


class FlowRunner:
    """The state of one call in `flow`; `language` is the call's, for steps of a flow without one (None: English).
    `variables` are the call's values of the flow's constants, for this call alone; others are not used. `call` has what
    is known of it (`variables.CALL_PARTS`), `now` gives the time in its zone, `switches` what each switch is set to
    now, if somebody has set it. It is the `Run` of the steps.
    """

    def __init__(
        self,
        flow: Flow,
        language: str | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
        call: Mapping[str, str] = MappingProxyType({}),
        now: Callable[[], datetime] = datetime.now,
        seed: str = "",
        switches: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._flow = flow
        self._call = call
        self._now = now
        self._switches = switches
        self._constants = {name: variables.get(name, text) for name, text in flow.constants.items()}
        self._call_language = language
        self._at = Position()
        self._finished = False
        self._random = Random(seed)
        self._worded: dict[tuple[str, Text], int] = {}  # which wording was said last
        self._before: Position | None = None
        self._walk: list[tuple[str, str]] = []
        self._alone = 0  # steps since somebody did something

    @property
    def step(self) -> str:
        """The name of the current step; empty before `start`."""
        return self._at.step.name if self._at.step is not None else ""

    @property
    def chosen_language(self) -> str | None:
        """That of the call from a step on that has set it."""
        return self._at.language

    @property
    def spoken_language(self) -> str | None:
        """That of the current step; None: the call's."""
        return None if self._at.step is None else self.language(self._at.step)

    @property
    def in_early_media(self) -> bool:
        """Whether the current step may be carried out before the call is answered; every other one is answered for."""
        return self._at.step is not None and self._at.step.early_media

    def start(self) -> Action:
        """The first action. Raises RuntimeError if it was already taken."""
        if self._at.step is not None:
            raise RuntimeError("the flow has been started already")
        return self._go(Enter(self._flow.start, ""))

    def after(self, result: Result) -> Action:
        """The action that follows the result of the last one. Raises RuntimeError for a result that cannot come of it,
        before `start` and after `HangUp`."""
        step = self._at.step
        if step is None or self._finished:
            raise RuntimeError("the flow is not waiting for anything")
        if isinstance(result, Answer):
            self._before = self._at.copy()
        elif step.waits:
            self._before = None
        if _is_something(step, result):
            self._alone = 0
        return self._go(step.follow(self, result))

    def corrected(self, answer: Answer) -> Action | None:
        """The last answer was another one: the action in place of the one it led to; None: it is the same."""
        before, now = self._before, self._at
        if before is None:
            return None
        walk = list(self._walk)
        self._at, self._finished = before.copy(), False
        action = self.after(answer)
        if self._at != now:
            return action
        self._walk = walk
        return None

    def ahead(self) -> Question | None:
        """The next question if only announcements precede it; None if the call ends first."""
        return self._waiting_ahead()[1]

    def secret_ahead(self) -> bool:
        """Whether only announcements precede the next secret."""
        return isinstance(self._waiting_ahead()[0], CollectSecret)

    def _waiting_ahead(self) -> tuple[Step | None, Question | None]:
        here = self._at
        self._at = here.copy()  # which gets what the steps ahead would set
        step, seen = here.step, set[str]()
        while step is not None and not step.waits and step.name not in seen:
            seen.add(step.name)
            self._at.scope = step.scope
            follows = step.onward(self)
            step = None if follows is None else self._entered(follows)
        question = None if step is None else step.question_in(self)
        self._at = here
        return step, question

    def dump(self) -> dict[str, object]:
        """The live state, for debugging; what was collected is masked."""
        return {
            "flow": self._flow.name,
            "step": self.step or None,
            "finished": self._finished,
            **{kind.value: count for kind, count in self._at.counts.items()},
            "collected": {name: "*" * min(len(recorded(value)), MAX_DIGITS) for name, value in self._at.values.items()},
        }

    # Run: what steps see.

    @property
    def counts(self) -> dict[AnswerKind, int]:
        """See Run."""
        return self._at.counts

    def speak(self, language: str) -> None:
        """See Run."""
        self._at.language = language

    def begin(self, scope: str) -> None:
        """See Run."""
        self._at.begin(scope)

    @property
    def catalogue(self) -> Catalogue:
        """See Run."""
        return self._flow.catalogue

    def silent_again(self) -> int:
        """See Run."""
        self._at.silences += 1
        return self._at.silences

    def question_before(self) -> str | None:
        """See Run."""
        if len(self._at.asked) < 2:
            return None
        self._at.asked = self._at.asked[:-1]
        return self._at.asked[-1]

    def fill(self, step: Step, text: Text) -> str:
        """See Run."""
        language = self.answered_in(step)
        if not isinstance(text, str):
            key = (step.name, text)
            self._worded[key] = text.after(self._worded.get(key), self._random.randrange)
            text = text.texts[self._worded[key]]
        text = self._flow.catalogue.text(text, language)
        constants = {} if step.scope else self._constants

        def say(expression: str) -> str:
            spoken = constants.get(expression) or self._at.spoken.get(within(step.scope, expression))
            return as_text(self._value_of(parse(expression), language), language) if spoken is None else spoken

        return filled(text, say) if is_ssml(text) else unmarked(fill(text, say))

    def value_of(
        self, expression: Expression, given: Mapping[str, object] = MappingProxyType({}), scope: str | None = None
    ) -> object:
        """See Run."""
        language = self.chosen_language or self._flow.language or self._call_language
        return self._value_of(expression, language, given, scope)

    def _value_of(
        self,
        expression: Expression,
        language: str | None,
        given: Mapping[str, object] = MappingProxyType({}),
        scope: str | None = None,
    ) -> object:
        """Its value where it stands in a text in `language`."""
        scope = self._at.scope if scope is None else scope
        now, used = self._now(), expression.names
        values = in_scope(self._at.values, scope) if scope else {**self._constants, **self._at.values}
        call = self._call if self.chosen_language is None else {**self._call, "language": self.chosen_language}
        known: dict[str, object] = {**values, **given, CALL: call}
        if HOURS in used or SWITCHES in used:
            positions = self._switches()
            switches = {name: each.value_of(positions.get(name)) for name, each in self._flow.switches.items()}
            hours = self._flow.hours.items()
            open_now = {name: each.is_open(now) and not switches.get(each.closed_by or "") for name, each in hours}
            known |= {HOURS: open_now, SWITCHES: switches}
        return expression.value_in(known, now, language)

    def prompt(self, step: Step, text: str, *, barge_in: bool) -> Prompt:
        """See Run."""
        parts = parts_of(text, self.answered_in(step), self._flow.sounds) if is_ssml(text) else ()
        said = transcript(parts) if parts else text
        return Prompt(said, barge_in, language=self.language(step), voice=self.voice(step), parts=parts)

    def sound(self, name: str) -> Recording:
        """See Run."""
        return self._flow.sounds[name]

    def language(self, step: Step) -> str | None:
        """See Run."""
        return step.language or self.chosen_language or self._flow.language

    def answered_in(self, step: Step) -> str | None:
        """See Run."""
        return self.language(step) or self._call_language

    def voice(self, step: Step) -> str | None:
        """See Run."""
        other = self.chosen_language not in (None, self._flow.language)
        return None if other and step.language is None and step.voice is None else self._flow.voice_of(step)

    def wording(self, step: Step) -> Wording:
        """See Run."""
        return self._flow.wording or wording_in(self.answered_in(step))

    def store(self, name: str, value: object, spoken: str | None = None, scope: str | None = None) -> None:
        """See Run."""
        name = within(self._at.scope if scope is None else scope, name)
        self._at.values[name] = value
        self._at.spoken.pop(name, None)
        if spoken is not None:
            self._at.spoken[name] = spoken

    def pass_on(self, name: str, into: str, scope: str) -> None:
        """See Run."""
        name = within(self._at.scope, name)
        if name in self._at.values:
            self.store(into, self._at.values[name], self._at.spoken.get(name), scope)

    def walked(self) -> list[tuple[str, str]]:
        """The steps since the last call of this, with the way that led to each, as `Step.edges` calls it: empty at the
        start, "failed" where the recogniser did. A question that is asked again is among them again."""
        walk, self._walk = self._walk, []
        return walk

    def _go(self, then: Then) -> Action:
        while isinstance(then, Enter):
            self._alone += 1
            if self._alone > MAX_STEPS_ALONE:
                raise EndlessFlowError(f"step {then.name}: {MAX_STEPS_ALONE} steps without a word of the caller")
            step, limit = self._flow.steps[then.name], self._flow.steps[then.name].visits
            self._walk.append((then.name, then.by))
            visits = self._at.visit(step)
            then = Enter(limit.then, "visits.then") if limit and visits > limit.most else step.enter(self)
            if isinstance(then, AskFor) and self._at.asked[-1:] != (step.name,):
                self._at.asked = (*self._at.asked, step.name)[-MAX_BACK:]
        if isinstance(then, Again):
            self._walk.append((self.step, then.by))
            then = then.action
        self._finished = isinstance(then, HangUp)
        return then

    def _entered(self, name: str) -> Step | None:
        """The step that the flow comes to when it goes on with `name`; None: only such as it has visited too often."""
        for _ in range(len(self._flow.steps)):
            step = self._flow.steps[name]
            if step.visits is None or self._at.visits.get(name, 0) < step.visits.most:
                return step
            name = step.visits.then
        return None


def _is_something(step: Step, result: Result) -> bool:
    """Whether the caller, or somebody else, has done something: a loop without that takes no time, and has no end."""
    match result:
        case Answer():
            return result.kind in _HEARD
        case CameBack():
            return not result.reason or (isinstance(step, TakeStep) and result.reason == TIMEOUT)
        case HandedBack():
            return bool(result.outcome)
        case SecretTaken():
            return result.outcome not in (None, SecretOutcome.NO_INPUT)
        case Fetched():
            return result.answered
        case FoundOut():
            return False
        case _:
            return step.waits and result not in _NOTHING
