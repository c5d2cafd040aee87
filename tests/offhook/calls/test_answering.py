"""Who answered, on a line: what a dialog waits for, and what the carrier says."""

import asyncio
from collections.abc import Callable

import pytest

from offhook.calls.answering import Answering
from offhook.pipeline.answering.verdict import AnsweredBy
from offhook.pipeline.trace import BeepHeard, PhoneRang, SessionEvent, WhoAnswered
from offhook.settings.answering import AnsweringConfig
from offhook.telephony import tones
from offhook.telephony.listeners import LineListeners
from offhook.telephony.resample import Upsampler

PACKET = 320


class Line:
    """As much of a line as a listener needs."""

    def __init__(self, rate_hz: int = 8_000) -> None:
        self._listeners = LineListeners()
        self.add_listener = self._listeners.add
        self.rate_hz = rate_hz
        self._up = Upsampler()

    @property
    def listened(self) -> bool:
        return bool(self._listeners.audio)

    def hear(self, *parts: bytes) -> None:
        pcm = b"".join(parts)
        for at in range(0, len(pcm), PACKET):
            packet = pcm[at : at + PACKET]
            for on_audio in self._listeners.audio:
                on_audio(packet if self.rate_hz == 8_000 else self._up.push(packet), at // 2, 0.0)


def noise(ms: int, level_dbfs: float = -22) -> bytes:
    return tones.noise(ms, level_dbfs=level_dbfs)


def answering(line: Line, given: str = "", **settings: object) -> tuple[Answering, list[SessionEvent]]:
    reported: list[SessionEvent] = []
    subject = Answering(AnsweringConfig.model_validate(settings), reported.append, given)
    subject.attach(line)  # type: ignore[arg-type]  # a line, as far as it goes
    return subject, reported


def said(reported: list[SessionEvent]) -> list[str]:
    return [event.by for event in reported if isinstance(event, WhoAnswered)]


@pytest.mark.parametrize("rate_hz", [8_000, 16_000])
async def test_a_human(rate_hz: int) -> None:
    line = Line(rate_hz)
    subject, reported = answering(line)
    subject.answered()
    waiting = asyncio.create_task(subject.verdict(5))
    await asyncio.sleep(0)
    line.hear(noise(300, -65), noise(400), noise(900, -65))
    assert await waiting is AnsweredBy.HUMAN
    assert said(reported) == ["human"]
    assert subject.by is AnsweredBy.HUMAN


async def test_ringing_and_busy_before_the_answer() -> None:
    line = Line()
    subject, reported = answering(line)
    line.hear(tones.tones((425.0,), 1_000), noise(4_000, -65))
    line.hear(*[tones.tones((425.0,), 480), noise(480, -65)] * 4)
    assert isinstance(reported[0], PhoneRang)
    assert said(reported) == ["busy"]
    assert await subject.verdict(0) is AnsweredBy.BUSY


async def test_a_voicemail_and_its_beep() -> None:
    line = Line()
    subject, reported = answering(line)
    subject.answered()
    beep = asyncio.create_task(subject.beep(5))
    await asyncio.sleep(0)
    line.hear(noise(5_000), noise(600, -65))
    await asyncio.sleep(0)
    assert not beep.done()
    line.hear(tones.tones((1_000.0,), 400), noise(200, -65))
    assert await beep
    assert said(reported) == ["voicemail"]
    assert isinstance(reported[-1], BeepHeard) and reported[-1].heard
    assert not line.listened  # nothing more to learn


@pytest.mark.parametrize("wait", [lambda subject: subject.verdict(0.01), lambda subject: subject.beep(0.01)])
async def test_nothing_in_that_time(wait: Callable[[Answering], asyncio.Future[object]]) -> None:
    subject, _ = answering(Line())
    subject.answered()
    assert not await wait(subject)


async def test_the_end_of_the_call_ends_the_waiting() -> None:
    subject, _ = answering(Line())
    subject.answered()
    waiting = asyncio.create_task(subject.beep(60))
    await asyncio.sleep(0)
    subject.close()
    assert not await waiting


@pytest.mark.parametrize(
    ("given", "by", "beeped"),
    [
        ("human", "human", False),
        ("machine_start", "voicemail", False),
        ("machine_end_beep", "voicemail", True),
        ("fax", "fax", False),
        ("unknown", "", False),
    ],
)
async def test_the_carriers_word(given: str, by: str, beeped: bool) -> None:
    subject, reported = answering(Line(), given)
    subject.answered()
    assert said(reported) == ([by] if by else [])
    assert await subject.beep(0) is beeped


async def test_it_may_be_off() -> None:
    line = Line()
    subject, reported = answering(line, detect=False)
    subject.answered()
    assert not line.listened
    subject.words("please leave a message")
    assert reported == []


def test_words_of_the_recogniser() -> None:
    subject, reported = answering(Line())
    subject.answered()
    subject.words("for sales press one")
    assert said(reported) == ["ivr"]
