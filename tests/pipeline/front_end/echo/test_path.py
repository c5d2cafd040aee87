import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from offhook.pipeline.front_end.echo.path import EchoPath, Floats, best_scale, fit, likely_lags, windows

SAMPLES, LONGEST = 2_400, 3_000


def _reference(seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=SAMPLES + LONGEST + 300) * 1_000
    for n in range(1, len(noise)):  # as low as speech is
        noise[n] += 0.8 * noise[n - 1]
    return noise.astype(np.float32)


def _received(path: EchoPath, reference: Floats) -> Floats:
    stop = len(reference) - path.lag
    return path.predict(reference[stop - SAMPLES - len(path.taps) + 1 : stop])


@pytest.mark.parametrize("lag", [160, 1_234, 2_700])
def test_the_path_of_an_echo_is_found(lag: int) -> None:
    reference = _reference()
    taps = (np.random.default_rng(2).normal(size=40) * np.exp(-np.arange(40) / 10)).astype(np.float32)
    true = EchoPath(lag, taps)
    received = _received(true, reference)
    possible = np.ones(3_000, np.bool_)
    found = likely_lags(reference, received, 3, possible)
    assert abs(found[0] - lag) < 40
    possible[lag - 100 : lag + 100] = False
    assert all(abs(other - lag) >= 100 for other in likely_lags(reference, received, 3, possible))
    assert likely_lags(reference, received, 3, np.zeros(3_000, np.bool_)) == []
    path = fit(reference, received, found[0], 100)
    assert path is not None
    left = received - _received(path, reference)
    assert float(left @ left) < 1e-3 * float(received @ received)


def test_a_moved_echo_is_found_by_its_shape() -> None:
    reference = _reference()
    lag, share = best_scale(reference, reference[-SAMPLES - 777 : -777] * np.float32(0.3))
    assert (lag, round(share, 3)) == (777, 1.0)
    _, share = best_scale(reference, _reference(9)[-SAMPLES:])
    assert share < 0.1


def test_silence_has_no_path_and_a_short_reference_is_refused() -> None:
    silent = np.zeros(SAMPLES + LONGEST, np.float32)
    assert fit(silent, silent[:SAMPLES], 100, 100) is None
    with pytest.raises(ValueError, match="longer reference"):
        fit(silent, silent[:SAMPLES], LONGEST, 100)


@pytest.mark.parametrize("length", [1, 3, 10])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_all_windows_are_rows(length: int, kind: type[np.floating]) -> None:
    values = np.arange(10, dtype=kind)
    assert np.array_equal(windows(values, length), sliding_window_view(values, length))


def test_windows_of_a_slice() -> None:
    values = np.arange(20.0)[5:15]
    assert np.array_equal(windows(values, 4), sliding_window_view(values, 4))


def test_a_short_array_is_refused() -> None:
    with pytest.raises(ValueError, match="3 values have no stretch of 4"):
        windows(np.zeros(3), 4)
