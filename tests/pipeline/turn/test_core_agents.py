"""Agents: a question that stays open while the bot says several things."""

import pytest

from offhook.pipeline.events import (
    Answer,
    AnswerKind,
    Choice,
    Prompt,
    Question,
)
from offhook.pipeline.turn.events import (
    NoInput,
)
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Action, Floor
from tests.pipeline.turn.test_core import FIRM, FREE, MENU, PROMPT, Talk

ANNOUNCEMENT = Prompt("Your balance is nine dollars.")


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_an_utterance_over_a_question_that_is_open_is_interrupted_by_its_answer(talk: Talk) -> None:
    talk.begin(None, FREE)
    assert talk.begin(ANNOUNCEMENT, None) == [Action.PLAY]
    talk.start()
    assert talk.confirm() == [Action.ABANDON_PROMPT, Action.RECOGNISE]
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("stop") == [Action.FINISH]
    assert talk.core.utterance is None


def test_after_a_long_reply_the_caller_has_all_the_time_to_answer(talk: Talk) -> None:
    talk.begin(None, FREE)
    talk.wait(1.0)
    talk.begin(ANNOUNCEMENT, None)
    talk.wait(9.0)
    talk.spoken()
    talk.wait(FREE.no_input_ms / 1000 - 0.1)
    assert not any(isinstance(event, NoInput) for event in talk.events)
    talk.wait(0.2)
    assert talk.events[-1] == NoInput(1)


def test_a_reply_that_comes_while_the_caller_goes_on_is_not_said_over_them(talk: Talk) -> None:
    talk.begin(None, FREE)
    talk.start()
    talk.confirm()
    assert talk.begin(ANNOUNCEMENT, None) == [Action.PLAY, Action.PAUSE, Action.ABANDON_PROMPT]
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("and another thing") == [Action.FINISH]


def test_words_that_must_be_said_follow_the_turn_that_they_came_into(talk: Talk) -> None:
    talk.begin(None, FREE)
    talk.start()
    talk.confirm()
    talk.begin(FIRM, None)
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("and another thing") == [Action.ANSWER, Action.RESUME]
    assert talk.core.floor is Floor.SPEAKING
    assert talk.spoken() == [Action.FINISH]


def test_a_question_that_replaces_another_takes_the_turn_that_goes_on(talk: Talk) -> None:
    talk.begin(None, FREE)
    talk.start()
    talk.confirm()
    assert talk.begin(PROMPT, MENU) == [Action.PLAY, Action.PAUSE, Action.ABANDON_PROMPT]
    talk.stop()
    talk.wait(0.5)
    talk.transcript("balance")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_and_if_it_does_not_answer_it_the_question_is_asked(talk: Talk) -> None:
    talk.begin(None, FREE)
    talk.start()
    talk.confirm()
    talk.begin(PROMPT, MENU)
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("and please") == [Action.RESUME]


def test_a_question_that_replaces_another_has_all_its_time(talk: Talk) -> None:
    talk.begin(None, MENU)
    talk.wait(4.0)
    talk.core.expect(MENU, talk.now)
    assert talk.wait(4.9) == []
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_a_question_that_is_withdrawn_leaves_the_utterance(talk: Talk) -> None:
    talk.begin()
    talk.core.expect(None, talk.now)
    assert talk.take() == []
    assert talk.spoken() == [Action.FINISH]


def test_an_utterance_that_is_withdrawn_leaves_the_question(talk: Talk) -> None:
    talk.begin()
    talk.core.cancel(talk.now)
    assert talk.take() == [Action.PAUSE, Action.ABANDON_PROMPT]
    assert talk.core.floor is Floor.LISTENING
    talk.say("balance")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_a_choice_of_more_than_one_key_is_waited_for(talk: Talk) -> None:
    talk.begin(PROMPT, Question(choices=(Choice("one", (), "1"), Choice("ten", (), "10"))))
    talk.keys("1")
    assert talk.answer is None
    talk.wait(1.6)
    assert talk.answer is not None and talk.answer.choice == "one"


COVERED = TurnSettings(filler_ms=1_200, fallback_ms=4_000)
"""With the silences that are the bot's covered."""


@pytest.fixture
def unspoken() -> Talk:
    """A call whose bot is to speak first."""
    talk = Talk(COVERED)
    talk.core.cover_dialog(True, talk.now)
    talk.core.owe_greeting(talk.now)
    return talk


def pass_by(talk: Talk, seconds: float) -> list[Action]:
    """Time passes; the core looks at its silence after all that happens, as in a session."""
    before, end = len(talk.actions), talk.now + seconds
    talk.core.watch(talk.now)
    while (due := talk.core.get_timer()) is not None and due <= end:
        talk.wait(max(0.0, due - talk.now))
        talk.core.watch(talk.now)
    talk.wait(end - talk.now)
    return talk.actions[before:]


NO_INPUT_S = FREE.no_input_ms / 1000


def test_a_bot_that_asks_nothing_at_first_but_listens_owes_no_greeting(unspoken: Talk) -> None:
    unspoken.core.expect(FREE, unspoken.now, awaited=True)
    assert pass_by(unspoken, NO_INPUT_S - 0.1) == []
    assert pass_by(unspoken, 0.2) == [Action.FINISH]
    assert unspoken.events == [NoInput(1)]


def test_nor_does_one_whose_caller_answers(unspoken: Talk) -> None:
    unspoken.core.expect(FREE, unspoken.now, awaited=True)
    pass_by(unspoken, 2.0)
    unspoken.say("my balance")
    assert unspoken.answer is not None and unspoken.answer.text == "my balance"
    assert Action.FILL not in unspoken.actions
    assert Action.FILL in pass_by(unspoken, 1.3), "a reply is owed like any other"


def test_a_question_that_stands_before_the_greeting_is_not_awaited(unspoken: Talk) -> None:
    unspoken.core.expect(FREE, unspoken.now)
    assert pass_by(unspoken, 1.1) == []
    assert pass_by(unspoken, 0.2) == [Action.FILL]
    assert Action.STALL in pass_by(unspoken, NO_INPUT_S)
    assert not any(isinstance(event, NoInput) for event in unspoken.events)


@pytest.mark.parametrize("first", ["expect", "owe"])
def test_unless_the_dialog_says_that_the_caller_is_to_speak_first(unspoken: Talk, first: str) -> None:
    if first == "owe":
        unspoken.core.owe(False, unspoken.now)
    unspoken.core.expect(FREE, unspoken.now)
    if first == "expect":
        unspoken.core.owe(False, unspoken.now)
    assert pass_by(unspoken, NO_INPUT_S + 0.1) == [Action.FINISH]
    assert unspoken.events == [NoInput(1)]
    unspoken.core.expect(FREE, unspoken.now, again=True)
    assert pass_by(unspoken, NO_INPUT_S - 0.1) == [], "nor later"


def test_who_has_been_awaited_once_is_not_greeted_over_a_standing_question(unspoken: Talk) -> None:
    unspoken.core.expect(FREE, unspoken.now, awaited=True)
    pass_by(unspoken, NO_INPUT_S + 0.1)
    unspoken.core.expect(FREE, unspoken.now)
    assert pass_by(unspoken, NO_INPUT_S + 0.1) == [Action.FINISH]
    assert unspoken.events == [NoInput(1), NoInput(2)]
