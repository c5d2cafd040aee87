from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.pipeline.vad.gate import (
    GateEvent,
    GateSettings,
    SpeechConfirmed,
    SpeechStarted,
    SpeechStopped,
)
from offhook.pipeline.vad.silero import SileroVad
from tests.pipeline.vad.audio import (
    FRAME_SAMPLES,
    Samples,
    audible_span,
    frames,
    noise,
    phrase,
    silence,
    tone,
)
from tests.pipeline.vad.plain_gate import PlainGate
from tests.pipeline.vad.single import SingleGate

LOUD = frames(tone(FRAME_SAMPLES))[0]
QUIET = bytes(2 * FRAME_SAMPLES)


def run(gate: SingleGate, steps: Sequence[tuple[float, bytes]]) -> list[tuple[int, GateEvent]]:
    """The events, each with the frame that it came with."""
    return [
        (index, event)
        for index, (probability, frame) in enumerate(steps)
        for event in gate.push(probability, frame, index * FRAME_SAMPLES)
    ]


def test_starts_with_the_first_frame_at_the_threshold() -> None:
    events = run(SingleGate(), [(0.49, QUIET), (0.5, LOUD), (1.0, LOUD)])
    assert events == [(1, SpeechStarted(FRAME_SAMPLES))]


def test_the_start_goes_back_to_where_it_became_audible() -> None:
    onset = frames(np.concatenate([silence(192), tone(64)]))[0]
    events = run(SingleGate(), [(0.1, QUIET), (0.3, onset), (0.4, LOUD), (0.9, LOUD)])
    assert events == [(3, SpeechStarted(FRAME_SAMPLES + 192))]


def test_the_start_does_not_go_back_over_a_pause_nor_beyond_the_limit() -> None:
    events = run(SingleGate(), [(0.1, LOUD), (0.1, QUIET), (0.9, QUIET)])
    assert events == [(2, SpeechStarted(2 * FRAME_SAMPLES))]
    events = run(SingleGate(GateSettings(refine_ms=32)), [*[(0.1, LOUD)] * 5, (0.9, LOUD)])
    assert events == [(5, SpeechStarted(4 * FRAME_SAMPLES))]


def test_is_confirmed_after_so_much_audible_speech() -> None:
    gate = SingleGate(GateSettings(min_speech_ms=96))
    events = run(gate, [(0.9, LOUD), (0.9, QUIET), (0.4, LOUD), (0.9, LOUD), (0.9, LOUD)])
    assert events == [(0, SpeechStarted(0)), (3, SpeechConfirmed(4 * FRAME_SAMPLES))]


def test_soft_speech_is_confirmed_a_little_later() -> None:
    steps = [(0.9, QUIET)] * 12
    events = run(SingleGate(GateSettings(min_speech_ms=160, lag_ms=96)), steps)
    assert events == [(0, SpeechStarted(0)), (7, SpeechConfirmed(0))]  # 8 frames of 32 ms


def test_a_burst_shorter_than_the_confirmation_is_dismissed() -> None:
    burst = frames(np.concatenate([silence(200), noise(1_200, -15), silence(500)]))
    events = run(SingleGate(), [(0.99, frame) for frame in burst] + [(0.0, QUIET)] * 2)
    assert [type(event) for _, event in events] == [SpeechStarted, SpeechStopped]
    assert events[-1][1] == SpeechStopped(at_tick=1_408, confirmed=False)  # 200 + 1,200, up to the block's end


def test_stops_after_frames_running_below_the_threshold() -> None:
    gate = SingleGate(GateSettings(stop_frames=2))
    steps = [(0.9, LOUD)] * 8 + [(0.2, QUIET), (0.4, LOUD), (0.34, QUIET), (0.0, QUIET)]
    events = run(gate, steps)
    assert events[-1] == (11, SpeechStopped(10 * FRAME_SAMPLES, confirmed=True))
    assert [type(event) for _, event in events] == [SpeechStarted, SpeechConfirmed, SpeechStopped]


def test_the_end_is_that_of_the_sound_not_of_the_detector() -> None:
    tail = frames(np.concatenate([tone(100), silence(156)]))[0]
    steps = [(0.9, LOUD)] * 6 + [(0.9, tail), (0.9, QUIET), (0.7, QUIET), (0.1, QUIET), (0.1, QUIET)]
    assert run(SingleGate(), steps)[-1] == (10, SpeechStopped(6 * FRAME_SAMPLES + 128, confirmed=True))


def test_the_end_is_not_sought_for_ever() -> None:
    steps = [(0.9, LOUD)] * 6 + [(0.9, QUIET)] * 20 + [(0.1, QUIET)] * 2
    gate = SingleGate(GateSettings(refine_ms=64))
    assert run(gate, steps)[-1][1] == SpeechStopped(24 * FRAME_SAMPLES, confirmed=True)


def test_inaudible_speech_ends_no_sooner_than_it_began() -> None:
    events = run(SingleGate(), [(0.9, QUIET), (0.1, QUIET), (0.1, QUIET)])
    assert [event for _, event in events] == [SpeechStarted(0), SpeechStopped(0, confirmed=False)]


def test_noise_is_not_audible_once_it_is_known() -> None:
    hum = noise(16_000, -45, seed=3)
    spoken = hum + np.concatenate([silence(8_192), tone(2_048), silence(16_000 - 10_240)])
    steps = [(0.9 if 32 <= i < 41 else 0.0, frame) for i, frame in enumerate(frames(spoken))]
    stopped = run(SingleGate(), steps)[-1][1]
    assert isinstance(stopped, SpeechStopped)
    assert abs(stopped.at_tick - 10_240) <= 32


