"""The language of conditions and values in a flow."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.expression import MAX_CHARS, parse
from offhook.pipeline.dialog.expression.functions import FUNCTIONS, has_check_digit
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.understanding.amounts import Money

NOW = datetime(2026, 12, 24, 17, 30, tzinfo=UTC)  # a Thursday
VALUES = {
    "people": 7,
    "price": Decimal("12.50"),
    "amount": Money(Decimal("99.90"), "EUR"),
    "account": "4711220044",
    "day": date(2026, 12, 26),
    "at": time(18, 0),
    "member": True,
    "order": {"status": "sent", "items": [{"name": "lamp", "count": 2}], "total": Decimal("40.5")},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("people > 6 and member", True),
        ("people + 1", 8),
        ("people / 2", Decimal("3.5")),
        ("people // 2 * 2 == people - 1", True),
        ("price * 2", Decimal("25.00")),
        ("0.1 + 0.2 == 0.3", True),
        ("amount >= 99.9", True),
        ("-people", -7),
        ("last(account, 4)", "0044"),
        ("first(account, 4) + '…'", "4711…"),
        ("number(account) > 5", True),
        ("length(account)", 10),
        ("luhn('79927398713')", True),
        ("order.status == 'sent'", True),
        ("order.items[0].name", "lamp"),
        ("order.items[-1].count >= 2", True),
        ("order['total'] < 41", True),
        ("weekday(day) in ['saturday', 'sunday']", True),
        ("days_until(day)", 2),
        ("today()", date(2026, 12, 24)),
        ("at > now()", True),
        ("'evening' if at >= now() else 'past'", "evening"),
        ("'sent' in order.status", True),
        ("not member or people == 7", True),
        ("6 < people < 8", True),
        ("text(day)", "2026-12-26"),
        ("round(price)", 12),
        ("round(order.total / 3, 2)", Decimal("13.50")),
        ("contains(lower('HELLO'), 'ell')", True),
        ("true", True),
        ("nothing", None),
    ],
)
def test_values(text: str, value: object) -> None:
    found = parse(text).value_in(VALUES, NOW)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "order.colour",
        "order.items[5].name",
        "order.status.length",
        "people / 0",
        "people % 0",
        "elsewhere + 1",
        "number('twelve')",
        "weekday(order.colour)",
        "people * 10000000000 * 10000000000",
        "order + 1",
    ],
)
def test_what_makes_no_sense_in_a_call_is_nothing(text: str) -> None:
    assert parse(text).value_in(VALUES, NOW) is None


@pytest.mark.parametrize("op", ["==", "<", "<=", ">", ">=", "in"])
def test_nothing_is_equal_to_no_value_and_not_larger_or_smaller(op: str) -> None:
    assert parse(f"order.colour {op} people").value_in(VALUES, NOW) is False
    assert parse("order.colour == nothing").value_in(VALUES, NOW) is True
    assert parse("order.colour != 'red'").value_in(VALUES, NOW) is True


def test_a_yes_is_not_a_number() -> None:
    assert parse("member == 1").value_in(VALUES, NOW) is False


TYPES = {"people": Type.NUMBER, "pin": Type.TEXT, "day": Type.DATE, "order": Type.ANY}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("people + 1", Type.NUMBER),
        ("pin + '1'", Type.TEXT),
        ("people > 1 or pin == '1'", Type.TRUTH),
        ("order.total", Type.ANY),
        ("order.total + 1", Type.NUMBER),
        ("weekday(day)", Type.TEXT),
        ("pin if people > 1 else people", Type.ANY),
        ("today()", Type.DATE),
        ("[1, 2]", Type.LIST),
    ],
)
def test_types_are_known_before_the_call(text: str, kind: Type) -> None:
    assert parse(text).type_in(TYPES) is kind


@pytest.mark.parametrize(
    ("text", "why", "todo"),
    [
        ("pin > 5", "`pin` is a text, and `5` a number", "`number(pin)`"),
        ("people + 'x'", "`people` is a number, and `'x'` a text", "values of one type"),
        ("-pin", "`pin` is a text, where a number is needed", "`number(pin)`"),
        ("last(people, 2)", "`people` is a number, where a text is needed", "`text(people)`"),
        ("weekday(pin)", "`pin` is a text, where a date is needed", "a date"),
        ("last(pin)", "`last` takes 2 arguments, and is given 1", "`last(text, number)`"),
        ("weekday()", "`weekday` takes 1 argument, and is given 0", "`weekday(date)`"),
        ("round(1, 2, 3)", "`round` takes 1 to 2 arguments, and is given 3", "`round(number, number)`"),
        ('day == "2026-12-24"', "`day` is a date, and `'2026-12-24'` a text", "`text(day)`, which is as 2026-12-24"),
        ('weekday(day) == "Monday"', "`weekday` is never `'Monday'`", '`"monday"` to `"sunday"`'),
        ('"mon" != weekday(day)', "`weekday` is never `'mon'`", '`"monday"` to `"sunday"`'),
        ('weekday(day) in ["friday", "Saturday"]', "`weekday` is never `'Saturday'`", '`"monday"` to `"sunday"`'),
        ("pin.first", "`pin` is a text, and has no parts", "`first(pin, 2)` of a text"),
        ("1 in people", "nothing is in a number", '`day in ["saturday", "sunday"]`'),
        ("day + day", "`day` is a date, and `day` a date", "values of one type"),
    ],
)
def test_what_cannot_make_sense_is_refused(text: str, why: str, todo: str) -> None:
    with pytest.raises(ExpressionError) as failed:
        parse(text).type_in(TYPES)
    assert (failed.value.why, failed.value.todo) == (why, todo)


@pytest.mark.parametrize(
    ("text", "todo"),
    [
        ("people = 6", "`==` compares"),
        ("a && b", "write `and`"),
        ("a || b", "write `or`"),
        ("!a", "write `not`"),
        ("lst(a, 2)", "did you mean `last`?"),
        ("a >", "as in"),
        ("", "as in"),
        ("x" * (MAX_CHARS + 1), "divide it by `set`"),
        ("[" * 60 + "]" * 60, "divide it by `set`"),
        ("not " * 60 + "a", "divide it by `set`"),
    ],
)
def test_mistakes(text: str, todo: str) -> None:
    with pytest.raises(ExpressionError) as failed:
        parse(text)
    assert failed.value.todo.startswith(todo)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "a.__class__.__mro__()",
        "(lambda: 1)()",
        "[x for x in a]",
        "{1: 2}",
        "f'{a}'",
        "a[1:2]",
        "9 ** 9 ** 9",
        "1 << 999",
        "a @ b",
        "(a := 1)",
        "a is b",
        "await a",
        "b'x'",
        "1j",
        "...",
        "*a",
        "last(text='x', n=1)",
        "a.b()",
        "yield a",
    ],
)
def test_there_is_no_way_out(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_dunder_fields_are_only_keys() -> None:
    assert parse("order.__class__").value_in(VALUES, NOW) is None


def test_the_names_that_it_uses() -> None:
    assert parse("last(pin, n) == order.pin and true and pin != nothing").names == ("pin", "n", "order")


TERMS = ["people", "order", "order.items", "day", "at", "member", "account", "'x'", "7", "nothing", "amount", "[1]"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "==", "!=", "<", ">=", "in", "not in", "and", "or"]


@given(
    st.sampled_from(TERMS),
    st.lists(st.tuples(st.sampled_from(OPERATORS), st.sampled_from(TERMS)), max_size=4),
    st.sampled_from([None, *FUNCTIONS]),
)
def test_whatever_is_written_has_a_value(first: str, more: list[tuple[str, str]], function: str | None) -> None:
    text = " ".join([first, *(f"{op} {term}" for op, term in more)])
    if function is not None:
        text = f"{function}({', '.join(['(' + text + ')'] * len(FUNCTIONS[function].takes))})"
    parse(text).value_in(VALUES, NOW)


@given(st.text(max_size=60))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except ExpressionError:
        return
    parsed.value_in(VALUES, NOW)


@pytest.mark.parametrize("card", ["4111111111111111", "5555555555554444", "378282246310005"])
def test_check_digits(card: str) -> None:
    assert has_check_digit(card)
    for place in range(len(card)):
        wrong = card[:place] + str((int(card[place]) + 1) % 10) + card[place + 1 :]
        assert not has_check_digit(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "1e999999",
        "-1e400",
        "9" * 400,
        "0x" + "f" * 300,
        "today() == 2026-12-24",
        r"'\d'",
        "[[1], 2] == x[0:1]",
        "x[not y]",
    ],
)
def test_what_would_be_something_else_is_not_parsed(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "todo"),
    [
        ("x is None", "`==` and `!=` compare, with `nothing`, too"),
        ("None", "write `nothing`"),
        ("{x} == 1", "names stand without braces in expressions"),
        ("'a'.upper()", "`upper(…)`, with the text in it"),
        ("x[y[0]]", "give the number a name by `set`"),
        ("x <> 1", "`!=` is not equal"),
        ("“a”", 'quotes are straight: `"text"`'),
        ("now() < 17:30", "times are compared by `hours` at the top of the flow: `hours.shop`"),
        ("007", "digits that begin with 0 are a text"),
        ("Hello there", "a text has quotes of its own"),
        ("from", "choose another name"),
    ],
)
def test_a_hint_says_what_was_meant(text: str, todo: str) -> None:
    with pytest.raises(ExpressionError) as failed:
        parse(text)
    assert failed.value.todo.startswith(todo)


@pytest.mark.parametrize("one", ["7", "-7", "7.5", "-7.5", "0.0"])
@pytest.mark.parametrize("other", ["2", "-2", "2.5", "-2.5"])
def test_a_rest_is_the_same_for_all_numbers(one: str, other: str) -> None:
    values = {"one": Decimal(one), "other": Decimal(other)}
    rest, quotient = (parse(text).value_in(values, NOW) for text in ("one % other", "one // other"))
    assert (rest, quotient) == (Decimal(str(float(one) % float(other))), Decimal(str(float(one) // float(other))))


def test_lists_do_not_grow_in_a_loop() -> None:
    values: dict[str, object] = {"x": [1]}
    assert parse("[x, x]").value_in(values, NOW) is None
    assert parse("[{}]".format(", ".join(["y"] * 100))).value_in({"y": "a"}, NOW) == ["a"] * 100


@pytest.mark.parametrize("text", ["first('abc', n)", "last('abc', n)"])
def test_a_number_with_a_huge_exponent_is_no_bomb(text: str) -> None:
    assert parse(text).value_in({"n": Decimal("1e999999999999")}, NOW) == "abc"


@pytest.mark.parametrize(("text", "value"), [("1 in [true]", False), ("true in [true]", True), ("2 not in [1]", True)])
def test_items_are_equal_as_values_are(text: str, value: bool) -> None:
    assert parse(text).value_in({}, NOW) is value


def test_the_page_has_every_function() -> None:
    page = (Path(__file__).parents[4] / "docs" / "flows.md").read_text(encoding="utf-8")
    assert [name for name in FUNCTIONS if f"`{name}(" not in page] == []
