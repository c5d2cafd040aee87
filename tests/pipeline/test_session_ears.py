"""The session and a call's ears: what is sent and heard goes through them, and their word counts."""

import asyncio

from offhook.pipeline.events import Prompt, Question
from offhook.pipeline.front_end.echo.guard import EchoGuard
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.trace import CallerSpeech
from tests.pipeline.conversation import CLIP_SAMPLES, FRAME_SAMPLES, PACKET_SAMPLES, Talk


class ListedEars(AudioFrontEnd):
    """Writes down what it is told, marks what it hears, and gives a frame `worth` at most."""

    def __init__(self, encoding: str) -> None:
        super().__init__(EchoGuard(lambda payload: bytes(2 * len(payload))))
        self.encoding = encoding
        self.worth = 0.0
        self.firsts: list[bool] = []
        self.asked: list[int] = []

    def sent(self, payload: bytes, at_s: float, *, first: bool = False) -> None:
        assert len(payload) == PACKET_SAMPLES
        self.firsts.append(first)

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> bytes:
        return b"\1" + pcm[1:]

    def score(self, probability: float, end: int, *, in_speech: bool) -> float:
        self.asked.append(end)
        return min(probability, self.worth)


def _talk() -> tuple[Talk, ListedEars]:
    made: list[ListedEars] = []

    def ears(encoding: str) -> AudioFrontEnd:
        made.append(ListedEars(encoding))
        return made[-1]

    return Talk(ears=ears), made[0]


async def test_what_the_ears_take_for_echo_does_not_pause_the_bot() -> None:
    talk, ears = _talk()
    assert ears.encoding == "PCMU"
    step = asyncio.ensure_future(talk.session.step(Prompt("hello"), Question()))
    await talk.playing(CLIP_SAMPLES)
    await talk.hear(12, 1.0)
    assert talk.line.queued_ticks == CLIP_SAMPLES
    assert not talk.told(CallerSpeech)
    assert ears.asked == [FRAME_SAMPLES * n for n in range(1, 13)]
    await talk.hear(3, 0.2)  # nobody would take it for speech
    assert len(ears.asked) == 12
    ears.worth = 1.0
    await talk.hear(12, 1.0)
    assert talk.line.queued_ticks == 0
    assert talk.told(CallerSpeech)
    step.cancel()


async def test_the_recogniser_gets_what_the_ears_let_through() -> None:
    talk, ears = _talk()
    ears.worth = 1.0
    step = asyncio.ensure_future(talk.session.step(None, Question()))
    await asyncio.sleep(0)
    await talk.say("yes")
    assert (await step).text == "yes"
    audio = talk.asr.turns[0].audio
    assert audio
    assert set(audio[:: 2 * FRAME_SAMPLES]) == {1}


async def test_the_ears_know_where_a_pause_was_between_the_bots_words() -> None:
    talk, ears = _talk()
    for _ in range(2):
        step = asyncio.ensure_future(talk.session.step(Prompt("hello"), None))
        await talk.playing(CLIP_SAMPLES)
        talk.line.send()
        await step
    packets = CLIP_SAMPLES // PACKET_SAMPLES
    assert ears.firsts == 2 * [True, *[False] * (packets - 1)]
