"""What prompts offer."""

import pytest

from offhook.qa.crawl.suggestions import MAX_SUGGESTIONS, suggestions


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("For sales, press 1. For support, press two.", ["press 1", "press 2"]),
        ("press the star key to repeat, or press pound", ["press *", "press #"]),
        ("You can say, my balance, opening hours, or goodbye.", ["say my balance", "say opening hours", "say goodbye"]),
        ("Say yes or no.", ["say yes", "say no"]),
        ("to reach us dial zero or say operator", ["press 0", "say operator"]),
        ("press one press one PRESS 1", ["press 1"]),
        ("We are open from nine to five.", []),
        ("please say in a few words of your own what it is that you are calling about today", []),
        ("", []),
    ],
)
def test_what_is_offered(text: str, offered: list[str]) -> None:
    assert [str(each) for each in suggestions(text)] == offered


def test_there_is_a_limit() -> None:
    assert len(suggestions("say " + ", ".join(f"word{number}" for number in range(1_000)))) == MAX_SUGGESTIONS
