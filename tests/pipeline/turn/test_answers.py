"""The answer that the words of a turn give, whatever the recogniser."""

from dataclasses import replace
from datetime import date

import pytest

from offhook.pipeline.asr.engine import Thresholds, Transcript
from offhook.pipeline.events import AnswerKind, Choice, DigitRule, Question
from offhook.pipeline.turn.answers import answer_to
from offhook.pipeline.turn.keypad import Keypad
from offhook.pipeline.understanding.kinds import Date, Digits, Number, Text, YesNo
from offhook.pipeline.understanding.valid import Valid

MENU = Question((Choice("balance", ("check my balance",)), Choice("agent", ("agent",))))


def test_free_speech_answers_a_menu() -> None:
    answer = answer_to(MENU, Transcript("I'd like to check my balance, please"), 0.5, typed=False)
    assert (answer.kind, answer.choice) == (AnswerKind.SPEECH, "balance")
    assert answer.confidence is not None
    assert answer.confidence >= 0.9


def test_an_exact_phrase_keeps_the_recognisers_confidence() -> None:
    assert answer_to(MENU, Transcript("agent", 0.7), 0.5, typed=False).confidence == 0.7
    assert answer_to(MENU, Transcript("agent"), 0.5, typed=False).confidence is None


def test_doubt_of_the_words_and_of_the_recogniser_add_up() -> None:
    said = "how much money is in my account"
    sure = answer_to(MENU, Transcript(said, 1.0), 0.5, typed=False)
    unsure = answer_to(MENU, Transcript(said, 0.55), 0.5, typed=False)
    assert (sure.kind, sure.choice) == (AnswerKind.SPEECH, "balance")
    assert (unsure.kind, unsure.choice, unsure.confidence) == (AnswerKind.NO_MATCH, None, 0.55)


def test_another_reading_may_answer() -> None:
    answer = answer_to(MENU, Transcript("eight gents", 0.9, alternatives=("hey Jen", "agent")), 0.5, typed=False)
    assert answer.choice == "agent"
    assert answer.text == "eight gents"
    assert answer.confidence == pytest.approx(0.9 * 0.8)


def test_what_is_too_uncertain_may_be_guessed() -> None:
    """A choice that was hardly heard, by an engine whose low confidences are worth a question, and one that words only
    resemble."""
    badly = Transcript("agent", 0.2, thresholds=Thresholds(guess_from=0.15))
    answer = answer_to(MENU, badly, 0.5, typed=False)
    assert (answer.kind, answer.choice) == (AnswerKind.NO_MATCH, None)
    assert answer.guess is not None
    assert (answer.guess.kind, answer.guess.choice, answer.guess.confidence) == (AnswerKind.SPEECH, "agent", 0.2)
    resembles = answer_to(MENU, Transcript("how much money is in my account", 0.55), 0.5, typed=False)
    assert resembles.guess is not None and resembles.guess.choice == "balance"


def test_one_of_two_may_be_guessed() -> None:
    answer = answer_to(MENU, Transcript("an agent and my balance", 0.9), 0.5, typed=False)
    assert (answer.kind, answer.choice) == (AnswerKind.NO_MATCH, None)
    assert answer.guess is not None
    assert (answer.guess.choice, sorted(answer.guess.either)) == (None, ["agent", "balance"])


@pytest.mark.parametrize(
    ("question", "transcript"),
    [
        (MENU, Transcript("agent", 0.1, thresholds=Thresholds(guess_from=0.15))),
        (MENU, Transcript("agent", 0.2)),
        (replace(MENU, min_confidence=0.5), Transcript("agent", 0.2, thresholds=Thresholds(guess_from=0.15))),
        (MENU, Transcript("something else", 0.9)),
        (MENU, Transcript("agent", 0.9)),
        (
            Question(digits=DigitRule(4, 4)),
            Transcript("one two three four", 0.2, thresholds=Thresholds(guess_from=0.1)),
        ),
    ],
)
def test_and_not_otherwise(question: Question, transcript: Transcript) -> None:
    assert answer_to(question, transcript, 0.5, typed=False).guess is None


def test_a_recognisers_own_thresholds_go_before_the_bots_and_behind_the_questions() -> None:
    unsure = Transcript("agent", 0.3, thresholds=Thresholds(0.1, 0.8))
    answer = answer_to(MENU, unsure, 0.5, typed=False)
    assert (answer.choice, answer.confirm_below) == ("agent", 0.8)
    assert answer_to(MENU, replace(unsure, thresholds=Thresholds(0.4)), 0.1, typed=False).kind is AnswerKind.NO_MATCH
    assert answer_to(replace(MENU, min_confidence=0.4), unsure, 0.1, typed=False).kind is AnswerKind.NO_MATCH
    unmatched = answer_to(MENU, replace(unsure, text="something else"), 0.5, typed=False)
    assert (unmatched.kind, unmatched.confirm_below) == (AnswerKind.NO_MATCH, 0.8), "a matcher may find a choice yet"


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        (Question(value=Date(date(2026, 11, 28))), "next Tuesday", date(2026, 12, 1)),
        (Question(value=Number(1, 10)), "seven", 7),
        (Question(value=Number(1, 10)), "seventy", None),
        (Question(value=Digits(4, 4)), "one two oh four", "1204"),
        (Question(value=Digits(4, 4)), "one two", None),
        (Question(value=YesNo()), "not really", False),
    ],
)
def test_values(question: Question, text: str, value: object) -> None:
    answer = answer_to(question, Transcript(text), 0.5, typed=False)
    assert answer.value == value
    assert answer.kind is (AnswerKind.NO_MATCH if value is None else AnswerKind.SPEECH)


def test_values_may_be_keyed() -> None:
    question = Question(value=Number(1, 10), digits=Number(1, 10).keys)
    keypad = Keypad()
    keypad.begin(question)
    for key in "10":
        keypad.press(key, 0.0, question)
        keypad.accept(question)
    answer = keypad.answer(question)
    assert (answer.kind, answer.digits, answer.value) == (AnswerKind.DTMF, "10", 10)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("operator", "operator"),
        ("can I speak to the operator, please", "operator"),
        ("uh, could you repeat that", "repeat"),
        ("the operator was rude to me yesterday", None),
        ("I want to repeat my order", None),
        ("I need help with my invoice", None),
    ],
)
def test_a_choice_beside_any_words_is_one_where_nothing_else_is_said(said: str, choice: str | None) -> None:
    choices = (Choice("operator", ("operator",)), Choice("repeat", ("repeat",)), Choice("help", ("help",)))
    for kind in (Text(), Valid(Text(), lambda _: True)):
        question = Question(choices, value=kind, any_words=True, language="en")
        answer = answer_to(question, Transcript(said, 0.9), 0.5, typed=False)
        assert (answer.choice, answer.value) == (choice, None if choice else said)
