"""What only shows that the caller listens, and what is a turn; and whether the bot was asking something."""

import pytest

from offhook.pipeline.turn.back_channels import asks, has_phrase, is_back_channel


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "mm-hm"),
        ("en-GB", "Uh-huh, okay."),
        ("en", "yeah yeah right"),
        ("en", "Oh, I see"),
        ("en", "mhmm"),
        (None, "got it"),
        ("de", "Ja, genau"),
        ("de-AT", "ach so, mhm"),
        ("es", "Sí, de acuerdo."),
        ("fr", "Oui, d'accord"),
        ("fr-CA", "C'est ça"),
        ("xx", "mm okay"),
        ("en", ""),
    ],
)
def test_these_do_not_take_the_turn(language: str | None, text: str) -> None:
    assert is_back_channel(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "yeah but"),
        ("en", "no"),
        ("en", "wait"),
        ("en", "right away please"),
        ("en", "okay 4"),
        ("en", "4"),
        ("en", "hum a song"),
        ("en", "ja"),
        ("de", "ja aber"),
        ("de", "nein"),
        ("es", "sí pero no"),
        ("fr", "non"),
        ("xx", "oui"),
    ],
)
def test_these_do(language: str, text: str) -> None:
    assert not is_back_channel(text, language)


def test_a_phrase_is_found_as_whole_words() -> None:
    assert has_phrase("Well, STOP it now!", ("stop it",))
    assert not has_phrase("nonstop it", ("stop it",))
    assert not has_phrase("", ("stop",))


@pytest.mark.parametrize(
    ("said", "unsaid", "expected"),
    [
        ("Your order ships on Monday. Shall I send", "you a note?", True),
        ("Shall I send you a note?", "", True),
        ("Shall I send you a note? I could", "also call you.", True),
        ("Your order ships", "on Monday. Is that fine?", False),
        ("Is that fine? Your order will be shipped on the", "second.", False),
        ("", "", False),
    ],
)
def test_whether_the_bot_was_asking(said: str, unsaid: str, expected: bool) -> None:
    assert asks(said, unsaid) is expected
