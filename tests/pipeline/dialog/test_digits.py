import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.asr.digit_words import digit_words
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
        ("twelve oh four", "1204"),
        ("one hundred", "100"),
        ("it's four two please", "42"),
        ("uh nine one", "91"),
    ],
)
def test_spoken_digits_become_digits(text: str, digits: str) -> None:
    assert spoken_digits(text) == digits


@pytest.mark.parametrize(
    ("language", "text", "digits"),
    [
        ("de-CH", "eins zwo null vier", "1204"),
        ("fr", "Zéro, six, un", "061"),
        ("es-MX", "cinco cinco uno", "551"),
        ("it", "due tre", "23"),
        ("nl", "één twee", "12"),
        ("pt-BR", "meia dois", "62"),
        ("sv", "12 04", "1204"),
        ("sv", "ett två", None),
        ("de", "one two", None),
        ("en-GB", "nought oh o", "000"),
    ],
)
def test_digits_are_spoken_in_the_language(language: str, text: str, digits: str | None) -> None:
    assert spoken_digits(text, language) == digits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "double",
        "one double",
        "double double four",
        "double 42",
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
    assert spoken_digits(" ".join(digit_words("en")[int(digit)][-1] for digit in digits)) == digits
    assert spoken_digits(apart(digits)) == digits
