from dataclasses import replace

import pytest

from offhook.pipeline.endpoint.expectation import parse_expectation
from offhook.pipeline.endpoint.goes_on import goes_on
from offhook.pipeline.endpoint.progress import Progress, progress_of
from offhook.pipeline.events import Choice, DigitRule, Question
from offhook.pipeline.understanding.kinds import YesNo

MENU = Question(
    (
        Choice("hours", ("opening hours",)),
        Choice("sales", ("sales", "sales department")),
        Choice("account", ("account",)),
        Choice("close", ("account closing",)),
    )
)
CONFIRM = Question((Choice("yes", ("yes", "yes please")), Choice("no", ("no",)), Choice("=sales", ("sales",))))
FOUR, RANGE = Question(digits=DigitRule(4, 4)), Question(digits=DigitRule(10, 16))


def expecting(name: str, language: str | None = None) -> Question:
    return Question(expect=parse_expectation(name), language=language)


@pytest.mark.parametrize(
    ("question", "text", "progress"),
    [
        (MENU, "opening hours", Progress.COMPLETE),
        (MENU, "sales", Progress.ENOUGH),  # "sales department" is the same choice
        (MENU, "sales department", Progress.COMPLETE),
        (MENU, "account", Progress.WHOLE),  # "account closing" is another
        (MENU, "I would like to", Progress.INCOMPLETE),
        (MENU, "I would like the sales department", Progress.ENOUGH),
        (MENU, "the weather is fine", Progress.OTHER),
        (MENU, "", Progress.OTHER),
        (CONFIRM, "yes please", Progress.COMPLETE),
        (CONFIRM, "no", Progress.WHOLE),  # "no, sales"
        (Question(value=YesNo()), "no", Progress.COMPLETE),
        (Question(value=YesNo()), "yes that would be right", Progress.ENOUGH),
        (Question(value=YesNo()), "maybe", Progress.OTHER),
        (FOUR, "one two three", Progress.INCOMPLETE),
        (FOUR, "one two three four", Progress.COMPLETE),
        (FOUR, "my number is", Progress.INCOMPLETE),
        (FOUR, "one two double", Progress.INCOMPLETE),
        (FOUR, "one two double four", Progress.COMPLETE),
        (RANGE, "one two three four five six seven eight nine", Progress.INCOMPLETE),
        (RANGE, "one two three four five six seven eight nine zero", Progress.OPEN),
        (expecting("date"), "the fifth of", Progress.INCOMPLETE),
        (expecting("date"), "the fifth of may", Progress.WHOLE),
        (expecting("date"), "the fifth of may 1984", Progress.ENOUGH),
        (expecting("date"), "tomorrow", Progress.ENOUGH),
        (expecting("time"), "half past four", Progress.WHOLE),
        (expecting("time"), "four pm", Progress.ENOUGH),
        (expecting("amount"), "twenty dollars", Progress.WHOLE),
        (expecting("amount"), "twenty dollars and", Progress.INCOMPLETE),
        (expecting("amount"), "twenty dollars and fifty cents", Progress.ENOUGH),
        (expecting("email"), "jo at example", Progress.INCOMPLETE),
        (expecting("email"), "jo at example dot com", Progress.WHOLE),
        (expecting("spelled"), "s m i", Progress.OPEN),
        (expecting("free"), "I need a table for", Progress.INCOMPLETE),
        (expecting("free"), "I need a table for two", Progress.OTHER),
        (expecting("name", "de"), "ich bin", Progress.INCOMPLETE),
        (expecting("date", "de"), "morgen", Progress.ENOUGH),
        (expecting("date", "fr"), "demain", Progress.ENOUGH),
        (expecting("digits(4)", "es"), "uno dos tres cuatro", Progress.COMPLETE),
    ],
)
def test_how_far_an_answer_is(question: Question, text: str, progress: Progress) -> None:
    assert progress_of(question, text) is progress


def test_a_very_long_text_is_no_answer() -> None:
    assert progress_of(FOUR, "one " * 500) is Progress.OTHER


@pytest.mark.parametrize(
    ("language", "text", "more"),
    [
        (None, "My number is", True),
        ("en-GB", "well, um…", True),
        ("en", "apples, pears and", True),
        ("en", "apples and pears", False),
        ("de", "meine Nummer ist", True),
        ("de-CH", "eine für", True),
        ("de", "eine für zwei", False),
        ("es", "mi número es", True),
        ("fr", "mon numéro est", True),
        ("fr", "une table pour deux", False),
        ("ja", "my number is", False),
    ],
)
def test_words_after_which_a_sentence_goes_on(language: str | None, text: str, more: bool) -> None:
    assert goes_on(text, language) is more


def test_digits_among_other_words_are_nothing_unfinished_where_any_words_are_an_answer() -> None:
    free = Question(digits=DigitRule(1, 32), any_words=True)
    assert progress_of(free, "a table for 4 please") is Progress.OTHER
    assert progress_of(free, "four seven one") is Progress.OPEN
    assert progress_of(replace(free, any_words=False), "a table for 4 please") is Progress.INCOMPLETE
