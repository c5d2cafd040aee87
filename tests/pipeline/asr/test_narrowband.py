import numpy as np

from offhook.pipeline.asr._narrowband import CEPSTRA, lost_band_matrix, mllr_text


def test_a_band_that_loses_nothing_needs_no_transform() -> None:
    assert np.allclose(lost_band_matrix(8_000.0), np.eye(CEPSTRA), atol=1e-9)


def test_the_transform_file_is_laid_out_as_sphinx_reads_it() -> None:
    values = mllr_text().split()
    assert values[:3] == ["1", "3", "13"]
    assert len(values) == 2 + 3 * (1 + 13 * 13 + 13 + 13)
