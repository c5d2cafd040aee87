"""Frames of many calls through one run, and the events that each call gets."""

import asyncio
from time import monotonic
from typing import Any

import numpy as np
import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.vad.batch import FIRST_SLOTS, MAX_WAITING_FRAMES, BatchedStream, Events, VadBatcher
from offhook.pipeline.vad.engine import Pcm, Slots, VadCapabilities
from offhook.pipeline.vad.gate import GateEvent, GateSettings, SpeechConfirmed, SpeechStarted, SpeechStopped
from tests.pipeline.vad.audio import FRAME_SAMPLES, frames, noise, phrase, silence
from tests.pipeline.vad.plain_gate import PlainGate

SETTINGS = GateSettings()


def frame_of(value: int) -> bytes:
    """Loud, and recognisable by its first sample."""
    return np.array([value, *[8_000, -8_000] * (FRAME_SAMPLES // 2)][:FRAME_SAMPLES], "<i2").tobytes()


class Bank:
    """Returns the engine's probability for each frame, and records its input."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def infer(self, slots: Slots, pcm: Pcm) -> list[float]:
        engine = self._engine
        if engine.broken is not None:
            raise engine.broken
        assert len(set(slots.tolist())) == len(slots), "one frame of a stream a run"
        engine.runs.append(pcm[:, 0].tolist())
        return [engine.probability] * len(slots)

    def reset(self, slot: int) -> None:
        self._engine.fresh.append(slot)

    def grow(self, streams: int) -> None:
        self._engine.room = streams


class Engine:
    """A scripted engine with batches."""

    capabilities = VadCapabilities(8_000, FRAME_SAMPLES)

    def __init__(self, probability: float = 0.9) -> None:
        self.probability = probability
        self.broken: Exception | None = None
        self.runs: list[list[int]] = []
        self.fresh: list[int] = []
        self.room = 0

    def bank(self, streams: int) -> Bank:
        self.room = streams
        return Bank(self)

    def stream(self) -> Any:
        raise AssertionError("it has batches")


class Call:
    """Records what is reported to it."""

    def __init__(self, batcher: VadBatcher, *, low_threshold: bool = False) -> None:
        self.events: list[GateEvent] = []
        self.errors: list[EngineError] = []
        self.bug: Exception | None = None
        self.stream: BatchedStream = batcher.open(self)
        self.stream.gate.low_threshold = low_threshold
        self._at = 0

    def on_events(self, events: Events) -> None:
        self.events += events
        if self.bug is not None:
            raise self.bug

    def on_failed(self, error: EngineError) -> None:
        self.errors.append(error)

    def submit(self, *audio: bytes) -> None:
        for frame in audio:
            self.stream.submit(frame, self._at, self._at / 8_000)
            self._at += FRAME_SAMPLES

    def submit_first(self, frame: bytes, came_at: float) -> None:
        self.stream.submit(frame, 0, came_at - FRAME_SAMPLES / 8_000)


async def judged(batcher: VadBatcher) -> None:
    async with asyncio.timeout(5):
        while batcher.waiting_frames:  # noqa: ASYNC110 - no event reports a run without events
            await asyncio.sleep(0)


def make(engine: Any, **options: Any) -> VadBatcher:
    return VadBatcher(engine, SETTINGS, **{"spacing_s": 0.0, **options})


async def test_what_has_come_goes_through_one_run_one_frame_of_each_call_in_order() -> None:
    engine = Engine()
    batcher = make(engine)
    one, two, three = (Call(batcher) for _ in range(3))
    two.submit(frame_of(20), frame_of(21), frame_of(22))
    one.submit(frame_of(10))
    three.submit(frame_of(30), frame_of(31))
    assert engine.runs == [], "not before the loop comes round"
    await judged(batcher)
    assert engine.runs == [[20, 10, 30], [21, 31], [22]]
    assert (batcher.runs, batcher.frames) == (3, 6)


async def test_a_run_has_a_limit_and_nobody_waits_twice() -> None:
    engine = Engine()
    batcher = make(engine, max_batch=2)
    calls = [Call(batcher) for _ in range(3)]
    for number, call in enumerate(calls):
        call.submit(frame_of(10 * number), frame_of(10 * number + 1))
    await judged(batcher)
    assert engine.runs == [[0, 10], [20, 1], [11, 21]]


async def test_between_two_runs_other_work_of_the_loop_has_its_turn() -> None:
    engine = Engine()
    batcher = make(engine)
    Call(batcher).submit(*[frame_of(0)] * 3)
    seen = []
    while batcher.waiting_frames:
        seen.append(batcher.runs)
        await asyncio.sleep(0)
    assert seen == [0, 1, 2]


async def test_runs_keep_their_distance_so_that_batches_form() -> None:
    engine = Engine()
    batcher = make(engine, spacing_s=0.05)
    one, two = Call(batcher), Call(batcher)
    one.submit(frame_of(1))
    await judged(batcher)  # at once: nothing was judged before
    one.submit(frame_of(2))
    for _ in range(5):
        await asyncio.sleep(0)
    two.submit(frame_of(3))
    await asyncio.sleep(0)
    assert engine.runs == [[1]]
    await judged(batcher)
    assert engine.runs == [[1], [2, 3]]


async def test_many_calls_wait_for_a_batch_unless_the_caller_may_be_interrupting() -> None:
    engine = Engine()
    batcher = make(engine, gather_s=60)
    calls = [Call(batcher, low_threshold=number in (2, 3)) for number in range(5)]
    soft = np.full(FRAME_SAMPLES, 100, "<i2").tobytes()
    calls[0].submit_first(frame_of(10), monotonic())
    calls[2].submit_first(soft, monotonic())
    for _ in range(5):
        await asyncio.sleep(0)
    assert engine.runs == []
    calls[3].submit_first(frame_of(30), monotonic())
    await asyncio.sleep(0)
    assert engine.runs == [[10, 100, 30]]


async def test_a_frame_that_has_waited_elsewhere_waits_no_more() -> None:
    engine = Engine()
    batcher = make(engine, gather_s=60)
    calls = [Call(batcher) for _ in range(5)]
    calls[0].submit_first(frame_of(10), monotonic())
    calls[1].submit_first(frame_of(20), monotonic() - 61)
    await asyncio.sleep(0)
    assert engine.runs == [[10, 20]]


async def test_each_call_gets_its_own_events() -> None:
    engine = Engine()
    batcher = make(engine)
    loud, other = Call(batcher), Call(batcher)
    loud.submit(*[frame_of(0)] * 6)
    await judged(batcher)
    engine.probability = 0.0
    other.submit(frame_of(0))
    loud.submit(*[bytes(512)] * 2)
    await judged(batcher)
    assert loud.events == [SpeechStarted(0), SpeechConfirmed(6 * 256 - 256), SpeechStopped(6 * 256, True)]
    assert other.events == []
    assert loud.stream.judged_samples == 8 * 256


async def test_the_threshold_is_chosen_when_a_frame_is_judged() -> None:
    batcher = make(Engine(0.4))
    call = Call(batcher)
    call.submit(frame_of(0))
    await judged(batcher)
    assert call.events == []
    call.submit(frame_of(0))
    call.stream.gate.low_threshold = True
    await judged(batcher)
    assert call.events == [SpeechStarted(0)]
    batcher = make(Engine(0.4))
    call = Call(batcher, low_threshold=True)
    call.submit(frame_of(0))
    call.stream.gate.low_threshold = False
    await judged(batcher)
    assert call.events == []


# The end of a call.


async def test_a_closed_call_gets_no_events() -> None:
    engine = Engine()
    batcher = make(engine)
    one, two = Call(batcher), Call(batcher)
    one.submit(frame_of(1))
    two.submit(frame_of(2), frame_of(3))
    one.stream.close()
    one.stream.close()
    one.submit(frame_of(4))
    await judged(batcher)
    assert engine.runs == [[2], [3]]
    assert one.events == [] and two.events
    assert batcher.streams == 1


async def test_a_call_that_another_one_ends_during_a_run_gets_no_events() -> None:
    batcher = make(Engine())
    one, two = Call(batcher), Call(batcher)

    class Hangup(Call):
        def on_events(self, events: Events) -> None:
            two.stream.close()
            one.stream.close()

    last = Hangup(batcher)
    one.submit(frame_of(1))
    last.submit(frame_of(2))
    two.submit(frame_of(3))
    await judged(batcher)
    assert one.events == [SpeechStarted(0)] and two.events == []
    assert batcher.streams == 1


async def test_a_place_is_used_again_and_clean() -> None:
    engine = Engine()
    batcher = make(engine)
    calls = [Call(batcher) for _ in range(FIRST_SLOTS + 3)]
    assert engine.room == 2 * FIRST_SLOTS
    assert len(set(engine.fresh)) == FIRST_SLOTS + 3
    for call in calls:
        call.submit(frame_of(1))
    await judged(batcher)
    assert all(call.events == [SpeechStarted(0)] for call in calls)
    for call in calls:
        call.stream.close()
    again = Call(batcher)
    assert again.stream.slot in engine.fresh[:-1]
    assert engine.fresh[-1] == again.stream.slot
    again.submit(frame_of(1))
    await judged(batcher)
    assert again.events == [SpeechStarted(0)]


# What goes wrong.


@pytest.mark.parametrize("error", [EngineError("silero", "listening", "no model"), RuntimeError("a bug")])
async def test_a_model_that_fails_fails_the_calls_of_that_run_and_goes_on(error: Exception) -> None:
    engine = Engine()
    batcher = make(engine)
    one, two, three = (Call(batcher) for _ in range(3))
    engine.broken = error
    one.submit(frame_of(1))
    two.submit(frame_of(2))
    await judged(batcher)
    engine.broken = None
    one.submit(frame_of(3))
    three.submit(frame_of(4))
    await judged(batcher)
    assert len(one.errors) == len(two.errors) == 1 and not three.errors
    assert str(error) in str(one.errors[0])
    assert one.events == [SpeechStarted(256)] and three.events == [SpeechStarted(0)]
    assert one.stream.judged_samples == 512


async def test_a_call_with_a_bug_is_reported_and_disturbs_no_other() -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    batcher = make(Engine())
    one, two = Call(batcher), Call(batcher)
    one.bug = KeyError("a bug")
    one.submit(frame_of(1))
    two.submit(frame_of(2), frame_of(3))
    await judged(batcher)
    assert two.events == [SpeechStarted(0)]
    assert [problem["exception"] for problem in problems] == [one.bug]


async def test_a_failing_score_leaves_the_detectors_probability_and_disturbs_no_other_call() -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    batcher = make(Engine())
    one, two = Call(batcher), Call(batcher)
    bug = ValueError("a bug")

    def fail(probability: float, end: int, *, in_speech: bool) -> float:
        raise bug

    one.stream.score = fail
    one.submit(frame_of(1))
    two.submit(frame_of(2))
    await judged(batcher)
    assert one.events == two.events == [SpeechStarted(0)]
    assert [problem["exception"] for problem in problems] == [bug]


async def test_frames_that_cannot_be_judged_in_time_are_dropped() -> None:
    engine = Engine()
    batcher = make(engine)
    call = Call(batcher)
    call.submit(*[frame_of(number) for number in range(MAX_WAITING_FRAMES + 10)])
    assert (batcher.waiting_frames, batcher.dropped_frames) == (MAX_WAITING_FRAMES, 10)
    await judged(batcher)
    assert engine.runs[0] == [10] and engine.runs[-1] == [MAX_WAITING_FRAMES + 9]
    assert call.stream.judged_samples == 256 * (MAX_WAITING_FRAMES + 10)


async def test_refuses_frames_of_another_size() -> None:
    call = Call(make(Engine()))
    with pytest.raises(ValueError, match="512 bytes, not 510"):
        call.submit(bytes(510))


def test_engines_whose_frames_are_not_whole_blocks_are_refused() -> None:
    engine = Engine()
    engine.capabilities = VadCapabilities(8_000, 250)
    with pytest.raises(ValueError, match="250"):
        make(engine)


# Against the plain gate.


class Scripted:
    """A VadEngine without batches: each call has its own probabilities."""

    capabilities = VadCapabilities(8_000, FRAME_SAMPLES)

    def __init__(self, scripts: list[list[float]]) -> None:
        self._scripts = iter(scripts)

    def stream(self) -> "ScriptedStream":
        return ScriptedStream(next(self._scripts))


class ScriptedStream:
    def __init__(self, script: list[float]) -> None:
        self._script = iter(script)

    def infer(self, frame: bytes) -> float:
        assert len(frame) == 512
        return next(self._script)

    def reset(self) -> None: ...


@pytest.mark.parametrize("seed", range(6))
async def test_batches_decide_what_the_plain_gate_decides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scripts, sounds = [], []
    for number in range(24):
        # Random walks around the thresholds, over speech and noise of all levels.
        walk = np.clip(np.cumsum(rng.normal(0, 0.15, 150)) % 2.0, 0, 2)
        scripts.append(np.where(walk > 1, 2 - walk, walk).tolist())
        level = 10 ** (rng.uniform(-30, 0) / 20)
        speech = np.concatenate([silence(int(rng.integers(0, 20_000))), phrase() * level, silence(40_000)])
        sounds.append(frames(speech[: 150 * 256] + noise(150 * 256, rng.uniform(-80, -35), number)))
    batcher = make(Scripted(scripts))
    calls = [Call(batcher, low_threshold=bool(number % 2)) for number in range(24)]
    done = [0] * 24
    while sum(done) < 24 * 150:
        for number, call in enumerate(calls):
            burst = min(int(rng.integers(0, 4)), 150 - done[number])
            call.submit(*sounds[number][done[number] : done[number] + burst])
            done[number] += burst
        await judged(batcher)
    count = 0
    for number, call in enumerate(calls):
        plain = PlainGate()
        plain.low_threshold = call.stream.gate.low_threshold
        steps = zip(scripts[number], sounds[number], strict=True)
        expected = [
            event
            for index, (probability, frame) in enumerate(steps)
            for event in plain.push(probability, frame, index * 256)
        ]
        assert call.events == expected
        count += len(expected)
    assert count > 24 * 5
