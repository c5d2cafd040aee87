"""Numbers with a form of their own, such as AB-1204: an account, an order, a licence plate. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from offhook.pipeline.asr.grammar import digits_rules
from offhook.pipeline.dialog.digits import apart, is_digits
from offhook.pipeline.events import DigitRule
from offhook.pipeline.understanding.numbers import read_digits
from offhook.pipeline.understanding.spelling import read_spelling
from offhook.pipeline.understanding.value_grammars import spelling_grammar

LETTER, DIGIT, EITHER = "A", "9", "X"
"""What stands for a letter, a digit, and either of them; everything else in a pattern is itself."""

SEPARATORS = "-/. "
MAX_PLACES = 32


def pattern_fault(form: str) -> str | None:
    """Why it is no pattern; None if it is one."""
    odd = sorted(set(form) - set(LETTER + DIGIT + EITHER + SEPARATORS))
    if odd:
        return f"a pattern has {LETTER} for a letter, {DIGIT} for a digit, {EITHER} for either, and - / . between them"
    places = sum(each not in SEPARATORS for each in form)
    return None if 1 <= places <= MAX_PLACES else f"a pattern has 1 to {MAX_PLACES} places, not {places}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text such as "AB-1204", of the `form` AA-9999, which is spelled; one of digits alone can be keyed. What stands
    between the places need not be said. Raises ValueError for what is no pattern."""

    form: str

    def __post_init__(self) -> None:
        if (fault := pattern_fault(self.form)) is not None:
            raise ValueError(fault)

    @property
    def places(self) -> str:
        """The form without what stands between."""
        return "".join(each for each in self.form if each not in SEPARATORS)

    @property
    def is_numeric(self) -> bool:
        """Whether it has digits alone."""
        return set(self.places) == {DIGIT}

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        said = read_digits(text, language) if self.is_numeric else None
        return self._formed(said or read_spelling(text, language) or "")

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        return self._formed(digits) if self.is_numeric else None

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return DigitRule(len(self.places), len(self.places)) if self.is_numeric else None

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        if self.is_numeric:
            return digits_rules(DigitRule(len(self.places), len(self.places)), language)
        return spelling_grammar(language, digits=self.places.strip(LETTER) != "")

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        parts = "".join(" " if each in SEPARATORS else each for each in str(value)).split()
        runs = ("".join(run) for part in parts for _, run in groupby(part, str.isdigit))
        return ", ".join(apart(run) if is_digits(run) else ", ".join(run) for run in runs)

    def _formed(self, said: str) -> str | None:
        """With what stands between; None if it has another form."""
        given = [each for each in said if each.isalnum()]
        if len(given) != len(self.places):
            return None
        fitting = [_fitting(each, place) for each, place in zip(given, self.places, strict=True)]
        if None in fitting:
            return None
        left = iter(each for each in fitting if each is not None)
        return "".join(each if each in SEPARATORS else next(left) for each in self.form)


def _fitting(said: str, place: str) -> str | None:
    """What was said in a place; zero and the letter O sound alike."""
    if place == DIGIT:
        said = "0" if said == "O" else said
        return said if is_digits(said) else None
    if place == LETTER:
        said = "O" if said == "0" else said
        return said if said.isalpha() else None
    return said
