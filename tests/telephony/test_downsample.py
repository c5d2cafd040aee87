import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.telephony import pcm, tones
from offhook.telephony.resample import Downsampler
from tests.signals import sine


def level_of(frequency_hz: float) -> float:
    return pcm.level_dbfs(Downsampler().push(sine(frequency_hz, 1_000, level_dbfs=-6, rate_hz=16_000))[400:])


@pytest.mark.parametrize("frequency_hz", [100, 300, 1_000, 3_000, 3_400])
def test_the_voice_band_stays(frequency_hz: int) -> None:
    assert level_of(frequency_hz) == pytest.approx(-6, abs=0.1)


@pytest.mark.parametrize("frequency_hz", [4_600, 5_000, 6_000, 7_500])
def test_what_is_above_does_not_fold_back(frequency_hz: int) -> None:
    assert level_of(frequency_hz) < -6 - 60


def test_delay_is_13_samples_of_the_output() -> None:
    click = np.zeros(400)
    click[100] = 10_000
    assert int(np.argmax(pcm.to_array(Downsampler().push(pcm.from_array(click))))) == 50 + 13


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 100), max_size=30), st.integers(0, 1_000))
def test_the_chunking_does_not_matter(pairs: list[int], seed: int) -> None:
    audio = tones.noise(100, level_dbfs=-12, seed=seed, rate_hz=16_000)
    one, rest = Downsampler(), audio
    result = b""
    for count in pairs:
        chunk, rest = rest[: 4 * count], rest[4 * count :]
        result += one.push(chunk)
    assert result + one.push(rest) == Downsampler().push(audio)


def test_a_reset_forgets_and_half_a_pair_is_refused() -> None:
    audio = sine(400, 20, rate_hz=16_000)
    one = Downsampler()
    one.push(audio)
    one.reset()
    assert one.push(audio) == Downsampler().push(audio)
    with pytest.raises(ValueError, match="pairs"):
        one.push(audio[:2])
