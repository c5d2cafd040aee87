"""Human speech: Debian's package pocketsphinx-testdata, or any folder of WAV files with their texts.

The package has a dozen sentences by a handful of speakers, too few for closed questions. So phrases are cut out of
them, at the word boundaries that pocketsphinx finds in the original at 16 kHz, knowing the text. A phrase cut from a
sentence runs into its neighbours, and is harder than an answer: figures from cuts are on the low side.
"""

import re
import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import numpy as np
import pocketsphinx

from bench.hearing.channels import RATE_HZ, Floats

PACKAGE = "pocketsphinx-testdata"
INSTALLED = Path("/usr/share/pocketsphinx/test/data")
ORIGINAL_HZ = 16_000

RAW = {
    "goforward.raw": "go forward ten meters",
    "tidigits/dhd.2934z.raw": "two nine three four zero",
}
TRANSCRIPTIONS = ("librivox/transcription", "cards/cards.transcription", "transcription")
"""Lines such as `<s> seven of clubs </s> (003)`: the name is that of a WAV file beside it."""

CARDS = "cards/"
CARD_GRAMMAR = "cards/cards.gram"

_LINE = re.compile(r"(?:<s>)?\s*(?P<text>.*?)\s*(?:</s>)?\s*\((?P<name>[^)]+)\)\s*$")


@dataclass(frozen=True)
class Word:
    """A word with its place in the recording, in samples at ORIGINAL_HZ."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Recording:
    """One utterance of a person: samples at ORIGINAL_HZ."""

    name: str
    text: str
    samples: Floats

    @property
    def narrow(self) -> Floats:
        """At 8 kHz."""
        return to_rate(self.samples, ORIGINAL_HZ, RATE_HZ)

    def cut(self, words: Sequence[Word]) -> Floats:
        """These words, at 8 kHz."""
        ramp = np.minimum(1.0, np.arange(ORIGINAL_HZ // 100) / (ORIGINAL_HZ // 100))
        piece = self.samples[words[0].start : words[-1].end].copy()
        piece[: len(ramp)] *= ramp
        piece[-len(ramp) :] *= ramp[::-1]
        return to_rate(piece, ORIGINAL_HZ, RATE_HZ)


def folder(given: Path | None, cache: Path) -> Path:
    """The folder of recordings: the given one, the installed package's, or its content unpacked below `cache`.

    Raises SystemExit with what to do if there is none.
    """
    unpacked = cache / INSTALLED.relative_to("/")
    if given is not None:
        return given
    for place in (INSTALLED, unpacked):
        if place.is_dir():
            return place
    cache.mkdir(parents=True, exist_ok=True)
    if which("apt-get") is None or which("dpkg-deb") is None:
        raise SystemExit(f"no recordings: this system has no apt-get. Unpack {PACKAGE}, and name it: --recordings DIR")
    subprocess.run(["apt-get", "download", PACKAGE], cwd=cache, check=True)
    for package in cache.glob(f"{PACKAGE}_*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, cache], check=True)
    return unpacked


def recordings(place: Path) -> list[Recording]:
    """All recordings of the folder with a text."""
    found = [Recording(name, text, _raw(raw)) for name, text in RAW.items() if (raw := place / name).is_file()]
    for listing in TRANSCRIPTIONS:
        if not (place / listing).is_file():
            continue
        for line in (place / listing).read_text().splitlines():
            match = _LINE.match(line)
            path = (place / listing).parent / f"{match['name']}.wav" if match else None
            if match and path is not None and path.is_file():
                text = " ".join(match["text"].lower().split())
                found.append(Recording(f"{path.parent.name}/{path.name}", text, _wav(path)))
    return found


def card_grammar(place: Path) -> str | None:
    """The JSGF of the recordings whose names begin with CARDS, if the folder has it."""
    path = place / CARD_GRAMMAR
    return path.read_text().replace("#JSGF v", "#JSGF V") if path.is_file() else None


def aligned(recording: Recording) -> list[Word]:
    """The words of the recording; none if the text cannot be found in it."""
    decoder = _aligner()
    decoder.set_align_text(recording.text)
    decoder.start_utt()
    decoder.process_raw(recording.samples.astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    frame = ORIGINAL_HZ // 100
    segments = [(re.sub(r"\(\d+\)$", "", s.word), s.start_frame, s.end_frame) for s in decoder.seg() or ()]
    words = [Word(text, start * frame, (end + 1) * frame) for text, start, end in segments if text[0] not in "<[("]
    return words if [word.text for word in words] == recording.text.split() else []


def phrases(words: Sequence[Word], length: int) -> Iterator[Sequence[Word]]:
    """Successive phrases of so many words that do not overlap."""
    for at in range(0, len(words) - length + 1, length):
        yield words[at : at + length]


def to_rate(samples: Floats, from_hz: int, to_hz: int) -> Floats:
    """A whole recording at another rate."""
    if from_hz == to_hz:
        return samples
    size = len(samples) * to_hz // from_hz
    spectrum = np.fft.rfft(samples)
    kept = np.zeros(size // 2 + 1, complex)
    kept[: min(len(kept), len(spectrum))] = spectrum[: len(kept)]
    return np.asarray(np.fft.irfft(kept, size) * (size / len(samples)))


_made: list[pocketsphinx.Decoder] = []


def _aligner() -> pocketsphinx.Decoder:
    if not _made:
        _made.append(pocketsphinx.Decoder(loglevel="FATAL", lm=None))
    return _made[0]


def _raw(path: Path) -> Floats:
    return np.frombuffer(path.read_bytes(), "<i2").astype(float)


def _wav(path: Path) -> Floats:
    with wave.open(str(path), "rb") as audio:
        channels = audio.getnchannels()
        pcm = np.frombuffer(audio.readframes(audio.getnframes()), "<i2").astype(float)
        return to_rate(pcm.reshape(-1, channels).mean(1), audio.getframerate(), ORIGINAL_HZ)
