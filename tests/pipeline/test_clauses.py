import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.clauses import MAX_CHARS, SOFT_CHARS, Clause, ClauseSplitter, clauses

LONG = "When you have finished with all of the questions that we have for you today"


def pieces(text: str) -> list[str]:
    return [clause.text for clause in clauses(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n", []),
        ("Hello", ["Hello"]),
        (" Hello.  Who is there? ", ["Hello.", "Who is there?"]),
        ('"Really?" he said. (No.) Well.', ['"Really?"', "he said.", "(No.)", "Well."]),
        ("One.\nTwo.\tThree.", ["One.", "Two.", "Three."]),
        ("No heading\n\nA paragraph", ["No heading", "A paragraph"]),
        ("It rained\nall day.", ["It rained\nall day."]),
        ("What?! Yes!! *Good.* Fine", ["What?!", "Yes!!", "*Good.*", "Fine"]),
        ("hello. how are you. fine", ["hello.", "how are you.", "fine"]),
    ],
)
def test_sentences_are_clauses(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Ask J. Smith, J. R. Tolkien or Dr. Who.",
        "Mrs. Jones and Prof. Dr. Brown meet Mr. White on St. James Street.",
        "It is 3.5 percent of $1,234.50 at 10.30 today.",
        "See https://example.com/?a=1.2&b=!x or example.com/a.b, v2.0.1 of Node.js.",
        "Write to first.last@example.co.uk today.",
        "J.K. Rowling, Ph.D. and M.D., of the U.S. Department; your order no. is 7.",
        "Room No. 5 and no. 7, e.g. the small one, i.e. that one.",
        "We open at 9 a.m. on Mon. and close at 5 p.m. sharp.",
        "The U.S. government and Acme Inc. agreed on Jan. 5 at last.",
        "It has 500 sq. ft. and 8 oz. of it, incl. tax, took 2 hrs. or so by appt. only.",
        "Call ext. 204, tel. 555 or approx. 5 others etc. now.",
        "Well... let me think … about that.",
        "1. Open the door",
        "Am 3. Oktober, am 24. 12. und am 1. oder 2. Mai ist z. B. zu, d.h. bzw. Hr. Meier ist da.",
    ],
)
def test_marks_that_do_not_end_a_clause(text: str) -> None:
    assert pieces(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We close at 5 p.m. Please call again.", ["We close at 5 p.m.", "Please call again."]),
        ("No. We do not.", ["No.", "We do not."]),
        ("Press 1. Then wait.", ["Press 1.", "Then wait."]),
        ("It costs 12.50. Fine?", ["It costs 12.50.", "Fine?"]),
        ("It was in 2026. later it was not.", ["It was in 2026.", "later it was not."]),
        ("Visit example.com. Then call.", ["Visit example.com.", "Then call."]),
        ("it is at example.com. call us.", ["it is at example.com.", "call us."]),
        ("I paid 12.50. then left.", ["I paid 12.50.", "then left."]),
        ("You and I. Then all.", ["You and I.", "Then all."]),
        ("Wait... Here it is.", ["Wait...", "Here it is."]),
        ("Wait… what?! Yes.", ["Wait… what?!", "Yes."]),
        ("Bis zum 3. Dann nicht.", ["Bis zum 3.", "Dann nicht."]),
    ],
)
def test_marks_that_end_a_clause(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("¿Qué tal? ¡Bien! Hasta luego.", ["¿Qué tal?", "¡Bien!", "Hasta luego."]),
        ("Vraiment ? Oui, à 15 h. Merci !", ["Vraiment ?", "Oui, à 15 h. Merci !"]),
        ("您好。请问有什么可以帮您？好！", ["您好。", "请问有什么可以帮您？", "好！"]),
        ("「はい。」と言った。次です", ["「はい。」", "と言った。", "次です"]),
        ("नमस्ते। आप कैसे हैं? ठीक।", ["नमस्ते।", "आप कैसे हैं?", "ठीक।"]),
        ("كيف حالك؟ بخير.", ["كيف حالك؟", "بخير."]),
        ("Բարև։ Ինչպես եք։", ["Բարև։", "Ինչպես եք։"]),
        ("Τι κάνεις\u037e Καλά.", ["Τι κάνεις\u037e", "Καλά."]),
        ("А. С. Пушкин родился в Москве. Да.", ["А. С. Пушкин родился в Москве.", "Да."]),
    ],
)
def test_other_languages(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_a_comma_ends_only_what_is_long() -> None:
    assert pieces("Yes, one, two, and three of them.") == ["Yes, one, two, and three of them."]
    text = f"{LONG}, please stay on the line for a moment."
    assert pieces(text) == [f"{LONG},", "please stay on the line for a moment."]
    assert pieces(f"{LONG}, thank you.") == [f"{LONG}, thank you."]
    chinese = "如果您想查询您的账户余额请在听到提示音之后再按一，如果您想转接人工客服请在听到提示音之后按零。"
    assert pieces(chinese) == [chinese[: chinese.index("，") + 1], chinese[chinese.index("，") + 1 :]]


@pytest.mark.parametrize(
    "text",
    [
        "Your appointment with a specialist at the main clinic is on May 12, 2026 at half past three in the afternoon.",
        "Our office has moved to the corner of Fifth and Main, in Springfield, IL 62704 right by the park.",
        "To hear the options that you have again in this menu you may press 1, 2 or 3 at any time during the message.",
    ],
)
def test_no_comma_ends_a_clause_in_a_date_an_address_or_a_list(text: str) -> None:
    assert all(not re.search(r"(12|1|Springfield),$", clause) for clause in pieces(text))


def test_a_long_sentence_without_any_mark_is_cut_at_a_space() -> None:
    found = pieces("word " * 200)
    assert all(MAX_CHARS - 5 <= len(clause) <= MAX_CHARS for clause in found[:-1])
    assert " ".join(found).split() == ["word"] * 200
    assert [len(clause) for clause in pieces("a" * 500)] == [MAX_CHARS, MAX_CHARS, 20]


def test_what_cannot_be_spoken_goes_with_what_can() -> None:
    assert pieces("... Well. — ! Yes.") == ["... Well.", "— ! Yes."]


def test_a_stream_gives_each_clause_when_its_end_is_certain() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("Let me see") == []
    assert splitter.push(".") == []  # it may be a number, or an address
    assert splitter.push(" ") == [Clause(0, "Let me see.")]
    assert splitter.push("Dr.") == []
    assert splitter.push(" Who is in. It") == [Clause(12, "Dr. Who is in.")]
    assert splitter.flush() == [Clause(27, "It")]
    assert splitter.push(" is.") == []
    assert splitter.flush() == [Clause(30, "is.")]
    assert splitter.flush() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thank you, I have noted that, and so on.", ["Thank you,", "I have noted that, and so on."]),
        ("Certainly; let me look.", ["Certainly;", "let me look."]),
        ("Well, let me look, please.", ["Well, let me look,", "please."]),
        ("In 2027, 31 people came.", ["In 2027, 31 people came."]),
        ("Springfield. Thank you, all.", ["Springfield.", "Thank you, all."]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_the_first_clause_of_what_is_being_written_is_short(text: str, expected: list[str], size: int) -> None:
    splitter = ClauseSplitter(is_written=True)
    found = [clause for at in range(0, len(text), size) for clause in splitter.push(text[at : at + size])]
    assert [clause.text for clause in found + splitter.flush()] == expected


def test_it_waits_for_the_word_that_decides() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("We open on the 3. Okt") == []
    assert splitter.push("ober. ") == [Clause(0, "We open on the 3. Oktober.")]
    assert splitter.push("At 9 a.m. ") == []
    assert splitter.push("C") == [Clause(27, "At 9 a.m.")]


ALPHABET = st.sampled_from([*"aB .!?…,。，」\"')\n57", "Dr.", "No.", "p.m.", " 3. Mai", "e.g. ", "word " * 9, "x" * 90])


@given(st.lists(ALPHABET, max_size=60).map("".join))
def test_every_character_but_white_space_is_in_one_clause_at_its_place(text: str) -> None:
    found = clauses(text)
    assert all(clause.text.strip() == clause.text != "" for clause in found)
    assert all(text.startswith(clause.text, clause.start) for clause in found)
    assert all(len(clause.text) <= MAX_CHARS for clause in found)
    assert re.sub(r"\s", "", "".join(clause.text for clause in found)) == re.sub(r"\s", "", text)


@given(st.lists(ALPHABET, max_size=60).map("".join), st.lists(st.integers(1, 30)))
def test_tokens_are_cut_as_the_whole_text_is(text: str, sizes: list[int]) -> None:
    splitter = ClauseSplitter()
    found = []
    at = 0
    for size in sizes:
        found += splitter.push(text[at : at + size])
        at += size
    found += splitter.push(text[at:]) + splitter.flush()
    assert found == clauses(text)


def test_a_huge_text_is_fast() -> None:
    assert len(clauses("a" * 200_000)) == -(-200_000 // MAX_CHARS)
    assert len(clauses("yes, " * 40_000)) >= 40_000 * 5 // (SOFT_CHARS + 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sie finden uns im 3. Stock. Bitte läuten.", ["Sie finden uns im 3. Stock.", "Bitte läuten."]),
        ("Der 1. Preis geht an Sie.", ["Der 1. Preis geht an Sie."]),
        ("Ihr 2. Versuch zum 10. Jubiläum.", ["Ihr 2. Versuch zum 10. Jubiläum."]),
        ("Es sind 12. Wir melden uns.", ["Es sind 12.", "Wir melden uns."]),
        ("Heute ist der 3.", ["Heute ist der 3."]),
        ("Heute ist der 3.\n\nMorgen nicht.", ["Heute ist der 3.", "Morgen nicht."]),
    ],
)
def test_german_ordinals_do_not_end_a_clause(text: str, expected: list[str]) -> None:
    assert [clause.text for clause in clauses(text, "de-AT")] == expected
    splitter = ClauseSplitter("de")
    streamed = [clause.text for character in text for clause in splitter.push(character)]
    assert [*streamed, *(clause.text for clause in splitter.flush())] == expected


def test_in_english_a_number_may_end_a_sentence_after_the_same_letters() -> None:
    assert [clause.text for clause in clauses("I am 12. We go.", "en-US")] == ["I am 12.", "We go."]


def test_marks_without_a_word_are_no_clause_where_they_are_not_wanted() -> None:
    splitter = ClauseSplitter(is_written=True)
    assert splitter.push("… ") + splitter.flush(marks=False) == []
    assert not splitter.has_clauses
    assert [clause.text for clause in splitter.push("Well. ")] == ["… Well."]
    assert splitter.push("… — …") + splitter.flush(marks=False) == []
    assert [clause.text for clause in splitter.push(" So?") + splitter.flush(marks=False)] == ["… — … So?"]
