"""Questions as a dialog writes them, checked where they are asked: a wrong one would fail in the middle of a call."""

from collections.abc import Iterable, Mapping, Sequence

from offhook.engines.languages import check_tag
from offhook.pipeline.endpoint.expectation import parse_expectation
from offhook.pipeline.events import Choice, DigitRule, Expectation, Question
from offhook.pipeline.language import primary

KEYS = frozenset("0123456789*#ABCD")

Phrases = str | Iterable[str]
Choices = Mapping[str, Phrases | Mapping[str, Phrases]] | Iterable[Choice]
"""Names and the phrases that mean them, which may be those of each of several languages (BCP 47)."""


def choices_in(choices: Choices, language: str) -> tuple[Choices, dict[str, Choices]]:
    """The choices with their phrases in this language, and in each other one that phrases are given in. Phrases that
    are given in none are those of all. Raises ValueError for what is not a BCP 47 tag."""
    by_name = choices if isinstance(choices, Mapping) else {}
    given = [tag for each in by_name.values() if isinstance(each, Mapping) for tag in each]
    if not given:
        return choices, {}
    for tag in given:
        check_tag(tag)
    others = (tag for tag in dict.fromkeys(given) if primary(tag) != primary(language))
    return _only_in(by_name, language), {tag: _only_in(by_name, tag) for tag in others}


def _only_in(choices: Mapping[str, Phrases | Mapping[str, Phrases]], language: str) -> Choices:
    def phrases(given: Phrases | Mapping[str, Phrases]) -> Phrases:
        if not isinstance(given, Mapping):
            return given
        return next((each for tag, each in given.items() if primary(tag) == primary(language)), ())

    return {name: phrases(given) for name, given in choices.items()}


def choices_of(choices: Choices, keys: Mapping[str, str]) -> tuple[Choice, ...]:
    """The choices of a question, with their keys. Raises TypeError, ValueError."""
    if not isinstance(choices, Mapping):
        made = tuple(choices)
        if not all(isinstance(each, Choice) for each in made):
            example = '{"small": ["small", "a small one"]}'
            raise TypeError(f"`choices` maps names to phrases, such as {example}, or lists Choice values")
        if keys:
            raise ValueError("`keys` goes with choices given as a mapping; a Choice has its own `dtmf`")
        return made
    by_name: dict[str, list[str]] = {}
    for key, name in keys.items():
        if name not in choices:
            raise ValueError(f"a key stands for {name!r}, which is not among the choices {sorted(choices)}")
        by_name.setdefault(name, []).append(key)
    return tuple(_choice(name, phrases, by_name.get(name, ())) for name, phrases in choices.items())


def _choice(name: str, phrases: object, keys: Sequence[str]) -> Choice:
    return Choice(name, _phrases(name, phrases), next(iter(keys), None), tuple(keys[1:]))


def _phrases(name: str, phrases: object) -> tuple[str, ...]:
    if isinstance(phrases, str):
        return (phrases,)
    if not isinstance(phrases, Iterable):
        raise TypeError(f"the phrases of the choice {name!r} are a text or a list of texts, not {phrases!r}")
    return tuple(phrases)


def digit_rule(digits: int | DigitRule | None) -> DigitRule | None:
    """The rule for so many digits. Raises TypeError, ValueError."""
    if isinstance(digits, DigitRule | None):
        return digits
    if not isinstance(digits, int) or isinstance(digits, bool):
        raise TypeError(f"`digits` is a number or a DigitRule, not {digits!r}")
    if digits < 1:
        raise ValueError(f"{digits} digits cannot be collected: `digits` is at least 1")
    return DigitRule(digits, digits)


def expectation(expect: "Expectation | str | None") -> Expectation | None:
    """What is expected, by its name: `digits(4)`. Raises TypeError, ValueError."""
    if isinstance(expect, Expectation | None):
        return expect
    if not isinstance(expect, str):
        raise TypeError(f'`expect` is a text, such as "digits(10..16)", not {expect!r}')
    try:
        return parse_expectation(expect)
    except ValueError as error:
        raise ValueError(f"`expect`: {error}") from error


