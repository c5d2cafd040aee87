"""The order in which the turns of one child are decoded, with the real model, step by step."""

import json
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from offhook.pipeline.asr.whisper_turn import Recognised
from offhook.pipeline.engine_host.protocol import Kind, ProtocolError, StreamFailure
from offhook.pipeline.engine_host.whisper_engine import MAX_WAITING_BYTES, HostedWhisper
from tests.whisper_model import model_folder, needs_whisper

pytestmark = needs_whisper

SPEECH = Path(__file__).parents[2] / "data" / "speech"
OPEN = json.dumps({"grammar": None, "phrases": [], "language": None}).encode()


def recording(name: str) -> bytes:
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        return bytes(file.readframes(file.getnframes()))


BALANCE, DIGITS = recording("check_my_balance"), recording("four_two_seven")


def quiet(seconds: float) -> bytes:
    return np.random.default_rng(1).normal(scale=4, size=round(seconds * 16_000)).astype("<i2").tobytes()


class Host:
    """A HostedWhisper with a clock that moves by `tick` whenever it is looked at."""

    def __init__(self, **options: object) -> None:
        self.now = self.tick = 0.0
        self.sent: list[tuple[Kind, int, bytes]] = []
        self.engine = HostedWhisper(
            {"model": str(model_folder()), **options},
            lambda kind, stream, payload: self.sent.append((kind, stream, payload)),
            self.clock,
        )

    def clock(self) -> float:
        self.now += self.tick
        return self.now

    def begin(self, stream: int, pcm: bytes) -> None:
        self.engine.open(stream, OPEN)
        self.engine.data(stream, pcm)

    def work(self) -> list[int]:
        """Work until nothing is left; the streams in the order in which they were served."""
        served = []
        while (stream := self.engine.next_stream()) is not None:
            served.append(stream)
            self.engine.step(stream)
        return served

    def of(self, kind: Kind, stream: int) -> list[dict[str, object]]:
        return [json.loads(payload) for each, number, payload in self.sent if (each, number) == (kind, stream)]

    def text(self, stream: int) -> str:
        (result,) = self.of(Kind.RESULT, stream)
        return str(result["text"])


def test_ends_come_first_then_pauses_then_partial_results() -> None:
    host = Host()
    host.begin(1, BALANCE)  # goes on
    host.begin(2, BALANCE + quiet(0.3))  # pauses
    host.begin(3, DIGITS)
    host.begin(4, BALANCE)
    host.engine.end(4)
    host.now = 1.0
    host.engine.end(3)
    assert host.work() == [4, 3, 2, 1]
    assert "balance" in host.text(4).lower()


def test_a_pause_prepares_the_result() -> None:
    host = Host()
    host.begin(1, quiet(0.3) + BALANCE + quiet(0.3))
    assert host.work() == [1]
    (partial,) = host.of(Kind.PARTIAL, 1)
    host.engine.data(1, quiet(0.4))
    began = time.process_time()
    host.engine.end(1)
    host.work()
    assert time.process_time() - began < 0.02  # nothing is decoded any more
    assert host.text(1) == partial["text"]


def test_a_result_says_whether_another_decoding_has_found_the_same() -> None:
    """What a pause prepares is reported as a partial, and is the result: one opinion."""
    host = Host()
    host.begin(1, BALANCE + quiet(0.3))
    host.work()
    host.engine.end(1)
    host.work()
    (result,) = host.of(Kind.RESULT, 1)
    assert result["text"] == host.of(Kind.PARTIAL, 1)[-1]["text"]
    assert result["repeats"] is True
    host.begin(2, BALANCE)
    host.work()
    host.engine.data(2, quiet(0.1))
    host.engine.end(2)
    host.work()
    (result,) = host.of(Kind.RESULT, 2)
    assert result["repeats"] is False


def test_partial_results_leave_two_thirds_of_the_time_to_others() -> None:
    host = Host()
    host.begin(1, BALANCE)
    host.tick = 0.1  # between two looks at the clock: a partial result takes 0.3 s
    assert host.work() == [1]
    host.tick = 0.0
    ended = host.now - 0.1
    host.engine.data(1, BALANCE)
    host.now = ended + 0.59
    assert host.work() == []
    host.now = ended + 0.61
    assert host.work() == [1]


