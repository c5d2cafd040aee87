"""Tones: the limits of ITU-T Q.24, and what is no key."""

import math
from pathlib import Path

import numpy as np
import pytest

from offhook.telephony import dtmf_tones, tones
from offhook.telephony.codec import codec_named
from offhook.telephony.dtmf_tones import DtmfTones
from offhook.telephony.native import media
from tests.rates import is_at_least

ZERO_DBM0 = 22_400.0
ALL_KEYS = "0123456789*#ABCD"


def heard(pcm: bytes, packet_ms: int = 20) -> str:
    detector = DtmfTones()
    size = 16 * packet_ms
    found = [digit for at in range(0, len(pcm), size) for digit in detector.receive(pcm[at : at + size])]
    return "".join(digit.digit for digit in [*found, *detector.receive(bytes(1_600))])


def keys(
    digits: str,
    seed: int,
    *,
    tone_ms: int = 40,
    gap_ms: int = 40,
    level_dbm0: float = -10.0,
    high_over_low_db: float = 0.0,
    off: float = 0.0,
    noise_db: float | None = None,
    law: str = "PCMU",
) -> bytes:
    """Keys through G.711. `off`: how far each frequency is beside its nominal one, up or down."""
    chance = np.random.default_rng(seed)
    low_peak = ZERO_DBM0 * 10 ** (level_dbm0 / 20)
    peaks = low_peak, low_peak * 10 ** (high_over_low_db / 20)
    seconds = np.arange(8 * tone_ms) / 8_000
    parts = [np.zeros(int(chance.integers(0, 160)))]
    for digit in digits:
        tone = np.zeros(len(seconds))
        for hz, peak in zip(tones.DTMF_HZ[digit], peaks, strict=True):
            real_hz = hz * (1 + off * chance.choice((-1, 1)))
            tone += peak * np.sin(2 * math.pi * real_hz * seconds + chance.uniform(0, 7))
        parts += [tone, np.zeros(8 * gap_ms)]
    audio = np.concatenate(parts)
    if noise_db is not None:
        audio += chance.normal(0, low_peak / math.sqrt(2) * 10 ** (-noise_db / 20), len(audio))
    audio += chance.integers(-1, 2, len(audio))
    codec = codec_named(law)
    return codec.decode(codec.encode(np.clip(audio, -32_124, 32_124).astype("<i2").tobytes()))


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
@pytest.mark.parametrize("packet_ms", [10, 20, 32, 60])
def test_every_key(law: str, packet_ms: int) -> None:
    assert heard(keys(ALL_KEYS, 1, law=law), packet_ms) == ALL_KEYS


@pytest.mark.parametrize("level_dbm0", [0.0, -3.0, -10.0, -20.0, -30.0])
@pytest.mark.parametrize(
    "line",
    [{}, {"off": 0.015}, {"high_over_low_db": 4}, {"high_over_low_db": -8}, {"off": 0.015, "high_over_low_db": -8}],
)
def test_keys_of_40_ms_on_a_noisy_line(level_dbm0: float, line: dict[str, float]) -> None:
    if level_dbm0 + line.get("high_over_low_db", 0) > 0:
        pytest.skip("louder than the line can be")
    if level_dbm0 + line.get("high_over_low_db", 0) < -33:
        pytest.skip("the softer tone is below -33 dBm0")
    right = 0
    for seed in range(10):
        digits = "".join(np.random.default_rng(seed).permutation(list(ALL_KEYS)))
        off, twist_db = line.get("off", 0.0), line.get("high_over_low_db", 0.0)
        pcm = keys(digits, seed, level_dbm0=level_dbm0, noise_db=20, off=off, high_over_low_db=twist_db)
        if heard(pcm) == digits:
            right += len(digits)
    assert is_at_least(right, 10 * len(ALL_KEYS), 0.99)


@pytest.mark.parametrize("off", [0.035, 0.05])
def test_other_frequencies_are_no_keys(off: float) -> None:
    assert heard(keys(ALL_KEYS, 3, off=off, tone_ms=100)) == ""


def test_a_long_press_is_one_key_with_its_length() -> None:
    detector = DtmfTones()
    found = detector.receive(keys("5", 2, tone_ms=3_000, gap_ms=100))
    assert [digit.digit for digit in found] == ["5"]
    assert found[0].duration_ms == pytest.approx(3_000, abs=20)


def test_an_interruption_of_10_ms_is_one_key() -> None:
    pcm = bytearray(keys("5", 2, tone_ms=120, gap_ms=100))
    pcm[16 * 70 : 16 * 80] = bytes(160)
    assert heard(bytes(pcm)) == "5"


def test_the_same_key_twice() -> None:
    assert heard(keys("5555", 4)) == "5555"


def test_whether_a_key_is_sounding() -> None:
    detector = DtmfTones()
    assert not detector.sounding
    detector.receive(tones.dtmf("7", tone_ms=60, pause_ms=0))
    assert detector.sounding
    detector.receive(tones.silence(60))
    assert not detector.sounding


@pytest.mark.parametrize(
    "pcm",
    [
        tones.tones((350, 440), 2_000),
        tones.tones((480, 620), 2_000),
        tones.tones((1_100,), 2_000),
        tones.tones((2_100,), 2_000),
        tones.tones((770,), 2_000),
        tones.tones((1_336,), 2_000),
        tones.tones((697, 770), 2_000),
        tones.tones((1_209, 1_477), 2_000),
        tones.tones((770, 1_336, 2_000), 2_000),
        tones.noise(10_000, level_dbfs=-20),
        tones.silence(1_000),
        bytes(1_000) * 3,
        b"",
    ],
)
def test_what_is_no_key(pcm: bytes) -> None:
    assert heard(pcm) == ""


def test_speech_is_no_key() -> None:
    folder = Path("/usr/share/pocketsphinx")
    recordings = sorted(folder.rglob("*.wav")) + sorted(folder.rglob("*.raw"))
    if not recordings:
        pytest.skip("Debian's pocketsphinx-testdata isn't installed")
    hours = 0.0
    for recording in recordings:
        data = recording.read_bytes()[44:]
        pcm = np.frombuffer(data[: len(data) // 4 * 4], "<i2").astype(np.int32).reshape(-1, 2).sum(1) // 2
        hours += len(pcm) / 8_000 / 3_600
        assert heard(pcm.astype("<i2").tobytes()) == "", recording.name
    assert hours > 0.01


@pytest.mark.skipif(media is None, reason="the native media pump was not built")
def test_the_first_test_is_the_same_in_c() -> None:
    assert media is not None
    chance = np.random.default_rng(9)
    audio = [*(chance.normal(0, level, 160) for level in (50, 500, 5_000) for _ in range(200))]
    audio += [np.frombuffer(keys("5", n, off=0.03, noise_db=3.0, tone_ms=20), "<i2")[80:240] for n in range(400)]
    pcm = [each.astype("<i2").tobytes() for each in audio]
    power, share = 2 * dtmf_tones.MIN_POWER, dtmf_tones.BLOCK_SHARE
    answers = [media.may_hold_key(each, power, share) for each in pcm]
    assert answers == [dtmf_tones.may_hold_key_in_python(each, power, share) for each in pcm]
    assert 0.1 < sum(answers) / len(answers) < 0.9
