import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.tts.normalize import cardinal, normalize, ordinal

SPOKEN = {
    "It is $12.50.": "It is twelve dollars and fifty cents.",
    "$1 or €2": "one dollar or two euros",
    "£1.01, £0.05": "one pound and one penny, five pence",
    "$1,204,000 please": "one million two hundred four thousand dollars please",
    "at 9:05": "at nine oh five",
    "at 9:30 am": "at nine thirty A M",
    "from 9am to 5:15 p.m. daily": "from nine A M to five fifteen P M daily",
    "9:00, 14:00, 0:30": "nine o'clock, fourteen hundred, zero thirty",
    "account 12045": "account one two zero four five",
    "code 007": "code zero zero seven",
    "A12345B": "A one two three four five B",
    "call 555-1234": "call five five five, one two three four",
    "call +44 20 7946 0958": "call plus four four, two zero, seven nine four six, zero nine five eight",
    "the 1st, 22nd and 30th": "the first, twenty second and thirtieth",
    "3.5 % of 1,500": "three point five percent of one thousand five hundred",
    "#5": "number 5",
    "Mr. Smith & Co., e.g. Dr. No": "Mister Smith and Co., for example Doctor No",
    "open 24/7.": "open twenty four seven.",
    "one\ntwo\x00": "one two ",
}
LEFT_ALONE = [
    "",
    "Press 1, or 2 for sales.",
    "in 2024 of 9999",
    "version 1.2.3 from 2024-01-15",
    "10:30:15 and 25:00 and 9:75",
    "$2.5 million",
    "it's half-price (today)",
    "Grüße, 你好",
]


@pytest.mark.parametrize("text", SPOKEN)
def test_is_spoken(text: str) -> None:
    assert normalize(text).text == SPOKEN[text]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_is_left_to_the_voice(text: str) -> None:
    assert normalize(text).text == text


def test_digits_are_spelt_when_asked() -> None:
    assert normalize("PIN 1204", spell_digits=True).text == "PIN one two zero four"


def test_words_find_their_place_in_the_source() -> None:
    source = "You owe $12.50 today"
    spoken = normalize(source)
    places = {}
    at = 0
    for word in spoken.text.split():
        start = spoken.text.index(word, at)
        at = start + len(word)
        begin, end = spoken.source_span(start, at)
        places[word] = source[begin:end]
    assert places == {
        "You": "You",
        "owe": "owe",
        "twelve": "$12.50",
        "dollars": "$12.50",
        "and": "$12.50",
        "fifty": "$12.50",
        "cents": "$12.50",
        "today": "today",
    }


@pytest.mark.parametrize("span", [(0, 0), (2, 1), (-1, 1), (0, 3)])
def test_there_is_no_place_for_what_is_not_there(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no span"):
        normalize("ab").source_span(*span)


TEXTS = st.text(st.sampled_from("0123459$€£:.,%#-+ apmsthdr.Ω&@/\n"), max_size=40)


@given(TEXTS)
def test_nothing_is_lost_and_places_go_forward(text: str) -> None:
    spoken = normalize(text)
    assert (text == "") == (spoken.text == "")
    if not text:
        return
    assert spoken.source_span(0, len(spoken.text)) == (0, len(text))
    spans = [spoken.source_span(at, at + 1) for at in range(len(spoken.text))]
    assert all(start < end for start, end in spans)
    assert spans == sorted(spans)
    assert {at for span in spans for at in range(*span)} == set(range(len(text)))


def test_long_texts_take_no_longer_than_they_should() -> None:
    digits = "1" * 20_000
    assert normalize(digits).text.split() == ["one"] * 20_000
    assert normalize("1," * 10_000 + "$").text.startswith("1,1,")


def test_cardinals() -> None:
    assert [cardinal(number) for number in (0, 13, 20, 99)] == ["zero", "thirteen", "twenty", "ninety nine"]
    assert cardinal(1_000_000_017) == "one billion seventeen"
    for number in (-1, 10**12):
        with pytest.raises(ValueError, match="not between"):
            cardinal(number)


def test_ordinals() -> None:
    assert [ordinal(number) for number in (1, 12, 20, 83, 100)] == [
        "first",
        "twelfth",
        "twentieth",
        "eighty third",
        "one hundredth",
    ]
