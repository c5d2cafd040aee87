"""A recogniser that ends turns itself, in virtual time: what it reports, and what the policy makes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, EndpointReport, OnEndpoint, OnPartial, Transcript
from offhook.pipeline.events import Answer, EndpointPolicy, Question, TurnSoFar, Verdict
from offhook.pipeline.inbound_audio import Engines
from offhook.pipeline.rates import Resampler
from offhook.pipeline.session import Session
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.voice import Voice
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.events import TurnEvent, TurnLikelyOver, TurnResumed
from offhook.pipeline.vad.batch import VadBatcher
from offhook.pipeline.vad.gate import GateSettings
from offhook.testing.simulated_engines import SimulatedVad, SimulatedVoice
from offhook.testing.simulated_line import SimulatedLine
from offhook.testing.virtual_time import loop_clock, run

LOUD = b"\x40\x1f" * 160
"""20 ms of speech."""


class ScriptedEngine:
    """Reports as the test says. `finished` are the times of the ends of turns."""

    def __init__(self, *, ends_turns: bool = True) -> None:
        self.capabilities = AsrCapabilities(8_000, grammar=True, free_speech=True, partials=True, ends_turns=ends_turns)
        self.reports: OnEndpoint | None = None
        self.finished: list[float] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(
        self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None
    ) -> "ScriptedEngine":
        self.reports = on_endpoint
        return self

    def feed(self, pcm: bytes) -> None: ...

    async def finish(self) -> Transcript:
        self.finished.append(asyncio.get_running_loop().time())
        return Transcript("hello")

    def cancel(self) -> None: ...


@dataclass
class Conversation:
    engine: ScriptedEngine
    line: SimulatedLine
    session: Session
    events: list[TurnEvent] = field(default_factory=list)

    async def ask(self, silence_ms: int = 2_000) -> Answer:
        return await self.session.step(None, Question(silence_ms=silence_ms, no_input_ms=20_000))

    async def speak(self, seconds: float) -> float:
        """The caller speaks; returns the time when they stop."""
        await asyncio.sleep(self.line.speak(LOUD * round(seconds * 50)))
        return asyncio.get_running_loop().time()

    def report(self, endpoint: EndpointReport) -> None:
        assert self.engine.reports is not None
        self.engine.reports(endpoint)


@asynccontextmanager
async def conversation(*, ends_turns: bool = True, policy: EndpointPolicy | None = None) -> AsyncIterator[Conversation]:
    engine, line, clock = ScriptedEngine(ends_turns=ends_turns), SimulatedLine(), loop_clock()
    vad = VadBatcher(SimulatedVad(), GateSettings(), spacing_s=0.0, now=clock.now)
    voice = Voice("simulated", SimulatedVoice(), ClipCache(0), unresampled)
    engines = Engines(vad, engine, voice, lambda: lambda pcm: pcm, lambda: lambda pcm: pcm)
    session = Session(line, engines, TurnCore(None, policy), lambda event: None, clock)
    talk = Conversation(engine, line, session)
    session.subscribe(talk.events.append)
    yield talk
    session.close()
    line.close()


def unresampled(from_hz: int, to_hz: int) -> Resampler:
    raise AssertionError("nothing is resampled")


def ended_after_s(act: Callable[[Conversation, float], None], **options: object) -> float:
    """How long after the caller's last word the turn ended; `act` is called when they have stopped."""

    async def talk() -> float:
        async with conversation(**options) as one:  # type: ignore[arg-type]
            answering = asyncio.ensure_future(one.ask())
            stopped = await one.speak(1.0)
            act(one, stopped)
            assert (await answering).text == "hello"
            return one.engine.finished[0] - stopped

    return run(talk())


def later(seconds: float, endpoint: EndpointReport) -> Callable[[Conversation, float], None]:
    def act(one: Conversation, stopped: float) -> None:
        asyncio.get_running_loop().call_later(seconds, one.report, endpoint)

    return act


def nothing(one: Conversation, stopped: float) -> None:
    pass


def test_the_engine_ends_the_turn_before_the_silence_does() -> None:
    assert ended_after_s(later(0.4, "over")) == pytest.approx(0.4, abs=0.01)


def test_the_silence_is_the_latest() -> None:
    assert ended_after_s(nothing) == pytest.approx(2.0, abs=0.05)
    assert ended_after_s(later(3.0, "over")) == pytest.approx(2.0, abs=0.05)


def test_an_engine_that_ends_turns_may_be_quicker_than_the_detector() -> None:
    assert ended_after_s(lambda one, stopped: one.report("over")) == pytest.approx(0.0, abs=0.01)


def test_an_engine_without_the_capability_is_not_asked() -> None:
    def act(one: Conversation, stopped: float) -> None:
        assert one.engine.reports is None

    assert ended_after_s(act, ends_turns=False) == pytest.approx(2.0, abs=0.05)


class Patient:
    """An EndpointPolicy: takes the engine's word after half a second of silence only."""

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        over = turn.recogniser == "over" and turn.silence_ms >= 500
        return (
            Verdict("over") if over or turn.silence_ms >= 2_000 else Verdict("wait", 500 if turn.recogniser else 2_000)
        )


def test_a_policy_may_wait() -> None:
    assert ended_after_s(later(0.2, "over"), policy=Patient()) == pytest.approx(0.5, abs=0.05)


def test_the_engine_ends_a_turn_though_noise_goes_on_and_the_noise_is_no_answer() -> None:
    async def talk() -> None:
        async with conversation() as one:
            answering = asyncio.ensure_future(one.ask())
            one.line.speak(LOUD * 50 * 10)
            await asyncio.sleep(3.0)
            one.report("over")
            answer = await answering
            assert answer.text == "hello"
            assert one.engine.finished == [pytest.approx(3.0, abs=0.01)]
            next_answer = asyncio.ensure_future(one.ask())
            await asyncio.sleep(10.0)
            assert not next_answer.done()
            await one.speak(1.0)
            await next_answer
            assert len(one.engine.finished) == 2

    run(talk())


def test_a_likely_end_prepares_a_reply_and_may_be_taken_back() -> None:
    async def talk() -> list[type[TurnEvent]]:
        async with conversation() as one:
            answering = asyncio.ensure_future(one.ask())
            await one.speak(1.0)
            await asyncio.sleep(0.3)
            one.report("likely")
            await asyncio.sleep(0.1)
            one.report("resumed")
            await one.speak(1.0)
            await asyncio.sleep(0.3)
            one.report("likely")
            one.report("over")
            await answering
            return [type(event) for event in one.events if isinstance(event, TurnLikelyOver | TurnResumed)]

    assert run(talk()) == [TurnLikelyOver, TurnResumed, TurnLikelyOver]


def test_what_the_engine_thought_before_the_caller_went_on_is_void() -> None:
    async def talk() -> float:
        async with conversation(policy=Patient()) as one:
            answering = asyncio.ensure_future(one.ask())
            await one.speak(1.0)
            await asyncio.sleep(0.3)
            one.report("over")
            stopped = await one.speak(1.0)
            await answering
            return one.engine.finished[0] - stopped

    assert run(talk()) == pytest.approx(2.0, abs=0.05)


def test_a_report_after_the_end_of_the_turn_is_ignored() -> None:
    async def talk() -> None:
        async with conversation() as one:
            answering = asyncio.ensure_future(one.ask(silence_ms=300))
            await one.speak(1.0)
            await answering
            one.report("over")
            again = asyncio.ensure_future(one.ask())
            await asyncio.sleep(1.0)
            assert not again.done()

    run(talk())
