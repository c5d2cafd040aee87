"""Phone numbers, as they are dialled in a country."""

import pytest

from offhook.pipeline.understanding.phones import COUNTRIES, MAX_KEYED, Phone, groups


@pytest.mark.parametrize(
    ("country", "text", "language", "number"),
    [
        ("US", "four one five, five five five, oh one two three", "en", "+14155550123"),
        ("US", "it's one four one five five five five oh one two three", "en", "+14155550123"),
        ("US", "(415) 555-0123", "en", "+14155550123"),
        ("US", "plus four nine three oh one two three four five six", "en", "+4930123456"),
        ("US", "my number is +49 (0)30 123456", "en", "+4930123456"),
        ("US", "five five five oh one two three", "en", None),
        ("US", "I'd rather not", "en", None),
        ("GB", "oh two oh seven nine four six oh nine five eight", "en-GB", "+442079460958"),
        ("GB", "two oh seven nine four six oh nine five eight", "en-GB", None),
        ("DE", "null drei null eins zwo drei vier fünf sechs", "de", "+4930123456"),
        ("DE", "plus vier drei eins fünf acht acht fünf acht", "de", "+4315885 8".replace(" ", "")),
        ("FR", "zéro un quarante deux soixante huit cinquante trois zéro zéro", "fr", "+33142685300"),
        ("ES", "nueve uno cinco cuatro uno cinco cuatro uno cinco", "es", "+34915415415"),
        ("IT", "06 698 12345", "it", "+390669812345"),
    ],
)
def test_a_spoken_number(country: str, text: str, language: str, number: str | None) -> None:
    assert Phone(country).read(text, language) == number


@pytest.mark.parametrize(
    ("country", "keyed", "number"),
    [
        ("US", "4155550123", "+14155550123"),
        ("US", "14155550123", "+14155550123"),
        ("US", "0114930123456", "+4930123456"),
        ("DE", "030123456", "+4930123456"),
        ("DE", "0014155550123", "+14155550123"),
        ("DE", "123456", None),
        ("AU", "0299999999", "+61299999999"),
        ("US", "911", None),
        ("US", "011" + "4" * 16, None),
        ("US", "", None),
    ],
)
def test_a_keyed_number(country: str, keyed: str, number: str | None) -> None:
    assert Phone(country).read_keys(keyed) == number


@pytest.mark.parametrize(
    ("country", "number", "said"),
    [
        ("US", "+14155550123", "4 1 5, 5 5 5, 0 1 2 3"),
        ("DE", "+4930123456", "0 3 0, 1 2, 3 4 5 6"),
        ("US", "+4930123456", "plus 4 9 3, 0 1 2, 3 4 5 6"),
    ],
)
def test_a_number_is_read_in_groups(country: str, number: str, said: str) -> None:
    assert Phone(country).say(number, "en") == said


@pytest.mark.parametrize("length", range(1, 16))
def test_groups_are_the_number(length: int) -> None:
    digits = "123456789012345"[:length]
    found = groups(digits)
    assert "".join(found) == digits
    assert all(len(part) <= 4 for part in found)


def test_the_longest_numbers_can_be_keyed() -> None:
    for plan in COUNTRIES.values():
        assert len(plan.abroad) + 15 <= MAX_KEYED
        assert len(plan.code) + plan.most <= 15


def test_another_country_is_refused() -> None:
    with pytest.raises(ValueError, match="'XX' are not known"):
        Phone("XX")
