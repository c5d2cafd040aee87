"""Recordings of people, with what they say: `python -m bench.human_speech FOLDER` fetches them.

Sets: `novel` and `cards` (Debian's pocketsphinx-testdata), `cities` (two_cities.wav of the package moonshine-voice),
`prompts` (asterisk-core-sounds-en-wav: words and sentences by one speaker at 8 kHz), `words` (ktuberling-data: names
of things), `letters` (klettres-data: letters and syllables by two speakers). The program sox reads the last two.
saytime has digits by one more speaker.
"""

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.phone_line import RATE_HZ, Samples, read_narrow, wav_narrow

DEBIAN = (
    "pocketsphinx-testdata",
    "asterisk-core-sounds-en",
    "asterisk-core-sounds-en-wav",
    "asterisk-moh-opsound-wav",
    "saytime",
    "ktuberling-data",
    "klettres-data",
    "libreoffice-common",
    "timgm6mb-soundfont",
    "fluid-soundfont-gm",
)
"""The last three have sounds, for `bench.recorded_sounds`."""

SPEECH = Path.home() / ".cache" / "offhook" / "speech"
"""Where the benchmarks look for the recordings."""
MOONSHINE = "moonshine-voice==0.1.5"

SPHINX = Path("usr/share/pocketsphinx/test/data")
CITIES = Path("moonshine_voice/assets/two_cities.wav")
PROMPTS = Path("usr/share/asterisk/sounds/en_US_f_Allison")
TIMES = Path("usr/share/saytime")
MUSIC = Path("usr/share/asterisk/moh")
WORDS = Path("usr/share/ktuberling/sounds/en")
LETTERS = tuple(Path("usr/share/klettres") / name for name in ("en/alpha", "en/syllab", "en_GB/alpha", "en_GB/syllab"))
PROMPT_TEXTS = Path("usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")

CITIES_TEXT = """it was the best of times it was the worst of times it was the age of wisdom
it was the age of foolishness
it was the epoch of belief it was the epoch of incredulity it was the season of light it was the season of darkness
it was the spring of hope it was the winter of despair we had everything before us we had nothing before us
we were all going direct to heaven we were all going direct the other way
in short the period was so far like the present period that some of its noisiest authorities insisted on its being
received for good or for evil in the superlative degree of comparison only"""

MAX_TURN_S = 14.0

NO_SPEECH = ("error", "success")
"""Of moonshine-voice's recordings: signals."""

RAW = {"goforward.raw": "go forward ten meters", "tidigits/dhd.2934z.raw": "two nine three four zero"}

_LINE = re.compile(r"(?:<s>)?\s*(.*?)\s*(?:</s>)?\s*\(([^)]+)\)\s*$")

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
_SMALL = [*_ONES.split(), "eighteen", "nineteen"]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SAME = {"mr": "mister", "ok": "okay", "oh": "zero", "o": "zero", "mrs": "missus"}


@dataclass(frozen=True, slots=True)
class Clip:
    """A turn of a person at 8 kHz."""

    group: str
    name: str
    samples: Samples
    text: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / RATE_HZ


def clips(folder: Path) -> Iterator[Clip]:
    """All recordings that are there."""
    sphinx = next((place for place in (folder / SPHINX, Path("/") / SPHINX) if place.is_dir()), None)
    if sphinx is not None:
        yield from _listed(sphinx, "librivox/transcription", "novel")
        yield from _listed(sphinx, "cards/cards.transcription", "cards")
        for name, text in RAW.items():
            samples = np.frombuffer((sphinx / name).read_bytes(), "<i2").astype(float)
            yield Clip("cards", name, read_narrow(samples, 16_000), text)
    if (folder / CITIES).is_file():
        yield Clip("cities", CITIES.name, read_narrow((folder / CITIES).read_bytes()), CITIES_TEXT)
    yield from _prompts(folder)
    yield from _single(folder, WORDS, "words")
    for place in LETTERS:
        yield from _single(folder, place, "letters")


def turns(folder: Path) -> Iterator[Clip]:
    """The same as turns of a caller: long recordings are cut at their pauses, and have no text then."""
    for clip in clips(folder):
        if clip.seconds <= MAX_TURN_S:
            yield clip
    for path in sorted((folder / CITIES).parent.glob("*.wav")):
        if path.stem in NO_SPEECH:
            continue
        whole = read_narrow(path.read_bytes())
        for number, (begin, end) in enumerate(_spoken_parts(whole)):
            yield Clip("moonshine", f"{path.stem} {number}", whole[begin:end], "")


