"""Paths in a server's answer."""

import pytest

from offhook.pipeline.dialog.answer_path import MAX_PARTS, parts_of, value_at

ANSWER = {
    "state": "sent",
    "delivery": {"day": "Monday", "first-name": "Ann"},
    "items": [{"name": "lamp"}, {"name": "table"}],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("state", "sent"),
        ("delivery.day", "Monday"),
        ("items[0].name", "lamp"),
        ("items[-1].name", "table"),
        ('delivery["first-name"]', "Ann"),
        ("['delivery'].day", "Monday"),
        ("delivery", ANSWER["delivery"]),
        ("delivery.hour", None),
        ("state.day", None),
        ("items[2].name", None),
        ("[0]", None),
    ],
)
def test_a_path_leads_through_the_answer(path: str, value: object) -> None:
    parts = parts_of(path)
    assert parts is not None and value_at(ANSWER, parts) == value


def test_an_answer_may_be_a_list_or_nothing() -> None:
    parts = parts_of("[1].name")
    assert parts is not None
    assert value_at(ANSWER["items"], parts) == "table" and value_at(None, parts) is None


@pytest.mark.parametrize(
    "path",
    [
        *("", ".state", "delivery..day", "delivery.", "items[]", "items[x]", "items[0]name", "items.[0]", "two words"),
        *("a + b", "length(items)", '["a]', "items[99999]", ".".join("a" * (MAX_PARTS + 1))),
    ],
)
def test_what_is_no_path(path: str) -> None:
    assert parts_of(path) is None
