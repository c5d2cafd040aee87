"""Numbers are understood as the voice says them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.tts.languages import english_numbers, french_numbers, german_numbers, spanish_numbers
from offhook.pipeline.understanding.numbers import read_number
from offhook.pipeline.understanding.numerals import known_numerals, number_words, ordinal_at

CARDINALS: dict[str, Callable[[int], str]] = {
    "en": english_numbers.cardinal,
    "de": german_numbers.cardinal,
    "es": spanish_numbers.cardinal,
    "fr": french_numbers.cardinal,
    "fr-BE": lambda number: french_numbers.cardinal(number, "be"),
    "fr-CH": lambda number: french_numbers.cardinal(number, "ch"),
}
ORDINALS: dict[str, Callable[[int], str]] = {
    "en": english_numbers.ordinal,
    "de": german_numbers.ordinal,
    "es": spanish_numbers.ordinal,
    "fr": french_numbers.ordinal,
}


@pytest.mark.parametrize("language", CARDINALS)
@given(st.integers(0, 1_000_000))
def test_a_number_is_understood_as_it_is_said(language: str, number: int) -> None:
    assert read_number(CARDINALS[language](number), language) == number


@pytest.mark.parametrize("language", CARDINALS)
def test_small_numbers_round_ones_and_large_ones(language: str) -> None:
    numbers = [*range(1_200), *(10**n for n in range(3, 10)), *(10**n + 1 for n in range(3, 10)), 999_999_999, 80_080]
    wrong = [n for n in numbers if read_number(CARDINALS[language](n), language) != n]
    assert not wrong


@pytest.mark.parametrize("language", ORDINALS)
def test_ordinals_are_understood_as_they_are_said(language: str) -> None:
    numerals = known_numerals(language)
    assert numerals is not None
    for number in range(1, 100):
        words = number_words(ORDINALS[language](number), language)
        found = ordinal_at(words, 0, numerals)
        assert found is not None, words
        assert (found.value, found.end) == (number, len(words))


SAID = {
    "de": {
        1: "eins",
        16: "sechzehn",
        21: "einundzwanzig",
        101: "einhunderteins",
        1_001: "eintausendeins",
        21_000: "einundzwanzigtausend",
        1_000_000: "eine Million",
    },
    "es": {
        16: "dieciséis",
        21: "veintiuno",
        31: "treinta y uno",
        100: "cien",
        101: "ciento uno",
        500: "quinientos",
        21_000: "veintiún mil",
        1_000_000: "un millón",
    },
    "fr": {
        21: "vingt et un",
        71: "soixante et onze",
        80: "quatre-vingts",
        81: "quatre-vingt-un",
        91: "quatre-vingt-onze",
        200: "deux cents",
        201: "deux cent un",
        80_000: "quatre-vingt mille",
        1_000_000: "un million",
    },
    "fr-CH": {71: "septante et un", 80: "huitante", 99: "nonante-neuf"},
}


@pytest.mark.parametrize("language", SAID)
def test_numbers_in_words(language: str) -> None:
    assert {number: CARDINALS[language](number) for number in SAID[language]} == SAID[language]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", {1: "erste", 3: "dritte", 7: "siebte", 12: "zwölfte", 20: "zwanzigste", 101: "einhunderterste"}),
        ("es", {1: "primero", 7: "séptimo", 13: "decimotercero", 21: "vigésimo primero", 100: "centésimo"}),
        (
            "fr",
            {1: "premier", 2: "deuxième", 5: "cinquième", 9: "neuvième", 21: "vingt et unième", 80: "quatre-vingtième"},
        ),
    ],
)
def test_ordinals_in_words(language: str, said: dict[int, str]) -> None:
    assert {number: ORDINALS[language](number) for number in said} == said


def test_numbers_beyond_are_refused() -> None:
    for say in CARDINALS.values():
        with pytest.raises(ValueError, match="is not between"):
            say(-1)
    with pytest.raises(ValueError, match="is not between"):
        spanish_numbers.ordinal(1_000)
