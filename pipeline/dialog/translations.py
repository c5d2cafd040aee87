"""Texts and phrases in several languages, as a flow's file gives them. Pure.

Steps have a text in the first language that it is written in, and a catalogue has it in all: as in gettext, the text
itself is the key. Phrases of a choice are kept likewise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TypeVar

from offhook.pipeline.dialog.limits import MAX_CHOICE_PHRASES, MAX_QUESTION_PHRASES
from offhook.pipeline.dialog.phrases import phrase_faults, sound_of
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.events import Choice, Question
from offhook.pipeline.language import primary

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`texts` and `phrases` in each of their languages (BCP 47), by what the steps have."""

    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    phrases: Mapping[tuple[str, ...], Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    languages: tuple[str, ...] = field(init=False, compare=False)
    """All that something is given in."""

    def __post_init__(self) -> None:
        each = (language for found in (*self.texts.values(), *self.phrases.values()) for language in found)
        object.__setattr__(self, "languages", tuple(dict.fromkeys(each)))

    def text(self, text: str, language: str | None) -> str:
        """A step's text in a language; as it stands where it is given in no other, or not in that one."""
        return _in_language(self.texts.get(text, {}), language) or text

    def question(self, question: Question, language: str | None) -> Question:
        """A step's question with the phrases of a language: none where a choice has some, but not in this one of the
        flow's languages."""
        if not self.phrases:
            return question
        choices = tuple(self._choice(choice, language) for choice in question.choices)
        return replace(question, choices=choices)

    def _choice(self, choice: Choice, language: str | None) -> Choice:
        given = self.phrases.get(choice.phrases)
        if given is None:
            return choice
        phrases = _in_language(given, language)
        if phrases is None:
            phrases = () if _in_language(dict.fromkeys(self.languages, True), language) else choice.phrases
        return replace(choice, phrases=phrases)

    def variants(self, text: str) -> Iterator[tuple[Path, str]]:
        """A step's text in all its languages, each with the rest of its path."""
        found = self.texts.get(text)
        if found is None:
            yield (), text
        else:
            yield from (((language,), each) for language, each in found.items())


def _in_language(by_language: Mapping[str, _T], language: str | None) -> _T | None:
    """What there is in a language; else in it without its region, else with another region."""
    wanted = (language or "en").lower()
    base = wanted.partition("-")[0]
    tags = {tag.lower(): tag for tag in by_language}
    for tag in (wanted, base, next((each for each in tags if each.partition("-")[0] == base), "")):
        if tag in tags:
            return by_language[tags[tag]]
    return None


def missing_languages(given: Mapping[str, object], wanted: Sequence[str]) -> list[str]:
    """The languages that something is not given in."""
    return [language for language in wanted if _in_language(given, language) is None]


def phrase_problems(
    question: Question, catalogue: Catalogue, wanted: Sequence[str], at: Path, together: Sequence[str] = ()
) -> Iterator[FlowProblem]:
    """What is wrong with the phrases of the question of the step at `at`, in the languages that it may be asked in. It
    is listened to in those `together` as well at the same time."""
    for choice in question.choices:
        place = (*at, "choices" if choice.listed else "commands", choice.name, "phrases")
        by_language = {key: given for key, given in catalogue.phrases.get(choice.phrases, {}).items() if given}
        if by_language or choice.listed:
            yield from _missing(choice, by_language, wanted, place)
        for language, phrases in by_language.items():
            if len(phrases) > MAX_CHOICE_PHRASES:
                what, why = f"{len(phrases)} phrases", f"a choice has at most {MAX_CHOICE_PHRASES}"
                yield FlowProblem(what, why, "keep the most likely ones", (*place, language))
            for index, phrase in enumerate(phrases):
                yield from phrase_faults(phrase, (*place, language, index))
    for language in wanted:
        in_language = catalogue.question(question, language)
        yield from _too_many(_count(in_language), f"`{language}`", (*at, "choices"))
        yield from _twice(in_language, language, at)
    if together:
        yield from _at_once(question, catalogue, wanted, together, at)


def _missing(choice: Choice, given: Mapping[str, object], wanted: Sequence[str], at: Path) -> Iterator[FlowProblem]:
    missing = missing_languages(given, wanted) if choice.phrases else []
    if missing and not choice.keys:
        what = f"the phrases of `{choice.name}` are not given in `{missing[0]}`"
        no_key = "the choice has no key" if choice.listed else "the command has no key in every question"
        todo = "a key" if choice.listed else "the key * or #: a digit may be an entry of a `collect`"
        why = f"callers may be spoken with in that language, and {no_key}"
        yield FlowProblem(what, why, f"type `phrases: {{…, {missing[0]}: […]}}`, or give it {todo}", at)


def _twice(question: Question, language: str, at: Path) -> Iterator[FlowProblem]:
    said: dict[str, str] = {}
    for choice in question.choices:
        for phrase in choice.phrases:
            other = said.setdefault(sound_of(phrase), choice.name)
            if other != choice.name:
                what = f"phrase `{phrase}` stands for `{other}` and for `{choice.name}` in `{language}`"
                place = (*at, "choices" if choice.listed else "commands", choice.name, "phrases", language)
                yield FlowProblem(what, "it can mean one thing only", "remove one", place)


def _count(question: Question) -> int:
    return sum(len(choice.phrases) for choice in question.choices)


def _too_many(count: int, where: str, at: Path) -> Iterator[FlowProblem]:
    if count > MAX_QUESTION_PHRASES:
        why = f"at most {MAX_QUESTION_PHRASES} are listened for at once"
        yield FlowProblem(f"there are {count} phrases in {where}", why, "ask in two steps", at)


def _at_once(
    question: Question, catalogue: Catalogue, wanted: Sequence[str], together: Sequence[str], at: Path
) -> Iterator[FlowProblem]:
    """What is wrong with the phrases of several languages that are listened for at once."""
    heard = tuple(dict.fromkeys((*wanted, *together)))
    for one, other in combinations(heard, 2):
        if (one in together or other in together) and primary(one) != primary(other):
            yield from _otherwise(question, catalogue, (one, other), at)
    counts = {language: _count(catalogue.question(question, language)) for language in heard}
    first = max(wanted, key=lambda language: counts[language])
    others = sum(counts[language] for language in together if primary(language) != primary(first))
    yield from _too_many(counts[first] + others, "all its languages", (*at, "languages"))


def _otherwise(question: Question, catalogue: Catalogue, pair: tuple[str, str], at: Path) -> Iterator[FlowProblem]:
    """What means one choice in the one language of a pair, and another in the other."""
    one, other = (_said(catalogue.question(question, language)) for language in pair)
    for sound, choices in other.items():
        if sound not in one or one[sound].keys() & choices.keys():
            continue
        name, (choice, phrase) = next(iter(one[sound])), next(iter(choices.values()))
        what = f"phrase `{phrase}` stands for `{name}` in `{pair[0]}` and for `{choice.name}` in `{pair[1]}`"
        why = "both are listened for at once, and it can mean one thing only"
        place = (*at, "choices" if choice.listed else "commands", choice.name, "phrases", pair[1])
        yield FlowProblem(what, why, "remove one, or listen in one language at a time", place)


def _said(question: Question) -> dict[str, dict[str, tuple[Choice, str]]]:
    """The choices that a phrase stands for, by its sound and their names, each with the phrase."""
    found: dict[str, dict[str, tuple[Choice, str]]] = {}
    for choice in question.choices:
        for phrase in choice.phrases:
            found.setdefault(sound_of(phrase), {}).setdefault(choice.name, (choice, phrase))
    return found
