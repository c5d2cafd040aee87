import numpy as np
import pytest

from bench.hearing.channels import CHANNELS, Line
from bench.hearing.runs import background
from bench.hearing.sounds import SOUNDS
from bench.phone_line import for_recogniser
from offhook.pipeline.asr.phone_check import MIN_VOICING
from offhook.pipeline.asr.voicing import voicing


def over(channel: str, speech: np.ndarray, seed: int) -> np.ndarray:
    line = Line(background()).carry(speech, CHANNELS[channel], np.random.default_rng(seed))
    return np.frombuffer(for_recogniser(line), "<i2")


@pytest.mark.parametrize("channel", ["mu-law", "A-law", "noise 10 dB", "babble 10 dB", "loss 5 %"])
def test_speech_has_a_voice(channel: str) -> None:
    for seed, speech in enumerate(background()):
        assert voicing(over(channel, speech, seed)) > MIN_VOICING + 0.15


@pytest.mark.parametrize("name", ["cough", "breath", "click"])
@pytest.mark.parametrize("channel", ["mu-law", "A-law", "noise 10 dB", "loss 5 %"])
def test_coughs_and_breath_seldom_have_one(name: str, channel: str) -> None:
    found = [voicing(over(channel, SOUNDS[name](np.random.default_rng(seed)), seed)) for seed in range(20)]
    assert np.mean([each > MIN_VOICING for each in found]) < 0.3
    assert max(found) < 0.6


def test_silence_and_too_little_have_none() -> None:
    assert (
        voicing(np.zeros(16_000, np.int16)) == voicing(np.zeros(500, np.int16)) == voicing(np.zeros(0, np.int16)) == 0
    )
