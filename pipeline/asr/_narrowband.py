"""Fits the wideband acoustic model to phone speech.

The model bundled with pocketsphinx was trained on 130-6800 Hz; a phone line carries nothing above 3.4 to 4 kHz, so the
upper mel filters are empty where the model expects speech, and every Gaussian is off. Two measures bring it back:

- Its audio gets the mirror image of 0 to 4 kHz in 4 to 8 kHz, at -15 dB, as a poor upsampler would leave it.
- Its means are multiplied with a matrix that maps wideband cepstra to cepstra of the same speech over a phone
  line with that image (an MLLR transform, Leggetter & Woodland 1995). `bench/fit_channel.py` computes it from
  synthetic speech. A bias is not needed, since cepstra are relative to the mean of the utterance; deltas transform
  like the statics.
"""

from functools import lru_cache
from importlib.resources import files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

FILTERS = 25
CEPSTRA = 13
LIFTER = 22
LOWER_HZ = 130.0
UPPER_HZ = 6_800.0
STREAMS = 3
"""Feature streams, CEPSTRA wide each: statics, deltas, delta-deltas (see the model's feat.params)."""

FILE = "phone_channel.npz"

IMAGE_GAIN = 0.178
"""Amplitude of the image: -15 dB."""

Floats = NDArray[np.float64]


def with_image(pcm: bytes, gain: float = IMAGE_GAIN) -> bytes:
    """16-bit PCM at 16 kHz with the mirror image of 0 to 4 kHz in 4 to 8 kHz. Only for the model, never for a listener.

    A wideband line gets it too (and its upper band below, 15 dB weaker): 26 of 71 words of human speech were wrong with
    image and matrix, 25 without either, so that one model serves both.

    Pieces of a stream must have an even number of samples.
    """
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    samples[0::2] *= 1 + gain
    samples[1::2] *= 1 - gain
    return np.clip(np.rint(samples), -32_768, 32_767).astype("<i2").tobytes()


def mllr_text() -> str:
    """The matrix as the text of a sphinx MLLR file: one class, no bias, variances unchanged."""
    rows = [" ".join(f"{value:.6f}" for value in row) for row in _channel()["matrix"]]
    bias = " ".join(["0.0"] * CEPSTRA)
    scale = " ".join(["1.0"] * CEPSTRA)
    stream = "\n".join([str(CEPSTRA), *rows, bias, scale])
    return "\n".join(["1", str(STREAMS), *([stream] * STREAMS)]) + "\n"


def mean_text() -> str:
    """The cepstral mean of speech over phone lines, as the option `cmninit`: where every utterance begins."""
    return ",".join(f"{value:.2f}" for value in _channel()["mean"])


def mel_filters(size: int, rate_hz: int) -> Floats:
    """The front end's filters: [size // 2 + 1, FILTERS], of unit area."""
    step_hz = rate_hz / size
    edges_mel = np.linspace(_mel(LOWER_HZ), _mel(UPPER_HZ), FILTERS + 2)
    edges_hz = np.rint(700 * (10 ** (edges_mel / 2595) - 1) / step_hz) * step_hz
    hz = (np.arange(size // 2 + 1) * step_hz)[:, None]
    low, middle, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    sides = np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle))
    return np.asarray(np.maximum(0.0, sides) * 2 / (high - low))


def cosines() -> Floats:
    """The transform from log energies of filters to cepstra: [CEPSTRA, FILTERS]."""
    dct = np.sqrt(2.0 / FILTERS) * np.cos(np.pi / FILTERS * np.outer(np.arange(CEPSTRA), np.arange(FILTERS) + 0.5))
    dct[0] /= np.sqrt(2.0)
    return np.asarray(dct)


def lifter() -> Floats:
    """The weights of the cepstra."""
    return np.asarray(1.0 + LIFTER / 2.0 * np.sin(np.pi / LIFTER * np.arange(CEPSTRA)))


@lru_cache(maxsize=1)
def _channel() -> dict[str, Floats]:
    data = files("offhook.pipeline.asr").joinpath(FILE).read_bytes()
    with np.load(BytesIO(data), allow_pickle=False) as stored:
        return {name: stored[name].astype(float) for name in stored.files}


def _mel(hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hz / 700.0))
