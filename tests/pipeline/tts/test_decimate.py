import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.tts._decimate import Samples, decimate


def tone(frequency_hz: float, rate_hz: int, samples: int) -> Samples:
    return np.sin(2 * np.pi * frequency_hz * np.arange(samples) / rate_hz).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("frequency_hz", [100, 1_000, 3_200])
def test_the_band_passes_without_delay(rate_hz: int, frequency_hz: int) -> None:
    result = decimate(tone(frequency_hz, rate_hz, rate_hz // 2), rate_hz)
    expected = tone(frequency_hz, 8_000, len(result))
    assert np.abs(result - expected)[200:-200].max() < 0.003


@pytest.mark.parametrize("frequency_hz", [3_700, 4_000, 4_500, 5_000, 8_000, 11_000])
def test_what_is_above_the_band_is_gone(frequency_hz: int) -> None:
    result = decimate(tone(frequency_hz, 22_050, 11_025), 22_050)
    assert np.abs(result)[200:-200].max() < 0.002


@given(st.integers(0, 3_000), st.sampled_from([8_000, 11_025, 16_000, 22_050, 48_000]))
def test_any_length_comes_out_in_proportion(length: int, rate_hz: int) -> None:
    result = decimate(np.ones(length, np.float32), rate_hz)
    assert len(result) == -(-length * 8_000 // rate_hz)
    assert result.dtype == np.float32


def test_upsampling_is_refused() -> None:
    with pytest.raises(ValueError, match="7999"):
        decimate(np.zeros(4, np.float32), 7_999)
