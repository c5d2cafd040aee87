"""Finds call-progress tones in what is heard. Pure."""

from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from offhook.qa.script.steps import TONES
from offhook.telephony.pcm import RATE_HZ, to_array

WINDOW = 400
WINDOW_S = WINDOW / RATE_HZ
SHARE = 0.85
"""Of a window's energy, by sines of the tone's frequencies."""
LEAST_RMS = 300.0


class ToneMeter:
    """The tones in the audio of one call, each reported once, when it is known by its length."""

    def __init__(self) -> None:
        self._rest = b""
        self._lasts: dict[str, int] = {}

    def hear(self, pcm: bytes) -> list[str]:
        """The names of the tones that are known with this audio."""
        self._rest += pcm
        found: list[str] = []
        while len(self._rest) >= 2 * WINDOW:
            window, self._rest = self._rest[: 2 * WINDOW], self._rest[2 * WINDOW :]
            found += self._window(to_array(window).astype(np.float64))
        return found

    def _window(self, samples: npt.NDArray[np.float64]) -> Iterable[str]:
        energy = float(samples @ samples)
        is_loud = energy > LEAST_RMS**2 * WINDOW
        for name, tone in TONES.items():
            sounds = is_loud and any(_share(samples, each, energy) > SHARE for each in tone.frequencies_hz)
            lasted_ms = 1_000 * WINDOW_S * self._lasts.get(name, 0)
            self._lasts[name] = self._lasts.get(name, 0) + 1 if sounds else 0
            if tone.at_most_ms is None:
                now_ms = 1_000 * WINDOW_S * self._lasts[name]
                if lasted_ms < tone.at_least_ms <= now_ms:
                    yield name
            elif not sounds and tone.at_least_ms <= lasted_ms <= tone.at_most_ms:
                yield name


def _share(samples: npt.NDArray[np.float64], frequencies_hz: tuple[int, ...], energy: float) -> float:
    return float(np.sum((_basis(frequencies_hz) @ samples) ** 2)) / energy


@cache
def _basis(frequencies_hz: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Orthonormal rows that span the sines and cosines of the frequencies."""
    phase = 2 * np.pi / RATE_HZ * np.arange(WINDOW)
    waves = [wave(each * phase) for each in frequencies_hz for wave in (np.sin, np.cos)]
    orthonormal, _ = np.linalg.qr(np.stack(waves, axis=1))
    return np.ascontiguousarray(orthonormal.T)
