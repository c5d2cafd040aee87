"""Unasked turns, and utterances that wait for the caller."""

import pytest

from offhook.pipeline.events import (
    Answer,
    AnswerKind,
    DigitRule,
    Prompt,
    Question,
)
from offhook.pipeline.turn.events import (
    TurnOver,
)
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Action, Floor
from offhook.pipeline.turn.unasked import MAX_KEPT
from tests.pipeline.turn.callers import turn
from tests.pipeline.turn.test_core import FIRM, FREE, MENU, PIN, PROMPT, Talk

ANNOUNCEMENT = Prompt("Your balance is nine dollars.")


@pytest.fixture
def talk() -> Talk:
    return Talk()


# Unasked turns.


def test_what_is_said_while_the_dialog_is_busy_answers_the_next_question(talk: Talk) -> None:
    assert turn(talk) == [Action.KEEP_TURN]
    talk.wait(3.0)
    began = [Action.PLAY, Action.PAUSE, Action.ABANDON_PROMPT, Action.RECOGNISE_KEPT, Action.END_SPEECH]
    assert talk.begin() == began
    assert talk.transcript("opening hours") == [Action.FINISH]
    assert talk.answer == Answer(AnswerKind.SPEECH, "opening hours", "hours", confidence=0.9)


def test_what_does_not_answer_the_question_is_forgotten_and_the_question_asked(talk: Talk) -> None:
    turn(talk)
    talk.begin()
    assert talk.transcript("what a day") == [Action.RESUME]
    assert talk.core.floor is Floor.SPEAKING
    talk.spoken()
    talk.say("balance")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_without_a_prompt_the_question_goes_on_listening(talk: Talk) -> None:
    turn(talk)
    talk.begin(None, MENU)
    talk.transcript("what a day")
    assert talk.core.floor is Floor.LISTENING
    assert talk.answer is None
    talk.wait(5.1)
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_a_recogniser_that_fails_at_an_early_turn_does_not_fail_the_question(talk: Talk) -> None:
    turn(talk)
    talk.begin(None, MENU)
    talk.core.failed(talk.now)
    assert talk.take() == [Action.CANCEL_ASR]
    assert talk.core.floor is Floor.LISTENING


@pytest.mark.parametrize(("text", "answers"), [("one two three four", True), ("hold on please", False)])
def test_digits_are_asked_for_unless_they_have_been_said(talk: Talk, text: str, answers: bool) -> None:
    turn(talk)
    talk.begin(PROMPT, Question(digits=DigitRule(4, 4)))
    assert talk.transcript(text) == [Action.FINISH if answers else Action.RESUME]


