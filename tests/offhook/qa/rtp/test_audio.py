"""Level, clipping, silence and keys of audio that was made with known ones; and packets put in order."""

import numpy as np
import pytest

from offhook.qa.rtp.audio import Audio, Timeline
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.codec.g711 import G711
from offhook.telephony.tones import dtmf, noise
from tests.signals import sine


def measured(pcm: bytes, codec: G711 = PCMU) -> Audio:
    audio = Audio(codec)
    line = Timeline(audio, codec.silence)
    payload = codec.encode(pcm)
    for at in range(0, len(payload), 160):
        line.put(at, payload[at : at + 160])
    line.flush()
    return audio


@pytest.mark.parametrize("codec", [PCMU, PCMA])
@pytest.mark.parametrize("level", [-10.0, -26.0, -40.0])
def test_the_level_of_what_sounds_all_the_time(codec: G711, level: float) -> None:
    figures = measured(sine(440, 3_000, level_dbfs=level), codec).figures()
    assert figures.speech_level_dbov == pytest.approx(level, abs=0.5)
    assert figures.speech_s == pytest.approx(3.0, abs=0.1) and figures.silent_share == 0


@pytest.mark.parametrize("pause_s", [0, 3, 12])
def test_pauses_do_not_count_for_the_level(pause_s: int) -> None:
    """The active level of a talker is the same however long the pauses are (ITU-T P.56 §A.3)."""
    loud, quiet = sine(300, 2_000, level_dbfs=-22.0), noise(1_000 * pause_s, level_dbfs=-65.0)
    figures = measured((loud + quiet) * 2).figures()
    assert figures.speech_level_dbov == pytest.approx(-22.0, abs=1.0)
    assert figures.speech_s == pytest.approx(4.0, abs=0.6)


def test_silence() -> None:
    figures = measured(sine(300, 1_000) + bytes(64_000) + sine(300, 1_000)).figures()
    assert figures.longest_silence_s == pytest.approx(4.0, abs=0.05)
    assert figures.silent_share == pytest.approx(4 / 6, abs=0.02)
    assert measured(bytes(64_000)).figures().speech_level_dbov is None
    assert measured(noise(4_000, level_dbfs=-68.0)).figures().speech_level_dbov is None


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_clipping(codec: G711) -> None:
    flat = (np.sin(np.arange(16_000) * 0.2) * 80_000).clip(-32_768, 32_767).astype("<i2").tobytes()
    assert measured(flat, codec).figures().clipped_s > 1.8
    whole = (np.sin(np.arange(16_000) * 0.8) * 31_000).astype("<i2").tobytes()
    assert measured(whole, codec).figures().clipped_s < 0.05, "loud, but not flat"


def test_keys_as_tones() -> None:
    assert measured(sine(300, 500) + dtmf("159#") + sine(300, 500)).figures().keys == "159#"


def test_order_and_holes() -> None:
    heard = bytearray()
    line = Timeline(Audio(PCMU, heard.extend), PCMU.silence)
    payload = bytes(range(1, 201)) * 240  # six seconds
    packets = [(at, payload[at : at + 160]) for at in range(0, len(payload), 160)]
    packets[10], packets[30] = packets[30], packets[10]
    del packets[100:105]
    for at, part in packets:
        line.put(1_000 + at, part)
    line.flush()
    expected = bytearray(payload)
    expected[16_000:16_800] = PCMU.silence * 800
    assert bytes(heard) == PCMU.decode(bytes(expected))


def test_a_clock_that_jumps() -> None:
    audio = Audio(PCMU)
    line = Timeline(audio, PCMU.silence)
    part = PCMU.encode(sine(300, 20))
    for start in (0, 10**9, 50):
        for number in range(100):
            line.put(start + 160 * number, part)
    line.flush()
    assert audio.figures().duration_s == pytest.approx(6.0, abs=0.05)


def test_keys_without_end_have_a_bound() -> None:
    audio = Audio(PCMU)
    pressed = PCMU.encode(dtmf("12345"))
    pressed = pressed[: len(pressed) // 80 * 80]
    for _ in range(200):
        audio.take(pressed, b"\1" * len(pressed))
    assert 400 < len(audio.figures().keys) < 600
