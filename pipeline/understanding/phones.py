"""Phone numbers in what was said or keyed. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from offhook.pipeline.asr.grammar import digits_rules
from offhook.pipeline.dialog.digits import apart, is_digits
from offhook.pipeline.events import DigitRule
from offhook.pipeline.understanding.numbers import read_digits
from offhook.pipeline.understanding.words import base_of

MIN_DIGITS, MAX_DIGITS = 7, 15
"""Of a number with its country code (E.164, section 6); the shortest in use have seven."""

MAX_KEYED = 20
"""With the prefixes for calls abroad."""

_PLUS = {"en": "plus", "de": "plus", "es": "más", "fr": "plus"}
_SIGN = re.compile(r"^.*?(?:\b(?:plus|más|mas)\b|\+)", re.IGNORECASE)
_MARKS = re.compile(r"\(0\)|[()/.-]")


@dataclass(frozen=True, slots=True)
class Numbering:
    """How a country's numbers are dialled: its `code`, the prefix of calls within it, and that of calls abroad, and how
    many digits they have without either. Source: the national numbering plans (ITU-T E.129)."""

    code: str
    trunk: str
    abroad: str
    least: int
    most: int


COUNTRIES: Mapping[str, Numbering] = {
    "US": Numbering("1", "1", "011", 10, 10),
    "CA": Numbering("1", "1", "011", 10, 10),
    "MX": Numbering("52", "", "00", 10, 10),
    "AR": Numbering("54", "0", "00", 10, 11),
    "BR": Numbering("55", "0", "00", 10, 11),
    "CL": Numbering("56", "", "00", 9, 9),
    "CO": Numbering("57", "", "00", 10, 10),
    "PE": Numbering("51", "0", "00", 8, 9),
    "GB": Numbering("44", "0", "00", 9, 10),
    "IE": Numbering("353", "0", "00", 7, 9),
    "DE": Numbering("49", "0", "00", 5, 11),
    "AT": Numbering("43", "0", "00", 5, 12),
    "CH": Numbering("41", "0", "00", 9, 9),
    "FR": Numbering("33", "0", "00", 9, 9),
    "BE": Numbering("32", "0", "00", 8, 9),
    "NL": Numbering("31", "0", "00", 9, 9),
    "ES": Numbering("34", "", "00", 9, 9),
    "PT": Numbering("351", "", "00", 9, 9),
    "IT": Numbering("39", "", "00", 6, 11),
    "DK": Numbering("45", "", "00", 8, 8),
    "NO": Numbering("47", "", "00", 8, 8),
    "SE": Numbering("46", "0", "00", 7, 9),
    "FI": Numbering("358", "0", "00", 5, 12),
    "PL": Numbering("48", "", "00", 9, 9),
    "CZ": Numbering("420", "", "00", 9, 9),
    "AU": Numbering("61", "0", "0011", 9, 9),
    "NZ": Numbering("64", "0", "00", 8, 10),
    "ZA": Numbering("27", "0", "00", 9, 9),
    "IN": Numbering("91", "0", "00", 10, 10),
}
"""By their ISO 3166-1 codes."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number in E.164, such as "+14155550123", as it is dialled in `country` (of COUNTRIES), or with a plus or
    the prefix for calls abroad. Raises ValueError for another country."""

    country: str

    def __post_init__(self) -> None:
        if self.country not in COUNTRIES:
            raise ValueError(f"the numbers of {self.country!r} are not known, those of {', '.join(COUNTRIES)} are")

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        sign = _SIGN.match(text)
        rest = text if sign is None else text[sign.end() :]
        digits = read_digits(_MARKS.sub(" ", rest), language)
        if digits is None:
            return None
        return self.read_keys(digits) if sign is None else _international(digits)

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        if not is_digits(digits):
            return None
        plan = COUNTRIES[self.country]
        if digits.startswith(plan.abroad):
            return _international(digits.removeprefix(plan.abroad))
        national = digits.removeprefix(plan.trunk) if plan.trunk else digits
        # In the United States the prefix may be left out, elsewhere it is a part of the number as it is dialled.
        if plan.trunk == "0" and national == digits:
            return None
        return f"+{plan.code}{national}" if plan.least <= len(national) <= plan.most else None

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return DigitRule(MIN_DIGITS, MAX_KEYED)

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        rules = digits_rules(DigitRule(MIN_DIGITS, MAX_KEYED), language)
        plus = _PLUS.get(base_of(language))
        return None if rules is None else {"phone": f"[{plus}] <digits>" if plus else "<digits>"} | rules

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind: in groups, a number of the country as it is dialled there."""
        number, plan = str(value).removeprefix("+"), COUNTRIES[self.country]
        if not number.startswith(plan.code):
            return f"{_PLUS.get(base_of(language), 'plus')} {', '.join(map(apart, groups(number)))}"
        trunk = plan.trunk if plan.trunk == "0" else ""
        return ", ".join(map(apart, groups(trunk + number.removeprefix(plan.code))))


def _international(digits: str) -> str | None:
    return f"+{digits}" if MIN_DIGITS <= len(digits) <= MAX_DIGITS and not digits.startswith("0") else None


def groups(digits: str) -> list[str]:
    """Three by three, the last four together: "4155550123" is 415, 555, 0123."""
    head, tail = (digits[:-4], digits[-4:]) if len(digits) > 6 else (digits, "")
    parts = [head[at : at + 3] for at in range(0, len(head), 3)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [parts[-2] + parts[-1]]
    return [*parts, tail] if tail else parts
