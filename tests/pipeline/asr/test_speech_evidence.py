import numpy as np
import pytest
from numpy.typing import NDArray

from bench.free_speech import heard_by_recogniser
from bench.hearing.runs import background
from bench.phone_line import over_the_line
from offhook.pipeline.asr.speech_evidence import (
    MIN_PROBABILITY,
    RATE_HZ,
    Evidence,
    Sound,
    evidence,
    halved,
    is_crowd,
    plain,
    sound,
    speech_probability,
    spoken,
    voice_in,
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


def given(sound: Sound, text: str, no_speech: float = 0.02, log_prob: float = -0.2, voice: float = 0.98) -> Evidence:
    return evidence(sound, text, 2 * len(text.split()), no_speech, log_prob, voice)


def test_a_clear_sentence_is_accepted_and_thanks_out_of_a_hum_are_not() -> None:
    hum = Sound(active_s=2.0, voiced=1.0, pitch_spread=0.0, variability=0.2)
    assert speech_probability(given(SPEECH, "I'd like to book a table")) > 0.9
    assert speech_probability(given(hum, "Thank you.", no_speech=0.8, log_prob=-1.2, voice=0.3)) < MIN_PROBABILITY


def test_what_the_detector_does_not_take_for_a_voice_needs_much_evidence() -> None:
    siren = Sound(active_s=2.0, voiced=1.0, pitch_spread=0.3, variability=1.0)
    assert (
        speech_probability(given(siren, "Woo! Woo! Woo!", no_speech=0.3, log_prob=-0.6, voice=0.05)) < MIN_PROBABILITY
    )
    voices = [speech_probability(given(SPEECH, "yes", voice=voice)) for voice in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert voices == sorted(voices) and voices[0] < voices[-1]


def test_interjections_alone_count_as_what_a_model_says_to_nothing() -> None:
    assert given(SPEECH, "Oh, whoo, whoo!").stock == 1.0
    assert given(SPEECH, "Oh, the seven.").stock == 0.0


def test_the_voice_is_where_the_detector_is_surest() -> None:
    assert voice_in([]) == 0.0
    assert voice_in([0.5]) == 0.5
    assert voice_in([0.0] * 50 + [1.0] * 8) == 1.0
    assert voice_in([0.0] * 50 + [1.0] * 4) == 0.5


def test_half_the_rate_keeps_what_a_phone_line_carries() -> None:
    for hz, kept in ((300, 1.0), (3_000, 1.0), (6_000, 0.0)):
        half = halved(samples(np.sin(2 * np.pi * hz * seconds(0.5))))
        assert len(half) == RATE_HZ // 4
        assert np.abs(half[100:-100]).max() == pytest.approx(8_000 * kept, abs=400)
    assert len(halved(np.zeros(4, np.int16))) == 2


def test_probabilities_of_the_model_may_be_at_their_limits() -> None:
    for no_speech in (0.0, 1.0):
        found = given(SPEECH, "yes", no_speech=no_speech, log_prob=0.0, voice=no_speech)
        assert 0.0 <= speech_probability(found) <= 1.0


def test_several_voices_at_once_are_no_caller() -> None:
    voices = [voice / np.sqrt((voice**2).mean()) for voice in background()]
    crowds = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        several = [np.roll(np.resize(voices[each % len(voices)], 16_000), rng.integers(16_000)) for each in range(7)]
        line = over_the_line((1_500 * np.sum(several, axis=0)).astype(np.int16), rng)
        crowds += is_crowd(sound(heard_by_recogniser(line)))
    assert crowds >= 9
    for voice in voices:
        for seed in range(4):
            line = over_the_line((3_000 * voice).astype(np.int16), np.random.default_rng(seed))
            assert not is_crowd(sound(heard_by_recogniser(line)))
    crowd = Sound(2.0, voiced=0.6, pitch_spread=0.2, variability=1.8, periodicity=0.5, range_db=7.0)
    assert speech_probability(evidence(crowd, "check my balance", 4, 0.01, -0.2, 0.99)) == 0.0
