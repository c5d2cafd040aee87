"""Callers' turns for `bench.endpoint`: short answers, and numbers in groups with pauses, by people and by voices."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.human_speech import PROMPTS, clips, music
from bench.phone_line import RATE_HZ, is_installed, read_narrow, speak
from offhook.pipeline.dialog.digits import spoken_digits
from offhook.pipeline.events import Answer, Choice, DigitRule, Question
from offhook.pipeline.understanding.yes_no import read_yes_no

Floats = NDArray[np.float64]
Background = Callable[[int, float, np.random.Generator], Floats]
"""Makes so many samples, for speech of a level."""

VOICES = ("flite:slt", "flite:rms", "espeak:en-us+m3", "espeak:en-gb+f2")
LEVEL = 2_500.0
"""RMS of the speech."""

SNR_DB = 10.0
MENU = ("opening hours", "my balance", "lost card", "technical support", "sales", "book an appointment")
ANSWERS = ("yes", "no", "yes please", "no thanks", "that's right")
PAUSES_S = 0.6, 1.2
WORDS_OF = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
AUDIBLE = 0.02
"""Of the loudest sample: where the last sound ends."""

GAP_S = 0.06
"""Between digits of a group."""


@dataclass(frozen=True)
class Turn:
    """What a caller says to a question: `samples` at 8 kHz, of which `last` is the last audible one."""

    caller: str
    text: str
    samples: Floats
    question: Question
    meant: str

    @property
    def level(self) -> float:
        """RMS of the speech, without its pauses."""
        loud = self.samples[np.abs(self.samples) > 0.05 * np.abs(self.samples).max()]
        return float(np.sqrt((loud**2).mean()))

    @property
    def last(self) -> int:
        """The last audible sample."""
        return _last(self.samples)

    def is_right(self, answer: Answer) -> bool:
        """Whether the bot understood it."""
        if self.question.digits is not None:
            return spoken_digits(answer.text) == self.meant
        return answer.choice == self.meant


def _last(samples: Floats) -> int:
    return int(np.flatnonzero(np.abs(samples) > AUDIBLE * np.abs(samples).max())[-1])


def _trimmed(samples: Floats) -> Floats:
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE * np.abs(samples).max())
    part = samples[max(0, int(loud[0]) - 160) : int(loud[-1]) + 400].astype(float)
    return part * (LEVEL / max(1.0, float(np.sqrt((part**2).mean()))))


def closed_turns(folder: Path, count: int, seed: int) -> list[Turn]:
    """Half by people, half by voices; menus, yes or no, four digits in one go."""
    rng = np.random.default_rng(seed)
    people = list(_human_words(folder, rng))
    order = rng.permutation(len(people))[: count // 2]
    found = [people[number] for number in order]
    makers = (_menu, _yes_no, _four)
    voices = [voice for voice in VOICES if is_installed(voice)]
    found += [makers[number % 3](voices[number % len(voices)], rng) for number in range(count - len(found))]
    return found


def _human_words(folder: Path, rng: np.random.Generator) -> Iterator[Turn]:
    known = [clip for clip in clips(folder) if clip.group == "words" and _is_known(clip.text)]
    names = sorted({clip.text for clip in known})
    for clip in known:
        others = [name for name in rng.permutation(names) if name != clip.text][:3]
        menu = tuple(Choice(name, (name,)) for name in (clip.text, *others))
        yield Turn("people", clip.text, _trimmed(clip.samples.astype(float)), Question(menu), clip.text)
    for _ in range(len(known) // 3):
        digits = "".join(map(str, rng.integers(0, 10, 4)))
        samples = np.concatenate(_human_digits(folder, digits))
        yield Turn("people", digits, samples, Question(digits=DigitRule(4, 4)), digits)


@lru_cache(maxsize=1)
def _dictionary() -> frozenset[str]:
    import pocketsphinx  # noqa: PLC0415 - for its words

    path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    return frozenset(line.split()[0] for line in path.read_text().splitlines() if line)


def _is_known(word: str) -> bool:
    return re.fullmatch("[a-z]+", word) is not None and word in _dictionary()


def _menu(voice: str, rng: np.random.Generator) -> Turn:
    phrase = MENU[rng.integers(len(MENU))]
    question = Question(tuple(Choice(each, (each,)) for each in MENU))
    return Turn("voices", phrase, _spoken(voice, phrase), question, phrase)


def _yes_no(voice: str, rng: np.random.Generator) -> Turn:
    phrase = ANSWERS[rng.integers(len(ANSWERS))]
    choices = (Choice("True", ("yes", "yes please", "that's right")), Choice("False", ("no", "no thanks")))
    return Turn("voices", phrase, _spoken(voice, phrase), Question(choices), str(read_yes_no(phrase)))


def _four(voice: str, rng: np.random.Generator) -> Turn:
    digits = "".join(map(str, rng.integers(0, 10, 4)))
    spoken = _spoken(voice, " ".join(WORDS_OF[int(digit)] for digit in digits))
    return Turn("voices", digits, spoken, Question(digits=DigitRule(4, 4)), digits)


def _spoken(voice: str, text: str) -> Floats:
    return _trimmed(speak(voice, text).astype(float))


def digit_turns(folder: Path, count: int, seed: int) -> list[Turn]:
    """Numbers in groups of 2 to 4 with pauses between them; half of the questions know the count."""
    rng = np.random.default_rng(seed + 1)
    voices = [voice for voice in VOICES if is_installed(voice)]
    has_people = (folder / PROMPTS / "digits" / "0.wav").is_file()
    found = []
    for number in range(count):
        groups = [int(size) for size in rng.integers(2, 5, rng.integers(2, 4))]
        digits = "".join(map(str, rng.integers(0, 10, sum(groups))))
        rule = DigitRule(len(digits), len(digits)) if number % 2 else DigitRule(4, 16)
        human = has_people and number % 4 < 2
        parts: list[Floats] = []
        at = 0
        for size in groups:
            group = digits[at : at + size]
            at += size
            if human:
                parts += _human_digits(folder, group)
            else:
                words = " ".join(WORDS_OF[int(digit)] for digit in group)
                parts.append(_spoken(voices[number % len(voices)], words))
            parts.append(_gap(rng, *PAUSES_S))
        samples = np.concatenate(parts[:-1])
        found.append(Turn("people" if human else "voices", digits, samples, Question(digits=rule), digits))
    return found


def _human_digits(folder: Path, digits: str) -> list[Floats]:
    parts: list[Floats] = []
    for digit in digits:
        path = folder / PROMPTS / "digits" / f"{digit}.wav"
        parts += [_trimmed(read_narrow(path.read_bytes()).astype(float)), np.zeros(int(GAP_S * RATE_HZ))]
    return parts[:-1]


def _gap(rng: np.random.Generator, low_s: float, high_s: float) -> Floats:
    return np.zeros(int(rng.uniform(low_s, high_s) * RATE_HZ))


def _quiet(_folder: Path) -> Background:
    return lambda length, _level, _rng: np.zeros(length)


def _music(folder: Path) -> Background:
    pieces = [piece.astype(float) for piece in music(folder, 12, np.random.default_rng(7))]
    return _mixed(pieces)


def _babble(folder: Path) -> Background:
    """Six people at once."""
    people = [clip.samples.astype(float) for clip in clips(folder) if clip.group in ("novel", "prompts", "cities")]
    rng = np.random.default_rng(8)
    chosen = [people[number] for number in rng.permutation(len(people))[:60]]

    def made(length: int, level: float, rng: np.random.Generator) -> Floats:
        talkers = [_looped(chosen, length, rng) for _ in range(6)]
        return _at(np.sum(talkers, axis=0), level)

    return made


def _mixed(pieces: Sequence[Floats]) -> Background:
    return lambda length, level, rng: _at(_looped(pieces, length, rng), level)


def _looped(pieces: Sequence[Floats], length: int, rng: np.random.Generator) -> Floats:
    whole: list[Floats] = []
    while sum(map(len, whole)) < length:
        piece = pieces[int(rng.integers(len(pieces)))]
        whole.append(piece / max(1.0, float(np.sqrt((piece**2).mean()))))
    return np.concatenate(whole)[:length]


def _at(noise: Floats, level: float) -> Floats:
    return noise * (level * 10 ** (-SNR_DB / 20) / max(1e-9, float(np.sqrt((noise**2).mean()))))


BACKGROUNDS: dict[str, Callable[[Path], Background]] = {
    "quiet": _quiet,
    "music 10 dB": _music,
    "babble 10 dB": _babble,
}
