import pytest

from offhook.qa.script.keys import difference
from offhook.qa.script.words import has_words


@pytest.mark.parametrize(
    ("heard", "expected", "found"),
    [
        ("our opening hours are from nine", "opening hours", True),
        ("our open hours are from nine to five", "opening hours are from nine", True),
        ("hours opening", "opening hours are long", False),
        ("", "hello", False),
        ("hello", "", False),
        ("Don't panic!", "dont panic", True),
    ],
)
def test_enough_words_in_their_order(heard: str, expected: str, found: bool) -> None:
    assert has_words(heard, expected) is found


@pytest.mark.parametrize(
    ("expected", "found", "kind"),
    [
        ("1234", "11223344", "keys_doubled"),
        ("1234", "1224", "keys_doubled"),
        ("1123", "1123", None),
        ("1234", "124", "keys_lost"),
        ("1234", "", "keys_lost"),
        ("1234", "1243", "keys"),
        ("12", "123", "keys"),
    ],
)
def test_how_keys_differ(expected: str, found: str, kind: str | None) -> None:
    differs = difference(expected, found)
    assert (None if differs is None else differs.kind) == kind
