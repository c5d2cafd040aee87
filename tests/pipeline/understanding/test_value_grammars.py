"""What the grammars of values recognise can be read, and what the bot says of a value is recognised."""

import random
import re
from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.asr.jsgf import Arc, WordGraph, parse_jsgf
from offhook.pipeline.asr.pocketsphinx import PocketsphinxEngine
from offhook.pipeline.asr.sentences import sentence_of
from offhook.pipeline.events import Choice, DigitRule, Question, ValueKind
from offhook.pipeline.tts.languages import english_numbers, french_numbers, spanish_numbers
from offhook.pipeline.tts.normalize import normalize
from offhook.pipeline.understanding.ambiguous import values_in
from offhook.pipeline.understanding.amounts import Money
from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Spelling, Time, TimeRange, YesNo
from offhook.pipeline.understanding.spelling import letter_words
from offhook.pipeline.understanding.value_grammars import example_words, value_words

LANGUAGES = ("en", "de", "es", "fr")
TODAY = date(2026, 11, 29)
KINDS: tuple[ValueKind, ...] = (
    Number(),
    Number(1, 12),
    Number(0, 250),
    Number(-20, 40),
    Number(1, 5_000),
    Number(0, 2_000_000),
    Number(0, 900_000_000),
    Digits(4, 4),
    Digits(),
    Date(TODAY),
    Date(TODAY, past=True),
    Time(),
    TimeRange(),
    Amount(),
    Amount("EUR"),
    Spelling(),
    Spelling(digits=False),
    YesNo(),
)


UNREAD = {Number: 0.25, Digits: 0.25, Date: 0.25, Spelling: 0.25, TimeRange: 0.75}
"""The share of sentences by chance that are recognised and are no answer: 31 April, from five to four, 5,800 of at most
5,000, a row of digits that is too long."""


def graph_of(kind: ValueKind, language: str) -> WordGraph:
    """The grammar of a question for the kind."""
    grammar = question_grammar(Question(value=kind, language=language))
    assert grammar is not None
    return parse_jsgf(grammar)


def sentences(graph: WordGraph, count: int, seed: int) -> list[str]:
    """Sentences of the graph, by chance."""
    draw = random.Random(seed)
    leaving: dict[int, list[Arc]] = {}
    for arc in graph.arcs:
        leaving.setdefault(arc.source, []).append(arc)
    found = []
    for _ in range(count):
        node, words = graph.START, list[str]()
        while node != graph.END:
            arc = draw.choice(leaving[node])
            node = arc.target
            words += [arc.word] if arc.word else []
        found.append(" ".join(words))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_recognised_can_be_read(kind: ValueKind, language: str) -> None:
    said = sentences(graph_of(kind, language), 300, seed=1)
    unread = [text for text in said if kind.read(text, language) is None]
    assert len(unread) <= UNREAD.get(type(kind), 0.0) * len(said), unread[:20]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_grammar_is_small(kind: ValueKind, language: str) -> None:
    graph = graph_of(kind, language)
    assert len(graph.arcs) <= 12_000
    grammar = question_grammar(Question(value=kind, language=language))
    assert grammar is not None and len(grammar) <= 16_000


def is_said(kind: ValueKind, value: object, language: str) -> bool:
    """Whether what the voice says of the value is recognised, and is the value."""
    words = spoken(kind.say(value, language), language)
    assert sentence_of(graph_of(kind, language), words) is not None, words
    return value in values_in(kind.read(" ".join(words), language))


def spoken(text: str, language: str) -> Sequence[str]:
    """The words of a text as the voice says them."""
    text = re.sub("[0-9]+", lambda found: _CARDINALS[language](int(found[0])), normalize(text, language).text)
    words = text.lower().replace("-", " ").replace(" am", " a m").replace(" pm", " p m").split()
    return [word.strip(".,") for word in words]


_CARDINALS = {"en": english_numbers.cardinal, "es": spanish_numbers.cardinal, "fr": french_numbers.cardinal}


@given(st.integers(0, 999_999))
def test_numbers_are_heard_as_they_are_said(value: int) -> None:
    assert is_said(Number(), value, "en")
    assert is_said(Number(), value, "es")
    assert is_said(Number(), value, "fr")


@given(st.integers(1, 250))
def test_numbers_in_a_range(value: int) -> None:
    assert is_said(Number(1, 250), value, "en")


