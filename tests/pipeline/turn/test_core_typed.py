"""Lines that the caller types instead of speaking."""

import pytest

from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Interruption, Question
from offhook.pipeline.turn.events import TurnIgnored, TurnOver, TurnStarted
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Action, Floor
from offhook.pipeline.turn.unasked import MAX_KEPT
from tests.pipeline.turn.test_core import FIRM, FREE, MENU, PIN, PROMPT, Talk

TYPED_BALANCE = Answer(AnswerKind.SPEECH, "my balance", "balance", confidence=1.0, typed=True)
SPOKEN_DIGITS = Question(choices=MENU.choices, digits=DigitRule(4, 4))


@pytest.fixture
def talk() -> Talk:
    return Talk()


def types(talk: Talk, line: str) -> list[Action]:
    talk.core.typed(line, talk.now)
    return talk.take()


def test_a_line_answers_the_question_at_once(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.wait(1.0)
    assert Action.RECOGNISE_KEPT not in types(talk, " My  balance ")
    assert talk.core.floor is Floor.IDLE
    started, over = talk.events
    assert started == TurnStarted(talk.now, asked=True)
    assert isinstance(over, TurnOver)
    assert (over.began_at, over.ended_at, over.text) == (talk.now, talk.now, "My  balance")
    assert talk.answer == Answer(AnswerKind.SPEECH, "My  balance", "balance", confidence=1.0, typed=True)
    assert not talk.core.turn_was_kept


def test_a_line_that_is_no_choice_is_a_no_match(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    types(talk, "a pint of milk")
    assert talk.answer == Answer(AnswerKind.NO_MATCH, "a pint of milk", confidence=1.0, typed=True)


def test_any_line_answers_an_open_question(talk: Talk) -> None:
    talk.begin(PROMPT, FREE)
    talk.spoken()
    types(talk, "42")
    assert talk.answer == Answer(AnswerKind.SPEECH, "42", confidence=1.0, typed=True)


def test_a_line_interrupts_the_prompt(talk: Talk) -> None:
    talk.begin()
    assert types(talk, "my balance")[:2] == [Action.PAUSE, Action.ABANDON_PROMPT]
    assert talk.answer == TYPED_BALANCE


@pytest.mark.parametrize("policy", [Interruption(by="nobody"), Interruption(by="keys"), Interruption(min_words=3)])
@pytest.mark.parametrize(("line", "answers"), [("my balance", True), ("what day", False)])
def test_a_line_that_may_not_interrupt_is_matched_when_the_prompt_is_over(
    talk: Talk, policy: Interruption, line: str, answers: bool
) -> None:
    talk.core.say(1, policy, talk.now, MENU)
    talk.take()
    assert types(talk, line) == []
    talk.spoken()
    if answers:
        assert talk.answer == TYPED_BALANCE
    else:
        assert talk.answer is None
        assert talk.core.floor is Floor.LISTENING
        assert talk.events[-1] == TurnIgnored(line, talk.now, 1.0, typed=True)


def test_a_line_with_enough_words_interrupts_however_long_speech_would_have_to_last(talk: Talk) -> None:
    talk.core.say(1, Interruption(min_words=2, min_ms=3_000), talk.now, MENU)
    talk.take()
    assert types(talk, "my balance")[:2] == [Action.PAUSE, Action.ABANDON_PROMPT]
    assert talk.answer == TYPED_BALANCE


def test_when_the_prompt_is_withdrawn_the_line_answers(talk: Talk) -> None:
    talk.begin(FIRM, MENU)
    types(talk, "my balance")
    talk.core.cancel(talk.now)
    talk.take()
    assert talk.answer == TYPED_BALANCE


def test_what_was_said_over_a_prompt_that_is_withdrawn_answers_too(talk: Talk) -> None:
    talk.begin(FIRM, MENU)
    talk.say("", None)  # not recognised yet: no question takes it
    talk.core.cancel(talk.now)
    assert Action.RECOGNISE_KEPT in talk.take()
    talk.transcript("my balance")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_a_line_while_the_dialog_is_busy_answers_the_next_question(talk: Talk) -> None:
    assert types(talk, "my balance") == []
    assert talk.events == [TurnStarted(talk.now, asked=False)]
    talk.wait(5.0)
    talk.begin()
    assert talk.answer == TYPED_BALANCE
    assert talk.core.turn_was_kept


def test_a_line_over_an_announcement_cuts_it_and_answers_the_next_question(talk: Talk) -> None:
    talk.begin(PROMPT, None)
    assert types(talk, "my balance") == [Action.PAUSE, Action.ABANDON_PROMPT, Action.FINISH]
    talk.begin()
    assert talk.answer == TYPED_BALANCE


@pytest.mark.parametrize("policy", [Interruption(by="nobody"), Interruption(by="keys"), Interruption(min_words=3)])
def test_an_announcement_that_lines_may_not_interrupt_goes_on(talk: Talk, policy: Interruption) -> None:
    talk.core.say(1, policy, talk.now)
    talk.take()
    assert types(talk, "my balance") == []
    assert talk.core.floor is Floor.SPEAKING


def test_lines_and_speech_keep_their_order(talk: Talk) -> None:
    types(talk, "good day")
    talk.say("", None)
    types(talk, "my balance")
    actions = talk.begin()
    assert [action for action in actions if action in (Action.RECOGNISE_KEPT, Action.END_SPEECH)] == [
        Action.RECOGNISE_KEPT,
        Action.END_SPEECH,
    ]
    talk.transcript("what a day")
    assert [event.text for event in talk.events if isinstance(event, TurnIgnored)] == ["good day", "what a day"]
    assert talk.answer == TYPED_BALANCE


def test_a_line_takes_the_place_of_speech_in_progress(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    assert Action.CANCEL_ASR in types(talk, "my balance")
    assert talk.answer == TYPED_BALANCE


def test_a_line_waits_for_the_transcript_of_the_turn_before_it(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.wait(1.0)
    talk.stop()
    talk.wait(0.5)
    assert types(talk, "my balance") == []
    talk.transcript("opening hours")
    assert talk.answer is not None and talk.answer.choice == "hours"
    talk.begin()
    assert talk.answer == TYPED_BALANCE


def test_a_line_ends_an_entry_of_keys(talk: Talk) -> None:
    talk.begin(PROMPT, SPOKEN_DIGITS)
    talk.keys("47")
    types(talk, "my balance")
    assert talk.answer == TYPED_BALANCE
    talk.begin(None, PIN)
    talk.keys("1234")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="1234")


@pytest.mark.parametrize("line", ["4711", "47 11", "4711#"])
@pytest.mark.parametrize("question", [PIN, SPOKEN_DIGITS], ids=["keys only", "spoken too"])
def test_digits_are_an_entry_of_keys(talk: Talk, line: str, question: Question) -> None:
    talk.begin(PROMPT, question)
    talk.spoken()
    types(talk, line)
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711", typed=True)


def test_an_entry_of_another_length_is_a_no_match_without_a_wait(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    types(talk, "47")
    assert talk.answer == Answer(AnswerKind.NO_MATCH, digits="47", typed=True)


@pytest.mark.parametrize("line", ["2", "2#", " 2 # "])
def test_the_key_of_a_choice_is_that_choice(talk: Talk, line: str) -> None:
    talk.begin()
    types(talk, line)
    assert talk.answer == Answer(AnswerKind.DTMF, choice="hours", digits="2", typed=True)


def test_words_wait_for_a_question_that_takes_words(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.spoken()
    types(talk, "my balance")
    assert talk.core.floor is Floor.LISTENING
    types(talk, "4711")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711", typed=True)
    talk.begin()
    assert talk.answer == TYPED_BALANCE


def test_digits_typed_ahead_are_taken_by_the_question_for_them(talk: Talk) -> None:
    types(talk, "my balance")
    types(talk, "4711")
    talk.begin(PROMPT, PIN)
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711", typed=True)
    assert not [event for event in talk.events if isinstance(event, TurnIgnored)]


def test_a_keys_only_prompt_takes_an_entry_by_the_rule_for_keys(talk: Talk) -> None:
    talk.core.say(1, Interruption(by="keys"), talk.now, PIN)
    talk.take()
    types(talk, "4711")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711", typed=True)


@pytest.mark.parametrize("end", ["close", "forget", "flood"])
def test_a_line_that_nothing_asks_for_is_reported_unless_it_may_be_a_secret(talk: Talk, end: str) -> None:
    types(talk, "my balance")
    types(talk, "4711")
    if end == "flood":
        for n in range(MAX_KEPT):
            types(talk, f"line {n}")
    else:
        (talk.core.close if end == "close" else talk.core.forget_unasked)(talk.now)
        talk.take()
    ignored = [event for event in talk.events if isinstance(event, TurnIgnored)]
    assert ignored == [TurnIgnored("my balance", talk.now, 1.0, typed=True)]
    assert Action.DROP_TURN not in talk.actions


@pytest.mark.parametrize("line", ["", "  "])
def test_an_empty_line_is_nothing(talk: Talk, line: str) -> None:
    talk.begin()
    talk.spoken()
    assert types(talk, line) == []
    assert talk.core.floor is Floor.LISTENING


def test_a_line_is_sure_whatever_confidence_is_asked_for() -> None:
    talk = Talk(TurnSettings(min_confidence=1.0))
    talk.begin()
    types(talk, "my balance")
    assert talk.answer == TYPED_BALANCE


# What was spoken, and ignored.


def test_what_is_ignored_is_reported(talk: Talk) -> None:
    talk.say("", None)
    talk.begin()
    talk.transcript("what a day", 0.7)
    (ignored,) = [event for event in talk.events if isinstance(event, TurnIgnored)]
    assert (ignored.text, ignored.confidence, ignored.typed) == ("what a day", 0.7, False)


def test_words_too_few_to_interrupt_are_reported(talk: Talk) -> None:
    talk.core.say(1, Interruption(min_words=2), talk.now, MENU)
    talk.take()
    talk.say("uh-huh", 0.8)
    assert [event.text for event in talk.events if isinstance(event, TurnIgnored)] == ["uh-huh"]


def test_a_choice_with_the_key_of_a_digit_comes_first(talk: Talk) -> None:
    question = Question(choices=(Choice("operator", ("operator",), "0"),), digits=DigitRule(4, 4))
    talk.begin(PROMPT, question)
    types(talk, "0")
    assert talk.answer == Answer(AnswerKind.DTMF, choice="operator", digits="0", typed=True)
