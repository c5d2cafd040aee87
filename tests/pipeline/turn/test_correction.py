"""Finals that come after an answer was made without them, in virtual time."""

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.events import Answer, AnswerKind
from offhook.pipeline.turn.events import TurnCorrected
from offhook.pipeline.turn.machine import TurnSettings
from tests.pipeline.turn.test_core import MENU, Talk


def answered(taken: str | None, settings: TurnSettings | None = None) -> Talk:
    """A question that was answered with a partial; None: the recogniser failed."""
    talk = Talk(settings)
    talk.begin(None, MENU)
    talk.start()
    talk.confirm()
    talk.wait(1.0)
    talk.stop()
    talk.wait(0.5)
    if taken is None:
        talk.core.failed(talk.now)
    else:
        talk.core.transcript(Transcript(taken, 0.9, is_final=False), talk.now)
    talk.take()
    return talk


def late(talk: Talk, text: str, after_s: float = 0.4) -> list[TurnCorrected]:
    talk.wait(after_s)
    talk.core.late(Transcript(text, 0.8, alternatives=("hours",)), talk.now)
    talk.take()
    return [event for event in talk.events if isinstance(event, TurnCorrected)]


def test_a_final_that_means_something_else() -> None:
    talk = answered("my balance")
    assert talk.answer is not None and not talk.answer.is_final
    (found,) = late(talk, "opening hours")
    assert found.answer == Answer(AnswerKind.SPEECH, "opening hours", "hours", confidence=0.8)
    assert (found.was.choice, found.text, found.alternatives) == ("balance", "opening hours", ("hours",))
    assert late(talk, "my balance") == [found]  # once


@pytest.mark.parametrize("taken", ["whatever", None])
def test_a_final_after_no_answer(taken: str | None) -> None:
    talk = answered(taken)
    assert talk.answer is not None and talk.answer.kind is (AnswerKind.FAILED if taken is None else AnswerKind.NO_MATCH)
    (found,) = late(talk, "opening hours")
    assert found.answer.choice == "hours"


def test_a_final_that_changes_nothing() -> None:
    assert late(answered("my balance"), "my balance") == []
    assert late(answered("my balance"), "") == []


def test_a_final_that_comes_too_late() -> None:
    assert late(answered("my balance"), "opening hours", 1.6) == []
    assert late(answered("my balance", TurnSettings(correct_within_ms=0)), "opening hours", 0.01) == []


def test_a_final_after_the_next_answer() -> None:
    talk = answered("my balance")
    talk.begin(None, MENU)
    talk.keys("2")
    assert late(talk, "opening hours") == []


def test_an_answer_with_a_final_is_not_corrected() -> None:
    talk = Talk()
    talk.begin(None, MENU)
    talk.say("my balance")
    assert late(talk, "opening hours") == []