def test_several_turns_are_tried_one_after_the_other(talk: Talk) -> None:
    turn(talk)
    talk.wait(1.0)
    turn(talk)
    talk.begin(None, MENU)
    assert talk.transcript("hello") == [Action.RECOGNISE_KEPT, Action.END_SPEECH]
    talk.transcript("balance")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_a_caller_still_talking_when_asked_is_recognised_from_the_beginning(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    talk.wait(1.0)
    assert talk.begin(None, MENU) == [Action.RECOGNISE]
    assert talk.core.floor is Floor.USER_TURN
    talk.stop()
    talk.wait(0.5)
    talk.transcript("balance")
    (over,) = [event for event in talk.events if isinstance(event, TurnOver)]
    assert over.began_at == pytest.approx(99.95)


def test_a_caller_who_has_just_paused_when_asked_gets_the_silence_of_the_question(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    talk.wait(1.0)
    talk.stop()
    talk.wait(0.2)
    assert talk.begin(None, Question(silence_ms=1_000)) == [Action.RECOGNISE]
    assert talk.core.floor is Floor.PAUSING
    assert talk.wait(0.7) == []
    assert talk.wait(0.1) == [Action.END_SPEECH]


def test_a_pause_does_not_split_an_unasked_turn(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    talk.stop()
    talk.wait(0.3)
    talk.start()
    talk.confirm()
    talk.wait(1.0)
    talk.stop()
    talk.wait(1.0)
    assert talk.actions == [Action.KEEP_TURN]


def test_clicks_are_not_turns(talk: Talk) -> None:
    talk.start()
    talk.stop(confirmed=False)
    talk.wait(1.0)
    assert talk.actions == []


def test_only_so_many_turns_are_kept(talk: Talk) -> None:
    for _ in range(MAX_KEPT + 2):
        turn(talk, 0.3)
    assert talk.actions.count(Action.DROP_TURN) == 2


def test_only_so_much_speech_is_kept() -> None:
    talk = Talk(TurnSettings(max_turn_ms=5_000))
    for _ in range(3):
        turn(talk, 3.0)
    assert talk.actions.count(Action.DROP_TURN) == 2


def test_a_question_for_keys_leaves_what_was_said_for_the_next_one(talk: Talk) -> None:
    turn(talk)
    assert talk.begin(PROMPT, PIN) == [Action.PLAY]
    talk.keys("4711")
    assert talk.begin(None, MENU) == [Action.RECOGNISE_KEPT, Action.END_SPEECH]


def test_what_is_said_over_an_uninterruptible_prompt_answers_its_question(talk: Talk) -> None:
    talk.begin(FIRM, MENU)
    turn(talk)
    assert talk.core.floor is Floor.SPEAKING
    assert talk.spoken() == [Action.RECOGNISE_KEPT, Action.END_SPEECH]
    talk.transcript("opening hours")
    assert talk.answer is not None and talk.answer.choice == "hours"


def test_an_uninterruptible_announcement_and_then_the_question(talk: Talk) -> None:
    talk.begin(FIRM, None)
    turn(talk)
    assert talk.spoken() == [Action.FINISH]
    assert Action.RECOGNISE_KEPT in talk.begin()


# The bot does not talk over the caller.


def test_an_utterance_that_begins_while_the_caller_talks_waits_for_them(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    assert talk.begin(ANNOUNCEMENT, None) == [Action.PLAY, Action.PAUSE]
    assert talk.core.dump()["floor"] == "waiting"
    assert talk.wait(1.0) == []
    talk.stop()
    assert talk.wait(0.5) == [Action.KEEP_TURN, Action.RESUME]
    assert talk.core.floor is Floor.SPEAKING


def test_it_does_not_wait_for_ever() -> None:
    talk = Talk(TurnSettings(max_wait_ms=4_000))
    talk.start()
    talk.confirm()
    talk.begin(ANNOUNCEMENT, None)
    assert talk.wait(3.9) == []
    assert talk.wait(0.2) == [Action.RESUME]


def test_a_click_before_it_delays_it_and_no_more(talk: Talk) -> None:
    talk.start()
    talk.begin(ANNOUNCEMENT, None)
    assert talk.core.floor is Floor.BOT_PAUSED
    talk.stop(confirmed=False)
    assert talk.wait(0.2) == [Action.RESUME]


def test_words_that_must_be_said_wait_too_and_what_the_caller_said_answers_the_question(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    assert talk.begin(FIRM, MENU) == [Action.PLAY, Action.PAUSE]
    talk.stop()
    assert talk.wait(0.5) == [Action.KEEP_TURN, Action.RESUME]
    assert talk.spoken() == [Action.RECOGNISE_KEPT, Action.END_SPEECH]


def test_an_utterance_waits_for_the_rest_of_a_turn_whose_question_was_withdrawn(talk: Talk) -> None:
    talk.begin(None, MENU)
    talk.start()
    talk.confirm()
    talk.begin(None, None)
    talk.begin(ANNOUNCEMENT, None)
    assert talk.core.dump()["floor"] == "waiting"
    talk.wait(1.0)
    talk.stop()
    assert talk.wait(0.3) == []
    talk.start()
    talk.confirm()
    assert talk.wait(2.0) == []
    talk.stop()
    assert talk.wait(0.4) == []
    assert Action.RESUME in talk.wait(0.1)


def test_a_click_does_not_make_it_wait_for_long(talk: Talk) -> None:
    talk.begin(None, MENU)
    talk.start()
    talk.confirm()
    talk.begin(None, None)
    talk.begin(ANNOUNCEMENT, None)
    talk.stop()
    talk.wait(0.2)
    talk.start()
    talk.wait(0.1)
    talk.stop(confirmed=False)
    assert talk.wait(0.5) == [Action.RESUME]


def test_a_question_takes_the_turn_that_an_utterance_waits_for(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    talk.begin(ANNOUNCEMENT, None)
    talk.core.expect(FREE, talk.now)
    assert talk.take() == [Action.ABANDON_PROMPT, Action.RECOGNISE]
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("wait") == [Action.FINISH]
