"""Builds grammars (JSGF) from a question's choices.

Source: JSpeech Grammar Format, W3C Note of 5 June 2000.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from offhook.pipeline.asr.digit_words import digit_words, repeats
from offhook.pipeline.events import Choice, DigitRule, KindWithGrammar, Question, ValueKind
from offhook.pipeline.language import covers

MAX_PHRASE_CHARS = 200
MAX_PHRASES = 1_000
"""Over all choices of a question, in all languages."""

MAX_KEPT, MAX_KEPT_CHARS = 1_024, 4_000
"""So many questions, with phrases of so many characters in all, are kept as the grammar has them, for who asks them
again."""

MAX_COUNTED_DIGITS = 6
"""Of a longer number the grammar does not have the count: it would be large."""

_HEADER = "#JSGF V1.0;\n"
_ODD = re.compile(r"[^\w' -]|_")
_BETWEEN_WORDS = re.compile(r"[^\w']+|_")
_DIGIT = re.compile(r"[0-9]")
_ZEROS = ("oh", "zero")  # in English, what is said for a zero


class GrammarError(ValueError):
    """No grammar can be built: `phrase` is the cause, `why` says what is wrong with it."""

    def __init__(self, phrase: str, why: str) -> None:
        super().__init__(f"the phrase {phrase!r} cannot be recognised: {why}")
        self.phrase = phrase
        self.why = why


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word that the recogniser does not know, and where it is."""

    word: str
    phrase: str
    choice: str


def question_grammar(question: Question) -> str | None:
    """The JSGF to recognise the answer with, None for free speech.

    This is the question's own grammar, or its choices' phrases plus, if it collects digits, digits spoken one by one
    (in a language with digit words), and the ways to say its value, if the kind has a grammar. Raises GrammarError.
    """
    if question.any_words:
        return None
    if question.grammar is not None:
        return question.grammar
    answers = _alternatives(question.choices, question.language)
    answers += [each for language, choices in question.others for each in _alternatives(choices, language)]
    answers = list(dict.fromkeys(answers))
    if len(answers) > MAX_PHRASES:
        raise GrammarError(answers[MAX_PHRASES], f"there are more than {MAX_PHRASES} phrases")
    rules: dict[str, str] = {}
    if question.digits is not None:
        rules |= digits_rules(question.digits, question.language) or {}
    value = value_rules(question.value, question.language)
    if question.value is not None and not value:
        return None
    answers += [f"<{next(iter(each))}>" for each in (dict(rules), value) if each]
    rules |= value
    if not rules:
        return _choices_grammar(answers) if answers else None
    written = "".join(f"<{name}> = {rule};\n" for name, rule in rules.items())
    return f"{_HEADER}grammar answer;\npublic <answer> = {' | '.join(answers)};\n{written}"


def correction_grammar(
    answers: Sequence[Choice], no: Sequence[str], kind: ValueKind, language: str | None
) -> str | None:
    """JSGF for yes, no, and a value in place of another one, perhaps behind a no ("no, one two four"); None for free
    speech: the kind has no grammar. Raises GrammarError."""
    value = value_rules(kind, language)
    if not value:
        return None
    lead = " | ".join(" ".join(_grammar_words(phrase, language)) for phrase in no)
    said = [*_alternatives(answers, language), f"{f'[{lead}] ' if lead else ''}<{next(iter(value))}>"]
    written = "".join(f"<{name}> = {rule};\n" for name, rule in value.items())
    return f"{_HEADER}grammar answer;\npublic <answer> = {' | '.join(said)};\n{written}"


def value_rules(kind: ValueKind | None, language: str | None) -> dict[str, str]:
    """The rules for a kind's values, none if it has no grammar."""
    if kind is None or not isinstance(kind, KindWithGrammar):
        return {}
    return dict(kind.grammar(language) or {})


def digits_rules(rule: DigitRule, language: str | None) -> dict[str, str] | None:
    """The rules for digits, the first for all of them; None in a language without digit words.

    Where the count is fixed the grammar has it, too: a recogniser adds and loses short words easily.
    """
    spoken = [word for words in digit_words(language) for word in words]
    if not spoken:
        return None
    digit = {"digit": " | ".join(spoken)}
    repeated = repeats(language)
    if rule.minimum != rule.maximum or rule.maximum > MAX_COUNTED_DIGITS:
        optional = f"[{' | '.join(repeated)}] " if repeated else ""
        return {"digits": f"({optional}<digit>)+"} | digit
    counted = {str(count): " | ".join(_beginnings(count, repeated)) for count in range(1, rule.maximum + 1)}
    return {"digits": f"<{rule.maximum}>"} | counted | digit


