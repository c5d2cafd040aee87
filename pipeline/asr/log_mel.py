"""The log-mel spectrogram that Whisper models take. Pure numpy.

From the definition in the paper and its published parameters: 25 ms Hann windows every 10 ms, Slaney's mel scale up to
8 kHz, log10 limited to 8 below the loudest value, scaled to about -1 to 1.
"""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATE_HZ = 16_000
FFT_SAMPLES = 400
HOP_SAMPLES = 160
FRAMES_PER_S = RATE_HZ // HOP_SAMPLES

Floats = NDArray[np.float32]

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1_000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0  # per mel, above the break
_FLOOR = 1e-10
_RANGE = 8.0


def log_mel(samples: Floats, frames: int, bands: int = 80) -> Floats:
    """The spectrogram, `bands` by `frames`, of samples from -1 to 1 at 16 kHz, padded with silence or cut.

    Only the sound itself is analysed: silence behind it costs nothing.
    """
    samples = samples[: frames * HOP_SAMPLES]
    side = FFT_SAMPLES // 2
    if len(samples) <= side:
        samples = np.pad(samples, (0, side + 1 - len(samples)))
    # Half a window is mirrored in front, and one of silence follows, as in the models' training.
    padded = np.concatenate([samples[side:0:-1], samples, np.zeros(FFT_SAMPLES, np.float32)])
    windows = sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES][:frames]
    spectrum = np.fft.rfft(windows * _hann(), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    mel = np.log10(np.maximum(power @ _filters(bands).T, _FLOOR))
    loudest = float(mel.max())
    whole = np.full((frames, bands), np.log10(_FLOOR), np.float32)
    whole[: len(mel)] = mel
    scaled = (np.maximum(whole, loudest - _RANGE) + 4.0) / 4.0
    return np.ascontiguousarray(scaled.T, np.float32)


@lru_cache(maxsize=1)
def _hann() -> Floats:
    return np.asarray(np.hanning(FFT_SAMPLES + 1)[:-1], np.float32)


@lru_cache(maxsize=4)
def _filters(bands: int) -> Floats:
    """Triangles of equal area over the bins of the spectrum, `bands` by 201."""
    mels = np.linspace(0.0, _mel(RATE_HZ / 2), bands + 2)
    edges = np.where(mels < _BREAK_MEL, mels * _LINEAR_HZ_PER_MEL, _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL)))
    bins = np.fft.rfftfreq(FFT_SAMPLES, 1.0 / RATE_HZ)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))
    return np.asarray(triangles, np.float32)


def _mel(hz: float) -> float:
    return hz / _LINEAR_HZ_PER_MEL if hz < _BREAK_HZ else _BREAK_MEL + float(np.log(hz / _BREAK_HZ)) / _LOG_STEP
