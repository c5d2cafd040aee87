"""How far an answer has come, by its words. Pure."""

import re
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from offhook.pipeline.dialog.digits import spoken_digits
from offhook.pipeline.endpoint.expectation import expectations_of
from offhook.pipeline.endpoint.goes_on import goes_on
from offhook.pipeline.events import Choice, Expectation, Question
from offhook.pipeline.understanding.amounts import read_amount
from offhook.pipeline.understanding.canonical import canonical
from offhook.pipeline.understanding.dates import read_date
from offhook.pipeline.understanding.menu import match
from offhook.pipeline.understanding.numbers import read_number
from offhook.pipeline.understanding.times import read_time
from offhook.pipeline.understanding.words import base_of, words_of
from offhook.pipeline.understanding.yes_no import no_phrases, read_yes_no, yes_phrases

MAX_CHARS = 400
"""Of a longer text nothing is said: it is no short answer."""


class Progress(StrEnum):
    """What the words are to the answer."""

    OTHER = "other"  # nothing that is known
    INCOMPLETE = "incomplete"  # the answer's beginning
    OPEN = "open"  # an answer, of which more comes as a rule after pauses: digits without a fixed count, letters
    WHOLE = "whole"  # an answer that more words would change
    DOUBTFUL = "doubtful"  # a whole answer, if that was said
    ENOUGH = "enough"  # an answer that more words would hardly change
    COMPLETE = "complete"  # an answer that cannot continue


_P = Progress

_ENDINGS = {
    "date": {
        "en": "today tomorrow yesterday",
        "de": "heute morgen gestern",
        "es": "hoy mañana ayer",
        "fr": "aujourd'hui demain hier",
    },
    "time": {
        "en": "am pm o'clock oclock noon midnight",
        "de": "mittag mitternacht früh morgens nachmittags abends",
        "es": "mañana tarde noche mediodía medianoche punto",
        "fr": "midi minuit matin soir",
    },
    "amount": {"en": "cents cent pence", "de": "cent", "es": "céntimos centavos", "fr": "centimes"},
}
"""Last words after which a date, a time or an amount has all its parts."""

_YEAR = re.compile(r"(?:19|20)\d\d$")
_EMAIL = re.compile(
    r"\S+\s*(?:@|\b(?:at|at sign|arroba|arobase|klammeraffe)\b)"
    r".*(?:\.|\b(?:dot|punkt|punto|point)\b)\s*\w{2,}$"
)
_ANY_DAY = date(2024, 1, 1)


def progress_of(question: Question, text: str) -> Progress:
    """How far `text` is an answer to the question. Something that cannot be the end of a sentence is INCOMPLETE."""
    language = question.language
    if not text.strip() or len(text) > MAX_CHARS:
        return _P.OTHER
    expected = expectations_of(question)
    found = [each for each in (_one(question, expect, text) for expect in expected) if each is not _P.OTHER]
    if len(found) > 1 and _P.COMPLETE in found:
        found = [each for each in found if each is not _P.COMPLETE] or found
    progress = found[0] if found else _P.OTHER
    if progress in (_P.OTHER, _P.WHOLE) and goes_on(text, language):
        return _P.INCOMPLETE
    return progress


def _one(question: Question, expect: Expectation, text: str) -> Progress:
    language = question.language
    match expect.kind:
        case "choice":
            choices = tuple(Choice(phrase, (phrase,)) for phrase in expect.phrases) or question.choices
            return _choice(choices, text, language)
        case "yes_no":
            return _yes_no(text, language)
        case "digits" | "phone":
            return _digits(expect, text, language, among_words=question.any_words and question.expect is None)
        case "number":
            return _P.OTHER if read_number(text, language) is None else _P.WHOLE
        case "date" | "time" | "amount":
            return _value(expect.kind, text, language)
        case "email":
            return _P.WHOLE if _EMAIL.search(text.lower()) else _P.INCOMPLETE
        case "spelled":
            return _P.OPEN
    return _P.OTHER


def _choice(choices: Sequence[Choice], text: str, language: str | None) -> Progress:
    base = base_of(language)
    words = canonical(text, base)
    phrases = [(choice.name, canonical(phrase, base)) for choice in choices for phrase in choice.phrases]
    longer = [(name, phrase) for name, phrase in phrases if _begins(words, phrase)]
    found = match(text, choices, language)
    if found is None:
        return _P.INCOMPLETE if longer else _P.OTHER
    own = [phrase for name, phrase in phrases if name == found.choice]
    if words not in own:
        return _P.WHOLE if longer or not any(words[-len(phrase) :] == phrase for phrase in own) else _P.ENOUGH
    if any(name != found.choice for name, _ in longer):
        return _P.WHOLE
    if len({choice.name for choice in choices}) > 2 and read_yes_no(text, language) is False:
        return _P.WHOLE  # "no, support"
    return _P.ENOUGH if longer else _P.COMPLETE


def _begins(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Whether the last words are the first of a phrase, and not the whole of it."""
    return any(words[-length:] == phrase[:length] for length in range(1, min(len(words), len(phrase) - 1) + 1))


def _yes_no(text: str, language: str | None) -> Progress:
    if read_yes_no(text, language) is None:
        return _P.OTHER
    said = words_of(text, language)
    known = (*yes_phrases(language), *no_phrases(language))
    return _P.COMPLETE if any(said == words_of(phrase, language) for phrase in known) else _P.ENOUGH


def _digits(expect: Expectation, text: str, language: str | None, *, among_words: bool) -> Progress:
    digits = spoken_digits(text, language)
    if digits is None and among_words:
        return _P.OTHER  # "a table for 4"
    if digits is None:
        return _P.INCOMPLETE if any(character.isdigit() for character in text) else _P.OTHER
    if len(digits) < expect.minimum:
        return _P.INCOMPLETE
    return _P.COMPLETE if len(digits) >= expect.maximum else _P.OPEN


def _value(kind: str, text: str, language: str | None) -> Progress:
    if kind == "date":
        value = read_date(text, language, _ANY_DAY)
    elif kind == "time":
        value = read_time(text, language, None, None)
    else:
        value = read_amount(text, language, None)
    words = words_of(text, language)
    if value is None or not words:
        return _P.OTHER
    ends = words_of(_ENDINGS[kind].get(base_of(language), ""), language)
    is_year = kind == "date" and len(words) > 1 and _YEAR.search(words[-1]) is not None
    return _P.ENOUGH if words[-1] in ends or is_year else _P.WHOLE