def checked(question: Question) -> Question:
    """`question`, if it can be asked. Raises TypeError, ValueError."""
    phrases: dict[str, str] = {}  # of all languages, which are listened for at once
    for choices in (question.choices, *(each for _, each in question.others)):
        _check_choices(choices, phrases)
    if question.digits is not None:
        _check_digits(question.digits)
    if question.grammar is not None and not isinstance(question.grammar, str):
        raise TypeError(f"`grammar` is JSGF text, not {question.grammar!r}")
    _check_number("silence_ms", question.silence_ms, least=0)
    _check_number("no_input_ms", question.no_input_ms, least=0)
    _check_number("inter_digit_ms", question.inter_digit_ms, least=1)
    if question.min_confidence is not None:
        _check_number("min_confidence", question.min_confidence, least=0, most=1)
    if question.confirm_below is not None:
        _check_number("confirm_below", question.confirm_below, least=0, most=1)
    if question.value is not None and not callable(getattr(question.value, "read", None)):
        raise TypeError(f"`value` is a kind of value, such as Date(), not {question.value!r}")
    if not isinstance(question.expect, Expectation | None):
        raise TypeError(f"`expect` of a Question is an Expectation, not {question.expect!r}")
    if question.endpoint is not None and not callable(getattr(question.endpoint, "decide", None)):
        raise TypeError(f"`endpoint` is an object with the method `decide`, not {question.endpoint!r}")
    return question


def _check_choices(choices: tuple[Choice, ...], phrases: dict[str, str]) -> None:
    keys: dict[str, str] = {}
    for choice in choices:
        if not isinstance(choice, Choice) or not isinstance(choice.name, str):
            raise TypeError(f"{choice!r} is not a Choice with a text as its name")
        if isinstance(choice.phrases, str):
            raise TypeError(f"the phrases of the choice {choice.name!r} are a tuple of texts, not {choice.phrases!r}")
        for phrase in choice.phrases:
            if not isinstance(phrase, str):
                raise TypeError(f"a phrase of the choice {choice.name!r} is a text, not {phrase!r}")
            _claim(phrases, " ".join(phrase.lower().split()), choice.name, f"the phrase {phrase!r}")
        for key in choice.keys:
            if not isinstance(key, str):
                raise TypeError(f'a key is a text: "{key}", not {key!r}')
            if not key or not KEYS.issuperset(key):
                raise ValueError(f"there is no key {key!r} on a phone: keys are 0 to 9, *, #, A to D")
            _claim(keys, key, choice.name, f"the key {key!r}")


def _claim(taken: dict[str, str], what: str, name: str, shown: str) -> None:
    if taken.setdefault(what, name) != name:
        raise ValueError(f"{shown} stands for {taken[what]!r} and for {name!r}: it can stand for one choice")


def _check_digits(rule: DigitRule) -> None:
    _check_number("digits: minimum", rule.minimum, least=1)
    _check_number("digits: maximum", rule.maximum, least=rule.minimum)
    _check_number("digits: inter_digit_ms", rule.inter_digit_ms, least=1)
    if rule.terminator not in ("#", "*", ""):
        raise ValueError(f'`digits: terminator` is "#", "*" or "" for none, not {rule.terminator!r}')
    if rule.clear not in ("#", "*", "") or (rule.clear and rule.clear == rule.terminator):
        raise ValueError(f'`digits: clear` is "#", "*" or "" for none, and not the terminator, not {rule.clear!r}')


def _check_number(name: str, value: object, *, least: float, most: float | None = None) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"`{name}` is a number, not {value!r}")
    if not value >= least or (most is not None and not value <= most):
        range_ = f"at least {least:g}" if most is None else f"from {least:g} to {most:g}"
        raise ValueError(f"`{name}` is {range_}, not {value!r}")
