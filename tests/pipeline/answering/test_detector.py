"""Who answered, by tones and by the lengths of speech and pauses."""

import numpy as np
import pytest

from offhook.pipeline.answering.detector import AnswerDetector
from offhook.pipeline.answering.verdict import AnsweredBy, AnsweringEvent, Beep, Ringing, Verdict
from offhook.telephony import tones
from offhook.telephony.codec.g711 import PCMU

SIT = (985.2, 380), (1_428.5, 274), (1_776.7, 380)


def speech(ms: int, seed: int = 1) -> bytes:
    """Noise in syllables of 150 ms, which is as much of speech as lengths need."""
    noise = np.frombuffer(tones.noise(ms, level_dbfs=-22, seed=seed), "<i2").astype(float)
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * np.arange(len(noise)) / 1_200)
    return (noise * syllables).astype("<i2").tobytes()


def pause(ms: int) -> bytes:
    return tones.noise(ms, level_dbfs=-65, seed=2)


def on_off(hz: tuple[float, ...], on_ms: int, off_ms: int, count: int) -> bytes:
    return (tones.tones(hz, on_ms, level_dbfs=-20) + pause(off_ms)) * count


def heard(*parts: bytes, answered: bool = True, packet_ms: int = 20) -> list[AnsweringEvent]:
    detector = AnswerDetector()
    if answered:
        detector.answered()
    audio = PCMU.decode(PCMU.encode(b"".join(parts)))
    size = 16 * packet_ms
    return [event for at in range(0, len(audio), size) for event in detector.audio(audio[at : at + size])]


def verdicts(*parts: bytes, answered: bool = True) -> list[tuple[AnsweredBy, float]]:
    return [(event.by, event.at_tick / 8) for event in heard(*parts, answered=answered) if isinstance(event, Verdict)]


@pytest.mark.parametrize("packet_ms", [10, 20, 32])
def test_a_quick_hello_is_known_within_900_ms(packet_ms: int) -> None:
    (verdict,) = heard(pause(500), speech(400), pause(3_000), packet_ms=packet_ms)
    assert isinstance(verdict, Verdict)
    assert verdict.by is AnsweredBy.HUMAN
    assert verdict.at_tick / 8 - 500 <= 900


@pytest.mark.parametrize("spoken_ms", [200, 500, 900, 1_300, 1_700])
def test_who_pauses_is_a_human(spoken_ms: int) -> None:
    ((by, at_ms),) = verdicts(pause(700), speech(spoken_ms), pause(3_000))
    assert by is AnsweredBy.HUMAN
    assert at_ms - 700 <= 2_500


@pytest.mark.parametrize("parts", [(speech(8_000),), (speech(600), pause(250), speech(8_000))])
def test_who_goes_on_is_a_recording(parts: tuple[bytes, ...]) -> None:
    ((by, at_ms),) = verdicts(pause(700), *parts)
    assert by is AnsweredBy.VOICEMAIL
    assert at_ms - 700 <= 2_500


@pytest.mark.parametrize("hz", [440.0, 1_000.0, 1_400.0])
def test_the_beep_of_a_voicemail(hz: float) -> None:
    events = heard(pause(300), speech(6_000), pause(800), tones.tones((hz,), 400), pause(2_000))
    (beep,) = [event for event in events if isinstance(event, Beep)]
    assert beep.heard
    assert beep.at_tick / 8 == pytest.approx(300 + 6_000 + 800 + 400, abs=60)


def test_a_greeting_without_a_beep() -> None:
    events = heard(pause(300), speech(4_000), pause(4_000))
    (beep,) = [event for event in events if isinstance(event, Beep)]
    assert not beep.heard
    assert beep.at_tick / 8 == pytest.approx(4_300 + 2_500, abs=60)


def test_a_short_greeting_with_a_beep_was_no_human() -> None:
    found = heard(pause(300), speech(900), pause(1_200), tones.tones((1_000.0,), 400), pause(1_000))
    kinds = [(event.by, event.revised) for event in found if isinstance(event, Verdict)]
    assert kinds == [(AnsweredBy.HUMAN, False), (AnsweredBy.VOICEMAIL, True)]
    assert isinstance(found[-1], Beep)


@pytest.mark.parametrize(
    ("audio", "by", "within_ms"),
    [
        (on_off((1_100.0,), 500, 3_000, 2), AnsweredBy.FAX, 520),
        (on_off((2_100.0,), 3_000, 500, 1), AnsweredBy.FAX, 600),
        (on_off((480.0, 620.0), 500, 500, 4), AnsweredBy.BUSY, 1_150),
        (on_off((425.0,), 480, 480, 4), AnsweredBy.BUSY, 1_150),
        (on_off((400.0,), 375, 375, 4), AnsweredBy.BUSY, 1_000),
        (on_off((480.0, 620.0), 250, 250, 8), AnsweredBy.REORDER, 1_700),
        (on_off((425.0,), 240, 240, 8), AnsweredBy.REORDER, 1_700),
        (b"".join(tones.tones((hz,), ms, level_dbfs=-20) for hz, ms in SIT), AnsweredBy.SIT, 700),
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_tones_decide_before_the_answer_too(audio: bytes, by: AnsweredBy, within_ms: int, answered: bool) -> None:
    ((found, at_ms),) = verdicts(pause(300), audio, pause(500), answered=answered)
    assert found is by
    assert at_ms - 300 <= within_ms


@pytest.mark.parametrize(
    "audio",
    [
        on_off((440.0, 480.0), 2_000, 4_000, 2),
        on_off((425.0,), 1_000, 4_000, 2),
        (on_off((400.0, 450.0), 400, 200, 1) + on_off((400.0, 450.0), 400, 2_000, 1)) * 2,
    ],
)
def test_ringing_is_no_verdict(audio: bytes) -> None:
    events = heard(audio, answered=False)
    assert [type(event) for event in events] == [Ringing]


def test_an_announcement_before_the_answer_is_nobody() -> None:
    assert verdicts(speech(5_000), answered=False) == []


def test_silence_and_then_a_human() -> None:
    found = verdicts(pause(5_000), speech(400), pause(2_000))
    assert [by for by, _ in found] == [AnsweredBy.SILENCE, AnsweredBy.HUMAN]


def test_clicks_are_nobody() -> None:
    click = tones.noise(20, level_dbfs=-15)
    assert verdicts((click + pause(480)) * 6) == []


def test_loud_noise_on_the_line_is_nobody() -> None:
    noise = tones.noise(2_500, level_dbfs=-50, seed=4)
    assert verdicts(noise) == []


def test_words_name_the_kind() -> None:
    detector = AnswerDetector()
    detector.answered()
    detector.audio(pause(300) + speech(1_200))
    assert detector.words("thank you for calling acme") == []
    (event,) = detector.words("thank you for calling acme for sales press one")
    assert isinstance(event, Verdict)
    assert (event.by, event.why, event.revised) == (AnsweredBy.IVR, "words", False)
    assert detector.words("press one or leave a message") == []
    assert detector.audio(speech(3_000)) == []


def test_words_correct_a_verdict() -> None:
    detector = AnswerDetector()
    detector.answered()
    detector.audio(pause(300) + speech(1_200) + pause(1_000))
    assert detector.verdict is not None and detector.verdict.by is AnsweredBy.HUMAN
    (event,) = detector.words("You've reached Mary")
    assert isinstance(event, Verdict)
    assert (event.by, event.revised) == (AnsweredBy.VOICEMAIL, True)
    assert detector.words("who is this") == []
