"""Tones and hold music through the real detector. `pytest -s` prints the figures."""

import numpy as np
import pytest

from offhook.pipeline.front_end.tonal import WINDOW_SAMPLES, is_tone
from offhook.telephony.tones import dtmf, noise, silence, tones
from tests.pipeline.front_end.calls import SimulatedCall, at_level, coded, new_front_end, report, run
from tests.pipeline.front_end.music import hold_music
from tests.pipeline.vad.audio import Samples
from tests.pipeline.vad.corpus import sentences
from tests.rates import is_at_least, is_at_most

STEADY_HZ = ((350, 440), (425,), (480, 620), (440, 480), (400, 450), (1_100,), (2_100,), (600,), (300,), (200,))


def _samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def _line(audio: Samples, lead: int = 4_000) -> SimulatedCall:
    """A call in which the bot says nothing and this is received."""
    received = np.concatenate([np.zeros(lead), audio, np.zeros(4_000)])
    received = coded(received + np.random.default_rng(lead).normal(size=len(received)) * 18)
    return SimulatedCall(np.zeros(len(received)), received, 0, 0)


def _window(pcm: bytes) -> bool:
    return is_tone(coded(_samples(pcm)[-WINDOW_SAMPLES:]).astype(np.float32))


@pytest.mark.parametrize("key", "1234567890*#ABCD")
def test_keys_are_tones(key: str) -> None:
    for tone_ms in (50, 100, 200):
        assert _window(silence(200) + dtmf(key, tone_ms=tone_ms, pause_ms=40, level_dbfs=-20))


@pytest.mark.parametrize("frequencies_hz", STEADY_HZ)
def test_steady_tones_are_tones(frequencies_hz: tuple[float, ...]) -> None:
    assert _window(tones(frequencies_hz, 256, level_dbfs=-24))


def test_noise_silence_and_three_tones_are_not() -> None:
    assert not _window(noise(256, level_dbfs=-20))
    assert not _window(silence(256))
    assert not _window(tones((400, 700, 1_000), 256, level_dbfs=-24))


def test_keys_and_tones_never_count_as_speech() -> None:
    confirmed = {"with": 0, "without": 0}
    sounds = [
        _line(_samples(dtmf(3 * key, tone_ms=tone_ms, pause_ms=80, level_dbfs=level)), lead)
        for key in "147*80"
        for tone_ms in (50, 80)
        for level in (-14.0, -30.0)
        for lead in (4_100, 4_170)
    ]
    sounds += [_line(np.tile(_samples(tones(hz, 500, level_dbfs=-32) + silence(500)), 3)) for hz in STEADY_HZ]
    for sound in sounds:
        confirmed["with"] += bool(run(sound, new_front_end(), low_threshold=lambda at: True).confirmations())
        confirmed["without"] += bool(run(sound, None, low_threshold=lambda at: True).confirmations())
    report(f"tones taken for speech, of {len(sounds)}: {confirmed}")
    assert is_at_most(confirmed["with"], len(sounds), 0.01)
    assert is_at_least(confirmed["without"], len(sounds), 0.25)


def test_speech_is_not_a_tone() -> None:
    changed = 0
    for index, sentence in enumerate(sentences()):
        call = _line(at_level(sentence, -22), 4_000 + 37 * index)
        changed += (
            run(call, new_front_end(), low_threshold=lambda at: True).events
            != run(call, None, low_threshold=lambda at: True).events
        )
    report(f"sentences of which the ear for tones changes anything: {changed} of {len(sentences())}")
    assert is_at_most(changed, len(sentences()), 0.025)


def test_hold_music_opens_no_turns() -> None:
    pieces, opened = 24, 0
    for seed in range(pieces):
        opened += bool(run(_line(hold_music(seed)), new_front_end(), low_threshold=lambda at: False).confirmations())
    report(f"hold music taken for a turn: {opened} of {pieces} pieces of 10 s")
    assert is_at_most(opened, pieces, 0.05)
