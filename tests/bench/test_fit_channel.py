import numpy as np
import pytest

from bench.fit_channel import cepstra, fitted
from offhook.pipeline.asr._narrowband import CEPSTRA


def test_the_matrix_between_pairs_is_found() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(CEPSTRA, CEPSTRA))
    originals = [rng.normal(size=(200, CEPSTRA)) for _ in range(3)]
    pairs = [(one, one @ matrix.T + rng.normal(scale=0.01, size=one.shape)) for one in originals]
    assert np.abs(fitted(pairs) - matrix).max() < 0.01


def test_cepstra_do_not_change_with_the_level_except_the_first() -> None:
    noise = np.random.default_rng(1).normal(scale=500, size=16_000)
    (quiet, low), (loud, high) = cepstra(noise), cepstra(4 * noise)
    assert quiet.shape == (1 + (16_000 - 410) // 160, CEPSTRA)
    assert np.abs(loud[:, 1:] - quiet[:, 1:]).max() < 1e-6
    assert (high - low).mean() == pytest.approx(2 * np.log(4), abs=1e-6)
