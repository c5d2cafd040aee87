"""Numbers and amounts below zero: as they are said, as recognisers write them, and as they are read out."""

from decimal import Decimal

import pytest

from offhook.pipeline.tts.normalize import normalize
from offhook.pipeline.understanding.amounts import Money, read_amount
from offhook.pipeline.understanding.numbers import read_number
from offhook.pipeline.understanding.written import written_amount, written_number


@pytest.mark.parametrize(
    ("language", "text", "amount", "currency"),
    [
        ("en", "negative five dollars", "-5", "USD"),
        ("en", "minus five dollars and fifty cents", "-5.5", "USD"),
        ("en", "minus fifty cents", "-0.5", None),
        ("en", "it is -5 dollars", "-5", "USD"),
        ("en", "-$5.50", "-5.5", "USD"),
        ("en", "$-5", "-5", "USD"),
        ("en", "minus $5.50", "-5.5", "USD"),
        ("en", "\u22125 euros", "-5", "EUR"),
        ("de", "minus fünf Euro", "-5", "EUR"),
        ("de", "minus fünf Euro fünfzig", "-5.5", "EUR"),
        ("de", "minus fünfzig Cent", "-0.5", None),
        ("de", "-5,50 €", "-5.5", "EUR"),
        ("fr", "moins cinq euros", "-5", "EUR"),
        ("fr", "moins cinq euros cinquante", "-5.5", "EUR"),
        ("fr", "moins cinq euros et demi", "-5.5", "EUR"),
        ("fr", "-5 €", "-5", "EUR"),
        ("es", "menos cinco euros", "-5", "EUR"),
        ("es", "menos cinco euros con cincuenta céntimos", "-5.5", "EUR"),
        ("es", "-5 euros", "-5", "EUR"),
        ("en", "five dollars", "5", "USD"),
        ("en", "a five-dollar bill", "5", "USD"),
    ],
)
def test_amounts(language: str, text: str, amount: str, currency: str | None) -> None:
    assert read_amount(text, language) == Money(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("en", "minus five", -5),
        ("en", "negative five", -5),
        ("en", "-5", -5),
        ("en", "it is -2.5 degrees", Decimal("-2.5")),
        ("de", "minus fünf", -5),
        ("de", "-5,5", Decimal("-5.5")),
        ("fr", "moins cinq", -5),
        ("fr", "-5", -5),
        ("es", "menos cinco", -5),
        ("es", "-5", -5),
        ("en", "twenty-five", 25),
    ],
)
def test_numbers(language: str, text: str, number: int | Decimal) -> None:
    assert read_number(text, language) == number


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("amount", ["-0.50", "-1", "-5", "-5.50", "-120", "-1234.56", "5.50"])
def test_what_is_read_out_is_understood_as_the_same(language: str, amount: str) -> None:
    value = Money(Decimal(amount), "EUR")
    written = written_amount(value, language)
    assert read_amount(written, language) == value
    spoken = normalize(written, language).text
    assert ("minus" in spoken or "moins" in spoken or "menos" in spoken) == (value.amount < 0)
    assert read_amount(spoken, language) in (value, Money(value.amount))  # fifty cents are of any currency


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("number", [-1, -5, -120, Decimal("-5.5")])
def test_so_are_numbers(language: str, number: int | Decimal) -> None:
    assert read_number(normalize(written_number(number, language), language).text, language) == number


def test_english_has_the_sign_first() -> None:
    assert written_amount(Money(Decimal(-5), "USD"), "en") == "-$5"
    assert written_amount(Money(Decimal(-5), "CHF"), "en") == "-5 CHF"
