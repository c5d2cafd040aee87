"""A conversation on a wideband line: the recogniser gets its full rate, the voice uses it, words count in ticks."""

import asyncio

from offhook.pipeline.events import Prompt, Question
from offhook.pipeline.tts.recorded import RecordedEngine
from tests.pipeline.conversation import CLIP_SAMPLES, FRAME_SAMPLES, FakeLine, Talk
from tests.signals import wav


class WideLine(FakeLine):
    encoding = "LINEAR16"
    rate_hz = 16_000
    bytes_per_tick = 4

    def encode(self, pcm: bytes) -> bytes:
        return pcm


def wide_talk() -> Talk:
    return Talk(line=WideLine, tts=RecordedEngine(wav(b"\1\0" * (2 * CLIP_SAMPLES), 16_000)))


async def test_the_recogniser_gets_16_khz_from_before_the_speech_to_its_end() -> None:
    talk = wide_talk()
    step = asyncio.ensure_future(talk.session.step(None, Question()))
    await asyncio.sleep(0)
    await talk.fall_silent()
    await talk.say("yes")
    assert (await step).text == "yes"
    (turn,) = talk.asr.turns
    frames = len(turn.audio) / (4 * FRAME_SAMPLES)
    # 300 ms before it, which have silence in them, and 12 frames of speech and 3 of silence.
    assert 15 + 3 <= frames <= 15 + 10
    loud = turn.audio.count(b"\0\x40\0\xc0")
    assert loud == 12 * FRAME_SAMPLES


async def test_a_pause_is_counted_in_ticks_and_the_rest_said_from_there() -> None:
    talk = wide_talk()
    step = asyncio.ensure_future(talk.session.step(Prompt("one two three four"), Question()))
    await talk.playing(CLIP_SAMPLES)
    talk.line.send(CLIP_SAMPLES // 2)
    await talk.click()
    await talk.playing()
    assert CLIP_SAMPLES // 2 <= talk.line.queued_ticks < CLIP_SAMPLES
    talk.line.send()
    assert set(talk.line.sent[::2]) == {1}
    step.cancel()
