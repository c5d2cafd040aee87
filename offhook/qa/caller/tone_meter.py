"""Finds call-progress tones in what is heard. Pure."""

from collections.abc import Collection, Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from offhook.qa.script.steps import TONES
from offhook.telephony.pcm import RATE_HZ, audioop, to_array

WINDOW = 400
WINDOW_S = WINDOW / RATE_HZ
SHARE = 0.85
"""Of a window's energy, by sines of the tone's frequencies."""
LEAST_RMS = 300


class ToneMeter:
    """The tones of `names` in the audio of one call, each reported once, when it is known by its length."""

    def __init__(self, names: Collection[str] = tuple(TONES)) -> None:
        self._tones = {name: TONES[name] for name in names}
        self._rest = b""
        self._lasts: dict[str, int] = {}

    def hear(self, pcm: bytes) -> list[str]:
        """The names of the tones that are known with this audio."""
        if not self._tones:
            return []
        self._rest += pcm
        found: list[str] = []
        while len(self._rest) >= 2 * WINDOW:
            window, self._rest = self._rest[: 2 * WINDOW], self._rest[2 * WINDOW :]
            found += self._window(window)
        return found

    def _window(self, window: bytes) -> Iterable[str]:
        sounding = _tones_in(window)
        for name, tone in self._tones.items():
            sounds = name in sounding
            lasted_ms = 1_000 * WINDOW_S * self._lasts.get(name, 0)
            self._lasts[name] = self._lasts.get(name, 0) + 1 if sounds else 0
            if tone.at_most_ms is None:
                now_ms = 1_000 * WINDOW_S * self._lasts[name]
                if lasted_ms < tone.at_least_ms <= now_ms:
                    yield name
            elif not sounds and tone.at_least_ms <= lasted_ms <= tone.at_most_ms:
                yield name


def _tones_in(window: bytes) -> set[str]:
    if audioop.rms(window, 2) < LEAST_RMS:
        return set()
    samples = to_array(window).astype(np.float64)
    names, basis, begins = _bases()
    # One product for all of them: a product for each costs more than its sums.
    energies = np.add.reduceat((basis @ samples) ** 2, begins)
    return {names[at] for at in np.flatnonzero(energies > SHARE * float(samples @ samples))}


@cache
def _bases() -> tuple[list[str], npt.NDArray[np.float64], list[int]]:
    """Of each of a tone's sets of frequencies: the tone's name, its rows, and which is the first of them."""
    sets = [(name, _basis(each)) for name, tone in TONES.items() for each in tone.frequencies_hz]
    begins = np.cumsum([0, *(len(rows) for _, rows in sets[:-1])])
    return [name for name, _ in sets], np.concatenate([rows for _, rows in sets]), begins.tolist()


def _basis(frequencies_hz: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Orthonormal rows that span the sines and cosines of the frequencies."""
    phase = 2 * np.pi / RATE_HZ * np.arange(WINDOW)
    waves = [wave(each * phase) for each in frequencies_hz for wave in (np.sin, np.cos)]
    orthonormal, _ = np.linalg.qr(np.stack(waves, axis=1))
    return np.ascontiguousarray(orthonormal.T)
