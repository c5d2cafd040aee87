"""In which of a question's languages an answer was given. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from offhook.pipeline.events import Answer, Choice, Question
from offhook.pipeline.understanding.match import Match
from offhook.pipeline.understanding.menu import either, match


def meant(text: str, question: Question) -> tuple[Match, str | None] | None:
    """The choice that `text` means most surely in one of the question's languages, and which that is; None for it where
    it means as much in several, or there is one only. Where several mean different choices alike, it is that of the
    question's first. None: it means none."""
    fits = [
        (found, language)
        for language, choices in listened(question)
        if choices and (found := match(text, choices, language)) is not None
    ]
    return surest(fits, question)


def surest(fits: Sequence[tuple[Match, str | None]], question: Question) -> tuple[Match, str | None] | None:
    """Of what `meant` has found in some of the languages, in their order: what it returns."""
    if not fits:
        return None
    surest = max(found.confidence for found, _ in fits)
    likely = [(found, language) for found, language in fits if found.confidence == surest]
    found, language = likely[0]
    return found, language if len(likely) == 1 and question.others else None


def either_meant(text: str, question: Question) -> tuple[tuple[str, str], str | None] | None:
    """The two choices that `text` may mean, and the language as in `meant`; None: it is another number of them."""
    fits = [
        (two, language)
        for language, choices in listened(question)
        if (two := either(text, choices, language)) is not None
    ]
    return (fits[0][0], fits[0][1] if len(fits) == 1 and question.others else None) if fits else None


def as_answered(question: Question, answer: Answer) -> Question:
    """The question in the language of its answer alone."""
    choices = dict(question.others).get(answer.language or "")
    if choices is None:
        return replace(question, others=())
    return replace(question, choices=choices, language=answer.language, others=())


def listened(question: Question) -> Iterator[tuple[str | None, Sequence[Choice]]]:
    """The languages of a question, its first at the head, and the choices in each."""
    yield question.language, question.choices
    yield from question.others
