"""Asking back: what was said, or which of several values was meant."""

from dataclasses import replace
from datetime import date, time
from decimal import Decimal

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.dialog.wording import wording_in
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Question
from offhook.pipeline.turn.answers import answer_to
from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.amounts import Money
from offhook.pipeline.understanding.confirm import confirmation, settled
from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Time

MENU = Question((Choice("sales", ("sales",)), Choice("support", ("support", "technical support"))), language="en")
SALES = Answer(AnswerKind.SPEECH, "sails", "sales", confidence=0.55)
TIME = Question(value=Time(), language="en")
AT_FOUR = Answer(AnswerKind.SPEECH, "half past four", value=Ambiguous((time(4, 30), time(16, 30))))


def spoken(text: str, choice: str | None = None) -> Answer:
    return Answer(AnswerKind.SPEECH if choice else AnswerKind.NO_MATCH, text, choice)


def asked(question: Question, answer: Answer, below: float = 0.6) -> str | None:
    found = confirmation(question, answer, below, wording_in(question.language))
    return None if found is None else found.text


def test_an_uncertain_choice_is_asked_back() -> None:
    assert asked(MENU, SALES) == "Did you say sales?"
    assert asked(MENU, replace(SALES, confidence=0.7, confirm_below=0.8)) == "Did you say sales?"
    assert asked(replace(MENU, language="de"), SALES) == "Sagten Sie sales?"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (MENU, replace(SALES, confidence=0.6)),
        (MENU, replace(SALES, confidence=None)),
        (MENU, replace(SALES, typed=True)),
        (MENU, replace(SALES, kind=AnswerKind.NO_MATCH, choice=None)),
        (MENU, Answer(AnswerKind.DTMF, choice="sales", digits="1")),
        (replace(MENU, confirm_below=0.0), SALES),
        (replace(MENU, confirm_below=0.5), SALES),
        (replace(MENU, confirm_below=0.5), replace(SALES, confirm_below=0.8)),
        (MENU, replace(SALES, confirm_below=0.5)),
        (replace(MENU, language="sv"), SALES),
        (Question(language="en"), Answer(AnswerKind.SPEECH, "anything", confidence=0.1)),
    ],
)
def test_what_is_certain_or_no_answer_is_not(question: Question, answer: Answer) -> None:
    assert asked(question, answer) is None


def test_where_only_keys_are_left_they_answer_what_is_asked_back_too() -> None:
    question = Question(speech=False, digits=DigitRule(4, 4), value=Digits(4, 4), read_back=True, language="en")
    keyed = Answer(AnswerKind.DTMF, digits="4711", value="4711")
    listened = confirmation(question, keyed, 0.6, wording_in("en"))
    by_keys = confirmation(replace(question, by_keys=True), keyed, 0.6, wording_in("en"))
    assert listened is not None and by_keys is not None
    assert listened.question.speech and not by_keys.question.speech
    keys = "Please use your keypad: for yes press 1, for no press 2."
    assert by_keys.text == f"{listened.text} {keys}"
    assert settled(question, keyed, Answer(AnswerKind.DTMF, choice="yes", digits="1")).value == "4711"
    times = confirmation(replace(TIME, by_keys=True), AT_FOUR, 0.6, wording_in("de"))
    assert times is not None and times.text.endswith("für four thirty AM die 1, für four thirty PM die 2.")


def test_a_question_has_its_own_threshold() -> None:
    assert asked(replace(MENU, confirm_below=0.9), replace(SALES, confidence=0.8)) == "Did you say sales?"


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        (spoken("yes", "yes"), "sales"),
        (spoken("yes please, sales"), "sales"),
        (spoken("no", "no"), None),
        (spoken("no, support"), "support"),
        (spoken("technical support", "=support"), "support"),
        (spoken("no not sales"), None),
        (spoken("what?"), None),
        (Answer(AnswerKind.DTMF, choice="yes", digits="1"), "sales"),
        (Answer(AnswerKind.DTMF, choice="no", digits="2"), None),
    ],
)
def test_the_reply_confirms_refuses_or_corrects(reply: Answer, choice: str | None) -> None:
    result = settled(MENU, SALES, reply)
    assert result.choice == choice
    assert result.kind is (AnswerKind.SPEECH if choice else AnswerKind.NO_MATCH)


