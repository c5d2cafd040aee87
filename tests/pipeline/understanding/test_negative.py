"""Numbers and amounts below zero: as they are said, as recognisers write them, and as they are read out."""

from decimal import Decimal

import pytest

from offhook.pipeline.tts.normalize import normalize
from offhook.pipeline.understanding.ambiguous import values_in
from offhook.pipeline.understanding.amounts import Money, read_amount
from offhook.pipeline.understanding.kinds import Amount
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
        ("en", "minus $5 and 50 cents", "-5.5", "USD"),
        ("fr", "moins €20", "-20", "EUR"),
        ("en", "five dollars", "5", "USD"),
        ("en", "a five-dollar bill", "5", "USD"),
    ],
)
def test_amounts(language: str, text: str, amount: str, currency: str | None) -> None:
    assert read_amount(text, language) == Money(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("language", "text", "amount", "currency"),
    [
        ("en", "- 50 dollars.", "50", "USD"),  # a recogniser's dash before what is said
        ("en", "I want to pay - 50 dollars", "50", "USD"),
        ("en", "the total - $120.50", "120.5", "USD"),
        ("en", "20 - 30 dollars", "30", "USD"),
        ("en", "20 -30 dollars", "30", "USD"),
        ("en", "plus or minus fifty dollars", "50", "USD"),
        ("en", "plus minus $50", "50", "USD"),
        ("de", "plus minus fünfzig Euro", "50", "EUR"),
        ("de", "- 50 Euro", "50", "EUR"),
        ("fr", "au moins cinquante euros", "50", "EUR"),
        ("fr", "au moins €20", "20", "EUR"),
        ("fr", "du moins 20 euros", "20", "EUR"),
        ("fr", "plus ou moins cinquante euros", "50", "EUR"),
        ("es", "al menos 20 euros", "20", "EUR"),
        ("es", "por lo menos cincuenta euros", "50", "EUR"),
        ("es", "más o menos cincuenta euros", "50", "EUR"),
    ],
)
def test_no_signs(language: str, text: str, amount: str, currency: str) -> None:
    assert read_amount(text, language) == Money(Decimal(amount), currency)


@pytest.mark.parametrize("text", ["5 - 6", "555 - 1234", "a table for 5 - 6", "- 4 7 1 1"])
def test_a_dash_makes_no_number_negative(text: str) -> None:
    found = values_in(read_number(text, "en"))
    assert found and all(isinstance(each, int) and each > 0 for each in found)


def test_a_dash_divides_no_digits() -> None:
    assert read_number("- 4 7 1 1", "en") == 4711


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Amount("USD", least=0), "minus fifty dollars", None),
        (Amount("USD", least=0), "zero dollars", Money(Decimal(0), "USD")),
        (Amount("USD"), "minus fifty dollars", Money(Decimal(-50), "USD")),
        (Amount("USD", least=0.1), "ten cents", Money(Decimal("0.1"), "USD")),
        (Amount("USD", least=0.1), "nine cents", None),
        (Amount("USD", most=500), "five hundred dollars and one cent", None),
        (Amount("USD", most=100), "twelve fifty", Money(Decimal("12.5"), "USD")),
    ],
)
def test_limits_of_amounts(kind: Amount, text: str, value: Money | None) -> None:
    assert kind.read(text, "en") == value


def test_limits_hold_for_keys() -> None:
    assert Amount("USD", least=5, most=500).read_keys("50") == Money(Decimal(50), "USD")
    assert Amount("USD", least=5, most=500).read_keys("501") is None


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
