"""Digits typed or spoken one by one, and the rule that they must satisfy."""

from collections.abc import Mapping, Sequence

from offhook.pipeline.asr.courtesies import answers_within
from offhook.pipeline.asr.digit_words import digit_values, repeats
from offhook.pipeline.events import DigitRule
from offhook.pipeline.understanding.numbers import read_digits

MAX_SPOKEN_CHARS = 1_000
"""Longer transcripts are not digits."""


def spoken_digits(text: str, language: str | None = None) -> str | None:
    """Digits spoken one by one or as numbers: "one two oh four", "twelve oh four", "12 04" are "1204".

    `language` is a BCP 47 tag, None English; in one without digit words (see `asr.digit_words`) only numerals are
    digits. Words of courtesy may surround them: "it's four two please" is "42". None if `text` contains anything else,
    or nothing.
    """
    if len(text) > MAX_SPOKEN_CHARS:
        return None
    words = text.lower().replace("-", " ").replace(",", " ").replace(".", " ").split()
    values, repeated = digit_values(language), repeats(language)
    one_by_one = (_digits(said, values, repeated) for said in answers_within(words))
    return next((found for found in one_by_one if found is not None), None) or read_digits(text, language)


def _digits(words: Sequence[str], values: Mapping[str, str], repeated: Mapping[str, int]) -> str | None:
    digits: list[str] = []
    repeat = 1
    for word in words:
        if word in repeated:
            if repeat != 1:
                return None
            repeat = repeated[word]
            continue
        digit = values.get(word)
        if digit is None:
            if not is_digits(word) or (repeat != 1 and len(word) != 1):
                return None
            digit = word
        digits.append(digit * repeat)
        repeat = 1
    if repeat != 1 or not digits:
        return None
    return "".join(digits)


def is_digits(text: str) -> bool:
    """Whether it is 0-9 only, at least one digit (`str.isdigit` accepts other scripts and superscripts)."""
    return text.isascii() and text.isdigit()


def fitting_digits(digits: str, rule: DigitRule) -> str | None:
    """`digits` without the terminator if they satisfy the rule, otherwise None."""
    if rule.terminator and digits.endswith(rule.terminator):
        digits = digits[: -len(rule.terminator)]
    if not is_digits(digits) or not rule.minimum <= len(digits) <= rule.maximum:
        return None
    return digits


def apart(digits: str) -> str:
    """Digits to be spoken one by one: "1204" is "1 2 0 4"."""
    return " ".join(digits)
