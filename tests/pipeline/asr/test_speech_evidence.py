import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.pipeline.asr.speech_evidence import (
    MIN_PROBABILITY,
    RATE_HZ,
    Sound,
    evidence,
    plain,
    sound,
    speech_probability,
    spoken,
)

RNG = np.random.default_rng(5)
SPEECH = Sound(active_s=1.5, voiced=0.6, pitch_spread=0.25, variability=1.8)


def samples(wave: NDArray[np.float64]) -> NDArray[np.int16]:
    return (8_000 * wave).astype(np.int16)


def seconds(count: float) -> NDArray[np.float64]:
    return np.arange(round(count * RATE_HZ)) / RATE_HZ


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("[BLANK_AUDIO]", ""),
        ("(coughing) yes *sighs*", "yes"),
        ("♪ la la ♪", "la la"),
        ("...", ""),
        (" $5. ", "$5."),
        ("Ja, gern.", "Ja, gern."),
    ],
)
def test_annotations_are_not_spoken(text: str, rest: str) -> None:
    assert spoken(text) == rest


def test_plain_words() -> None:
    assert plain("Mr. O'Neil: 10 of CLUBS!") == "mr o'neil 10 of clubs"


def test_a_tone_has_a_pitch_that_stays() -> None:
    found = sound(samples(np.sin(2 * np.pi * 200 * seconds(1.0)) + 0.3 * np.sin(2 * np.pi * 400 * seconds(1.0))))
    assert found.voiced > 0.9
    assert found.pitch_spread < 0.02
    assert found.active_s == pytest.approx(1.0, abs=0.05)


def test_a_gliding_voice_has_one_that_moves() -> None:
    phase = 2 * np.pi * np.cumsum(120 + 80 * seconds(1.0)) / RATE_HZ
    found = sound(samples(np.sum([np.sin(n * phase) / n for n in range(1, 8)], axis=0) / 2))
    assert found.voiced > 0.8
    assert found.pitch_spread > 0.1


def test_noise_has_none() -> None:
    assert sound(samples(RNG.normal(scale=0.1, size=RATE_HZ))).voiced < 0.1


def test_quiet_around_the_sound_does_not_count() -> None:
    burst = np.concatenate([np.zeros(RATE_HZ), RNG.normal(scale=0.2, size=RATE_HZ // 2), np.zeros(RATE_HZ)])
    assert sound(samples(burst)).active_s == pytest.approx(0.5, abs=0.06)


def test_silence_is_nothing() -> None:
    assert sound(np.zeros(RATE_HZ, np.int16)).active_s == 0.0
    assert sound(np.zeros(10, np.int16)).active_s == 0.0


def test_a_clear_sentence_is_accepted_and_thanks_out_of_a_hum_are_not() -> None:
    clear = evidence(SPEECH, "I'd like to book a table", 8, no_speech_probability=0.02, mean_log_probability=-0.2)
    hum = Sound(active_s=2.0, voiced=1.0, pitch_spread=0.0, variability=0.2)
    thanks = evidence(hum, "Thank you.", 3, no_speech_probability=0.8, mean_log_probability=-1.2)
    assert speech_probability(clear) > 0.9
    assert speech_probability(thanks) < MIN_PROBABILITY


def test_probabilities_of_the_model_may_be_at_their_limits() -> None:
    for no_speech in (0.0, 1.0):
        found = evidence(SPEECH, "yes", 1, no_speech_probability=no_speech, mean_log_probability=0.0)
        assert 0.0 <= speech_probability(found) <= 1.0
