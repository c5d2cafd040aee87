"""The interpreter of a script: events and `now` in, commands out. Pure, so that a script can be run in virtual time.

Theory of operation. What a caller does is a generator that yields what it waits for: an event that matches, until a
deadline. The runner feeds it until it returns; each step is one of its parts. What the far end says is numbered by
turns; a step that waits for speech takes the next turn that no step has taken, so that nothing is missed which was said
in between. A step that waited in vain ends the script: the caller hangs up, and `failure` says why.
"""

import math
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass

from offhook.qa.script.events import (
    Background,
    BotBegan,
    BotSpoke,
    BreakOff,
    Command,
    Decided,
    EndCall,
    Ended,
    Event,
    KeyHeard,
    Play,
    PressKeys,
    Said,
    SetHold,
    ToneHeard,
)
from offhook.qa.script.keys import difference
from offhook.qa.script.script import Script
from offhook.qa.script.steps import ChangeMind, HangUp, Hold, Interrupt, Noise, Press, Say, Step, Wait, WaitFor
from offhook.qa.script.words import has_words

MAX_SAYING_S = 120.0
"""How long something that is said may take to leave."""

MAX_TURN_S = 60.0
"""How long the far end is heard out beyond a deadline."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A step waited in vain: its number, what was missing, and what there was instead."""

    step: int
    what: str
    why: str
    kind: str = "step"


@dataclass(frozen=True, slots=True)
class Until:
    """What a step waits for: an event that `matches`, or the time."""

    matches: Callable[[Event], bool]
    deadline_s: float


Course = Generator[Until, Event | None, Failure | None]
"""What a caller does, or a part of it: gets the events that it waits for, None when the time has come."""