def test_in_speech_is_between_start_and_stop() -> None:
    gate = SingleGate()
    assert not gate.in_speech
    run(gate, [(0.9, LOUD), (0.1, QUIET)])
    assert gate.in_speech
    run(gate, [(0.1, QUIET)])
    assert not gate.in_speech


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60),
    st.sampled_from([0, 1 << 31, (1 << 32) - 1_000]),
)
def test_events_come_in_order_and_at_sensible_places(steps: list[tuple[float, bool]], origin: int) -> None:
    gate, state, last = SingleGate(), "silent", origin - 1_280
    for index, (probability, loud) in enumerate(steps):
        at_tick = origin + index * FRAME_SAMPLES
        for event in gate.push(probability, LOUD if loud else QUIET, at_tick):
            if isinstance(event, SpeechStarted):
                assert state == "silent"
                assert event.at_tick <= at_tick
                state = "started"
            elif isinstance(event, SpeechConfirmed):
                assert state == "started"
                state = "confirmed"
            else:
                assert event.confirmed == (state == "confirmed")
                assert state != "silent"
                state = "silent"
            assert last <= event.at_tick <= at_tick + FRAME_SAMPLES
            last = event.at_tick
        assert gate.in_speech == (state != "silent")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.29, 0.3, 0.34, 0.35, 0.49, 0.5, 1.0]),
            st.sampled_from([None, -70, -55, -47, -44, -40, -25, -5]),
            st.booleans(),
        ),
        max_size=120,
    ),
    st.integers(0, 2**32),
)
def test_it_decides_as_the_plain_gate_does(steps: list[tuple[float, int | None, bool]], seed: int) -> None:
    gate, plain = SingleGate(), PlainGate()
    for index, (probability, dbfs, low_threshold) in enumerate(steps):
        level = 0.0 if dbfs is None else 32_768 * 10 ** (dbfs / 20)
        hiss = np.random.default_rng(seed + index).normal(size=FRAME_SAMPLES) * level
        hiss[: 37 * index % FRAME_SAMPLES] *= 0.1
        (frame,) = frames(hiss)
        gate.gate.low_threshold = plain.low_threshold = low_threshold
        at_tick = index * FRAME_SAMPLES
        assert gate.push(probability, frame, at_tick) == plain.push(probability, frame, at_tick)
        assert gate.in_speech == plain.in_speech


def listen(audio: Samples) -> list[tuple[int, GateEvent]]:
    gate, stream = SingleGate(), SileroVad().stream()
    return run(gate, [(stream.infer(frame), frame) for frame in frames(audio)])


class TestWithSilero:
    @pytest.mark.parametrize("offset", range(0, 256, 37))
    @pytest.mark.parametrize("noise_dbfs", [None, -60])
    def test_both_ends_of_a_phrase_are_found(self, offset: int, noise_dbfs: float | None) -> None:
        clean = np.concatenate([silence(8_000 + offset), phrase(), silence(6_000)])
        start, end = audible_span(clean)
        events = listen(clean if noise_dbfs is None else clean + noise(len(clean), noise_dbfs))
        started, confirmed, stopped = (event for _, event in events)
        assert isinstance(started, SpeechStarted)
        assert isinstance(confirmed, SpeechConfirmed)
        assert isinstance(stopped, SpeechStopped)
        assert -40 * 8 <= started.at_tick - start <= 10 * 8
        assert abs(stopped.at_tick - end) <= 20 * 8
        assert (events[0][0] + 1) * FRAME_SAMPLES - start <= 70 * 8  # known so long after it began
        assert (events[-1][0] + 1) * FRAME_SAMPLES - end <= 220 * 8

    @pytest.mark.parametrize("length_ms", [0.125, 5, 20, 150])
    def test_clicks_and_bursts_are_not_speech(self, length_ms: float) -> None:
        for seed in range(4):
            click = noise(int(8 * length_ms), -15, seed)
            audio = np.concatenate([silence(8_000 + 61 * seed), click, silence(6_000)])
            events = [event for _, event in listen(audio + noise(len(audio), -60))]
            assert not any(isinstance(event, SpeechConfirmed) for event in events)


def test_a_low_threshold_starts_early_and_only_speech_is_confirmed() -> None:
    gate = SingleGate(GateSettings(min_speech_ms=64, lag_ms=0))
    assert gate.push(0.4, LOUD, 0) == []
    gate.gate.low_threshold = True
    assert [type(event) for event in gate.push(0.4, LOUD, 256)] == [SpeechStarted]
    assert gate.push(0.45, LOUD, 512) == []
    assert gate.push(0.45, LOUD, 768) == []
    assert [type(event) for event in gate.push(0.6, LOUD, 1_024)] == [SpeechConfirmed]


def test_a_steady_hum_becomes_a_candidate_once() -> None:
    gate = SingleGate()
    gate.gate.low_threshold = True
    events = run(gate, [(0.4, LOUD)] * 40)
    assert [type(event) for _, event in events] == [SpeechStarted, SpeechStopped]
    assert events[1][0] == GateSettings().max_candidate_ms * 8 // FRAME_SAMPLES
    assert events[1][1] == SpeechStopped(events[1][1].at_tick, False)
    gate.push(0.1, LOUD, 40 * FRAME_SAMPLES)
    assert [type(event) for event in gate.push(0.4, LOUD, 41 * FRAME_SAMPLES)] == [SpeechStarted]


def test_a_candidate_that_comes_to_nothing_is_stopped() -> None:
    gate = SingleGate()
    gate.gate.low_threshold = True
    gate.push(0.3, LOUD, 0)
    events = [event for number in range(1, 3) for event in gate.push(0.1, QUIET, 256 * number)]
    assert events == [SpeechStopped(256, False)]