@pytest.mark.parametrize("text", ["yes", "no, support", "technical support"])
def test_a_reply_that_was_hardly_heard_confirms_and_corrects_nothing(text: str) -> None:
    """Noise that a grammar has made words of."""
    found = confirmation(MENU, SALES, 0.6, wording_in("en"))
    assert found is not None
    reply = answer_to(found.question, Transcript(text, 0.1), 0.5, typed=False)
    assert reply.too_uncertain
    assert settled(MENU, SALES, reply).kind is AnswerKind.NO_MATCH
    which = answer_to(TIME, Transcript("half past four in the morning", 0.1), 0.5, typed=False)
    assert settled(TIME, AT_FOUR, which).kind is AnswerKind.NO_MATCH


def test_a_caller_who_is_asked_which_of_two_may_key_what_the_question_takes() -> None:
    question = replace(MENU, digits=DigitRule(4, 4))
    two = Answer(AnswerKind.SPEECH, "sales or support", either=("sales", "support"))
    found = confirmation(question, two, 0.6, wording_in("en"))
    assert found is not None
    assert found.question.digits == DigitRule(4, 4)
    keyed = settled(question, two, Answer(AnswerKind.DTMF, digits="1234"))
    assert (keyed.kind, keyed.digits, keyed.choice) == (AnswerKind.DTMF, "1234", None)
    assert settled(question, two, spoken("support", "support")).choice == "support"
    assert settled(question, two, spoken("neither")).kind is AnswerKind.NO_MATCH


def test_silence_and_failure_are_no_answer() -> None:
    assert settled(MENU, SALES, Answer(AnswerKind.NO_INPUT)).kind is AnswerKind.NO_INPUT
    assert settled(MENU, SALES, Answer(AnswerKind.FAILED)).choice is None


def test_an_ambiguous_value_is_asked_back_whatever_the_confidence() -> None:
    assert asked(TIME, AT_FOUR) == "Did you mean 4:30 AM, or 4:30 PM?"
    days = Answer(AnswerKind.SPEECH, "03/04", value=Ambiguous((date(2027, 3, 4), date(2027, 4, 3))))
    text = asked(Question(value=Date(date(2026, 11, 28)), language="en"), days, 0.0)
    assert text == "Did you mean Thursday, March 4, or Saturday, April 3?"


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (spoken("the second", "1"), time(16, 30)),
        (spoken("in the afternoon"), time(16, 30)),
        (spoken("four thirty pm"), time(16, 30)),
        (spoken("five in the afternoon"), time(17, 0)),
        (spoken("I don't know"), None),
    ],
)
def test_the_reply_says_which(reply: Answer, value: time | None) -> None:
    result = settled(TIME, AT_FOUR, reply)
    assert result.value == value
    assert result.kind is (AnswerKind.SPEECH if value else AnswerKind.NO_MATCH)


@pytest.mark.parametrize(
    ("reply", "choice", "value"),
    [
        ("operator", "operator", None),
        ("the last one", None, time(16, 30)),
        ("in the afternoon", None, time(16, 30)),
    ],
)
def test_a_choice_in_reply_is_neither_of_the_values(reply: str, choice: str | None, value: time | None) -> None:
    question = replace(TIME, choices=(Choice("operator", ("operator",), "0"),))
    which = confirmation(question, AT_FOUR, 0.6, wording_in("en"))
    assert which is not None
    result = settled(question, AT_FOUR, answer_to(which.question, Transcript(reply, 0.9), 0.5, typed=False))
    assert (result.kind, result.choice, result.value) == (AnswerKind.SPEECH, choice, value)


def test_an_uncertain_value_is_asked_back_and_corrected() -> None:
    question = Question(value=Number(), language="en")
    fifty = Answer(AnswerKind.SPEECH, "fifty", value=50, confidence=0.5)
    assert asked(question, fifty) == "Did you say 50?"
    assert settled(question, fifty, spoken("no fifteen")).value == 15
    assert settled(question, fifty, spoken("yes", "yes")).value == 50
    money = Answer(AnswerKind.SPEECH, "…", value=Money(Decimal("12.5"), "EUR"), confidence=0.5)
    assert asked(Question(value=Amount(), language="fr"), money) == "Avez-vous dit 12,50 € ?"


@pytest.mark.parametrize("reply", [spoken("yes", "yes"), spoken("no", "no"), Answer(AnswerKind.NO_INPUT)])
def test_what_was_asked_back_is_final(reply: Answer) -> None:
    """A late final of the reply would be taken for an answer to the question itself."""
    provisional = replace(SALES, is_final=False)
    assert settled(MENU, provisional, replace(reply, is_final=False)).is_final
