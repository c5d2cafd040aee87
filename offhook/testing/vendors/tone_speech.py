"""Speech that a program can read: each character is a tone of 60 ms, silence where it is a space. Pure.

`speak` makes it for the voices of `offhook.testing.vendors`; `text_in` reads it again, also after G.711, and where it
was cut off. What a caller received can so be compared with the text, letter by letter.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MS_PER_CHARACTER = 60
_LOWEST_HZ, _STEP_HZ = 300, 25  # 95 characters end below 2700 Hz; 60 ms resolve 17 Hz
_FIRST, _LAST = 33, 126  # the printable ASCII characters; all others sound like "?"
_LEVEL = 6_000
_WINDOW_MS, _HOP_MS = 20, 5
_PURE = 0.9
_AT_ONCE = 500
"""So many blocks are read together: one by one they take five times as long, and all at once any memory."""

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SpokenCharacter:
    """A character with its time in milliseconds from the start of its text."""

    text: str
    start_ms: int
    end_ms: int


def speak(text: str, rate_hz: int) -> bytes:
    """`text` as 16-bit mono PCM: 60 ms a character. `rate_hz` is at least 8000."""
    samples = rate_hz * MS_PER_CHARACTER // 1000
    times = np.arange(samples) / rate_hz
    pieces = [np.zeros(samples) if each.isspace() else np.sin(2 * np.pi * _tone_hz(each) * times) for each in text]
    return (np.concatenate(pieces) * _LEVEL).astype("<i2").tobytes() if pieces else b""


def characters(text: str) -> list[SpokenCharacter]:
    """The characters of `text` with their times."""
    return [SpokenCharacter(each, at * MS_PER_CHARACTER, (at + 1) * MS_PER_CHARACTER) for at, each in enumerate(text)]


def text_in(pcm: bytes, rate_hz: int) -> str:
    """The text that `speak` made into `pcm`, without spaces at its ends; silence before, in and after it is allowed.

    A silence of 30 ms or more is a space. A character is read wherever it begins and ends, by how long it sounds: what
    a jitter buffer puts in or leaves out, also silence within a character, changes nothing.
    """
    text, at_space = "", False
    for character, sounds_ms in _joined(_sounds(pcm, rate_hz)):
        if character == " ":
            at_space = at_space or sounds_ms >= MS_PER_CHARACTER / 2
        elif count := int(sounds_ms / MS_PER_CHARACTER + 0.5):
            text += " " * (at_space and bool(text)) + character * count
            at_space = False
    return text


def _sounds(pcm: bytes, rate_hz: int) -> list[tuple[str, float]]:
    """Each character, or " " for silence, and for how many milliseconds it sounds."""
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(float)
    window, hop = rate_hz * _WINDOW_MS // 1000, rate_hz * _HOP_MS // 1000
    around = np.concatenate([np.zeros(window // 2), samples, np.zeros(window // 2 + hop)])
    blocks = np.lib.stride_tricks.sliding_window_view(around, window)[::hop]
    found: list[tuple[str, float]] = []
    unsure_ms = 0.0  # where two meet: half belongs to each
    for character in _characters_in(blocks, rate_hz):
        if character is None:
            unsure_ms += _HOP_MS
        elif found and found[-1][0] == character:
            found[-1] = character, found[-1][1] + unsure_ms + _HOP_MS
            unsure_ms = 0.0
        else:
            if found:
                found[-1] = found[-1][0], found[-1][1] + unsure_ms / 2
            found.append((character, unsure_ms / 2 + _HOP_MS))
            unsure_ms = 0.0
    return found


def _joined(sounds: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Without the silences within a character: with the rest behind them it is more of a whole one than before."""

    def from_whole(ms: float) -> float:
        return abs(ms / MS_PER_CHARACTER - round(ms / MS_PER_CHARACTER))

    joined: list[tuple[str, float]] = []
    for character, ms in sounds:
        if len(joined) > 1 and joined[-1][0] == " " and joined[-2][0] == character:
            before_ms = joined[-2][1]
            if from_whole(before_ms + ms) < from_whole(before_ms) - 0.1:
                joined[-2:] = [(character, before_ms + ms)]
                continue
        joined.append((character, ms))
    return joined


def _tone_hz(character: str) -> int:
    code = ord(character)
    return _LOWEST_HZ + _STEP_HZ * ((code if _FIRST <= code <= _LAST else ord("?")) - _FIRST)


def _characters_in(blocks: Samples, rate_hz: int) -> Iterator[str | None]:
    """Of each block (a row) its only tone; " " if it is silent, or all but; None if it is of more than one."""
    for first in range(0, len(blocks), _AT_ONCE):
        yield from _tones_in(blocks[first : first + _AT_ONCE], rate_hz)


def _tones_in(blocks: Samples, rate_hz: int) -> Iterator[str | None]:
    silent = np.square(blocks).mean(axis=1) < _LEVEL**2 / 8
    window = np.hanning(blocks.shape[1])
    blocks = blocks * window
    size = 16 * blocks.shape[1]  # zeros behind: a finer grid of frequencies
    spectra = np.abs(np.fft.rfft(blocks, size, axis=1))
    peaks = spectra.argmax(axis=1)
    powers = np.square(blocks).sum(axis=1) * window.sum() ** 2
    highest = np.take_along_axis(spectra, peaks[:, None], axis=1)[:, 0]
    shares = 2 * highest**2 * np.square(window).sum() / np.maximum(powers, 1.0)
    steps = np.round((peaks * rate_hz / size - _LOWEST_HZ) / _STEP_HZ).astype(int).clip(0, _LAST - _FIRST)
    for is_silent, share, step in zip(silent, shares, steps, strict=True):
        yield " " if is_silent else None if share < _PURE else chr(int(step) + _FIRST)
