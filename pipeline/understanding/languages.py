"""In which of a question's languages an answer was given. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from offhook.pipeline.events import Answer, Choice, Question
from offhook.pipeline.understanding.match import Match
from offhook.pipeline.understanding.menu import match


def meant(text: str, question: Question) -> tuple[Match, str | None] | None:
    """The choice that `text` means most surely in one of the question's languages, and which that is; None for it where
    it means as much in several, or there is one only. Where several mean different choices alike, it is that of the
    question's first. None: it means none."""
    fits = [
        (found, language)
        for language, choices in _listened(question)
        if choices and (found := match(text, choices, language)) is not None
    ]
    if not fits:
        return None
    surest = max(found.confidence for found, _ in fits)
    likely = [(found, language) for found, language in fits if found.confidence == surest]
    found, language = likely[0]
    return found, language if len(likely) == 1 and question.others else None


def as_answered(question: Question, answer: Answer) -> Question:
    """The question in the language of its answer alone."""
    choices = dict(question.others).get(answer.language or "")
    if choices is None:
        return replace(question, others=())
    return replace(question, choices=choices, language=answer.language, others=())


def _listened(question: Question) -> Iterator[tuple[str | None, Sequence[Choice]]]:
    yield question.language, question.choices
    yield from question.others
