import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.telephony import native, pcm, tones
from offhook.telephony.resample import Resampler, Upsampler
from tests.signals import resample, sine


def spectrum_db(audio: bytes, rate_hz: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(frequency, level) without the first and last 50 ms; a sine shows about its level in dBFS."""
    edge = rate_hz // 20
    samples = pcm.to_array(audio)[edge:-edge].astype(np.float64) / 32_768
    window = np.blackman(len(samples))
    amplitude = np.abs(np.fft.rfft(samples * window)) / window.sum() * 2
    frequencies: npt.NDArray[np.float64] = np.fft.rfftfreq(len(samples), 1 / rate_hz).astype(np.float64)
    return frequencies, 20 * np.log10(amplitude / 2**0.5 + 1e-9)


def chunked(audio: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(audio[: 2 * size])
        audio = audio[2 * size :]
    return [*chunks, audio]


@pytest.mark.parametrize("frequency_hz", [100, 300, 1_000, 2_000, 3_000, 3_400])
def test_upsampler_is_flat_and_rejects_images(frequency_hz: int) -> None:
    audio = Upsampler().push(sine(frequency_hz, 1_000, level_dbfs=-6))
    frequencies, level = spectrum_db(audio, 16_000)
    assert np.max(level[np.abs(frequencies - frequency_hz) < 20]) == pytest.approx(-6, abs=0.1)
    assert np.max(level[frequencies >= 4_600]) < -66


def test_upsampler_rejects_images_of_the_whole_band() -> None:
    noise = tones.noise(8_000, level_dbfs=-20)
    # Everything up to 3.4 kHz, nothing above: its images lie from 4.6 kHz on.
    spectrum = np.fft.rfft(pcm.to_array(noise))
    spectrum[np.fft.rfftfreq(64_000, 1 / 8_000) > 3_400] = 0
    band = pcm.from_array(np.fft.irfft(spectrum))
    frequencies, level = spectrum_db(Upsampler().push(band), 16_000)
    power = 10 ** (level / 10)
    in_band = power[frequencies <= 3_400].sum()
    images = power[frequencies >= 4_600].sum()
    assert 10 * np.log10(images / in_band) < -60


def test_upsampler_delays_by_28_samples_of_the_output() -> None:
    click = np.zeros(400)
    click[100] = 10_000
    result = pcm.to_array(Upsampler().push(pcm.from_array(click)))
    assert int(np.argmax(result)) == 200 + 28
    assert 28 / 16_000 <= 0.002


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 200), max_size=30), st.integers(0, 1_000))
def test_upsampler_does_not_depend_on_the_chunking(sizes: list[int], seed: int) -> None:
    audio = tones.noise(200, level_dbfs=-8, seed=seed)
    upsampler = Upsampler()
    assert b"".join(map(upsampler.push, chunked(audio, sizes))) == Upsampler().push(audio)


def test_upsampler_clips_rather_than_wraps() -> None:
    square = pcm.from_array(np.where(np.arange(800) // 20 % 2, 32_767, -32_768))
    result = pcm.to_array(Upsampler().push(square)).astype(int)
    assert np.abs(np.diff(result)).max() < 60_000
    assert result.max() == 32_767


def test_upsampler_after_reset_is_as_new() -> None:
    audio = tones.noise(40, level_dbfs=-10)
    upsampler = Upsampler()
    first = upsampler.push(audio)
    upsampler.reset()
    assert upsampler.push(audio) == first


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="not whole"):
        Upsampler().push(b"abc")
    with pytest.raises(ValueError, match="multiple"):
        resample(b"abc", 16_000, 8_000)


@pytest.mark.parametrize("from_hz", [11_025, 16_000, 22_050, 22_051, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("frequency_hz", [300, 1_000, 3_000, 3_400])
def test_resample_keeps_the_voice_band(from_hz: int, frequency_hz: int) -> None:
    audio = resample(sine(frequency_hz, 1_000, level_dbfs=-6, rate_hz=from_hz), from_hz, 8_000)
    assert pcm.samples_in(audio) == 8_000
    frequencies, level = spectrum_db(audio, 8_000)
    beside = np.abs(frequencies - frequency_hz) > 20
    assert np.max(level[~beside]) == pytest.approx(-6, abs=0.05)
    assert np.max(level[beside]) < -76


@pytest.mark.parametrize("from_hz", [16_000, 22_050, 22_051])
@pytest.mark.parametrize("frequency_hz", [4_400, 5_000, 7_000])
def test_resample_rejects_what_would_alias(from_hz: int, frequency_hz: int) -> None:
    audio = resample(sine(frequency_hz, 1_000, level_dbfs=-6, rate_hz=from_hz), from_hz, 8_000)
    assert pcm.level_dbfs(audio[800:-800]) < -76


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22_050, 8_000), (16_000, 8_000), (8_000, 16_000), (8_000, 22_050)])
def test_resample_is_aligned_in_time(from_hz: int, to_hz: int) -> None:
    bump = np.exp(-(((np.arange(from_hz) - from_hz / 2) / from_hz * 1_000) ** 2) / 8) * 20_000
    result = pcm.to_array(resample(pcm.from_array(bump), from_hz, to_hz)).astype(np.float64)
    centre = (result * np.arange(len(result))).sum() / result.sum()
    assert centre == pytest.approx(to_hz / 2, abs=0.01 * to_hz / 1_000)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(
        [(22_050, 8_000), (16_000, 8_000), (8_000, 16_000), (8_000, 11_025), (44_100, 8_000), (8_009, 8_000)]
    ),
    st.lists(st.integers(0, 700), max_size=8),
    st.integers(0, 3_000),
)
def test_resampler_in_chunks_is_as_the_whole(rates: tuple[int, int], sizes: list[int], samples: int) -> None:
    audio = tones.noise(400, level_dbfs=-10, rate_hz=8_000)[: 2 * samples]
    resampler = Resampler(*rates)
    parts = [resampler.push(chunk) for chunk in chunked(audio, sizes)]
    pieces = pcm.to_array(b"".join(parts) + resampler.flush()).astype(int)
    whole = pcm.to_array(resample(audio, *rates)).astype(int)
    assert len(pieces) == len(whole) == -(-samples * rates[1] // rates[0])
    # Sums of floating-point numbers, so a rounding may go the other way.
    assert np.abs(pieces - whole).max(initial=0) <= 1


def test_resampler_is_as_new_after_flush() -> None:
    audio = sine(500, 100, rate_hz=22_050)
    resampler = Resampler(22_050, 8_000)
    first = resampler.push(audio) + resampler.flush()
    assert resampler.push(audio) + resampler.flush() == first


def test_resampler_holds_back_little() -> None:
    resampler = Resampler(22_050, 8_000)
    assert pcm.samples_in(resampler.push(sine(500, 100, rate_hz=22_050))) >= 800 - 8 * 4


def test_nothing_stays_nothing() -> None:
    assert resample(b"", 22_050, 8_000) == b""


@pytest.mark.parametrize(("from_hz", "to_hz"), [(0, 8_000), (8_000, -1), (200_000, 8_000)])
def test_impossible_rates(from_hz: int, to_hz: int) -> None:
    with pytest.raises(ValueError, match="cannot convert"):
        resample(b"", from_hz, to_hz)


@pytest.mark.skipif(native.media is None, reason="the native media pump was not built")
def test_the_upsampler_gives_the_same_in_c() -> None:
    rng = np.random.default_rng(5)
    loud = rng.choice((-32_768, 0, 32_767), 4_000).astype("<i2").tobytes()
    noise = rng.integers(-32_768, 32_768, 20_000, dtype="<i2").tobytes()
    in_c, in_numpy = Upsampler(native=True), Upsampler(native=False)
    for audio in (loud, noise):
        for chunk in chunked(audio, [int(size) for size in rng.integers(0, 700, 20)]):
            assert in_c.push(chunk) == in_numpy.push(chunk)
    in_c.reset()
    assert in_c.push(noise) == Upsampler(native=False).push(noise)
    with pytest.raises(ValueError, match="not whole"):
        in_c.push(b"abc")
