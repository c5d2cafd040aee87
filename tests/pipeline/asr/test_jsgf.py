import pytest

from offhook.pipeline.asr.jsgf import UnsupportedGrammarError, WordGraph, parse_jsgf, sentence_graph, surrounded


def sentences(graph: WordGraph, most_words: int = 4) -> set[str]:
    """All of up to so many words."""
    found: set[str] = set()
    waiting: list[tuple[int, tuple[str, ...]]] = [(graph.START, ())]
    seen = set(waiting)
    while waiting:
        node, words = waiting.pop()
        if node == graph.END:
            found.add(" ".join(words))
        for arc in graph.arcs:
            if arc.source == node:
                after = (arc.target, words if arc.word is None else (*words, arc.word))
                if len(after[1]) <= most_words and after not in seen:
                    seen.add(after)
                    waiting.append(after)
    return found


@pytest.mark.parametrize(
    ("expansion", "expected"),
    [
        ("yes | no", {"yes", "no"}),
        ("Check My (balance | account)", {"check my balance", "check my account"}),
        ("[please] stop", {"stop", "please stop"}),
        ("a+ b", {"a b", "a a b", "a a a b"}),
        ("a* b", {"b", "a b", "a a b", "a a a b"}),
        ("a+ [b]", {"a", "a b", "a a", "a a b", "a a a", "a a a b", "a a a a"}),
        ("(a | b c)", {"a", "b c"}),
        ("/0.5/ a {tag} | /2/ b // comment\n", {"a", "b"}),
        ('"new york" city', {"new york city"}),
        ("<NULL> a", {"a"}),
        ("<x> <x>", {"p p", "p q", "q p", "q q"}),
        ("a /* not b */ c", {"a c"}),
    ],
)
def test_the_sentences_of_an_expansion(expansion: str, expected: set[str]) -> None:
    grammar = f"#JSGF V1.0;\ngrammar g;\npublic <s> = {expansion};\n<x> = p | q;\n"
    assert sentences(parse_jsgf(grammar)) == expected


def test_a_loop_in_a_group_stays_there() -> None:
    found = sentences(parse_jsgf("#JSGF V1.0; grammar g; public <s> = (a+ | b) [c+];"), 3)
    assert {"a a", "b c", "b c c", "a c"} <= found
    assert not {"b b", "a b", "b a", "a c a", "c"} & found


def test_digits_as_the_questions_have_them() -> None:
    grammar = (
        "#JSGF V1.0; grammar g; public <d> = <digits>; <digits> = ([double | triple] <digit>)+; <digit> = oh | one;"
    )
    found = sentences(parse_jsgf(grammar), 3)
    assert {"one", "double oh", "one triple one", "oh one oh"} <= found
    assert not {"double", "double double one", "one double"} & found


@pytest.mark.parametrize(
    "grammar",
    [
        "",
        "check my balance",
        "#JSGF V1.0; grammar g; <s> = a;",
        "#JSGF V1.0; grammar g; public <s> = a | <t>; <t> = b <s>;",
        "#JSGF V1.0; grammar g; public <s> = <missing>;",
        "#JSGF V1.0; grammar g; public <s> = (a;",
        "#JSGF V1.0; grammar g; public <s> = a );",
        "#JSGF V1.0; grammar g; public <s> = a | ;",
        "#JSGF V1.0; grammar g; import <x.y>; public <s> = a;",
        "#JSGF V1.0; grammar g; public <s> = " + "(" * 200 + "a" + ")" * 200 + ";",
    ],
)
def test_unsupported_grammars_are_refused(grammar: str) -> None:
    with pytest.raises(UnsupportedGrammarError):
        parse_jsgf(grammar)


def test_exponential_rules_are_refused_before_they_fill_memory() -> None:
    doubling = "".join(f"<r{n}> = <r{n + 1}> <r{n + 1}>; " for n in range(30))
    with pytest.raises(UnsupportedGrammarError):
        parse_jsgf(f"#JSGF V1.0; grammar g; public <s> = <r0>; {doubling} <r30> = a;")


def test_words_around_a_sentence_are_marked() -> None:
    graph = surrounded(sentence_graph(["book"]), (["uh"], ["i want to"]), (["please"],))
    assert sentences(graph, 6) == {
        f"{before}book{behind}"
        for before in ("", "+uh ", "+i +want +to ", "+uh +i +want +to ")
        for behind in ("", " +please")
    }
