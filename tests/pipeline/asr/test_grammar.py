import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.asr.grammar import (
    MAX_KEPT_CHARS,
    MAX_PHRASE_CHARS,
    MAX_PHRASES,
    GrammarError,
    UnknownWord,
    _kept,
    check_phrase,
    choices_grammar,
    question_grammar,
    unknown_words,
)
from offhook.pipeline.asr.jsgf import parse_jsgf
from offhook.pipeline.asr.sentences import sentence_of
from offhook.pipeline.events import Choice, DigitRule, Question

BALANCE = Choice("balance", ("check my balance", "Balance"), dtmf="1")
AGENT = Choice("agent", ("speak to an agent", "I don't know"), dtmf="0")


def test_digits_are_listened_for_in_the_questions_language() -> None:
    german = question_grammar(Question(digits=DigitRule(1, 4), language="de-AT"))
    assert german is not None
    assert "<digits> = (<digit>)+;\n<digit> = null | eine | ein | eins | zwo | zwei | drei" in german
    assert question_grammar(Question(digits=DigitRule(4, 4), language="sv")) is None, "free speech: numerals"
    rooms = (Choice("room", ("Zimmer 1", "Zimmer 0")),)
    assert "zimmer eins | zimmer null" in str(question_grammar(Question(rooms, language="de")))
    assert "zimmer 1 | zimmer 0" in str(question_grammar(Question(rooms, language="sv")))


def test_a_grammar_has_an_alternative_for_each_phrase() -> None:
    assert choices_grammar([BALANCE, AGENT]) == (
        "#JSGF V1.0;\n"
        "grammar choices;\n"
        "public <choices> = check my balance | balance | speak to an agent | i don't know;\n"
    )


def test_a_repeated_phrase_is_listed_once() -> None:
    assert choices_grammar([Choice("a", ("Yes", " yes ")), Choice("b", ("yes",))]).count("yes") == 1


def test_digits_in_phrases_are_words() -> None:
    grammar = choices_grammar([Choice("line", ("line 10", "gate two-b"))])
    assert "= line one (oh | zero) | gate two b;" in grammar


def test_without_phrases_there_is_no_grammar() -> None:
    with pytest.raises(GrammarError, match="no choice has one"):
        choices_grammar([Choice("a", dtmf="1")])


def test_the_grammar_of_a_question() -> None:
    assert question_grammar(Question()) is None
    assert question_grammar(Question(choices=(Choice("a", dtmf="1"),))) is None
    assert question_grammar(Question(choices=(BALANCE,))) == choices_grammar([BALANCE])
    assert question_grammar(Question(choices=(BALANCE,), grammar="#JSGF V1.0; …")) == "#JSGF V1.0; …"


def test_digits_are_recognised_along_with_phrases() -> None:
    grammar = question_grammar(Question(choices=(BALANCE,), digits=DigitRule(1, 4)))
    assert grammar is not None
    assert "public <answer> = check my balance | balance | <digits>;" in grammar
    assert "<digit> = oh | zero | one | two | three" in grammar
    assert "<digits> = ([double | triple] <digit>)+;" in grammar
    assert "public <answer> = <digits>;" in (question_grammar(Question(digits=DigitRule())) or "")


def test_a_number_of_known_length_has_that_length() -> None:
    grammar = question_grammar(Question(digits=DigitRule(4, 4)))
    assert grammar is not None
    graph = parse_jsgf(grammar)
    for said in ("one two three four", "double five one oh", "one double five two", "triple nine zero"):
        assert sentence_of(graph, said.split()) is not None
    for said in ("one two three", "one two three four five", "double one two three four", "double one", "one double"):
        assert sentence_of(graph, said.split()) is None
    german = question_grammar(Question(digits=DigitRule(2, 2), language="de"))
    assert "<2> = <digit> <1>;" in str(german)
    assert "(<digit>)+" in str(question_grammar(Question(digits=DigitRule(16, 16), language="de")))


@pytest.mark.parametrize("phrase", ["yes!", "a | b", "<x>", "a\\b", '"q"', "a;", "(a)", "a_b", "a*", "a\nb", "50%"])
def test_a_phrase_consists_of_words(phrase: str) -> None:
    with pytest.raises(GrammarError, match="is not a letter, digit, apostrophe, hyphen or space") as caught:
        check_phrase(phrase)
    assert caught.value.phrase == phrase


@pytest.mark.parametrize("phrase", ["", "  ", "-'"])
def test_a_phrase_has_a_word(phrase: str) -> None:
    with pytest.raises(GrammarError, match="no word"):
        choices_grammar([Choice("a", (phrase,))])


def test_limits() -> None:
    check_phrase("a" * MAX_PHRASE_CHARS)
    with pytest.raises(GrammarError, match=f"more than {MAX_PHRASE_CHARS} characters"):
        check_phrase("a" * (MAX_PHRASE_CHARS + 1))
    with pytest.raises(GrammarError, match=f"more than {MAX_PHRASES} phrases"):
        choices_grammar([Choice("a", ("yes",) * (MAX_PHRASES + 1))])


def test_the_phrases_of_all_languages_are_counted() -> None:
    english, spanish = (Choice("a", tuple(f"{word} {n}" for n in range(600))) for word in ("row", "fila"))
    with pytest.raises(GrammarError, match=f"more than {MAX_PHRASES} phrases"):
        question_grammar(Question(choices=(english,), language="en", others=(("es", (spanish,)),)))
    assert question_grammar(Question(choices=(english,), language="en", others=(("en-GB", (english,)),)))


def test_what_is_long_is_not_kept() -> None:
    before = _kept.cache_info().currsize
    choices_grammar([Choice("a", ("a" * MAX_PHRASE_CHARS,) * (MAX_KEPT_CHARS // MAX_PHRASE_CHARS + 1))])
    assert _kept.cache_info().currsize == before
    choices_grammar([Choice("a", ("what nothing else here says",))])
    assert _kept.cache_info().currsize == before + 1


def test_unknown_words_are_named_with_their_place() -> None:
    known = {"check", "my", "balance", "line", "seven"}
    choices = [BALANCE, Choice("x", ("Check xyzzy xyzzy", "line 7"))]
    assert unknown_words(choices, known.__contains__) == [UnknownWord("xyzzy", "Check xyzzy xyzzy", "x")]


@given(st.text(st.sampled_from("abcÄß10 '-’"), max_size=30))
def test_each_valid_phrase_makes_a_valid_rule(phrase: str) -> None:
    try:
        check_phrase(phrase)
    except GrammarError:
        return
    line = choices_grammar([Choice("this", (phrase,))]).splitlines()[-1]
    assert not set(line.removeprefix("public <choices> = ").removesuffix(";")) & set('<>;=*+/{}[]\\"')