def test_other_numbers_than_those_of_a_short_range_are_not_heard() -> None:
    graph = graph_of(Number(1, 12), "en")
    assert sentence_of(graph, ["twelve"]) is not None
    assert sentence_of(graph, ["for", "two", "people"]) is not None
    assert sentence_of(graph, ["thirteen"]) is None
    assert sentence_of(graph, ["zero"]) is None


@given(st.dates(date(2026, 11, 29), date(2028, 12, 31)))
def test_dates_are_heard_as_they_are_said(value: date) -> None:
    assert is_said(Date(TODAY), value, "en")
    assert is_said(Date(TODAY), value, "es")
    assert is_said(Date(TODAY), value, "fr")


@given(st.dates(date(1930, 1, 1), TODAY))
def test_birthdays_are_heard_as_they_are_said(value: date) -> None:
    assert is_said(Date(TODAY, past=True), value, "en")


@given(st.times())
def test_times_are_heard_as_they_are_said(value: time) -> None:
    assert is_said(Time(), value.replace(second=0, microsecond=0), "en")


@given(st.decimals(1, 99_999, places=2))
def test_amounts_are_heard_as_they_are_said(value: Decimal) -> None:
    assert is_said(Amount(), Money(value, "USD"), "en")


@given(st.text("0123456789", min_size=4, max_size=4))
def test_digits_are_heard_as_they_are_said(value: str) -> None:
    assert is_said(Digits(4, 4), value, "en")


@given(st.sampled_from(letter_words("en")).flatmap(lambda words: st.lists(st.sampled_from(words), max_size=12)))
def test_words_for_letters_are_heard(said: list[str]) -> None:
    words = ["x-ray" if word == "xray" else word for word in said if word != "juliett"]
    if words:
        assert sentence_of(graph_of(Spelling(), "en"), words) is not None
        assert Spelling().read(" ".join(words), "en") == "".join(word[0] for word in words).upper()


@pytest.mark.parametrize(
    ("language", "kind", "text"),
    [
        ("de", Date(TODAY), "am dritten mai"),
        ("de", Date(TODAY), "übermorgen"),
        ("de", Time(), "halb fünf"),
        ("de", Time(), "um sechzehn uhr dreißig"),
        ("de", Number(0, 100), "einundzwanzig"),
        ("es", Date(TODAY), "el tres de mayo"),
        ("es", Time(), "a las cuatro y media de la tarde"),
        ("fr", Date(TODAY), "le trois mai"),
        ("fr", Time(), "quatre heures et demie"),
        ("fr", Number(0, 100), "dix-sept"),
        ("en", Amount("USD"), "twelve fifty"),
        ("en", TimeRange(), "between two and four p m"),
        ("en", YesNo(), "sounds good"),
        ("en", Spelling(), "alpha bravo double nine"),
        ("en", Spelling(digits=False), "m for mother a for apple n as in nancy"),
    ],
)
def test_what_people_say_is_in_the_grammar(language: str, kind: ValueKind, text: str) -> None:
    assert sentence_of(graph_of(kind, language), text.split()) is not None
    assert kind.read(text, language) is not None


def test_other_languages_and_kinds_get_no_grammar() -> None:
    assert question_grammar(Question(value=Date(TODAY), language="it")) is None

    class Anything:
        def read(self, text: str, language: str | None) -> object | None:
            return text

        def read_keys(self, digits: str) -> object | None:
            return None

        keys: DigitRule | None = None

        def say(self, value: object, language: str | None) -> str:
            return str(value)

    assert question_grammar(Question(value=Anything())) is None
    assert question_grammar(Question(value=Anything(), choices=(Choice("none", ("no name",)),))) is None


def test_choices_stand_beside_a_value() -> None:
    question = Question(value=Date(TODAY), choices=(Choice("agent", ("speak to an agent",)),))
    graph = parse_jsgf(question_grammar(question) or "")
    assert sentence_of(graph, ["speak", "to", "an", "agent"]) is not None
    assert sentence_of(graph, ["next", "tuesday"]) is not None


def test_the_embedded_recogniser_knows_all_words() -> None:
    """It refuses a grammar with any other."""
    engine = PocketsphinxEngine()
    assert [word for word in sorted(value_words("en") | example_words("en")) if not engine.known_word(word)] == []
