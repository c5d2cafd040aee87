"""What is said to which question, and what it should mean.

`closed`: a phrase that is one of a menu's choices; `digits`: a number of digits; `other`: speech that answers nothing
that was asked; `sound`: no speech at all; `free`: speech without a grammar, judged by its words; `cards`: playing
cards, with a grammar of all that can be said of them, judged by their words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.hearing import sounds
from bench.hearing.channels import RATE_HZ, Floats
from bench.hearing.recordings import CARDS, Recording, Word, aligned, phrases
from bench.hearing.sentences import SentenceSet
from bench.phone_line import speak
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.dialog.digits import fitting_digits, spoken_digits
from offhook.pipeline.events import Choice, DigitRule, Question
from offhook.pipeline.understanding.menu import match

Kind = Literal["closed", "digits", "other", "sound", "free", "cards"]

DIGITS = frozenset(["oh", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
FOUR = Question(digits=DigitRule(4, 4))
ANY_DIGITS = Question(digits=DigitRule(1, 8))
MENU_SIZE = 4
MIN_PHRASE_S = 0.35
"""Shorter cuts are half a word."""


@dataclass(frozen=True)
class Trial:
    """One turn. `meant` is the choice or the digits that it should become, None for a rejection."""

    kind: Kind
    source: str
    text: str
    speech: Floats
    question: Question | None = None
    meant: str | None = None

    @property
    def grammar(self) -> str | None:
        """The grammar to recognise it with."""
        return None if self.question is None else question_grammar(self.question)

    def meaning(self, text: str) -> str | None:
        """What the dialog would take `text` for."""
        if self.question is None or not text:
            return None
        if self.question.digits is None:
            found = match(text, self.question.choices)
            return None if found is None else found.choice
        digits = spoken_digits(text)
        return None if digits is None else fitting_digits(digits, self.question.digits)


def human(found: Sequence[Recording], questions: SentenceSet, seed: int) -> Iterator[Trial]:
    """Everything that can be made of the recordings."""
    rng = np.random.default_rng(seed)
    cuts = [(one, words, list(phrases(words, 2 + index % 2))) for index, (one, words) in enumerate(_aligned(found))]
    pool = [_text(phrase) for _, _, phrases_ in cuts for phrase in phrases_]
    for one, words, parts in cuts:
        yield Trial("free", one.name, one.text, one.narrow)
        yield from _menus(one, parts, pool, rng)
        yield from _digits(one, words)
        yield from _others(one, parts, questions, rng)


def _aligned(found: Sequence[Recording]) -> Iterator[tuple[Recording, list[Word]]]:
    for one in found:
        if words := aligned(one):
            yield one, words


def _menus(
    one: Recording, parts: Sequence[Sequence[Word]], pool: Sequence[str], rng: np.random.Generator
) -> Iterator[Trial]:
    """Each phrase to a menu that has it, and to one that does not."""
    for phrase in parts:
        text = _text(phrase)
        speech = one.cut(phrase)
        if len(speech) < MIN_PHRASE_S * RATE_HZ:
            continue
        others = [other for other in rng.permutation(pool) if not set(other.split()) & set(text.split())]
        yield Trial("closed", one.name, text, speech, _menu([text, *others[: MENU_SIZE - 1]]), text)
        yield Trial("other", one.name, text, speech, _menu(others[:MENU_SIZE]))


def _digits(one: Recording, words: Sequence[Word]) -> Iterator[Trial]:
    """Every four digits that were said one after another, and all of them."""
    if not all(word.text in DIGITS for word in words):
        return
    for at in range(len(words) - 3):
        part = words[at : at + 4]
        yield Trial("digits", one.name, _text(part), one.cut(part), FOUR, spoken_digits(_text(part)))
    yield Trial("digits", one.name, one.text, one.narrow, ANY_DIGITS, spoken_digits(one.text))


def _others(
    one: Recording, parts: Sequence[Sequence[Word]], questions: SentenceSet, rng: np.random.Generator
) -> Iterator[Trial]:
    """The whole, and two of its phrases, to questions that they do not answer."""
    said = [(one.text, one.narrow)]
    said += [(_text(parts[at]), one.cut(parts[at])) for at in rng.permutation(len(parts))[:2]]
    for text, speech in said:
        for case in questions.cases:
            if not _contains(case.question, text):
                yield Trial("other", one.name, text, speech, case.question)


def cards(found: Sequence[Recording], grammar: str | None) -> Iterator[Trial]:
    """The recordings of cards, with their grammar; none without it."""
    for one in found:
        if grammar is not None and one.name.startswith(CARDS):
            yield Trial("cards", one.name, one.text, one.narrow, Question(grammar=grammar))


def non_speech(questions: SentenceSet, seed: int) -> Iterator[Trial]:
    """Sounds without speech, to each question."""
    rng = np.random.default_rng(seed)
    for case in questions.cases:
        for name, make in sounds.SOUNDS.items():
            yield Trial("sound", name, "", make(rng), case.question)


def synthetic(voices: Sequence[str], questions: SentenceSet, share: float, seed: int) -> Iterator[Trial]:
    """Right answers, polite ones and `share` of the other sentences, spoken by installed voices."""
    rng = np.random.default_rng(seed)
    for case in questions.cases:
        kind: Kind = "closed" if case.question.digits is None else "digits"
        for voice in voices:
            for text in (*case.right, *case.courteous):
                yield Trial(kind, voice, text, speak(voice, text).astype(float), case.question, case.meaning(text))
            for text in (*questions.others, *questions.containing.get(case.name, ())):
                if rng.random() < share:
                    yield Trial("other", voice, text, speak(voice, text).astype(float), case.question)


def _menu(texts: Sequence[str]) -> Question:
    return Question(choices=tuple(Choice(text, (text,)) for text in texts))


def _contains(question: Question, text: str) -> bool:
    """Whether the text has one of the question's phrases, or a digit where one is asked for."""
    if question.digits is not None:
        return bool(DIGITS & set(text.split()))
    return any(f" {phrase} " in f" {text} " for choice in question.choices for phrase in choice.phrases)


def _text(phrase: Sequence[Word]) -> str:
    return " ".join(word.text for word in phrase)
