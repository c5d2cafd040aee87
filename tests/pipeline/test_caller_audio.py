import pytest

from pipeline.caller_audio import KEPT_SAMPLES, PRE_ROLL_SAMPLES, CallerAudio
from pipeline.vad.gate import SpeechConfirmed, SpeechGate, SpeechStarted, SpeechStopped
from tests.pipeline.conversation import FRAME_SAMPLES, LOUD, ScriptedVad

PACKET = 160


class Loud(ScriptedVad):
    """Hears speech where it is loud."""

    def infer(self, frame: bytes) -> float:
        return 1.0 if any(frame) else 0.0


def test_packets_become_frames_and_places() -> None:
    audio = CallerAudio(Loud(), SpeechGate(), FRAME_SAMPLES, 0.0)
    events, at, now = [], 5_000, 100.0
    for pcm in [bytes(2 * PACKET)] * 16 + [LOUD * (PACKET // 2)] * 16 + [bytes(2 * PACKET)] * 16:
        now += 0.02
        events += audio.push(pcm, at, now, eager=False)
        at += PACKET
    assert [type(event) for event in events] == [SpeechStarted, SpeechConfirmed, SpeechStopped]
    began, _, ended = events
    assert began.at_sample == pytest.approx(5_000 + 16 * PACKET, abs=32)
    assert ended.at_sample == pytest.approx(5_000 + 32 * PACKET, abs=32)
    assert audio.time_of(ended.at_sample) == pytest.approx(100.0 + 32 * 0.02, abs=0.005)
    assert audio.time_of(at) == pytest.approx(now)


def test_what_is_kept_is_a_little_of_silence_and_much_of_speech() -> None:
    audio = CallerAudio(Loud(), SpeechGate(), FRAME_SAMPLES, 0.0)
    for n in range(100):
        audio.keep(bytes(2 * PACKET))
        audio.push(bytes(2 * PACKET), n * PACKET, 0.0, eager=False)
    for n in range(100, 150):
        audio.keep(LOUD * (PACKET // 2))
        audio.push(LOUD * (PACKET // 2), n * PACKET, 0.0, eager=False)
    kept = audio.take_kept()
    assert kept.endswith(LOUD * (50 * PACKET // 2))
    assert 50 * PACKET < len(kept) // 2 <= PRE_ROLL_SAMPLES + 50 * PACKET
    assert audio.take_kept() == b""
    for n in range(150, 800):
        audio.keep(LOUD * (PACKET // 2))
        audio.push(LOUD * (PACKET // 2), n * PACKET, 0.0, eager=False)
    assert len(audio.take_kept()) == 2 * KEPT_SAMPLES
