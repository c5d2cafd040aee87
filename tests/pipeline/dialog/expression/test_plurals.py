"""Which form of a word goes with a number, by language. The expected forms are those of CLDR's samples."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.expression.plurals import plural
from offhook.pipeline.dialog.expression.types import Type

Number = int | Decimal
NOW = datetime(2026, 12, 24, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "of_one", "of_others"),
    [
        (None, (1, -1, Decimal("1.0")), (0, 2, 11, 21, Decimal("1.5"))),
        ("en-GB", (1,), (0, 2)),
        ("de", (1,), (0, 2, 101)),
        ("es", (1,), (0, 2, Decimal("1.5"))),
        ("fr-CA", (0, 1, Decimal("1.5")), (2, 17)),
        ("pt-BR", (0, 1), (2,)),
        ("pt-PT", (1,), (0, 2)),
        ("ja", (), (0, 1, 2)),
        ("xx", (1,), (0, 2)),
    ],
)
def test_two_forms(language: str | None, of_one: tuple[Number, ...], of_others: tuple[Number, ...]) -> None:
    assert {plural(language, number, "one", "other") for number in of_one} <= {"one"}
    assert {plural(language, number, "one", "other") for number in of_others} == {"other"}


@pytest.mark.parametrize(
    ("language", "one", "few", "many"),
    [
        ("ru", (1, 21, 101), (2, 4, 22, 104), (0, 5, 11, 12, 14, 111, 112)),
        ("uk", (1, 31), (3, 33), (10, 13)),
        ("pl", (1,), (2, 4, 22, 102), (0, 5, 12, 21, 101)),
        ("cs", (1,), (2, 3, 4), (0, 5, 22)),
        ("ro", (1,), (0, 2, 19, 101), (20, 100)),
    ],
)
def test_three_forms(language: str, one: tuple[int, ...], few: tuple[int, ...], many: tuple[int, ...]) -> None:
    for form, numbers in (("one", one), ("few", few), ("many", many)):
        assert {plural(language, number, "one", "few", "many") for number in numbers} == {form}
    assert plural(language, many[0], "one", "few") == "few"  # the last that there is


def test_it_is_a_function_of_expressions() -> None:
    expression = parse('plural(n, "jour", "jours")')
    assert expression.value_in({"n": 0}, NOW, "fr") == "jour" and expression.value_in({"n": 0}, NOW) == "jours"
    assert expression.value_in({"n": None}, NOW, "fr") is None
    assert expression.type_in({"n": Type.NUMBER}) is Type.TEXT
    with pytest.raises(ExpressionError, match="takes 3 to 4 arguments"):
        parse('plural(n, "day")').type_in({"n": Type.NUMBER})
    with pytest.raises(ExpressionError, match="`n` is a text, where a number is needed"):
        expression.type_in({"n": Type.TEXT})