class Runner(ABC):
    """What a caller does in one call, from the answer on. Call `start` once; then `receive` what happens,
    `handle_timer` at `get_timer`, and take `next_command` until it is None after each. `over`: it has ended."""

    def __init__(self) -> None:
        self._commands: deque[Command] = deque()
        self._now = 0.0
        self._step = -1
        self._running: Course | None = None
        self._until: Until | None = None
        self._began: list[BotBegan] = []
        self._spoke: list[BotSpoke] = []
        self._early = self._early_taken = 0  # turns before the answer, and those of them that steps have used
        self._taken = 0  # turns of the far end that steps have used
        self._interrupted = 0  # turns that steps have seen begin
        self._keys = ""
        self._tones: deque[ToneHeard] = deque()
        self._last_sound_s = 0.0
        self._speaking = False
        self._ended: Ended | None = None
        self.over = False
        self.failure: Failure | None = None

    @property
    def step(self) -> int:
        """The number of the step that runs; that of all of them at the end."""
        return self._step

    def start(self, now: float) -> None:
        """The call was answered. What was said before (early media) is for the steps that ask for it."""
        self._now = self._last_sound_s = now
        self._early = self._taken = self._interrupted = len(self._began)
        if not self.over:  # it may have been given up while it rang
            self._running = self._course()
            self._resume(None)

    def unanswered(self, now: float) -> None:
        """There will be no answer, and all that was said is identified."""
        self._now = now
        self._early = len(self._began)
        self.over = True

    def give_up(self, what: str, why: str, kind: str = "too_long") -> None:
        """The call cannot go on: it has lasted too long, or what the far end says cannot be identified."""
        if not self.over:
            self._finish(self._fail(what, why, kind))

    def receive(self, event: Event, now: float) -> None:
        """Something happened."""
        if self.over:
            return
        self._now = now
        self._note(event)
        if self._until is not None and self._until.matches(event):
            self._resume(event)
        elif isinstance(event, Ended):
            self._finish(None if self._running is None else self._hung_up(event))

    def next_command(self) -> Command | None:
        """What the call has to do next; None: nothing more."""
        return self._commands.popleft() if self._commands else None

    def get_timer(self) -> float | None:
        """When `handle_timer` is due."""
        if self.over or self._until is None or self._until.deadline_s == math.inf:
            return None
        return self._until.deadline_s

    def handle_timer(self, now: float) -> None:
        """A deadline has come."""
        if not self.over and self._until is not None and now >= self._until.deadline_s:
            self._now = now
            self._resume(None)

    @abstractmethod
    def _course(self) -> Course:
        """All that the caller does."""

    def _note(self, event: Event) -> None:
        match event:
            case BotBegan():
                self._began.append(event)
                self._speaking = True
            case BotSpoke(ended_s=ended_s):
                self._spoke.append(event)
                # It is known only after a while what was said: the next turn may have begun before.
                self._speaking = bool(self._began) and self._began[-1].turn > event.turn
                self._last_sound_s = max(self._last_sound_s, ended_s)
            case KeyHeard(key=key):
                self._keys += key
            case ToneHeard():
                self._tones.append(event)
            case Ended():
                self._ended = event
            case Said() | Decided():
                pass

    def _resume(self, event: Event | None) -> None:
        assert self._running is not None
        try:
            self._until = self._running.send(event)
        except StopIteration as done:
            if not self.over:
                self._finish(done.value)

    def _finish(self, failure: Failure | None) -> None:
        self.over, self.failure, self._until = True, failure, None
        if self._ended is None:
            self._commands.append(EndCall())

    def _fail(self, what: str, why: str, kind: str = "step") -> Failure:
        return Failure(self._step, what, why, kind)

    def _hung_up(self, ended: Ended) -> Failure | None:
        """The far end has ended the call while something else was waited for."""
        who = "the far end hung up" if ended.by == "bot" else f"the call was lost ({ended.why})"
        return self._fail(f"step {self._step + 1} was not done", f"{who} before", "ended")

    # ---- the steps

    def _run(self, step: Step) -> Course:  # one line for each kind of step
        match step:
            case WaitFor():
                return self._wait_for(step)
            case Say(speech):
                self._commands.append(Play(speech))
                return self._until_said()
            case Press(keys):
                self._commands.append(PressKeys(keys))
                return self._until_said()
            case Interrupt():
                return self._interrupt(step)
            case ChangeMind():
                return self._change_mind(step)
            case Noise(level_dbfs):
                self._commands.append(Background(level_dbfs))
                return self._pass(0.0)
            case Hold(hold_ms):
                return self._hold(hold_ms / 1_000)
            case Wait(wait_ms):
                return self._pass(wait_ms / 1_000)
            case HangUp():
                return self._hang_up()

    def _pass(self, seconds: float) -> Course:
        until_s = self._now + seconds
        while self._now < until_s:
            yield Until(_never, until_s)
        return None

    def _hang_up(self) -> Course:
        self._finish(None)
        yield Until(_never, math.inf)
        return None

    def _until_said(self) -> Course:
        event = yield Until(lambda event: isinstance(event, Said), self._now + MAX_SAYING_S)
        return None if event is not None else self._fail("the caller could not speak", "nothing leaves")

    def _hold(self, seconds: float) -> Course:
        self._commands.append(SetHold(True))
        yield from self._pass(seconds)
        self._commands.append(SetHold(False))
        return None

    def _interrupt(self, step: Interrupt) -> Course:
        wanted = max(self._interrupted, self._taken)
        deadline_s = self._now + step.within_ms / 1_000
        while len(self._began) <= wanted:
            event = yield Until(lambda event: isinstance(event, BotBegan), deadline_s)
            if event is None:
                return self._fail("there was nothing to interrupt", f"the far end was silent for {step.within_ms} ms")
        self._taken = self._interrupted = len(self._began)
        yield from self._pass(max(0.0, self._began[-1].at_s + step.after_ms / 1_000 - self._now))
        if step.speech is not None:
            self._commands.append(Play(step.speech))
        if step.keys:
            self._commands.append(PressKeys(step.keys))
        return (yield from self._until_said())

    def _change_mind(self, step: ChangeMind) -> Course:
        self._commands.append(Play(step.first))
        yield from self._pass(step.after_ms / 1_000)
        self._commands.append(BreakOff())
        yield from self._pass(step.pause_ms / 1_000)
        self._commands.append(Play(step.then))
        return (yield from self._until_said())

    def _wait_for(self, step: WaitFor) -> Course:
        if step.early:
            return self._wait_for_early(step)
        if step.awaited in ("speech", "prompt", "words"):
            return self._wait_for_turn(step)
        if step.awaited == "silence":
            return self._wait_for_silence(step)
        return self._wait_for_event(step)

    def _wait_for_early(self, step: WaitFor) -> Course:
        while self._early_taken < self._early and all(each.turn < self._early_taken for each in self._spoke):
            yield Until(is_speech, math.inf)  # no longer than it takes to identify what was said
        return self._early_failure(step)

    def _early_failure(self, step: WaitFor) -> Failure | None:
        turn = next((each for each in self._spoke if self._early_taken <= each.turn < self._early), None)
        if turn is None:
            return self._fail(f"{_name(step)} was not heard before the answer", "nothing more was said", "silent")
        self._early_taken = turn.turn + 1
        return self._difference(step, turn)

    def _wait_for_turn(self, step: WaitFor) -> Course:
        """The next turn: what is said in between is not skipped, or a wrong prompt would pass for a slow one."""
        began_s, deadline_s = self._now, self._now + step.within_ms / 1_000
        while True:
            turn = next((each for each in self._spoke if each.turn >= self._taken), None)
            if turn is not None:
                break
            # Somebody who speaks at the deadline is heard out.
            speaking = self._speaking and self._now >= deadline_s
            event = yield Until(is_speech, deadline_s + MAX_TURN_S if speaking else deadline_s)
            if event is None and speaking:
                return self._fail("the far end does not stop speaking", f"it went on for {MAX_TURN_S:g} s", "endless")
            if event is None and not self._speaking:
                return self._fail(f"{_name(step)} was not heard", self._silence(step, began_s), "silent")
        self._taken = turn.turn + 1
        return self._difference(step, turn)

    def _silence(self, step: WaitFor, began_s: float) -> str:
        if self._last_sound_s <= began_s:
            return f"the far end was silent for {step.within_ms} ms"
        why = f"the far end went on with what it had begun to say, and began nothing else within {step.within_ms} ms"
        return f"{why}: if it answers without a pause, `wait` and then `press` or `say`, in place of `interrupt`"

    def _difference(self, step: WaitFor, turn: BotSpoke) -> Failure | None:
        """What the turn has in place of what the step waits for."""
        if step.awaited == "prompt" and step.what not in [each.name for each in turn.prompts]:
            return self._fail(f"the prompt {step.what!r} was not heard", _instead(turn), "wrong_prompt")
        if step.awaited == "words" and not has_words(turn.text or "", step.what):
            why = (
                f"{_instead(turn)}; recognisers miss words of telephone speech: `prompt:` knows a sentence by its sound"
            )
            return self._fail(f"{step.what!r} was not heard", why, "wrong_words")
        return None

    def _wait_for_silence(self, step: WaitFor) -> Course:
        deadline_s = self._now + step.within_ms / 1_000
        while True:
            quiet_at_s = math.inf if self._speaking else self._last_sound_s + step.silence_ms / 1_000
            if self._now >= quiet_at_s:
                return None
            if self._now >= deadline_s:
                return self._fail(f"it was not silent for {step.silence_ms} ms", "the far end went on speaking")
            yield Until(is_speech, min(quiet_at_s, deadline_s))

    def _wait_for_event(self, step: WaitFor) -> Course:
        deadline_s = self._now + step.within_ms / 1_000
        while not self._has_come(step):
            event = yield Until(lambda event: not isinstance(event, Ended) or step.awaited == "end", deadline_s)
            if event is None:
                return self._fail(*self._missing(step))
        return None

    def _has_come(self, step: WaitFor) -> bool:
        if step.awaited == "tone":
            while self._tones:
                if self._tones.popleft().name == step.what:
                    return True
            return False
        if step.awaited == "keys":
            found = step.what in self._keys
            self._keys = self._keys.partition(step.what)[2] if found else self._keys
            return found
        return self._ended is not None

    def _missing(self, step: WaitFor) -> tuple[str, str, str]:
        if step.awaited == "tone":
            return f"the tone {step.what!r} was not heard", f"not within {step.within_ms} ms", "no_tone"
        if step.awaited == "keys":
            differs = difference(step.what, self._keys)
            why = f"{step.what} was expected, those that came: {self._keys or 'none'}"
            return "the far end's keys were not heard", why, "keys" if differs is None else differs.kind
        return "the far end did not hang up", f"no BYE came within {step.within_ms} ms", "no_bye"


