from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.asr.jsgf import parse_jsgf, surrounded
from offhook.pipeline.asr.sentences import covering_phrases, sentence_of, unknown_words, without_unknown
from offhook.pipeline.events import Choice, DigitRule, Question


@pytest.mark.parametrize(
    ("expansion", "expected"),
    [
        ("yes | no", {"yes", "no"}),
        ("check my balance", {"check my balance"}),
        ("[please] stop", {"stop", "please stop"}),
        ("a+", {"a", "a a"}),
        ("(a | b)+", {"a", "b", "a a", "a b", "b a", "b b"}),
        ("a* b", {"b", "a b", "a a b"}),
    ],
)
def test_phrases_cover_a_grammar(expansion: str, expected: set[str]) -> None:
    assert set(covering_phrases(parse_jsgf(f"#JSGF V1.0; grammar g; public <s> = {expansion};"))) == expected


@pytest.mark.parametrize(
    ("minimum", "maximum", "expected"),
    [
        (3, 8, {"an operator", "four two", "double seven", "oh one"}),
        (4, 4, {"an operator", "double oh double oh", "zero triple oh"}),
    ],
)
def test_a_question_for_digits_has_few_phrases(minimum: int, maximum: int, expected: set[str]) -> None:
    question = Question(choices=(Choice("help", ("an operator",)),), digits=DigitRule(minimum=minimum, maximum=maximum))
    graph = parse_jsgf(question_grammar(question) or "")
    phrases = covering_phrases(graph)
    assert expected <= set(phrases)
    assert len(phrases) < 400
    assert all(sentence_of(graph, phrase.split()) is not None for phrase in phrases)


def pairs(sentence: tuple[str, ...]) -> set[tuple[str, str]]:
    return set(pairwise(sentence))


expansions = st.recursive(
    st.sampled_from("abcd"),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} | {two[1]})"),
        st.tuples(inner, inner).map(" ".join),
        inner.map(lambda one: f"({one})+"),
        inner.map(lambda one: f"[{one}]"),
    ),
    max_leaves=6,
)


@given(expansions.map(lambda inner: f"({inner}) e"), st.data())
def test_phrases_are_sentences_and_have_every_pair_of_words(expansion: str, data: st.DataObject) -> None:
    graph = parse_jsgf(f"#JSGF V1.0; grammar g; public <s> = {expansion};")
    phrases = covering_phrases(graph)
    for phrase in phrases:
        assert sentence_of(graph, phrase.split()) == list(range(len(phrase.split())))
    covered = {pair for phrase in phrases for pair in pairs(tuple(phrase.split()))}
    # A random walk is a sentence of the grammar.
    node, words = graph.START, []
    for _ in range(60):
        if node == graph.END:
            break
        arc = data.draw(st.sampled_from([arc for arc in graph.arcs if arc.source == node]))
        node = arc.target
        words += [arc.word] if arc.word is not None else []
    assert pairs(tuple(words)) <= covered


def test_courtesies_around_a_sentence_are_left_out() -> None:
    inner = parse_jsgf("#JSGF V1.0; grammar g; public <s> = check my balance | please hold;")
    graph = surrounded(inner, (("uh", "i would like to"),), (("please",),))
    assert sentence_of(graph, ["uh", "check", "my", "balance", "please"]) == [1, 2, 3]
    assert sentence_of(graph, ["please", "hold"]) == [0, 1]
    for other in ("check my", "my balance", "uh", "", "check my balance please please", "[unk] check my balance"):
        assert sentence_of(graph, other.split()) is None


def test_words_that_a_model_lacks() -> None:
    graph = parse_jsgf("#JSGF V1.0; grammar g; public <s> = alpha beta | gamma | [double] one;")
    known = {"gamma", "one", "alpha"}.__contains__
    assert unknown_words(graph, known, {"double"}) == ["beta"]
    assert set(covering_phrases(without_unknown(graph, known))) == {"gamma", "one"}
    assert covering_phrases(without_unknown(graph, {"alpha"}.__contains__)) == []
