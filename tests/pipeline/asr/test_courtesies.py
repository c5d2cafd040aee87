import pytest

from offhook.pipeline.asr.courtesies import answers_within


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("book please", "book"),
        ("uh i'd like to book please", "book"),
        ("can you check my balance", "check my balance"),
        ("it's four two", "four two"),
        ("please call me back thank you", "call me back"),
        ("well no thanks", "no"),
    ],
)
def test_the_answer_stands_within_the_courtesies(text: str, answer: str) -> None:
    assert tuple(answer.split()) in list(answers_within(text.split()))


def test_all_words_are_tried_first() -> None:
    assert next(answers_within(["please", "hold"])) == ("please", "hold")
    assert list(answers_within(["balance"])) == [("balance",)]


def test_courtesies_alone_are_not_an_answer() -> None:
    assert list(answers_within([])) == []
    assert list(answers_within(["please"])) == [("please",)]
    assert all(answers_within(["uh", "please", "thanks"]))


def test_other_words_are_kept() -> None:
    assert list(answers_within(["do", "not", "book", "please"])) == [
        ("do", "not", "book", "please"),
        ("do", "not", "book"),
    ]
