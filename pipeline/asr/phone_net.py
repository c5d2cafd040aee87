"""A small network that recognises the phones of phone speech, to check the recogniser's result for a turn.

A grammar always fits something: pocketsphinx finds the phrase that is least unlike what was said. This network uses no
grammar. It gives the probability of each of the 39 phones of English for every 20 ms, and a phrase that was really said
is close to the best possible sequence. Six convolutions, 390,000 weights, about two milliseconds per second of speech.

Inputs are 32 log mel bands between 120 and 3700 Hz, the range of every phone, relative to the mean of the utterance.
`bench/train_phone_net.py` computes the weights from synthetic speech.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
PHONES = tuple(sorted(f"{_VOWELS} {_CONSONANTS}".split()))
"""As in the pronouncing dictionary; output 0 of the network is BLANK, these follow."""

BLANK = 0
FRAME_MS = 20

MELS = 32
LOWER_HZ, UPPER_HZ = 120.0, 3_700.0
WINDOW_MS, HOP_MS = 25, 10
FLOOR = 1e-5  # relative to the loudest frame's power: -50 dB
SPEECH = 1e-3  # of FLOOR: frames below do not count for the mean
SCALE = 0.4

LAYERS = ((5, 1, 1), (5, 2, 1), (3, 1, 1), (3, 1, 2), (3, 1, 4), (3, 1, 8))
"""Kernel, stride and dilation. From the third layer on, a layer's input is added to its output."""

Array = NDArray[np.float32]

_NUMBERS = {phone: number for number, phone in enumerate(PHONES, 1)}


def phone_numbers(phones: Sequence[str]) -> tuple[int, ...]:
    """The outputs for `phones`. Raises KeyError for one that is not English."""
    return tuple(_NUMBERS[phone] for phone in phones)


def log_mels(pcm: NDArray[np.int16], rate_hz: int = RATE_HZ) -> Array:
    """The network's input: [frames of 10 ms, MELS]."""
    window = rate_hz * WINDOW_MS // 1000
    hop = rate_hz * HOP_MS // 1000
    size = 1 << (window - 1).bit_length()
    samples = np.asarray(pcm, np.float32)
    if len(samples) < window:
        samples = np.pad(samples, (0, window - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(window).astype(np.float32), size)) ** 2
    bands = spectrum.astype(np.float32) @ _mel_filters(rate_hz, size)
    power = bands.mean(1)
    loudest = float(power.max())
    logs = np.log(np.maximum(bands, FLOOR * loudest + 1e-9))
    logs -= logs[power >= SPEECH * loudest].mean(0)
    return np.asarray(logs * SCALE, np.float32)


class PhoneNet:
    """The network, with the bundled weights or those in a file that `bench/train_phone_net.py` wrote."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def log_probs(self, pcm: NDArray[np.int16]) -> Array:
        """Log probabilities of BLANK and PHONES, [frames of FRAME_MS, 1 + len(PHONES)], for 16-bit PCM at RATE_HZ."""
        return self.run(log_mels(pcm))

    def run(self, mels: Array) -> Array:
        """The same from log mels."""
        hidden = mels
        for index, ((weights, bias), (kernel, stride, dilation)) in enumerate(zip(self._layers, LAYERS, strict=True)):
            margin = (kernel - 1) // 2 * dilation
            padded = np.pad(hidden, ((margin, margin), (0, 0)))
            shifts = [padded[k * dilation : k * dilation + len(hidden) : stride] for k in range(kernel)]
            out = np.maximum(np.concatenate(shifts, axis=1) @ weights + bias, 0)
            hidden = out + hidden if index >= 2 else out
        weights, bias = self._output
        logits = hidden @ weights + bias
        logits -= logits.max(1, keepdims=True)
        result: Array = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return result

    @cached_property
    def _arrays(self) -> dict[str, Array]:
        bundled = files("offhook.pipeline.asr").joinpath("phone_net.npz")
        data = (self._path or bundled).read_bytes()
        with np.load(BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name].astype(np.float32) for name in stored.files}

    @cached_property
    def _layers(self) -> list[tuple[Array, Array]]:
        return [
            (self._arrays[f"weights{i}"], self._arrays[f"bias{i}"])
            for i in range(len(LAYERS))
            if f"weights{i}" in self._arrays
        ]

    @cached_property
    def _output(self) -> tuple[Array, Array]:
        return self._arrays["weights_out"], self._arrays["bias_out"]


_filters: dict[tuple[int, int], Array] = {}


def _mel_filters(rate_hz: int, size: int) -> Array:
    if (rate_hz, size) not in _filters:
        mels = _mel(np.arange(size // 2 + 1) * rate_hz / size)[:, None]
        edges = np.linspace(_mel(np.array(LOWER_HZ)), _mel(np.array(UPPER_HZ)), MELS + 2)
        rising = (mels - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - mels) / (edges[2:] - edges[1:-1])
        _filters[rate_hz, size] = np.maximum(np.minimum(rising, falling), 0).astype(np.float32)
    return _filters[rate_hz, size]


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(2595 * np.log10(1 + hz / 700))
