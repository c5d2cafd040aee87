import wave
from pathlib import Path

import numpy as np
import pytest

from offhook.pipeline.asr.phone_check import phones_seen
from offhook.pipeline.asr.phone_net import PHONES, PhoneNet, log_mels, phone_numbers

SPEECH = Path(__file__).parents[2] / "data" / "speech"


def speech(name: str) -> np.ndarray:
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_the_phones_of_english() -> None:
    assert len(PHONES) == 39
    assert phone_numbers(["AA", "ZH"]) == (1, 39)
    with pytest.raises(KeyError):
        phone_numbers(["SIL"])


def test_mels_do_not_depend_on_the_level() -> None:
    quiet = log_mels(speech("check_my_balance") // 4)
    loud = log_mels(speech("check_my_balance"))
    spoken = loud.mean(1) > -1
    assert np.abs(quiet - loud)[spoken].mean() < 0.05


def test_mels_of_8_khz_are_those_of_16_khz() -> None:
    time = np.arange(8_000) / 16_000
    chirp = (8_000 * np.sin(2 * np.pi * (300 + 1_500 * time) * time)).astype(np.int16)
    assert np.abs(log_mels(chirp) - log_mels(chirp[::2], 8_000)).mean() < 0.05


@pytest.mark.parametrize("samples", [0, 1, 399, 400, 401, 8_000])
def test_every_length_gives_probabilities(samples: int) -> None:
    log_probs = PhoneNet().log_probs(np.zeros(samples, np.int16))
    assert log_probs.shape[1] == 40
    assert len(log_probs) == max(1, (1 + max(0, samples - 400) // 160 + 1) // 2)
    assert np.exp(log_probs).sum(1) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "phones"),
    [("check_my_balance", "CH EH K M AY B AE L AH N S"), ("four_two_seven", "F AO R T UW S EH V AH N")],
)
def test_most_phones_of_a_sentence_are_seen(name: str, phones: str) -> None:
    seen = {PHONES[number - 1] for number in phones_seen(PhoneNet().log_probs(speech(name)))}
    said = set(phones.split())
    assert len(seen & said) >= 0.6 * len(said)


def test_a_little_noise_changes_little() -> None:
    pcm = speech("four_two_seven")
    noisy = pcm + np.random.default_rng(5).integers(-1, 2, len(pcm)).astype(np.int16)
    net = PhoneNet()
    one, other = np.exp(net.log_probs(pcm)), np.exp(net.log_probs(noisy))
    assert np.abs(one - other).sum(1).mean() < 0.1
