"""Which form of a word goes with a number, by language: "1 day", "2 days". Pure.

The rules are those of Unicode CLDR (plural rules of cardinal numbers), applied to the number as it is spoken: 1.0 is 1.
"""

from collections.abc import Callable
from decimal import Decimal

from offhook.pipeline.understanding.words import base_of, region_of

Rule = Callable[[int | Decimal], int]
"""Which form a number has that is not below zero, counted from 0; -1 is the last."""


def plural(language: str | None, number: int | Decimal, *forms: str) -> str:
    """The one of `forms` that goes with a number in a language (BCP 47; None: English), in the order of CLDR: one and
    other, or one, few and many. Where there are too few, it is the last."""
    index = _rule_of(language)(number if number >= 0 else -number)
    return forms[min(index, len(forms) - 1)]


def _rule_of(language: str | None) -> Rule:
    base = base_of(language)
    is_portugal = base == "pt" and region_of(language) == "pt"
    return _one_is_one if is_portugal else _RULES.get(base, _one_is_one)


def _one_is_one(number: int | Decimal) -> int:
    return 0 if number == 1 else 1


def _below_two(number: int | Decimal) -> int:
    return 0 if number < 2 else 1


def _has_one_form(number: int | Decimal) -> int:
    return -1


def _slavic(number: int | Decimal) -> int:
    """Fractions have the second form."""
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if number % 1 != 0 or _ends_in_two_to_four(number) else 2


def _polish(number: int | Decimal) -> int:
    return 0 if number == 1 else 1 if _ends_in_two_to_four(number) else 2


def _czech(number: int | Decimal) -> int:
    return 0 if number == 1 else 1 if number in (2, 3, 4) else 2


def _romanian(number: int | Decimal) -> int:
    return 0 if number == 1 else 1 if number == 0 or number % 1 != 0 or 1 <= number % 100 <= 19 else 2


def _ends_in_two_to_four(number: int | Decimal) -> bool:
    return number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("fr", "pt"), _below_two),
    **dict.fromkeys(("ja", "zh", "ko", "vi", "th", "id", "ms"), _has_one_form),
    **dict.fromkeys(("ru", "uk", "be", "hr", "sr", "bs"), _slavic),
    "pl": _polish,
    **dict.fromkeys(("cs", "sk"), _czech),
    "ro": _romanian,
}
"""Those that differ from English."""
