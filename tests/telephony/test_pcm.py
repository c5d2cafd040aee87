import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony import pcm


def test_level_of_full_scale_square_is_zero() -> None:
    assert pcm.level_dbfs(pcm.from_array(np.full(160, -32_768))) == pytest.approx(0.0, abs=1e-3)


def test_level_halves_by_six_decibels() -> None:
    assert pcm.level_dbfs(pcm.from_array(np.full(160, 16_384))) == pytest.approx(-6.02, abs=0.01)


@pytest.mark.parametrize("silent", [b"", pcm.silence(160)])
def test_silence_has_the_lowest_level(silent: bytes) -> None:
    assert pcm.rms(silent) == 0
    assert pcm.level_dbfs(silent) == pcm.SILENCE_DBFS


def test_rms_of_a_square_is_its_amplitude() -> None:
    assert pcm.rms(pcm.from_array([100, -100] * 80)) == 100


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        pcm.rms(b"abc")
    with pytest.raises(ValueError, match="multiple"):
        pcm.to_array(b"abc")


@given(st.lists(st.integers(-32_768, 32_767), max_size=200))
def test_array_and_back_is_the_identity(samples: list[int]) -> None:
    audio = pcm.from_array(samples)
    assert pcm.to_array(audio).tolist() == samples
    assert pcm.samples_in(audio) == len(samples)


def test_samples_are_little_endian() -> None:
    assert pcm.from_array([0x0102, -2]) == b"\x02\x01\xfe\xff"


def test_out_of_range_is_clipped_and_fractions_are_rounded() -> None:
    assert pcm.to_array(pcm.from_array([40_000.0, -40_000.0, 0.6, math.pi])).tolist() == [
        32_767,
        -32_768,
        1,
        3,
    ]


def test_import_is_silent_where_warnings_are_errors() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", "import telephony.pcm"], check=True, timeout=30)
