"""Call-progress tones by frequency and length."""

import numpy as np
import pytest

from offhook.qa.caller.tone_meter import ToneMeter
from offhook.telephony.pcm import from_array, to_array
from offhook.telephony.tones import dtmf, noise, silence, tones
from tests.qa.prompts import prompt


def heard(pcm: bytes) -> list[str]:
    meter = ToneMeter()
    return [name for at in range(0, len(pcm), 320) for name in meter.hear(pcm[at : at + 320])]


@pytest.mark.parametrize(
    ("frequencies", "duration_ms", "names"),
    [
        ((440, 480), 2_000, ["ringback"]),
        ((425,), 1_000, ["ringback"]),
        ((480, 620), 500, ["busy"]),
        ((425,), 480, ["busy"]),
        ((350, 440), 4_000, ["dial"]),
        ((1_000,), 400, ["beep"]),
        ((2_100,), 2_600, ["fax"]),
        ((700, 900), 2_000, []),
        ((1_000,), 4_000, []),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_tones_in_noise(frequencies: tuple[int, ...], duration_ms: int, names: list[str], seed: int) -> None:
    tone = silence(130) + tones(frequencies, duration_ms, level_dbfs=-18) + silence(400)
    hiss = noise(len(tone) / 16, level_dbfs=-45, seed=seed)
    assert heard(from_array(to_array(tone) + to_array(hiss).astype(np.int32))) == names


def test_speech_and_keys_are_no_tones() -> None:
    assert heard(prompt("greeting") + dtmf("1234567890*#") + noise(2_000, level_dbfs=-20)) == []
