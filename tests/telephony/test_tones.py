import numpy as np
import numpy.typing as npt
import pytest

from offhook.telephony import pcm, tones
from tests.signals import sine


def peaks_hz(audio: bytes, count: int, rate_hz: int = 8_000) -> list[float]:
    """The `count` strongest frequencies, ascending."""
    samples = pcm.to_array(audio).astype(np.float64)
    spectrum: npt.NDArray[np.float64] = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    found = []
    for _ in range(count):
        at = int(np.argmax(spectrum))
        found.append(at * rate_hz / (8 * len(samples)))
        spectrum[max(0, at - 40) : at + 40] = 0
    return sorted(found)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050])
def test_sine_has_its_frequency_length_and_level(rate_hz: int) -> None:
    audio = sine(440, 500, level_dbfs=-20, rate_hz=rate_hz)
    assert pcm.samples_in(audio) == rate_hz // 2
    assert pcm.level_dbfs(audio) == pytest.approx(-20, abs=0.05)
    assert peaks_hz(audio, 1, rate_hz) == pytest.approx([440], abs=1)


def test_tones_add_up() -> None:
    audio = tones.tones((350, 440), 1_000, level_dbfs=-16)
    assert peaks_hz(audio, 2) == pytest.approx([350, 440], abs=2)
    assert pcm.level_dbfs(audio) == pytest.approx(-13, abs=0.1)


@pytest.mark.parametrize(
    ("digit", "frequencies"),
    [("1", [697, 1_209]), ("5", [770, 1_336]), ("#", [941, 1_477]), ("D", [941, 1_633])],
)
def test_key_frequencies(digit: str, frequencies: list[float]) -> None:
    audio = tones.dtmf(digit, tone_ms=200, pause_ms=0)
    assert peaks_hz(audio, 2) == pytest.approx(frequencies, abs=5)


def test_there_are_sixteen_keys() -> None:
    assert set(tones.DTMF_HZ) == set("0123456789*#ABCD")


def test_keys_are_followed_by_pauses() -> None:
    audio = tones.dtmf("12", tone_ms=50, pause_ms=30)
    assert pcm.samples_in(audio) == 2 * 8 * 80
    samples = pcm.to_array(audio)
    assert not samples[400:640].any()
    assert not samples[1_040:].any()
    assert np.abs(samples[100:300]).max() > 5_000


def test_unknown_key() -> None:
    with pytest.raises(ValueError, match="no such key: X"):
        tones.dtmf("1X")


def test_noise_is_repeatable_and_has_its_level() -> None:
    assert tones.noise(1_000, level_dbfs=-30) == tones.noise(1_000, level_dbfs=-30)
    assert tones.noise(1_000, level_dbfs=-30) != tones.noise(1_000, level_dbfs=-30, seed=1)
    assert pcm.level_dbfs(tones.noise(1_000, level_dbfs=-30)) == pytest.approx(-30, abs=0.3)


def test_silence() -> None:
    assert tones.silence(20) == bytes(320)
