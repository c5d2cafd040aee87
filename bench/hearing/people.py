"""Trials by more people than the package of recordings has: those of `bench.human_speech`, and Debian's alsa-utils.

The phone network was not trained on any of these recordings, and its confidence not fitted on them. The prompts are
complete utterances of one speaker, said as answers are: words, short phrases, and digits that are put together to
numbers; so are those of another speaker, who tells the time. Speakers of other languages say nothing that was asked
for.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.hearing.channels import RATE_HZ, Floats
from bench.hearing.sentences import SentenceSet
from bench.hearing.trials import FOUR, MENU_SIZE, Kind, Trial
from bench.human_speech import PROMPTS, TIMES, clips, normal
from bench.phone_line import read_narrow
from offhook.pipeline.events import Choice, Question
from offhook.telephony.codec.g711 import PCMU

MAX_WORDS = 4
"""Of a prompt that is an answer; longer ones are other speech."""

NUMBERS = 80
PAUSE_S = (0.03, 0.2)
"""Between the digits of a number."""

FOREIGN = ("fr_CA_f_June", "it_IT_m_Carlo")
FOREIGN_COUNT = 60
"""Of each speaker."""

MAX_TURN_S = 6.0

LOUDSPEAKERS = Path("/usr/share/sounds/alsa")
"""Where to put eight of them, by one speaker."""

DIGIT_WORDS = tuple(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])

Known = Callable[[str], bool]
"""Whether the recogniser has a pronunciation of a word."""


def people(folder: Path, questions: SentenceSet, known: Known, seed: int) -> Iterator[Trial]:
    """All trials that the recordings in `folder`, and those installed, give."""
    rng = np.random.default_rng(seed)
    short, long = _prompts(folder, known)
    places = {path.stem.replace("_", " ").lower(): path for path in sorted(LOUDSPEAKERS.glob("*_*.wav"))}
    yield from _answers("loudspeakers", {text: _read(path) for text, path in places.items()}, rng)
    yield from _answers("prompts", short, rng)
    yield from _numbers(folder, rng)
    others = {**short, **long, **_foreign(folder, rng)}
    for text, speech in others.items():
        cases = [case for case in questions.cases if not _contains(case.question, text)]
        for at in rng.permutation(len(cases))[:2]:
            yield Trial("other", "prompts", text, speech, cases[at].question)


def _prompts(folder: Path, known: Known) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Those that are an answer, and longer ones, by their text."""
    short: dict[str, Floats] = {}
    long: dict[str, Floats] = {}
    for clip in clips(folder):
        words = normal(clip.text)
        is_odd = re.search(r"[\d.]{2}|[@*=+|]|\b[A-Z]{2}", clip.text) or clip.name.startswith("letters/")
        if clip.group != "prompts" or is_odd or not words or clip.seconds > MAX_TURN_S or not all(map(known, words)):
            continue
        (short if len(words) <= MAX_WORDS else long).setdefault(" ".join(words), clip.samples.astype(float))
    return short, long


def _answers(source: str, spoken: dict[str, Floats], rng: np.random.Generator) -> Iterator[Trial]:
    """Each to a menu that has it, and to one without any of its words."""
    texts = list(spoken)
    for text, speech in spoken.items():
        words = set(text.split())
        others = [other for other in rng.permutation(texts) if not words & set(other.split())]
        if len(others) < MENU_SIZE:  # the loudspeakers share words: all of them are one menu
            yield Trial("closed", source, text, speech, _menu(texts), text)
            continue
        yield Trial("closed", source, text, speech, _menu([text, *others[: MENU_SIZE - 1]]), text)
        yield Trial("other", source, text, speech, _menu(others[:MENU_SIZE]))


def _numbers(folder: Path, rng: np.random.Generator) -> Iterator[Trial]:
    prompts = [folder / PROMPTS / "digits" / f"{digit}.wav" for digit in range(10)]
    times = [folder / TIMES / f"{digit}.au" for digit in range(10)]
    if all(path.is_file() for path in prompts):
        yield from _numbers_of("numbers", [_trimmed(_read(path)) for path in prompts], rng)
    if all(path.is_file() for path in times):
        yield from _numbers_of("times", [_trimmed(_read_mu_law(path)) for path in times], rng)


def _numbers_of(source: str, spoken: Sequence[Floats], rng: np.random.Generator) -> Iterator[Trial]:
    for number in range(NUMBERS + 2 * NUMBERS // 4):
        # Those with one too few or too many are no answer.
        count = 4 if number < NUMBERS else 3 + 2 * (number % 2)
        digits = rng.integers(0, 10, count)
        parts = []
        for digit in digits:
            parts += [spoken[digit], np.zeros(round(rng.uniform(*PAUSE_S) * RATE_HZ))]
        text = " ".join(DIGIT_WORDS[digit] for digit in digits)
        kind: Kind = "digits" if count == 4 else "other"
        meant = "".join(map(str, digits)) if count == 4 else None
        yield Trial(kind, source, text, np.concatenate(parts), FOUR, meant)


def _foreign(folder: Path, rng: np.random.Generator) -> dict[str, Floats]:
    found = {}
    for speaker in FOREIGN:
        paths = sorted((folder / PROMPTS.parent / speaker).glob("*.wav"))
        speech = {path: _read(path) for path in paths if "tone" not in path.name and "beep" not in path.name}
        fitting = [path for path, samples in speech.items() if len(samples) < MAX_TURN_S * RATE_HZ]
        for at in rng.permutation(len(fitting))[:FOREIGN_COUNT]:
            found[f"{speaker} {fitting[at].stem}"] = speech[fitting[at]]
    return found


def _trimmed(speech: Floats) -> Floats:
    loud = np.flatnonzero(np.abs(speech) > 0.03 * np.abs(speech).max())
    return speech[max(0, loud[0] - 160) : loud[-1] + 400]


def _read(path: Path) -> Floats:
    return read_narrow(path.read_bytes()).astype(float)


def _read_mu_law(path: Path) -> Floats:
    return np.frombuffer(PCMU.decode(path.read_bytes()), "<i2").astype(float)


def _menu(texts: Sequence[str]) -> Question:
    return Question(choices=tuple(Choice(text, (text,)) for text in texts))


def _contains(question: Question, text: str) -> bool:
    if question.digits is not None:
        return bool({*DIGIT_WORDS, "oh"} & set(text.split()))
    return any(f" {phrase} " in f" {text} " for choice in question.choices for phrase in choice.phrases)
