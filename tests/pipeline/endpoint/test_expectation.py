from datetime import time
from typing import Any

import pytest

from offhook.pipeline.endpoint.expectation import expectation_of, expectations_of, parse_expectation
from offhook.pipeline.events import Choice, DigitRule, Expectation, Question, ValueKind
from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Spelling, Time, YesNo


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("choice", Expectation("choice")),
        ("digits(4)", Expectation("digits", 4, 4)),
        ("digits(10..16)", Expectation("digits", 10, 16)),
        (" digits( 10 .. 16 ) ", Expectation("digits", 10, 16)),
        ("digits", Expectation("digits", 1, 32)),
        ("phone", Expectation("phone", 7, 15)),
        ("email", Expectation("email")),
        ("free", Expectation("free")),
    ],
)
def test_an_expectation_by_its_name(text: str, expected: Expectation) -> None:
    assert parse_expectation(text) == expected


@pytest.mark.parametrize("text", ["", "colour", "digits(0)", "digits(9..4)", "digits(1..99)", "date(3)", "digits(4"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"digits|no count|one of"):
        parse_expectation(text)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Date(), "date"),
        (Time(earliest=time(8)), "time"),
        (Amount(), "amount"),
        (YesNo(), "yes_no"),
        (Spelling(), "spelled"),
        (Number(), "number"),
    ],
)
def test_a_value_says_what_is_expected(value: ValueKind, kind: str) -> None:
    assert [each.kind for each in expectations_of(Question(value=value))] == [kind]


def test_choices_and_digits_say_it_too_and_a_name_goes_first() -> None:
    menu = Question((Choice("yes", ("yes",)),), digits=DigitRule(2, 3))
    assert expectations_of(menu) == (Expectation("choice"), Expectation("digits", 2, 3))
    assert expectations_of(Question(value=Digits(10, 16))) == (Expectation("digits", 10, 16),)
    assert expectations_of(Question((Choice("x", ("x",)),), expect=Expectation("email"))) == (Expectation("email"),)
    assert expectations_of(Question()) == (Expectation("free"),)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "boolean"}, Expectation("yes_no")),
        ({"type": "integer"}, Expectation("number")),
        ({"type": ["number", "null"]}, Expectation("number")),
        ({"type": "string", "format": "date"}, Expectation("date")),
        ({"type": "string", "format": "email"}, Expectation("email")),
        ({"type": "string", "pattern": r"^\d{4}$"}, Expectation("digits", 4, 4)),
        ({"type": "string", "pattern": "^[0-9]{10,16}$"}, Expectation("digits", 10, 16)),
        ({"type": "string", "pattern": r"\d{3,}"}, Expectation("digits", 3, 32)),
        ({"type": "string", "pattern": r"^\d+$", "maxLength": 8}, Expectation("digits", 1, 8)),
        ({"type": "string", "pattern": r"^[A-Z]\d+$"}, Expectation("free")),
        ({"type": "string"}, Expectation("free")),
        ({"enum": ["small", "extra_large"]}, Expectation("choice", phrases=("small", "extra large"))),
        ({"const": "yes"}, Expectation("choice", phrases=("yes",))),
        ({}, Expectation("free")),
        (
            {
                "type": "object",
                "properties": {"note": {"type": "string"}, "day": {"type": "string", "format": "date"}},
                "required": ["day"],
            },
            Expectation("date"),
        ),
        ({"type": "object", "properties": 5}, Expectation("free")),
    ],
)
def test_a_json_schema_says_how_its_value_is_spoken(schema: dict[str, Any], expected: Expectation) -> None:
    assert expectation_of(schema) == expected


def test_a_schema_that_never_ends_is_free() -> None:
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = {"again": schema}
    assert expectation_of(schema) == Expectation("free")
