"""Sentences, and flite's speech of them with its phones, as a phone line would carry it."""

import random
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

RATE_HZ = 8_000
SILENCE = "SIL"

DIGITS = ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
REPEATS = ["double", "triple"]
PHRASES = ["yes", "no", "sales", "support", "billing", "operator", "check my balance", "please"]
WORDS = [*DIGITS, *REPEATS, *dict.fromkeys(" ".join(PHRASES).split())]

OTHER = """
the weather will be cold and windy on thursday
i would like to change the date of my appointment
a black dog ran along the river behind the old mill
could you send the parcel to another address
we painted the kitchen blue and the ceiling white
my brother drives a truck from the harbour to the city
there is a queue in front of the bakery every morning
turn left after the bridge and follow the road uphill
she put the letter under a pile of magazines
the engine makes a strange noise when it is warm
thank you very much and goodbye
how long are you open on a sunday afternoon
the order arrived late and one box was broken
they walked through the fog without saying a word
please say that again after the tone
my account was closed in march by mistake
potatoes onions and a little garlic in hot oil
what would it cost to repair the door
the children were asleep when the rain began
i never asked for a second copy of that form
""".strip().splitlines()
"""Speech outside the vocabulary, for the filler."""

VOICES = {"kal16": (90, 130), "awb": (100, 150), "rms": (80, 120), "slt": (150, 220)}
"""flite's voices, and the range of their mean pitch in Hz."""

_PHONES = {"pau": SILENCE, "ax": "ah", "axr": "er"}

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Utterance:
    """8 kHz `samples` on the 16-bit scale, and each phone with the second at which it ends."""

    text: str
    samples: Samples
    phones: tuple[tuple[str, float], ...]


def utterances(count: int, folder: Path, seed: int) -> list[Utterance]:
    """Random sentences by random voices at random speeds, through a phone line."""
    chance, noise = random.Random(seed), np.random.default_rng(seed)
    return [_through_a_line(_spoken(_sentence(chance), chance, folder), noise) for _ in range(count)]


def _sentence(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.45:
        digits = [chance.choice(DIGITS) for _ in range(chance.choice([1, 2, 3, 4, 4, 5]))]
        return " ".join(f"{chance.choice(REPEATS)} {digit}" if chance.random() < 0.12 else digit for digit in digits)
    if kind < 0.75:
        polite = " please" if chance.random() < 0.25 else ""
        return chance.choice(PHRASES) + polite
    return chance.choice(OTHER)


def _spoken(text: str, chance: random.Random, folder: Path) -> tuple[str, Samples, int, list[tuple[str, float]]]:
    voice = chance.choice(list(VOICES))
    path = folder / "utterance.wav"
    stretch, pitch = chance.uniform(0.8, 1.35), chance.randint(*VOICES[voice])
    settings = [f"duration_stretch={stretch:.2f}", f"int_f0_target_mean={pitch}"]
    command = ["flite", "-voice", voice, "--setf", settings[0], "--setf", settings[1], "-psdur", "-t", text]
    done = subprocess.run([*command, "-o", str(path)], capture_output=True, text=True, check=True)
    ends = [(name, float(end)) for name, _, end in (each.partition(":") for each in done.stdout.split()) if end]
    with wave.open(str(path)) as recording:
        rate_hz = recording.getframerate()
        samples = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").astype(np.float32)
    return text, samples, rate_hz, [(_PHONES.get(name, name), end) for name, end in ends]


def _through_a_line(spoken: tuple[str, Samples, int, list[tuple[str, float]]], noise: np.random.Generator) -> Utterance:
    """Faster or slower with another vocal tract, quieter, noisy, mostly through mu-law, with silence around."""
    text, samples, rate_hz, phones = spoken
    speed = noise.uniform(0.88, 1.15)
    line = soxr.resample(samples, rate_hz, RATE_HZ / speed).astype(np.float32)
    line *= 10 ** (noise.uniform(-18, 3) / 20)
    before, behind = int(noise.integers(400, 4_000)), int(noise.integers(1_600, 4_800))
    level = float(np.sqrt(np.mean(line**2) + 1))
    line = np.concatenate([np.zeros(before, np.float32), line, np.zeros(behind, np.float32)])
    line += noise.standard_normal(len(line)).astype(np.float32) * level * 10 ** (-noise.uniform(15, 60) / 20)
    line = np.clip(line, -32_768, 32_767)
    if noise.random() < 0.75:
        line = _mu_law(line)
    lead_s = before / RATE_HZ
    moved = [(SILENCE, lead_s), *((name, lead_s + end / speed) for name, end in phones)]
    return Utterance(text, line.astype(np.float32), (*moved, (SILENCE, len(line) / RATE_HZ)))


def _mu_law(samples: Samples) -> Samples:
    """To mu-law (G.711) and back, nearly."""
    mu = 255
    unit = samples / 32_768
    coded = np.sign(unit) * np.log1p(mu * np.abs(unit)) / np.log1p(mu)
    rounded = np.round((coded + 1) * 127.5) / 127.5 - 1
    return np.asarray(np.sign(rounded) * ((1 + mu) ** np.abs(rounded) - 1) / mu * 32_768, np.float32)


def labels(utterance: Utterance, phones: list[str], frames: int) -> npt.NDArray[np.int64]:
    """The number of the phone in each 10 ms frame."""
    found = np.zeros(frames, np.int64)  # silence is phone 0
    begin = 0
    for name, end_s in utterance.phones:
        end = round(end_s * 100)
        found[begin:end] = phones.index(name)
        begin = end
    return found


def all_phones(spoken: list[Utterance]) -> list[str]:
    """Silence, and the phones in use."""
    return [SILENCE, *sorted({name for each in spoken for name, _ in each.phones} - {SILENCE})]