def _beginnings(count: int, repeated: Mapping[str, int]) -> Iterator[str]:
    """Ways to say `count` digits: one and the rest, or a word that repeats one, and the rest."""
    for word, times in {"": 1, **repeated}.items():
        if times <= count:
            yield f"{word} <digit>{f' <{count - times}>' if times < count else ''}".strip()


def choices_grammar(choices: Sequence[Choice], language: str | None = None) -> str:
    """JSGF with one alternative per phrase. Raises GrammarError, also if no choice has a phrase."""
    alternatives = _alternatives(choices, language)
    if not alternatives:
        raise GrammarError("", "no choice has one")
    return _choices_grammar(alternatives)


def _choices_grammar(alternatives: Sequence[str]) -> str:
    return f"{_HEADER}grammar choices;\npublic <choices> = {' | '.join(alternatives)};\n"


def unknown_words(choices: Sequence[Choice], known: Callable[[str], bool]) -> list[UnknownWord]:
    """The words that are not `known` (called with lower case, digits as words), each once per phrase."""
    return [
        UnknownWord(word, phrase, choice.name)
        for choice in choices
        for phrase in choice.phrases
        for word in dict.fromkeys(_words(phrase, None))
        if not known(word)
    ]


def check_phrase(phrase: str) -> None:
    """Raise GrammarError unless `phrase` consists of letters, digits, apostrophes, hyphens and spaces."""
    if len(phrase) > MAX_PHRASE_CHARS:
        raise GrammarError(phrase[:40] + "…", f"it has more than {MAX_PHRASE_CHARS} characters")
    if odd := _ODD.search(_straight(phrase)):
        why = f"{odd.group()!r} is not a letter, digit, apostrophe, hyphen or space"
        raise GrammarError(phrase, why)
    if not any(character.isalnum() for character in phrase):
        raise GrammarError(phrase, "there is no word in it")


def _alternatives(choices: Sequence[Choice], language: str | None) -> list[str]:
    phrases = tuple(phrase for choice in choices for phrase in choice.phrases)
    is_kept = sum(map(len, phrases)) <= MAX_KEPT_CHARS
    return list(_kept(phrases, language) if is_kept else _written(phrases, language))


def _written(phrases: tuple[str, ...], language: str | None) -> tuple[str, ...]:
    """The phrases as a grammar has them, each once. Raises GrammarError."""
    for count, phrase in enumerate(phrases, start=1):
        check_phrase(phrase)
        if count > MAX_PHRASES:
            raise GrammarError(phrase, f"there are more than {MAX_PHRASES} phrases")
    return tuple(dict.fromkeys(" ".join(_grammar_words(phrase, language)) for phrase in phrases))


_kept = lru_cache(MAX_KEPT)(_written)


def _grammar_words(phrase: str, language: str | None) -> list[str]:
    # A zero written as a digit may be spoken either way; one written as a word, as written.
    apart = _DIGIT.sub(lambda digit: f" {digit.group()} ", phrase)
    zero = f"({' | '.join(_ZEROS)})" if _is_english(language) else _spelt("0", language)
    return [zero if word == "0" else _spelt(word, language) for word in _split(apart)]


def _words(text: str, language: str | None) -> tuple[str, ...]:
    """Normal form for comparison: words in lower case, digits one by one as words, "oh" as "zero"."""
    apart = _DIGIT.sub(lambda digit: f" {digit.group()} ", text)
    words = (_spelt(word, language) for word in _split(apart))
    return tuple("zero" if word in _ZEROS and _is_english(language) else word for word in words)


def _split(text: str) -> list[str]:
    return [word.lower() for word in _BETWEEN_WORDS.split(_straight(text)) if word.strip("'")]


def _spelt(word: str, language: str | None) -> str:
    words = digit_words(language)
    return words[int(word)][-1] if words and _DIGIT.fullmatch(word) else word


def _is_english(language: str | None) -> bool:
    return language is None or covers("en", language)


def _straight(text: str) -> str:
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
