"""Hearings of the same sentence are alike, other sentences are not: with a margin on both sides."""

from itertools import combinations

import pytest

from offhook.qa.persona.likeness import ENOUGH, likeness

SENTENCES = (
    "How can I help you? You can say, my balance, opening hours, or goodbye.",
    "Please enter your four digit PIN.",
    "Your current account has a balance of one hundred and twelve dollars.",
    "I did not get that. Please say it again.",
    "We are open from nine to five, Monday to Friday.",
    "Which day next week would you like your appointment to be on?",
    "I am sorry, there is nothing free on that day. Which other day would suit you?",
    "Please tell me your name and your date of birth.",
    "Thank you for calling. Goodbye.",
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Please enter your four digit PIN.", "please and to your for digit pin"),
        ("Goodbye.", "good bye"),
        (SENTENCES[2], "Your current account has a balance of $37.50."),
        ("Your appointment is on Thursday at nine.", "Your appointment is on Friday at half past eleven."),
    ],
)
def test_the_same_sentence(one: str, other: str) -> None:
    assert likeness([one], [other]) > ENOUGH + 0.1


def test_other_sentences() -> None:
    assert all(likeness([one], [other]) < ENOUGH - 0.05 for one, other in combinations(SENTENCES, 2))


def test_pauses_and_silence() -> None:
    assert likeness(["Good morning.", "What is it?"], ["good morning what is it"]) == 1.0
    assert likeness([], []) == likeness(["…"], []) == likeness(["no"], ["No."]) == 1.0
    assert likeness([], ["hello"]) == likeness(["no"], ["hi"]) == 0.0
