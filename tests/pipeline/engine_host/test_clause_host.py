"""The order in which a child speaks, and what it makes of a clause. In this process, with a voice of tones."""

import json

import numpy as np
import pytest

from offhook.pipeline.engine_host.clause_host import ClauseHost, Spoken
from offhook.pipeline.engine_host.protocol import Kind, ProtocolError, StreamFailure

RATE_HZ = 24_000


class Tones:
    """A ClauseVoice: 100 ms of tone for each character, with silence around the clause; "fail" fails."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, float]] = []

    def speak(self, text: str, voice: str, speed: float) -> Spoken:
        self.asked.append((text, voice, speed))
        if text == "Fail.":
            raise RuntimeError("out of breath")
        tone = 0.5 * np.sin(np.arange(len(text) * RATE_HZ // 10) * 2 * np.pi * 500 / RATE_HZ)
        quiet = np.zeros(RATE_HZ // 5)
        words = [(0, len(quiet))] if voice != "vague" else None
        return Spoken(np.concatenate((quiet, tone, quiet)).astype(np.float32), RATE_HZ, words)


class Host:
    def __init__(self) -> None:
        self.voice = Tones()
        self.sent: list[tuple[Kind, int, bytes]] = []
        self.host = ClauseHost(self.voice, lambda kind, stream, payload: self.sent.append((kind, stream, payload)))
        self.voice.asked.clear()

    def open(self, stream: int, text: str, **values: object) -> None:
        self.host.open(stream, json.dumps({"text": text, **values}).encode())

    def run(self) -> list[int]:
        """Until nothing is left to do; the streams in the order in which they were served."""
        served = []
        while (stream := self.host.next_stream()) is not None:
            served.append(stream)
            self.host.step(stream)
        return served

    def pcm(self, stream: int) -> np.ndarray:
        pcm = b"".join(payload for kind, of, payload in self.sent if of == stream and kind is Kind.DATA)
        return np.frombuffer(pcm, "<i2")

    def notes(self, stream: int) -> list[object]:
        return [json.loads(payload) for kind, of, payload in self.sent if of == stream and kind is Kind.NOTE]


def test_the_utterance_that_will_be_silent_first_is_served_first() -> None:
    host = Host()
    host.open(1, "One one one one one one. Two. Three.")
    assert host.host.next_stream() == 1
    host.host.step(1)  # some seconds are there: those that come now are more urgent
    host.open(2, "Short. Again.")
    host.open(3, "Late.")
    assert host.run() == [2, 3, 2, 1, 1]
    assert [kind for kind, _, _ in host.sent].count(Kind.RESULT) == 3


def test_silence_is_cut_and_the_rate_is_the_lines() -> None:
    host = Host()
    host.open(1, "Hello.")
    host.open(2, "Hello.", rate_hz=16_000)
    host.run()
    narrow, wide = host.pcm(1), host.pcm(2)
    assert len(narrow) == pytest.approx(8 * (5 + 600 + 60), rel=0.02)
    assert len(wide) == pytest.approx(2 * len(narrow), rel=0.02)
    assert np.abs(narrow).max() == pytest.approx(0.5 * 32_767, rel=0.2)
    (note,) = host.notes(1)
    ((first, last, start, end),) = note["words"]  # type: ignore[index]
    assert (first, last) == (0, 6)
    assert start == pytest.approx(40, abs=20)
    assert end == pytest.approx(40 + 4_800, rel=0.02)


def test_a_voice_that_does_not_know_where_words_are_says_nothing_of_them() -> None:
    host = Host()
    host.open(1, "Hello.", voice="vague", speed=1.5)
    host.run()
    assert host.notes(1) == []
    assert len(host.pcm(1)) > 0
    assert host.voice.asked == [("Hello.", "vague", 1.5)]


def test_an_error_fails_its_utterance_alone() -> None:
    host = Host()
    host.open(1, "Fail. Not reached.")
    with pytest.raises(StreamFailure, match="out of breath"):
        host.host.step(1)
    host.host.drop(1)
    host.open(2, "Fine.")
    assert host.run() == [2]


@pytest.mark.parametrize(
    "request_",
    [
        {"text": 1},
        {},
        {"text": "a", "rate_hz": 11_025},
        {"text": "a", "speed": 0},
        {"text": "a", "speed": "fast"},
        {"text": "a", "voice": None},
    ],
)
def test_odd_requests_are_refused(request_: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        Host().host.open(1, json.dumps(request_).encode())
