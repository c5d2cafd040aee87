"""What callers in a queue hear."""

import pytest

from offhook.queues.wording import queue_wording_in, text_in


@pytest.mark.parametrize(
    ("language", "position", "wait_s", "said"),
    [
        ("en", 1, None, "You are next."),
        ("en-GB", 3, 61, "You are number 3 in the queue. The wait is about 2 minutes."),
        ("en", 2, 5, "You are number 2 in the queue. The wait is about one minute."),
        ("de", 2, 60, "Sie sind auf Platz 2 in der Warteschlange. Die Wartezeit beträgt etwa eine Minute."),
        ("fr", 2, 3_601, "Vous êtes numéro 2 dans la file d'attente. L'attente est de plus d'une heure."),
        ("ja", 1, None, "You are next."),
    ],
)
def test_the_place(language: str, position: int, wait_s: float | None, said: str) -> None:
    assert queue_wording_in(language).place_text(position, wait_s) == said


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "it", "nl", "pt"])
def test_every_language_has_the_places_of_its_values(language: str) -> None:
    words = queue_wording_in(language)
    assert words is not queue_wording_in("en") or language == "en"
    assert "4" in words.place_text(4, 240) and words.place_text(4, 240).count("4") == 2
    assert words.with_key(words.leave, "#").count(words.hash) == 1
    assert "0" in words.with_key(words.call_back, "0")
    assert "+ 1 5" in words.own_number.format(digits="+ 1 5") and "+ 1 5" in words.will_call.format(digits="+ 1 5")


def test_texts_by_language() -> None:
    texts = {"en": "Thank you.", "de-AT": "Danke."}
    assert text_in("en-US", texts) == "Thank you."
    assert text_in("de-at", texts) == "Danke."
    assert text_in("de", texts) is None
    assert text_in(None, texts) == "Thank you."