def _spoken_parts(samples: Samples) -> Iterator[tuple[int, int]]:
    """Begin and end of what lies between pauses of 400 ms."""
    step, pause = RATE_HZ // 50, 20
    steps = samples[: len(samples) // step * step].astype(float).reshape(-1, step)
    loud = np.flatnonzero(np.sqrt((steps**2).mean(axis=1)) > 0.03 * np.abs(samples).max() / 3)
    for part in np.split(loud, np.flatnonzero(np.diff(loud) >= pause) + 1):
        if 10 <= len(part) <= MAX_TURN_S * 50:
            yield max(0, int(part[0]) - 8) * step, (int(part[-1]) + 10) * step


def _listed(place: Path, listing: str, group: str) -> Iterator[Clip]:
    for line in (place / listing).read_text().splitlines():
        if (found := _LINE.match(line)) is None:
            continue
        path = (place / listing).parent / f"{found[2]}.wav"
        yield Clip(group, path.name, read_narrow(path.read_bytes()), found[1])


def _single(folder: Path, place: Path, group: str) -> Iterator[Clip]:
    """Recordings of a word each, which is the file's name without what the picture is."""
    for path in sorted((folder / place).glob("*.ogg")):
        command = ["sox", str(path), "-t", "wav", "-r", str(RATE_HZ), "-c", "1", "-b", "16", "-"]
        read = subprocess.run(command, check=True, capture_output=True)
        yield Clip(group, f"{place.parent.name} {path.stem}", wav_narrow(read.stdout), path.stem.rpartition("_")[2])


def _prompts(folder: Path) -> Iterator[Clip]:
    if not (folder / PROMPT_TEXTS).is_file():
        return
    for line in gzip.decompress((folder / PROMPT_TEXTS).read_bytes()).decode(errors="replace").splitlines():
        name, colon, text = line.partition(": ")
        path = folder / PROMPTS / f"{name}.wav"
        if line.startswith(";") or not colon or not path.is_file() or re.search(r"[\[(<]", text):
            continue
        yield Clip("prompts", name, read_narrow(path.read_bytes()), text.strip())


def music(folder: Path, count: int, rng: np.random.Generator) -> Iterator[Samples]:
    """Pieces of a second or a few of Debian's asterisk-moh-opsound-wav: real music on hold."""
    paths = sorted((folder / MUSIC).glob("*.wav"))
    whole = [read_narrow(path.read_bytes()) for path in paths]
    for number in range(count if paths else 0):
        piece, length = whole[number % len(whole)], int(rng.uniform(0.8, 4.0) * RATE_HZ)
        at = int(rng.uniform(0, len(piece) - length))
        yield piece[at : at + length]


def words_wrong(said: str, recognised: str) -> tuple[int, int]:
    """Wrong words (replaced, missing or added), and how many were said. Numerals are compared as words."""
    reference, found = normal(said), normal(recognised)
    row = list(range(len(found) + 1))
    for number, word in enumerate(reference, 1):
        previous, row = row, [number]
        for at, other in enumerate(found, 1):
            row.append(min(previous[at] + 1, row[at - 1] + 1, previous[at - 1] + (word != other)))
    return row[-1], len(reference)


def normal(text: str) -> list[str]:
    """Words in lower case without punctuation; numerals of one or two digits as numbers, longer ones digit by digit."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower().replace("’", "'"))
    words: list[str] = []
    for word in re.findall(r"[a-z']+|\d+", text):
        if not word.isdigit():
            words.append(_SAME.get(word.strip("'"), word.strip("'")))
        elif len(word) > 2 or word[0] == "0":
            words += [_SMALL[int(digit)] for digit in word]
        elif int(word) < 20:
            words.append(_SMALL[int(word)])
        else:
            words += [_TENS[int(word[0])], *([_SMALL[int(word[1])]] if word[1] != "0" else [])]
    return [word for word in words if word]


def fetch(folder: Path) -> None:
    """Download and unpack everything. Raises CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in DEBIAN:
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        for path in folder.glob(f"{package}_*.deb"):
            subprocess.run(["dpkg-deb", "-x", path, folder], check=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), MOONSHINE]
    subprocess.run(install, check=True)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
