"""Recordings of sounds that are not speech: LibreOffice's gallery, and the samples of two General MIDI sound fonts.

Applause, a helicopter, a dog, glasses, surf, a train, drums and a hundred instruments, of Debian's libreoffice-common,
timgm6mb-soundfont and fluid-soundfont-gm; `python -m bench.human_speech FOLDER` fetches them. Nothing that has a word
in it is used.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.phone_line import Samples, read_narrow, riff_chunks, wav_narrow

GALLERY = Path("usr/lib/libreoffice/share/gallery/sounds")
SOUND_FONTS = Path("usr/share/sounds/sf2")

WORDS = frozenset({"ok", "ups", "left", "theetone"})
"""Recordings of the gallery that may be said to have a word in them."""

SECONDS = 0.4, 3.0
"""Of a sound of the font, at random."""

LONG_S = 0.3
"""Shorter ones are notes, or strokes of a drum."""

BEATS_S = (0.1, 0.2, 0.3, 0.4)

MIN_RATE_HZ = 8_000
HEADER = struct.Struct("<20s5IBbHH")

_NAME = re.compile(r"[A-Za-z]{3,}")


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording at 8 kHz."""

    group: str
    name: str
    samples: Samples


def recorded_sounds(folder: Path, rng: np.random.Generator) -> Iterator[Sound]:
    """All that are in `folder`; `rng` chooses the length of the sound font's."""
    for path in sorted((folder / GALLERY).glob("*.wav")):
        if path.stem not in WORDS:
            yield Sound("gallery", path.stem, wav_narrow(path.read_bytes()))
    for path in sorted((folder / SOUND_FONTS).glob("*.sf2")):
        for name, rate_hz, wave in sound_font(path.read_bytes()):
            yield Sound(path.stem, name, read_narrow(_lasting(wave, rate_hz, rng), rate_hz))


def sound_font(data: bytes) -> Iterator[tuple[str, int, NDArray[np.float64]]]:
    """One sample of each instrument in a SoundFont 2 file, without its loop: name, rate and samples."""
    chunks = dict(riff_chunks(data[12:]))
    pcm = np.frombuffer(chunks[b"smpl"], "<i2")
    seen = set()
    for fields in HEADER.iter_unpack(chunks[b"shdr"]):
        label, begin, end, _loop, _loop_end, rate_hz = fields[:6]
        name = label.partition(b"\0")[0].decode("latin-1")
        kind = "".join(_NAME.findall(name)).lower()[:6]
        if kind and kind not in seen and rate_hz >= MIN_RATE_HZ and end - begin > rate_hz // 20:
            seen.add(kind)
            yield name, rate_hz, pcm[begin:end].astype(float)


def _lasting(wave: NDArray[np.float64], rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A sample as it is if it is long, else struck again and again, at other pitches."""
    size = int(rng.uniform(*SECONDS) * rate_hz)
    if len(wave) >= LONG_S * rate_hz:
        return wave[:size]
    out, at = np.zeros(size + 2 * int(LONG_S * rate_hz)), 0
    while at < size:
        step = 2 ** (rng.integers(-5, 6) / 12)
        note = np.interp(np.arange(0, len(wave) - 1, step), np.arange(len(wave)), wave)
        note = note[: len(out) - at]
        out[at : at + len(note)] += note * rng.uniform(0.4, 1.0)
        at += int(rng.choice(BEATS_S) * rate_hz)
    return out[:size]
