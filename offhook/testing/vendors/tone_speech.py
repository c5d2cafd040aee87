"""Speech that a program can read: each character is a tone of 60 ms, silence where it is a space. Pure.

`speak` makes it for the voices of `offhook.testing.vendors`; `text_in` reads it again, also after G.711, and where it
was cut off. What a caller received can so be compared with the text, letter by letter.
"""

from dataclasses import dataclass

import numpy as np

MS_PER_CHARACTER = 60
_LOWEST_HZ, _STEP_HZ = 300, 25  # 95 characters end below 2700 Hz; 60 ms resolve 17 Hz
_FIRST, _LAST = 33, 126  # the printable ASCII characters; all others sound like "?"
_LEVEL = 6_000
_LOUD = 1_000


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

    After each gap reading begins anew; one of 30 ms or more is a space.
    """
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(float)
    size = rate_hz * MS_PER_CHARACTER // 1000
    text, at, silent_from = "", 0, 0
    while at + size // 2 <= len(samples):
        if np.abs(samples[at : at + size // 12]).max() < _LOUD:
            loud = np.flatnonzero(np.abs(samples[at:]) >= _LOUD)
            if not len(loud):
                break
            at += int(loud[0])
        block = samples[at : at + size]
        if _is_silent(block):
            at += size // 8  # a click, or what is left of a character that was cut off
            continue
        if text and at - silent_from >= size // 2:
            text += " "
        text += _character_in(block, rate_hz)
        at = silent_from = at + size
    return text.strip()


def _is_silent(block: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> bool:
    """By its energy, and not by the loudest sample: up to a quarter of it may be of the characters beside it."""
    return float(np.square(block).mean()) < _LEVEL**2 / 8


def _tone_hz(character: str) -> int:
    code = ord(character)
    return _LOWEST_HZ + _STEP_HZ * ((code if _FIRST <= code <= _LAST else ord("?")) - _FIRST)


def _character_in(block: "np.ndarray[tuple[int], np.dtype[np.float64]]", rate_hz: int) -> str:
    size = 8 * rate_hz * MS_PER_CHARACTER // 1000  # zeros behind: a finer grid of frequencies
    peak_hz = int(np.abs(np.fft.rfft(block * np.hanning(len(block)), size)).argmax()) * rate_hz / size
    return chr(min(max(round((peak_hz - _LOWEST_HZ) / _STEP_HZ), 0), _LAST - _FIRST) + _FIRST)
