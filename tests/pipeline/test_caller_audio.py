import asyncio

import pytest

from offhook.pipeline.caller_audio import KEPT_SAMPLES, PRE_ROLL_SAMPLES, CallerAudio
from offhook.pipeline.errors import EngineError
from offhook.pipeline.vad.batch import Events, VadBatcher
from offhook.pipeline.vad.gate import GateEvent, GateSettings, SpeechConfirmed, SpeechStarted, SpeechStopped
from tests.pipeline.conversation import FRAME_SAMPLES, LOUD, ScriptedVad

PACKET = 160
SILENT = bytes(2 * PACKET)
SPOKEN = LOUD * (PACKET // 2)


class Loud(ScriptedVad):
    """Detects speech by level."""

    def infer(self, frame: bytes) -> float:
        return 1.0 if any(frame) else 0.0


class Buffered:
    """A caller's audio, and the events reported about it."""

    def __init__(self) -> None:
        self.batcher = VadBatcher(Loud(), GateSettings(), spacing_s=0.0)
        self.audio = CallerAudio(self.batcher, self._on_speech, self._on_failed)
        self.events: list[GateEvent] = []
        self.times: list[float] = []
        self.at = 5_120
        self.now = 100.0

    def _on_speech(self, events: Events) -> None:
        self.events += events
        self.times += [self.audio.time_of(event.at_tick) for event in events]

    def _on_failed(self, error: EngineError) -> None:
        raise AssertionError(error)

    def hear(self, packets: int, pcm: bytes, *, keep: bool = True) -> None:
        for _ in range(packets):
            self.now += 0.02
            self.audio.push(pcm, self.at, self.now, keep=pcm if keep else b"")
            self.at += PACKET

    async def judged(self) -> None:
        while self.batcher.waiting_frames:  # noqa: ASYNC110 - no event reports a run without events
            await asyncio.sleep(0)


@pytest.mark.parametrize("late", [1, 5, 48])
async def test_packets_become_frames_and_places_and_times_however_late_they_are_judged(late: int) -> None:
    ear = Buffered()
    for number, pcm in enumerate([SILENT] * 16 + [SPOKEN] * 16 + [SILENT] * 16):
        ear.hear(1, pcm)
        if number % late == late - 1:
            await ear.judged()
    await ear.judged()
    assert [type(event) for event in ear.events] == [SpeechStarted, SpeechConfirmed, SpeechStopped]
    began, _, ended = ear.events
    assert began.at_tick == pytest.approx(5_120 + 16 * PACKET, abs=32)
    assert ended.at_tick == pytest.approx(5_120 + 32 * PACKET, abs=32)
    assert ear.times[0] == pytest.approx(100.0 + 16 * 0.02, abs=0.005)
    assert ear.times[2] == pytest.approx(100.0 + 32 * 0.02, abs=0.005)


async def test_a_time_is_that_of_the_packet_not_of_the_judgement() -> None:
    ear = Buffered()
    ear.hear(16, SPOKEN)
    ear.now += 3.0  # the next packet is late, and arrives before the next turn of the loop
    ear.hear(1, SILENT)
    await ear.judged()
    assert ear.times[0] == pytest.approx(100.0, abs=0.005)


@pytest.mark.parametrize("packets_of_tail", range(8))
async def test_a_caller_whose_phone_stops_sending_fell_silent_no_later(packets_of_tail: int) -> None:
    ear = Buffered()
    ear.hear(16, SPOKEN)
    ear.hear(packets_of_tail, SILENT)
    ear.now += 0.06  # what stands in for missing packets is late by the wait for them
    ear.hear(12, SILENT)
    await ear.judged()
    assert isinstance(ear.events[-1], SpeechStopped)
    assert ear.times[-1] == pytest.approx(100.0 + 16 * 0.02, abs=0.005)


async def test_a_way_that_has_become_longer_counts_after_a_second() -> None:
    ear = Buffered()
    ear.hear(10, SILENT)
    ear.now += 0.5
    ear.hear(54, SILENT)
    ear.hear(16, SPOKEN)
    await ear.judged()
    assert ear.times[0] == pytest.approx(100.0 + 0.5 + 64 * 0.02, abs=0.005)


async def test_what_is_kept_is_a_little_of_silence_and_much_of_speech() -> None:
    ear = Buffered()
    for _ in range(100):
        ear.hear(1, SILENT)
        await ear.judged()
    for _ in range(50):
        ear.hear(1, SPOKEN)
        await ear.judged()
    kept = ear.audio.take_kept()
    assert kept.endswith(SPOKEN * 50)
    assert 50 * PACKET < len(kept) // 2 <= PRE_ROLL_SAMPLES + 50 * PACKET
    assert ear.audio.take_kept() == b""
    for _ in range(650):
        ear.hear(1, SPOKEN)
        await ear.judged()
    assert len(ear.audio.take_kept()) == 2 * KEPT_SAMPLES


@pytest.mark.parametrize("late", [1, 7, 40])
async def test_speech_has_300_ms_before_it_however_late_it_is_judged(late: int) -> None:
    ear = Buffered()
    for number, pcm in enumerate([SILENT] * 80 + [SPOKEN] * 40):
        ear.hear(1, pcm)
        if number % late == late - 1:
            await ear.judged()
    await ear.judged()
    (started, _) = ear.events
    kept = ear.audio.take_kept()
    spoken_at = len(kept) // 2 - 40 * PACKET
    assert kept[2 * spoken_at :] == SPOKEN * 40
    # 300 ms up to the end of the frame that started the speech, not all of which need be speech.
    assert PRE_ROLL_SAMPLES - FRAME_SAMPLES <= spoken_at <= PRE_ROLL_SAMPLES
    assert started.at_tick == pytest.approx(5_120 + 80 * PACKET, abs=32)


async def test_nothing_is_kept_while_a_recogniser_listens() -> None:
    ear = Buffered()
    ear.hear(20, SPOKEN, keep=False)
    await ear.judged()
    assert ear.audio.take_kept() == b""
    assert len(ear.events) == 2


async def test_after_close_nothing_is_reported() -> None:
    ear = Buffered()
    ear.hear(20, SPOKEN)
    ear.audio.close()
    ear.hear(20, SPOKEN)
    await asyncio.sleep(0.01)
    assert ear.events == []
    assert ear.batcher.streams == 0


async def test_what_is_left_out_between_two_pieces_moves_no_place_and_no_time() -> None:
    ear = Buffered()
    ear.hear(5, SILENT)  # the last part of it is no whole frame
    ear.at += 37 * PACKET
    ear.now += 37 * 0.02 + 0.3  # the other end's clock is slow
    spoken_at, spoken_s = ear.at, ear.now
    ear.hear(20, SPOKEN)
    ear.hear(20, SILENT)
    await ear.judged()
    started, _, stopped = ear.events
    assert spoken_at <= started.at_tick < spoken_at + FRAME_SAMPLES
    assert ear.times[0] == pytest.approx(spoken_s + (started.at_tick - spoken_at) / 8_000, abs=1e-6)
    assert stopped.at_tick == spoken_at + 20 * PACKET
