"""Language tags, and which of an engine's languages serves."""

import pytest

from offhook.pipeline.language import covers, is_language_tag, known_as


@pytest.mark.parametrize("tag", ["en", "de-CH", "EN-us", "zh-Hant-TW", "en-GB-x-rp", "es-419", "yue"])
def test_tags(tag: str) -> None:
    assert is_language_tag(tag)


@pytest.mark.parametrize("text", ["", "e", "english", "en_US", "en-", "-en", "en US", "deutsch", "de-Deutschland"])
def test_what_is_no_tag(text: str) -> None:
    assert not is_language_tag(text)


@pytest.mark.parametrize(
    ("languages", "wanted", "known"),
    [
        ((), "sw", "sw"),
        (("en", "de"), "de-CH", "de"),
        (("de", "de-CH"), "de-CH", "de-CH"),
        (("de-ch", "de"), "DE-CH-1996", "de-ch"),
        (("de-CH",), "de", None),
        (("de",), "deu", None),
        (("en-US", "fr"), "it", None),
    ],
)
def test_the_longest_language_that_begins_the_wanted_one_serves(
    languages: tuple[str, ...], wanted: str, known: str | None
) -> None:
    assert known_as(languages, wanted) == known


def test_a_language_covers_its_kinds() -> None:
    assert covers("en", "en-GB")
    assert covers("En-gb", "en-GB")
    assert not covers("en-GB", "en")
    assert not covers("en", "eng")
