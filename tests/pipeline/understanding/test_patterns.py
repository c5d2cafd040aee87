"""Numbers with a form of their own, and values with a condition."""

import pytest

from offhook.pipeline.dialog.expression.functions import has_check_digit, has_iban_check
from offhook.pipeline.events import DigitRule
from offhook.pipeline.understanding.kinds import Digits, Text, Time
from offhook.pipeline.understanding.patterns import Pattern, pattern_fault
from offhook.pipeline.understanding.valid import Valid, plain_kind


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("AA-9999", "A B one two oh four", "AB-1204"),
        ("AA-9999", "alpha bravo dash one two zero four", "AB-1204"),
        ("AA-9999", "AB1204", "AB-1204"),
        ("AA-9999", "A B one two o four", "AB-1204"),
        ("AA-9999", "A zero one two oh four", "AO-1204"),
        ("AA-9999", "A B one two oh", None),
        ("AA-9999", "one two A B oh four", None),
        ("XX 9", "A one seven", "A1 7"),
        ("99.99", "twelve oh four", "12.04"),
        ("99.99", "one two", None),
    ],
)
def test_what_is_said_gets_its_form(form: str, text: str, value: str | None) -> None:
    assert Pattern(form).read(text, "en") == value


def test_digits_alone_can_be_keyed() -> None:
    assert Pattern("99-99").keys == DigitRule(4, 4)
    assert Pattern("99-99").read_keys("1204") == "12-04"
    assert Pattern("A9").keys is None
    assert Pattern("A9").read_keys("12") is None


def test_it_is_said_in_its_parts() -> None:
    assert Pattern("AA-9999").say("AB-1204", "en") == "A, B, 1 2 0 4"


@pytest.mark.parametrize("form", ["", "--", "A*", "aa", "9" * 33])
def test_what_is_no_pattern(form: str) -> None:
    assert pattern_fault(form)
    with pytest.raises(ValueError):
        Pattern(form)


def test_a_value_has_to_satisfy_its_condition() -> None:
    kind = Valid(Digits(4, 19), lambda digits: has_check_digit(str(digits)))
    assert kind.read("four two four two", "en") == "4242"
    assert kind.read("four two four three", "en") is None
    assert kind.read_keys("4242") == "4242"
    assert kind.read_keys("4243") is None
    assert plain_kind(kind) == Digits(4, 19)


def test_of_several_readings_the_one_that_satisfies_is_taken() -> None:
    time = Valid(Time(), lambda value: str(value) > "12")
    assert str(time.read("four thirty", "en")) == "16:30:00"


@pytest.mark.parametrize(
    ("iban", "is_right"),
    [
        ("GB82 WEST 1234 5698 7654 32", True),
        ("de89370400440532013000", True),
        ("DE88370400440532013000", False),
        ("DE89", False),
        ("8937 0400 4405 3201 3000", False),
        ("DÉ89370400440532013000", False),
    ],
)
def test_the_check_digits_of_an_iban(iban: str, is_right: bool) -> None:
    assert has_iban_check(iban) is is_right


def test_free_text_is_cut_at_a_word() -> None:
    assert Text().read("  my  bill ", "en") == "my bill"
    assert Text().read("", "en") is None
    assert Text().read("word " * 200, "en") == ("word " * 100).strip()
    assert Text().read("x" * 900, "en") == "x" * 500
