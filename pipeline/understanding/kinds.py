"""Kinds of values that a question may ask for, the same for every recogniser. Pure.

Each reads what was said, or what was keyed, and says a value back in words that a voice can speak. A value that may be
one of several is `Ambiguous`. English, German, Spanish and French are understood; in other languages only figures are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal

from offhook.pipeline.asr.grammar import digits_rules
from offhook.pipeline.dialog.digits import apart, is_digits
from offhook.pipeline.events import DigitRule, ValueKind
from offhook.pipeline.understanding.ambiguous import one_of, values_in
from offhook.pipeline.understanding.amounts import Money, read_amount
from offhook.pipeline.understanding.dates import read_date
from offhook.pipeline.understanding.numbers import read_digits, read_number
from offhook.pipeline.understanding.phones import Phone
from offhook.pipeline.understanding.spelling import read_spelling
from offhook.pipeline.understanding.time_spans import TimeSpan, read_time_span, written_time_span
from offhook.pipeline.understanding.times import read_time
from offhook.pipeline.understanding.value_grammars import (
    amount_grammar,
    date_grammar,
    number_grammar,
    spelling_grammar,
    time_grammar,
    time_range_grammar,
    yes_no_grammar,
)
from offhook.pipeline.understanding.written import written_amount, written_date, written_number, written_time
from offhook.pipeline.understanding.yes_no import read_yes_no, written_yes_no

MAX_KEYS = 32
MAX_TEXT_CHARS = 500


class _SpokenOnly:
    """What kinds have that are not keyed."""

    __slots__ = ()

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        return None

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return None


@dataclass(frozen=True, slots=True)
class Number:
    """A number, as int, or Decimal if it has decimals. Values below `least` or above `most` are no answer."""

    least: float | None = None
    most: float | None = None

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return self._within(values_in(read_number(text, language)))

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        return self._within([int(digits)]) if is_digits(digits) else None

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return DigitRule(1, len(str(int(self.most))) if self.most is not None and self.most > 0 else 12)

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return number_grammar(language, self.least, self.most)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return written_number(value, language) if isinstance(value, int | Decimal) else str(value)

    def _within(self, values: Iterable[object]) -> object | None:
        numbers = [each for each in values if isinstance(each, int | Decimal)]
        return one_of([each for each in numbers if _is_within(each, self.least, self.most)])


def _is_within(value: int | Decimal, low: float | None, high: float | None) -> bool:
    # By their digits: 0.1 as a float is more than ten cents.
    return (low is None or value >= Decimal(str(low))) and (high is None or value <= Decimal(str(high)))


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits as str, leading zeros included: a PIN, an account, a phone number. So many at least and at most."""

    minimum: int = 1
    maximum: int = MAX_KEYS

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return self.read_keys(read_digits(text, language) or "")

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        return digits if is_digits(digits) and self.minimum <= len(digits) <= self.maximum else None

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return DigitRule(self.minimum, self.maximum)

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return digits_rules(DigitRule(self.minimum, self.maximum), language)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return apart(str(value))


@dataclass(frozen=True, slots=True)
class Date(_SpokenOnly):
    """A `datetime.date`. Without a year it is the next one from `today` on, with `past` (a birthday) the last one.

    `today` is the day of the call if it is None. Dates before `earliest` or after `latest`, which may be so many days
    from `today` on, are no answer.
    """

    today: date | None = None
    past: bool = False
    earliest: date | timedelta | None = None
    latest: date | timedelta | None = None

    def on(self, today: date) -> "Date":
        """This kind, with today's date if it has none of its own."""
        return self if self.today is not None else replace(self, today=today)

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind. Raises ValueError without `today`."""
        if self.today is None:
            raise ValueError("a date is read relative to today: give `today`")
        found = values_in(read_date(text, language, self.today, past=self.past))
        days = [each for each in found if isinstance(each, date)]
        low, high = _day(self.earliest, self.today), _day(self.latest, self.today)
        return one_of([day for day in days if (low is None or day >= low) and (high is None or day <= high)])

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return date_grammar(language, self.today, self.past)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return written_date(value, language, self.today) if isinstance(value, date) else str(value)


def _day(limit: date | timedelta | None, today: date) -> date | None:
    return today + limit if isinstance(limit, timedelta) else limit


@dataclass(frozen=True, slots=True)
class Time(_SpokenOnly):
    """A `datetime.time`. "Four thirty" is ambiguous unless only one of both lies between `earliest` and `latest`."""

    earliest: time | None = None
    latest: time | None = None

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return read_time(text, language, self.earliest, self.latest)

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return time_grammar(language)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return written_time(value, language) if isinstance(value, time) else str(value)


@dataclass(frozen=True, slots=True)
class TimeRange(_SpokenOnly):
    """A span of a day, as TimeSpan: "between two and four", "from nine to noon".

    It lies between `earliest` and `latest`.
    """

    earliest: time | None = None
    latest: time | None = None

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return read_time_span(text, language, self.earliest, self.latest)

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return time_range_grammar(language)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return written_time_span(value, language) if isinstance(value, TimeSpan) else str(value)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money, as Money; in `currency` (ISO 4217) if the caller says none. Amounts below `least` or above
    `most`, in whatever currency, are no answer."""

    currency: str | None = None
    least: float | None = None
    most: float | None = None

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return self._within(values_in(read_amount(text, language, self.currency)))

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind: whole units."""
        return self._within([Money(Decimal(digits), self.currency)]) if is_digits(digits) else None

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return DigitRule(1, 9)

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return amount_grammar(language, self.currency)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return written_amount(value, language) if isinstance(value, Money) else str(value)

    def _within(self, values: Iterable[object]) -> object | None:
        amounts = [each for each in values if isinstance(each, Money)]
        return one_of([each for each in amounts if _is_within(each.amount, self.least, self.most)])


@dataclass(frozen=True, slots=True)
class Spelling:
    """A spelled word, as str in capitals: "S as in Sam, M, I, T, H", "Sierra Mike". Without `digits`, as a name
    is, it is recognised more surely."""

    digits: bool = True

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        found = read_spelling(text, language)
        return found if found is None or self.digits or not any(c.isdigit() for c in found) else None

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind: no letters are keyed."""
        return None

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return None

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return spelling_grammar(language, digits=self.digits)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return ", ".join(str(value))


@dataclass(frozen=True, slots=True)
class YesNo:
    """True or False; 1 is yes and 2 is no on the keypad."""

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return read_yes_no(text, language)

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        return {"1": True, "2": False}.get(digits)

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return DigitRule(1, 1)

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return yes_no_grammar(language)

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return written_yes_no(bool(value), language)


@dataclass(frozen=True, slots=True)
class Text(_SpokenOnly):
    """What was said as it was recognised, as str of MAX_TEXT_CHARS at most: it is cut at a word."""

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        said = " ".join(text.split())
        if len(said) > MAX_TEXT_CHARS:
            said = said[: MAX_TEXT_CHARS + 1].rpartition(" ")[0] or said[:MAX_TEXT_CHARS]
        return said or None

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return str(value)


KINDS: dict[str, type[ValueKind]] = {
    "number": Number,
    "digits": Digits,
    "date": Date,
    "time": Time,
    "time_range": TimeRange,
    "amount": Amount,
    "spelling": Spelling,
    "yes_no": YesNo,
    "text": Text,
    "phone": Phone,
}
"""By their names in a flow."""
