"""What is said twice is found, on good and on bad lines; what is said once, and tones, are none."""

from random import Random

import pytest

from offhook.qa.verdict.fingerprint import frames_of
from offhook.qa.verdict.repetition import Repetition, repetition
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.pcm import from_array, to_array
from offhook.telephony.tones import noise, silence, tones
from tests.qa.prompts import FILES, prompt

LONG_ENOUGH = ("greeting", "hours", "balance")


def found(pcm: bytes) -> Repetition | None:
    return repetition(frames_of(PCMU.decode(PCMU.encode(pcm))))


def lossy(pcm: bytes, seed: int) -> bytes:
    """One packet in fifty is missing."""
    chance = Random(seed)
    packets = [pcm[at : at + 320] for at in range(0, len(pcm), 320)]
    return b"".join(bytes(len(each)) if chance.random() < 0.02 else each for each in packets)


@pytest.mark.parametrize("name", LONG_ENOUGH)
@pytest.mark.parametrize("pause_ms", [0, 213, 400, 1_501, 2_500])
def test_what_is_said_twice(name: str, pause_ms: int) -> None:
    said = prompt(name)
    again = found(silence(130) + said + silence(pause_ms) + said)
    assert again is not None
    assert again.again_ms - again.began_ms == pytest.approx(len(said) / 16 + pause_ms, abs=10)
    assert again.repeated_ms == pytest.approx(len(said) / 16, abs=150)


@pytest.mark.parametrize("name", ["greeting", "hours"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_a_bad_line(name: str, seed: int) -> None:
    twice = prompt(name) + silence(407) + prompt(name)
    hiss = to_array(noise(len(twice) / 16, level_dbfs=-45, seed=seed))
    noisy = from_array(0.5 * to_array(twice) + hiss[: len(twice) // 2])
    for pcm in (lossy(twice, seed), PCMA.decode(PCMA.encode(noisy))):
        assert found(pcm) is not None


def test_what_is_said_once_or_again_later() -> None:
    once = b"".join(prompt(name) + silence(300) for name in FILES)
    assert found(once) is None
    assert found(prompt("hours") + silence(4_000) + prompt("hours")) is None, "a question that is put again"
    assert found(prompt("greeting") + prompt("hours") + prompt("greeting")[:8_000]) is None, "too little of it"
    assert found(b"") is None and found(silence(3_000)) is None


@pytest.mark.parametrize("pcm", [tones((440, 480), 3_000), tones((425,), 3_000), noise(5_000, level_dbfs=-20)])
def test_a_steady_sound_is_no_repetition(pcm: bytes) -> None:
    assert found(pcm) is None
