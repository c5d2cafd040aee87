import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.asr.grammar import DIGIT_WORDS
from offhook.pipeline.dialog.digits import (
    MAX_SPOKEN_CHARS,
    apart,
    fitting_digits,
    is_digits,
    spoken_digits,
)
from offhook.pipeline.events import DigitRule


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("one two oh four", "1204"),
        ("double four", "44"),
        ("one triple seven double oh", "177700"),
        ("Nine, eight. SEVEN", "987"),
        ("one-two", "12"),
        ("12 04", "1204"),
        ("double 4", "44"),
        ("nought", "0"),
        ("it's four two please", "42"),
        ("uh nine one", "91"),
    ],
)
def test_spoken_digits_become_digits(text: str, digits: str) -> None:
    assert spoken_digits(text) == digits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "double",
        "one double",
        "double double four",
        "double 42",
        "one hundred",
        "two tickets please",
        "please",
        "٣",
        "²",
        "1" + " 1" * MAX_SPOKEN_CHARS,
    ],
)
def test_anything_else_is_not_digits(text: str) -> None:
    assert spoken_digits(text) is None


@given(st.text(max_size=60))
def test_results_are_digits(text: str) -> None:
    digits = spoken_digits(text)
    assert digits is None or is_digits(digits)


@pytest.mark.parametrize(
    ("digits", "rule", "fits"),
    [
        ("1204", DigitRule(4, 4), "1204"),
        ("1204#", DigitRule(4, 4), "1204"),
        ("12#", DigitRule(4, 4), None),
        ("12045", DigitRule(4, 4), None),
        ("123", DigitRule(2, 4), "123"),
        ("12*", DigitRule(2, 4, terminator="*"), "12"),
        ("12#", DigitRule(2, 4, terminator="*"), None),
        ("12", DigitRule(2, 4, terminator=""), "12"),
        ("#", DigitRule(1, 4), None),
        ("", DigitRule(1, 4), None),
        ("1A", DigitRule(1, 4), None),
        ("١٢", DigitRule(1, 4), None),
    ],
)
def test_only_digits_that_satisfy_the_rule_are_accepted(digits: str, rule: DigitRule, fits: str | None) -> None:
    assert fitting_digits(digits, rule) == fits


@given(st.text(alphabet="0123456789", min_size=1, max_size=32))
def test_sentences_of_the_digit_grammar_are_understood(digits: str) -> None:
    assert spoken_digits(" ".join(DIGIT_WORDS[int(digit)] for digit in digits)) == digits
    assert spoken_digits(apart(digits)) == digits
