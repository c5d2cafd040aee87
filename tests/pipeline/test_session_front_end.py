"""A session and its audio front end: audio sent and received passes through it, and its scores count."""

import asyncio

from offhook.pipeline.events import Prompt, Question
from offhook.pipeline.front_end.echo.guard import EchoGuard
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.trace import CallerSpeech
from tests.pipeline.conversation import CLIP_SAMPLES, FRAME_SAMPLES, PACKET_SAMPLES, Talk


class ScriptedFrontEnd(AudioFrontEnd):
    """Records its input, marks the audio, and limits each frame's probability to `worth`."""

    def __init__(self, encoding: str) -> None:
        super().__init__(EchoGuard(lambda payload: bytes(2 * len(payload))))
        self.sent = self.record_sent
        self.encoding = encoding
        self.worth = 0.0
        self.firsts: list[bool] = []
        self.asked: list[int] = []

    def record_sent(self, payload: bytes, at_s: float, *, first: bool = False) -> None:
        assert len(payload) == PACKET_SAMPLES
        self.firsts.append(first)

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> bytes:
        return b"\1" + pcm[1:]

    def score(self, probability: float, end: int, *, in_speech: bool) -> float:
        self.asked.append(end)
        return min(probability, self.worth)


def _talk() -> tuple[Talk, ScriptedFrontEnd]:
    made: list[ScriptedFrontEnd] = []

    def front_end(encoding: str) -> AudioFrontEnd:
        made.append(ScriptedFrontEnd(encoding))
        return made[-1]

    return Talk(front_end=front_end), made[0]


async def test_what_the_front_end_rejects_does_not_pause_the_bot() -> None:
    talk, front_end = _talk()
    assert front_end.encoding == "PCMU"
    step = asyncio.ensure_future(talk.session.step(Prompt("hello"), Question()))
    await talk.playing(CLIP_SAMPLES)
    await talk.hear(12, 1.0)
    assert talk.line.queued_ticks == CLIP_SAMPLES
    assert not talk.reported(CallerSpeech)
    assert front_end.asked == [FRAME_SAMPLES * n for n in range(1, 13)]
    await talk.hear(3, 0.2)  # alone it would not count as speech
    assert len(front_end.asked) == 12
    front_end.worth = 1.0
    await talk.hear(12, 1.0)
    assert talk.line.queued_ticks == 0
    assert talk.reported(CallerSpeech)
    step.cancel()


async def test_the_recogniser_gets_the_processed_audio() -> None:
    talk, front_end = _talk()
    front_end.worth = 1.0
    step = asyncio.ensure_future(talk.session.step(None, Question()))
    await asyncio.sleep(0)
    await talk.say("yes")
    assert (await step).text == "yes"
    audio = talk.asr.turns[0].audio
    assert audio
    assert set(audio[:: 2 * FRAME_SAMPLES]) == {1}


async def test_the_front_end_is_notified_of_pauses_in_the_bots_speech() -> None:
    talk, front_end = _talk()
    for _ in range(2):
        step = asyncio.ensure_future(talk.session.step(Prompt("hello"), None))
        await talk.playing(CLIP_SAMPLES)
        talk.line.send()
        await step
    packets = CLIP_SAMPLES // PACKET_SAMPLES
    assert front_end.firsts == 2 * [True, *[False] * (packets - 1)]
