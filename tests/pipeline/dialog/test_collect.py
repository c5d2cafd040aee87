"""`collect`: a value or a choice, conditions, the day of the call."""

from datetime import date, datetime, timedelta

import pytest

from offhook.pipeline.dialog.actions import AskFor, HangUp, Speak
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.listening import Retry
from offhook.pipeline.dialog.steps.options import Option
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule
from offhook.pipeline.understanding.kinds import Date, Text

NOW = datetime(2026, 12, 24, 17, 30)
RETRY = Retry("bye", reprompts=("Once more.",))
OPERATOR = Option(Choice("operator", ("operator",), "0"), "operator")
NUMBER = Collect(
    "number",
    "Your number?",
    "number",
    DigitRule(3, 16),
    "thanks",
    True,
    options=(OPERATOR,),
    where="luhn(number)",
    where_reprompt="That number is not known.",
    no_input=RETRY,
    no_match=RETRY,
)


def runner(collect: Collect) -> FlowRunner:
    steps = (
        collect,
        Say("thanks", "{" + collect.into + "}.", "bye"),
        Say("operator", "The operator.", "bye"),
        End("bye", "Bye."),
    )
    return FlowRunner(Flow("f", collect.name, {step.name: step for step in steps}), now=lambda: NOW)


def said(action: object) -> str:
    assert isinstance(action, Speak | AskFor | HangUp) and action.prompt is not None
    return action.prompt.text


def asked(collect: Collect) -> tuple[FlowRunner, AskFor]:
    run = runner(collect)
    action = run.start()
    assert isinstance(action, AskFor)
    return run, action


def test_the_question_takes_both() -> None:
    _, action = asked(NUMBER)
    question = action.question
    assert question.choices == (OPERATOR.choice,)
    assert question.digits == DigitRule(3, 16)
    assert question.value is not None
    assert question.value.read_keys("4242") == "4242"
    assert question.value.read_keys("4243") is None


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(AnswerKind.DTMF, digits="4242", value="4242"), "4 2 4 2."),
        (Answer(AnswerKind.SPEECH, "four two four two", value="4242"), "4 2 4 2."),
        (Answer(AnswerKind.DTMF, digits="0", choice="operator"), "The operator."),
        (Answer(AnswerKind.SPEECH, "the operator", choice="operator"), "The operator."),
        (Answer(AnswerKind.NO_MATCH, digits="4243"), "That number is not known."),
        (Answer(AnswerKind.NO_MATCH, "four two four three"), "That number is not known."),
        (Answer(AnswerKind.NO_MATCH, digits="42"), "Once more."),
        (Answer(AnswerKind.NO_MATCH, "what"), "Once more."),
        (Answer(AnswerKind.NO_MATCH, digits="4242"), "Once more."),  # it was not confirmed
        (Answer(AnswerKind.NO_INPUT), "Once more."),
    ],
)
def test_what_follows_an_answer(answer: Answer, text: str) -> None:
    run, _ = asked(NUMBER)
    assert said(run.after(answer)) == text


def test_a_refused_value_is_not_kept() -> None:
    run, _ = asked(NUMBER)
    run.after(Answer(AnswerKind.NO_MATCH, digits="4243"))
    assert run.dump()["collected"] == {}


def test_the_keys_are_offered_when_the_recogniser_fails() -> None:
    run, _ = asked(NUMBER)
    text = said(run.after(Answer(AnswerKind.FAILED)))
    assert text.endswith("Please use your keypad: for operator press 0. Your number?")


def test_a_date_is_read_on_the_day_of_the_call() -> None:
    limited = Date(earliest=timedelta(1), latest=timedelta(30))
    day = Collect("day", "When?", "day", DigitRule(), "thanks", value=limited, no_input=RETRY, no_match=RETRY)
    flow = Flow("f", "day", {"day": day, "thanks": End("thanks", "{day}."), "bye": End("bye", "Bye.")})
    action = FlowRunner(flow, now=lambda: NOW).start()
    assert isinstance(action, AskFor) and action.question.value is not None
    read = action.question.value.read
    assert read("january the second", "en") == date(2027, 1, 2)
    assert read("today", "en") is None
    assert read("tomorrow", "en") == date(2026, 12, 25)
    assert read("march the first", "en") is None


def test_any_words_are_kept_and_spoken_without_markup() -> None:
    reason = Collect("why", "Why?", "why", DigitRule(), "thanks", value=Text(), no_input=RETRY, no_match=RETRY)
    flow = Flow("f", "why", {"why": reason, "thanks": End("thanks", "{why}."), "bye": End("bye", "Bye.")})
    run = FlowRunner(flow)
    action = run.start()
    assert isinstance(action, AskFor) and action.question.any_words and action.question.confirm_below == 0
    answer = Answer(AnswerKind.SPEECH, "my <b> bill", value="my <b> bill")
    assert said(run.after(answer)) == "my  b  bill."