class ScriptRunner(Runner):
    """One run of a script; see `Runner`."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def unanswered(self, now: float) -> None:
        """See Runner: the steps about what was said before an answer are judged, no others."""
        super().unanswered(now)
        for number, step in enumerate(self._script.steps):
            if isinstance(step, WaitFor) and step.early and self.failure is None:
                self._step = number
                self.failure = self._early_failure(step)

    def _course(self) -> Course:
        self._step = 0
        while (step := self._step_at(self._step)) is not None:
            failure = yield from self._run(step)
            if failure is not None:
                return failure
            self._step += 1
        return None

    def _step_at(self, number: int) -> Step | None:
        """The step of this number; None: there are no more."""
        return self._script.steps[number] if number < len(self._script.steps) else None


def _never(_: Event) -> bool:
    return False


def is_speech(event: Event) -> bool:
    """Whether the far end begins to speak, or has spoken."""
    return isinstance(event, BotBegan | BotSpoke)


def _name(step: WaitFor) -> str:
    return {"prompt": f"the prompt {step.what!r}", "words": repr(step.what)}.get(step.awaited, "speech")


def _instead(turn: BotSpoke) -> str:
    heard = [f"the prompt {each.name!r}" for each in turn.prompts]
    if turn.text is not None:
        heard.append(repr(re.sub(r"\s+", " ", turn.text)[:200]))
    seconds = turn.ended_s - turn.began_s
    return f"heard instead: {', '.join(heard)}" if heard else f"heard instead: {seconds:.1f} s of unknown speech"
