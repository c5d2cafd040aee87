import numpy as np
import pytest

from offhook.pipeline.asr import _narrowband as narrowband

RATE_HZ = 16_000


def tone(hz: float, level: float = 3_000) -> np.ndarray:
    return np.rint(level * np.sin(2 * np.pi * hz * np.arange(RATE_HZ // 5) / RATE_HZ)).astype("<i2")


def level_at(pcm: bytes, hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(np.frombuffer(pcm, "<i2").astype(float) * np.hanning(len(pcm) // 2)))
    return float(spectrum[round(hz * (len(pcm) // 2) / RATE_HZ)])


@pytest.mark.parametrize("hz", [300, 1_000, 3_400])
def test_the_image_is_15_db_below_and_mirrored(hz: int) -> None:
    both = narrowband.with_image(tone(hz).tobytes())
    assert 20 * np.log10(level_at(both, 8_000 - hz) / level_at(both, hz)) == pytest.approx(-15, abs=0.1)
    assert level_at(both, hz) == pytest.approx(level_at(tone(hz).tobytes(), hz), rel=0.01)


def test_pieces_give_the_same_image_as_the_whole_and_loud_samples_are_limited() -> None:
    pcm = tone(1_000, 32_000).tobytes()
    whole = narrowband.with_image(pcm)
    assert b"".join(narrowband.with_image(pcm[at : at + 1_280]) for at in range(0, len(pcm), 1_280)) == whole
    assert np.frombuffer(whole, "<i2").max() == 32_767


def test_the_transform_file_is_laid_out_as_sphinx_reads_it() -> None:
    values = narrowband.mllr_text().split()
    assert values[:3] == ["1", "3", "13"]
    assert len(values) == 2 + 3 * (1 + 13 * 13 + 13 + 13)
    assert len(narrowband.mean_text().split(",")) == narrowband.CEPSTRA


def test_the_matrix_keeps_most_of_what_a_phone_line_carries() -> None:
    rows = np.array(narrowband.mllr_text().split()[3 : 3 + 169], float).reshape(13, 13)
    assert 0.5 < np.linalg.norm(rows, 2) < 3.0
    assert (np.diag(rows)[:4] > 0.2).all()