def test_no_partial_results_when_switched_off_or_the_model_is_slow() -> None:
    off, slow = Host(partials=False), Host()
    slow.engine._decode_s = 1.0
    for host in (off, slow):
        host.begin(1, BALANCE)
        assert host.work() == []
        host.engine.end(1)
        host.work()
        assert "balance" in host.text(1).lower()
        assert not host.of(Kind.PARTIAL, 1)


def test_a_turn_longer_than_the_window_loses_and_doubles_nothing() -> None:
    host = Host(partials=False)
    pcm = b"".join(BALANCE + quiet(0.5) + DIGITS + quiet(0.5) for _ in range(9))
    host.engine.open(1, OPEN)
    for at in range(0, len(pcm), 64_000):
        host.engine.data(1, pcm[at : at + 64_000])
        host.work()
    host.engine.end(1)
    host.work()
    assert len(pcm) > 2 * 15 * 32_000
    text = host.text(1).lower()
    assert 7 <= text.count("balance") <= 10  # the model itself may lose count of a phrase that is repeated
    words = host.of(Kind.RESULT, 1)[0]["words"]
    assert isinstance(words, list)
    starts = [word[1] for word in words]
    assert starts == sorted(starts)
    assert [word[0] for word in words] == host.text(1).split()
    assert starts[-1] > len(pcm) / 32_000 - 3


def test_the_same_when_the_audio_comes_at_once() -> None:
    host = Host()
    pcm = b"".join(BALANCE + quiet(0.5) + DIGITS + quiet(0.5) for _ in range(9))
    host.begin(1, pcm)
    host.engine.end(1)
    assert set(host.work()) == {1}
    assert 7 <= host.text(1).lower().count("balance") <= 10


def test_words_have_times_within_their_sound() -> None:
    host = Host()
    host.begin(1, quiet(1.0) + BALANCE + quiet(0.3))
    host.engine.end(1)
    host.work()
    result = host.of(Kind.RESULT, 1)[0]
    words = result["words"]
    assert isinstance(words, list)
    assert [word[0].lower().strip(".") for word in words] == ["check", "my", "balance"]
    assert 0.7 < words[0][1] < 1.5
    assert words[2][2] < 1.0 + len(BALANCE) / 32_000 + 0.4
    assert all(0.0 <= word[3] <= 1.0 for word in words)
    confidence = result["confidence"]
    assert isinstance(confidence, float) and confidence > 0.5


def test_nothing_said_is_nothing_and_costs_nothing() -> None:
    host = Host()
    host.begin(1, quiet(2.0))
    host.engine.end(1)
    assert host.work() == [1]
    assert host.of(Kind.RESULT, 1) == [
        {"text": "", "confidence": None, "words": [], "alternatives": [], "repeats": False}
    ]


def test_a_turn_that_is_dropped_is_not_decoded() -> None:
    host = Host()
    host.begin(1, BALANCE)
    host.engine.end(1)
    host.engine.drop(1)
    assert host.work() == []
    host.engine.data(1, BALANCE)  # late audio
    host.engine.end(1)
    assert host.work() == []


def test_audio_without_end_is_refused() -> None:
    host = Host()
    host.engine.open(1, OPEN)
    with pytest.raises(StreamFailure, match="too slow"):
        for _ in range(MAX_WAITING_BYTES // len(BALANCE) + 1):
            host.engine.data(1, BALANCE)


def test_of_several_languages_the_likeliest_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    model, used = host.engine._model, list[str | None]()
    monkeypatch.setattr(model, "language_of", lambda samples, languages: languages[-1])

    def recognise(samples: object, language: str | None, **given: object) -> Recognised:
        used.append(language)
        return Recognised("Hola.", 0.9)

    monkeypatch.setattr(model, "recognise", recognise)
    host.engine.open(1, json.dumps({"phrases": [], "language": "en", "others": ["es"]}).encode())
    host.engine.data(1, BALANCE)
    host.engine.end(1)
    host.work()
    assert set(used) == {"es"}
    with pytest.raises(ProtocolError):
        host.engine.open(2, json.dumps({"others": [1]}).encode())
