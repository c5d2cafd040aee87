"""Whatever stalls, in whatever state: nobody speaks for 4.5 s at the most, and rarely for more than 1.5 s."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Answer, AnswerKind, Question
from offhook.pipeline.patience import patience_in
from offhook.pipeline.trace import BotHeard, SilenceFilled, StageStalled
from offhook.pipeline.tts.engine import SpeechChunk
from offhook.pipeline.turn.events import NoInput, Stalled, TurnOver
from offhook.pipeline.turn.machine import TurnSettings
from offhook.testing import SimulatedCall, run

COVERED = TurnSettings(ignore_back_channels=True, filler_ms=1_200, fallback_ms=4_000)
HELLO = "Welcome to our company. How can I help you today?"
REPLY = "Your order left the warehouse in the morning."
FOREVER_S = 3_600.0


class Agent:
    """Greets, and replies to every turn; `greets_after_s`, `replies_after_s`, `pauses_after` say where it stalls."""

    def __init__(self, *, greets_after_s: float = 0.0, replies_after_s: float = 0.3, in_reply_s: float = 0.0) -> None:
        self.greets_after_s, self.replies_after_s, self.in_reply_s = greets_after_s, replies_after_s, in_reply_s
        self.stalled: list[Stalled] = []
        self.silences = 0

    async def run(self, call: Call) -> Outcome:
        turns = call.turns()
        call.expect()
        await asyncio.sleep(self.greets_after_s)
        call.start_saying(HELLO).finish()
        async for event in turns:
            if isinstance(event, TurnOver):
                await asyncio.sleep(self.replies_after_s)
                await call.say(self.reply())
            elif isinstance(event, Stalled):
                self.stalled.append(event)
            elif isinstance(event, NoInput):
                self.silences += 1
        return Outcome()

    async def reply(self) -> AsyncIterator[str]:
        for word in REPLY.split(" "):
            yield word + " "
            if word == "warehouse":
                yield ". "
                await asyncio.sleep(self.in_reply_s)


async def asked(call: Call) -> None:
    """A dialog of questions, which asks again when the recogniser fails."""
    while True:
        answer = await call.ask(
            "Is it the balance or the opening hours?", choices={"balance": "balance"}, keys={"1": "balance"}
        )
        if answer.kind is AnswerKind.FAILED:
            await call.say("Please use the keys.")
        elif answer.choice:
            await call.say(REPLY)


class Silences:
    """How long nobody speaks, by the bot's fault: not in the silence after an utterance, which is the caller's."""

    def __init__(self, caller: SimulatedCall) -> None:
        self.caller = caller
        self.worst_s = 0.0
        self._quiet_since = 0.0
        self._callers_turn = False
        self._events = 0
        caller.line.add_listener(sent=self._sent, audio=self._audio)

    def _sent(self, payload: bytes, _ordinal: int, at_s: float) -> None:
        self._sound(at_s, at_s + len(payload) / 8_000)

    def _audio(self, pcm: bytes, _at_tick: int, at_s: float) -> None:
        if any(pcm):
            self._sound(at_s, at_s)
            self._callers_turn, self._events = False, len(self.caller.events)
        else:
            heard = (each for each in self.caller.events[self._events :] if isinstance(each, BotHeard))
            self._callers_turn = self._callers_turn or any(each.playback.text_played for each in heard)
            self._count(at_s)

    def _sound(self, began: float, ended: float) -> None:
        self._count(began)
        self._quiet_since = max(self._quiet_since, ended)

    def _count(self, now: float) -> None:
        if self._callers_turn:
            self._quiet_since = now
        self.worst_s = max(self.worst_s, now - self._quiet_since)


Stall = Callable[[SimulatedCall], None]


async def worst_of(talks: Any, stall: Stall | None, at_s: float) -> tuple[float, SimulatedCall]:
    """The worst silence of a call in which something stalls after `at_s`, and the caller answers what they hear."""
    async with SimulatedCall(talks, settings=COVERED) as caller:
        silences = Silences(caller)
        if stall is not None:
            asyncio.get_running_loop().call_later(at_s, stall, caller)
        heard = 0
        while caller.now < at_s + 15.0:
            await caller.waits(0.7)
            utterances = sum(isinstance(each, BotHeard) and bool(each.playback.text_played) for each in caller.events)
            if utterances > heard:
                heard = utterances
                await caller.says("balance")
    return silences.worst_s, caller


def stall_recogniser(caller: SimulatedCall) -> None:
    async def finish(self: object) -> Any:
        await asyncio.sleep(FOREVER_S)

    opened = caller.asr.open

    def open_stalled(*args: Any) -> Any:
        turn = opened(*args)
        turn.finish = finish.__get__(turn)  # type: ignore[method-assign]
        return turn

    caller.asr.open = open_stalled  # type: ignore[method-assign, assignment]


def kill_recogniser(caller: SimulatedCall) -> None:
    def broken(*_: Any) -> Any:
        raise EngineError("simulated", "opening", "killed")

    caller.asr.open = broken  # type: ignore[method-assign, assignment]


def stall_voice(caller: SimulatedCall) -> None:
    async def silent(text: str) -> AsyncIterator[SpeechChunk]:
        await asyncio.sleep(FOREVER_S)
        yield SpeechChunk(b"", ())

    caller.voice.synthesize = silent  # type: ignore[method-assign]
    _same_in_all_languages(caller)


def kill_voice(caller: SimulatedCall) -> None:
    async def broken(text: str) -> AsyncIterator[SpeechChunk]:
        raise EngineError("simulated", "speaking", "killed")
        yield SpeechChunk(b"", ())

    caller.voice.synthesize = broken  # type: ignore[method-assign]
    _same_in_all_languages(caller)


def _same_in_all_languages(caller: SimulatedCall) -> None:
    caller.voice.in_language = lambda language: caller.voice  # type: ignore[method-assign]


STALLS: dict[str, Stall] = {
    "recogniser stalls": stall_recogniser,
    "recogniser dies": kill_recogniser,
    "voice stalls": stall_voice,
    "voice dies": kill_voice,
}


@pytest.mark.parametrize("what", STALLS)
@pytest.mark.parametrize("make", [Agent, lambda: asked], ids=["agent", "questions"])
def test_whenever_an_engine_stalls_or_dies(what: str, make: Callable[[], Any]) -> None:
    rng = random.Random(what)
    worst = [run(worst_of(make(), STALLS[what], rng.uniform(0.0, 12.0)))[0] for _ in range(20)]
    assert max(worst) <= 4.5
    assert sum(each <= 1.5 for each in worst) >= 19


@pytest.mark.parametrize(
    "agent",
    [Agent(greets_after_s=20.0), Agent(replies_after_s=20.0), Agent(in_reply_s=20.0)],
    ids=["greeting", "reply", "the middle of a reply"],
)
def test_whenever_the_agent_stalls(agent: Agent) -> None:
    worst, caller = run(worst_of(agent, None, 15.0))
    assert worst <= 1.5
    filled = [event for event in caller.events if isinstance(event, SilenceFilled)]
    assert {event.stage for event in filled} == {"dialog"}
    assert filled[0].text in ("One moment, please.", "")
    assert any(event.text == "I am sorry, this is taking longer than it should." for event in filled)
    assert agent.silences == 0, "who waits for a reply is not asked for one"
    assert not any("moment" in line.text for line in caller.transcript), "fillers are not in the history"


class Listener:
    """Lets the caller speak first: by a question that it awaits, or by one that stands."""

    def __init__(self, *, stands: bool) -> None:
        self.stands = stands
        self.heard: list[Answer | NoInput | TurnOver] = []

    async def run(self, call: Call) -> Outcome:
        if not self.stands:
            self.heard = [await call.ask(None, no_input_ms=6_000) for _ in range(2)]
            return Outcome()
        turns = call.turns()
        call.expect(Question(no_input_ms=6_000))
        call.owe_reply(False)
        async for event in turns:
            if isinstance(event, NoInput | TurnOver):
                self.heard.append(event)
            if len(self.heard) == 2:
                break
        return Outcome()


@pytest.mark.parametrize("stands", [False, True])
def test_an_agent_that_begins_by_listening_owes_nothing(stands: bool) -> None:
    agent = Listener(stands=stands)

    async def conversation() -> SimulatedCall:
        async with SimulatedCall(agent, settings=COVERED) as caller:
            await caller.waits(6.5)
            await caller.says("balance")
            await caller.waits(2.0)
        return caller

    caller = run(conversation())
    silent, spoken = agent.heard
    assert isinstance(silent, NoInput) or (isinstance(silent, Answer) and silent.kind is AnswerKind.NO_INPUT)
    answer = spoken.answer if isinstance(spoken, TurnOver) else spoken
    assert isinstance(answer, Answer) and answer.text == "balance"
    assert not any(isinstance(event, SilenceFilled) for event in caller.events)


def test_the_agent_is_notified_and_may_say_more() -> None:
    class Notified(Agent):
        async def run(self, call: Call) -> Outcome:
            turns = call.turns()
            call.expect()
            async for event in turns:
                if isinstance(event, Stalled):
                    self.stalled.append(event)
                    await call.say("Let me put you through to a colleague.")
            return Outcome()

    agent = Notified()

    async def conversation() -> SimulatedCall:
        async with SimulatedCall(agent, settings=COVERED) as caller:
            await caller.says("balance")
            await caller.waits(12.0)
        return caller

    caller = run(conversation())
    (stalled,) = agent.stalled
    assert stalled.stage == "dialog"
    assert 3.0 < stalled.seconds <= 4.0
    assert caller.transcript[-1].text == "Let me put you through to a colleague."


def test_an_utterance_without_audio_is_given_up_and_the_recogniser_too() -> None:
    async def conversation(stall: Stall) -> tuple[SimulatedCall, list[AnswerKind], list[str | None]]:
        kinds: list[AnswerKind] = []
        failures: list[str | None] = []

        async def dialog(call: Call) -> None:
            while True:
                answer = await call.ask("Yes or no?", choices={"yes": "yes"})
                kinds.append(answer.kind)
                failures.append(answer.prompt.failed)

        async with SimulatedCall(dialog, settings=TurnSettings(filler_ms=1_200, recogniser_timeout_ms=9_000)) as caller:
            stall(caller)
            await caller.waits(2.0)
            if stall is stall_recogniser:
                await caller.says("yes")
            await caller.waits(12.0)
        return caller, kinds, failures

    caller, kinds, _ = run(conversation(stall_recogniser))
    assert kinds[0] is AnswerKind.FAILED
    stages = [event.stage for event in caller.events if isinstance(event, StageStalled)]
    assert stages[0] == "recogniser"
    caller, kinds, failures = run(conversation(stall_voice))
    assert (kinds[0], failures[0]) == (AnswerKind.NO_INPUT, "there was no audio for too long")
    assert next(event.stage for event in caller.events if isinstance(event, StageStalled)) == "voice"


async def slow(call: Call) -> None:
    await call.say("Hello.")
    await asyncio.sleep(6.0)
    await call.say("Here it is.")


async def slow_but_covered(call: Call) -> None:
    call.covers_silence = True
    await slow(call)


@pytest.mark.parametrize(("dialog", "fills"), [(slow, False), (slow_but_covered, True)])
def test_a_coroutine_function_says_itself_what_it_wants_said(dialog: Any, fills: bool) -> None:
    async def conversation() -> SimulatedCall:
        async with SimulatedCall(dialog, settings=COVERED) as caller:
            await caller.hears("Here it is.")
        return caller

    caller = run(conversation())
    assert any(isinstance(event, SilenceFilled) for event in caller.events) is fills


def test_nothing_is_filled_while_a_secret_is_taken_or_the_call_is_held() -> None:
    async def conversation(quiet: Callable[[SimulatedCall], None]) -> list[SilenceFilled]:
        agent = Agent(replies_after_s=5.0)
        async with SimulatedCall(agent, settings=COVERED) as caller:
            await caller.waits(4.0)
            await caller.says("balance")
            quiet(caller)
            await caller.waits(2.5)
            return [event for event in caller.events if isinstance(event, SilenceFilled)]

    assert run(conversation(lambda caller: caller.session.silence.mute(True))) == []
    assert run(conversation(lambda caller: caller.session.hold(True))) == []
    assert len(run(conversation(lambda caller: None))) == 1


def test_the_caller_silences_a_filler_by_speaking() -> None:
    async def conversation() -> None:
        async with SimulatedCall(Agent(replies_after_s=5.0), settings=COVERED) as caller:
            await caller.waits(4.0)
            await caller.says("balance")
            await caller.waits(1.3)
            assert caller.line.queued_ticks > 0
            await caller.says("hello")
            assert caller.line.queued_ticks == 0

    run(conversation())


def test_fillers_are_in_the_language_of_the_call_and_in_its_own_words() -> None:
    assert patience_in("de-AT").filler == "Einen Moment, bitte."
    assert patience_in("xx").filler == patience_in(None).filler == "One moment, please."
    own = {"en": "Let me see.", "de-AT": "Momenterl."}
    assert [patience_in(tag, own).filler for tag in ("en-GB", "de-at", "de", "fr")] == [
        "Let me see.",
        "Momenterl.",
        "Einen Moment, bitte.",
        "Un instant, s'il vous plaît.",
    ]
