"""Numbers of payment cards: their check digit, and how long those of each scheme are. Pure.

The ranges are the issuer identification numbers (ISO/IEC 7812-1) that the schemes publish; a number of none of them may
have any length that the standard allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MIN_CARD_DIGITS, MAX_CARD_DIGITS = 12, 19

_ZERO = ord("0")


@dataclass(frozen=True, slots=True)
class _Scheme:
    """Numbers that begin with one of `low` to `high` have one of these lengths."""

    low: int
    high: int
    lengths: tuple[int, ...]


_TO_19 = tuple(range(16, MAX_CARD_DIGITS + 1))
_ANY = tuple(range(MIN_CARD_DIGITS, MAX_CARD_DIGITS + 1))

_SCHEMES = (
    _Scheme(34, 34, (15,)),  # American Express
    _Scheme(37, 37, (15,)),
    _Scheme(51, 55, (16,)),  # Mastercard
    _Scheme(2221, 2720, (16,)),
    _Scheme(4, 4, (13, 16, 19)),  # Visa
    _Scheme(300, 305, _ANY[2:]),  # Diners Club
    _Scheme(36, 36, _ANY[2:]),
    _Scheme(38, 39, _ANY[2:]),
    _Scheme(3528, 3589, _TO_19),  # JCB
    _Scheme(6011, 6011, _TO_19),  # Discover
    _Scheme(644, 649, _TO_19),
    _Scheme(65, 65, _TO_19),
    _Scheme(62, 62, _TO_19),  # UnionPay
)


def lengths_of(octets: Sequence[int]) -> tuple[int, ...]:
    """How many digits a card's number may have that begins with these (in ASCII)."""
    for scheme in _SCHEMES:
        digits = len(str(scheme.low))
        if len(octets) >= digits and scheme.low <= _number(octets, digits) <= scheme.high:
            return scheme.lengths
    return _ANY


def is_card_number(octets: Sequence[int]) -> bool:
    """Whether they are a number of its scheme's length whose check digit is right."""
    return len(octets) in lengths_of(octets) and luhn_holds(octets)


def luhn_holds(octets: Sequence[int]) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for at in range(len(octets)):
        digit = (octets[-1 - at] - _ZERO) * (1 + at % 2)
        total += digit - 9 if digit > 9 else digit
    return len(octets) > 0 and total % 10 == 0


def _number(octets: Sequence[int], digits: int) -> int:
    found = 0
    for at in range(digits):
        found = 10 * found + octets[at] - _ZERO
    return found
