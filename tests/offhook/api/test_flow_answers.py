"""What a hostile or careless server answers to a flow's request."""

import json
from decimal import Decimal

import pytest

from offhook.api.flow_requests import MAX_DEPTH, value_in
from offhook.pipeline.dialog.spoken_text import MAX_VALUE_CHARS, as_text
from offhook.pipeline.dialog.template import MAX_FILLED_CHARS, fill


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", Decimal("12.50")),
        ("1e3", Decimal(1000)),
        ("9007199254740993123", 9007199254740993123),
        ("1e400", None),
        ("-1e999999999999", None),
        ("1e-400", None),
        ("0e999", None),
        ("9" * 41, None),
        ('{"n": 1e400, "a": 1, "a": 2}', {"n": None, "a": 2}),
        ("[1]", [1]),
    ],
)
def test_numbers_have_a_limit(text: str, value: object) -> None:
    assert value_in(text) == value


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "-Infinity", "", "{", "[" * 100_000, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)]
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        value_in(text)


def test_what_is_nested_is_kept() -> None:
    text = "[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1)
    assert json.dumps(value_in(text)) == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a" * 250_000, "a" * MAX_VALUE_CHARS),
        ("one\x00two\r\n\x1b[0m\ud800", "one two   [0m "),
        ("<speak>hi</speak>", " speak hi /speak "),
        (["a"] * 30_000, ", ".join(["a"] * 100)),
        ({"a": 1}, ""),
        (Decimal("1E+3"), "1000"),
        ("{pin}", "{pin}"),
    ],
)
def test_what_is_said_of_a_value_has_a_limit(value: object, said: str) -> None:
    assert as_text(value, "en") == said


def test_a_text_with_many_values_has_a_limit() -> None:
    assert len(fill("{x}" * 500, lambda _: "a" * MAX_VALUE_CHARS)) == MAX_FILLED_CHARS
