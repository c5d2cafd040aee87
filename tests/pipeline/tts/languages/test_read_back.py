"""What the normaliser makes of a value, the reader of values understands: both speak of the same thing."""

from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.pipeline.tts.normalize import normalize
from offhook.pipeline.understanding.amounts import Money
from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Spelling, Time

LANGUAGES = ("en-US", "en-GB", "de", "es", "fr")
TODAY = date(2026, 3, 2)
EXAMPLES = settings(max_examples=150, deadline=None)

languages = st.sampled_from(LANGUAGES)
dates = st.dates(date(1970, 1, 1), date(2069, 12, 31))
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
cents = st.integers(1, 99)


def spoken(text: str, language: str) -> str:
    """What the voice is given, in the middle of a sentence as alone."""
    return normalize(text, language).text


def base(language: str) -> str:
    return language[:2]


def grouped(number: int, language: str) -> str:
    return f"{number:,}".replace(",", {"en": ",", "de": ".", "es": ".", "fr": "\u202f"}[base(language)])


def decimal(text: str, language: str) -> str:
    return text if base(language) == "en" else text.replace(".", ",")


@EXAMPLES
@given(languages, st.one_of(st.integers(0, 9_999), st.integers(10_000, 999_999_999).map(lambda n: n // 1_000 * 1_000)))
def test_whole_numbers(language: str, number: int) -> None:
    assert (
        Number().read(spoken(str(number) if number < 10_000 else grouped(number, language), language), language)
        == number
    )


@pytest.mark.parametrize("language", ["fr-FR", "es-ES", "de-DE", "en-US"])
@pytest.mark.parametrize("number", [1_000, 1_001_000, 21_001_000, 101_001_001, 1_100, 2_000_000])
def test_a_thousand_that_needs_no_one_before_it(language: str, number: int) -> None:
    assert Number().read(spoken(grouped(number, language), language), language) == number


@EXAMPLES
@given(languages, st.integers(1_000, 9_999_999))
def test_numbers_in_groups(language: str, number: int) -> None:
    assert Number().read(spoken(grouped(number, language), language), language) == number


@EXAMPLES
@given(languages, st.integers(0, 999), st.integers(0, 99), st.booleans())
def test_decimals_and_negative_numbers(language: str, whole: int, parts: int, minus: bool) -> None:
    number = Decimal(f"{'-' if minus else ''}{whole}.{parts:02}")
    if number == 0:
        return
    assert Number().read(spoken(decimal(str(number), language), language), language) == number


@EXAMPLES
@given(languages, st.text("0123456789", min_size=5, max_size=16))
def test_digits_of_a_long_number(language: str, digits: str) -> None:
    assert Digits().read(spoken(digits, language), language) == digits


PHONE_NUMBERS = {
    "en-US": ("({a}) {b}-{c}", "{a}-{b}-{c}", "{a}.{b}.{c}", "1-{a}-{b}-{c}", "{a} {b} {c}"),
    "en-GB": ("0{a} {b} {c}", "0{a}{b}{c}"),
    "de": ("0{a} {b}{c}", "0{a}/{b}{c}", "0{a}-{b}{c}", "(0{a}) {b}{c}", "0{a} {b} {c}"),
    "es": ("{a} {b} {a}", "9{b}{a}01"),
    "fr": ("01 {d} {e} {f} {g}", "01.{d}.{e}.{f}.{g}", "0{a}{b}"),
}


@pytest.mark.parametrize(
    ("language", "form"), [(name, form) for name, forms in PHONE_NUMBERS.items() for form in forms]
)
@EXAMPLES
@given(st.data())
def test_phone_numbers(language: str, form: str, data: st.DataObject) -> None:
    sizes = {"a": 3, "b": 3, "c": 4, "d": 2, "e": 2, "f": 2, "g": 2}
    parts = {name: data.draw(st.text("23456789", min_size=size, max_size=size)) for name, size in sizes.items()}
    written = form.format(**parts)
    digits = "".join(filter(str.isdigit, written))
    assert Digits().read(spoken(written, language), language) == digits, spoken(written, language)


DATES = {
    "en-US": ("{m}/{d}/{y}", "{m:02}/{d:02}/{y}", "{month} {d}, {y}", "{y}-{m:02}-{d:02}", "{month} {th}, {y}"),
    "en-GB": ("{d}/{m}/{y}", "{d} {month} {y}", "{th} {month} {y}", "{y}-{m:02}-{d:02}"),
    "de": ("{d}.{m}.{y}", "{d:02}.{m:02}.{y}", "{d}. {month} {y}", "{y}-{m:02}-{d:02}", "am {d}. {month} {y}"),
    "es": ("{d}/{m}/{y}", "{d} de {month} de {y}", "{y}-{m:02}-{d:02}"),
    "fr": ("{d}/{m}/{y}", "{d} {month} {y}", "{y}-{m:02}-{d:02}"),
}
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}


def ordinal(day: int) -> str:
    return f"{day}{'th' if 10 < day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


@pytest.mark.parametrize(("language", "form"), [(name, form) for name, forms in DATES.items() for form in forms])
@EXAMPLES
@given(dates)
def test_dates(language: str, form: str, day: date) -> None:
    month = MONTHS[base(language)].split()[day.month - 1]
    written = form.format(d=day.day, m=day.month, y=day.year, month=month, th=ordinal(day.day))
    assert Date(TODAY).read(spoken(written, language), language) == day, spoken(written, language)


@EXAMPLES
@given(languages, st.dates(TODAY, date(2069, 12, 31)))
def test_dates_as_the_bot_says_them(language: str, day: date) -> None:
    written = Date(TODAY).say(day, language)
    assert Date(TODAY).read(spoken(written, language), language) == day, spoken(written, language)


TIMES = {
    "en-US": ("{t}:{m:02} {half}", "{h}:{m:02}"),
    "en-GB": ("{t}:{m:02} {half}", "{t}.{m:02}{half_small}"),
    "de": ("{h}:{m:02} Uhr", "{h}.{m:02} Uhr", "{h}:{m:02}", "{h:02}:{m:02} Uhr"),
    "es": ("{h}:{m:02}", "{h}:{m:02} h", "las {h}:{m:02}"),
    "fr": ("{h} h {m:02}", "{h}h{m:02}", "{h}:{m:02}"),
}


@pytest.mark.parametrize(("language", "form"), [(name, form) for name, forms in TIMES.items() for form in forms])
@EXAMPLES
@given(times)
def test_times(language: str, form: str, at: time) -> None:
    half = "AM" if at.hour < 12 else "PM"
    written = form.format(h=at.hour, m=at.minute, t=at.hour % 12 or 12, half=half, half_small=half.lower())
    said = spoken(written, language)
    found = Time().read(said, language)
    # "4:30" may be in the morning or in the afternoon.
    assert at in getattr(found, "values", (found,)), said


@EXAMPLES
@given(languages, times)
def test_times_as_the_bot_says_them(language: str, at: time) -> None:
    said = spoken(Time().say(at, language), language)
    found = Time().read(said, language)
    assert at in getattr(found, "values", (found,)), said


AMOUNTS = {
    "en-US": ("${n}", "{n} USD", "{n} dollars"),
    "en-GB": ("£{n}", "€{n}"),
    "de": ("{n} €", "{n} EUR", "{n} Euro", "EUR {n}", "€ {n}"),
    "es": ("{n} €", "{n} EUR", "{n} euros"),
    "fr": ("{n} €", "{n} EUR", "{n} euros"),
}
CURRENCIES = {"$": "USD", "U": "USD", "d": "USD", "£": "GBP"}


@pytest.mark.parametrize(("language", "form"), [(name, form) for name, forms in AMOUNTS.items() for form in forms])
@EXAMPLES
@given(st.integers(0, 99_999), st.integers(0, 99))
def test_amounts(language: str, form: str, whole: int, parts: int) -> None:
    if not whole + parts or (form.endswith(("dollars", "Euro", "euros")) and parts):
        return
    number = grouped(whole, language) if whole > 999 else str(whole)
    written = form.format(n=f"{number}{'.' if base(language) == 'en' else ','}{parts:02}" if parts else number)
    currency = next((name for sign, name in CURRENCIES.items() if sign in form.replace("EUR", "")), "EUR")
    said = spoken(written, language)
    # "One cent" is one of the currency that is asked for.
    value = Money(Decimal(whole) + Decimal(parts) / 100, currency)
    assert Amount(None if whole else currency).read(said, language) == value, said


@EXAMPLES
@given(languages, st.integers(0, 9_999), st.integers(0, 99), st.sampled_from(["USD", "EUR", "GBP"]))
def test_amounts_as_the_bot_says_them(language: str, whole: int, parts: int, currency: str) -> None:
    value = Money(Decimal(whole) + Decimal(parts) / 100, currency)
    said = spoken(Amount().say(value, language), language)
    assert Amount(None if whole else currency).read(said, language) == value, said


@EXAMPLES
@given(languages, st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=10))
def test_spelled_words_as_the_bot_says_them(language: str, word: str) -> None:
    assert Spelling().read(spoken(Spelling().say(word, language), language), language) == word
