"""The far end holds the call: nothing counts, and nothing is lost."""

import pytest

from offhook.pipeline.events import (
    Answer,
    AnswerKind,
    Prompt,
)
from offhook.pipeline.turn.tables import Action, Floor
from tests.pipeline.turn.test_core import Talk

ANNOUNCEMENT = Prompt("Your balance is nine dollars.")


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_on_hold_nothing_counts_and_afterwards_the_prompt_goes_on(talk: Talk) -> None:
    talk.begin()
    talk.core.hold(talk.now)
    assert talk.take() == [Action.PAUSE, Action.CANCEL_ASR]
    talk.start()
    talk.confirm()
    talk.stop()
    talk.keys("1")
    assert talk.wait(60.0) == []
    talk.core.unhold(talk.now)
    assert talk.take() == [Action.RESUME]
    assert talk.answer is None


def test_on_hold_a_question_does_not_time_out_and_afterwards_has_all_its_time(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.wait(4.0)
    talk.core.hold(talk.now)
    talk.wait(60.0)
    talk.core.unhold(talk.now)
    assert talk.core.floor is Floor.LISTENING
    assert talk.wait(4.9) == []
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_a_turn_that_was_over_is_recognised_and_what_comes_next_waits(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.stop()
    talk.wait(0.5)
    talk.core.hold(talk.now)
    assert talk.transcript("balance") == [Action.FINISH]
    assert talk.begin(ANNOUNCEMENT, None) == [Action.PLAY, Action.PAUSE]
    talk.wait(10.0)
    talk.core.unhold(talk.now)
    assert talk.take() == [Action.RESUME]
