"""How a turn ends: forced finals, their being void, a caller's pauses, an adviser."""

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.events import Choice, DigitRule, Question
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.events import TurnEvent, TurnLikelyOver, TurnResumed
from offhook.pipeline.turn.tables import Action, Floor
from tests.pipeline.turn.test_core import Talk

MENU = Question((Choice("hours", ("opening hours",)), Choice("sales", ("sales",))))
PIN = Question(digits=DigitRule(4, 4))


@pytest.fixture
def talk() -> Talk:
    return talking(AnswerPolicy())


def talking(policy: AnswerPolicy, question: Question = MENU) -> Talk:
    talk = Talk()
    talk.core = TurnCore(policy=policy)
    talk.begin(None, question)
    return talk


def speak(talk: Talk, seconds: float = 0.8) -> list[Action]:
    """The caller speaks, and falls silent."""
    talk.start()
    talk.confirm()
    talk.wait(seconds)
    talk.take()
    return talk.stop()


def force(talk: Talk, text: str | None, confidence: float | None = 0.9) -> list[Action]:
    talk.core.forced(None if text is None else Transcript(text, confidence), talk.now)
    return talk.take()


def announced(talk: Talk) -> list[TurnEvent]:
    return [event for event in talk.events if isinstance(event, TurnLikelyOver | TurnResumed)]


def test_a_whole_answer_ends_the_turn_within_150_ms(talk: Talk) -> None:
    assert speak(talk) == [Action.FORCE_FINAL]
    talk.wait(0.04)
    assert force(talk, "opening hours") == [Action.END_SPEECH]
    assert talk.now - talk.core.speech_ended_at <= 0.15
    assert talk.transcript("opening hours") == [Action.FINISH]
    assert talk.answer is not None and talk.answer.choice == "hours"


def test_a_final_that_is_no_answer_leaves_the_silence(talk: Talk) -> None:
    speak(talk)
    assert force(talk, "") == []
    assert talk.wait(0.4) == []
    assert talk.wait(0.1) == [Action.END_SPEECH]


def test_a_final_is_forced_once_a_pause(talk: Talk) -> None:
    speak(talk)
    talk.core.partial("sales", talk.now)
    assert talk.take() == []
    assert force(talk, None) == []
    assert force(talk, "opening hours") == []  # it has been answered
    assert talk.core.floor is Floor.PAUSING


def test_a_caller_who_goes_on_voids_it(talk: Talk) -> None:
    talk = talking(AnswerPolicy(), PIN)
    speak(talk)
    force(talk, "one two")
    talk.wait(1.0)
    assert talk.start() == [Action.VOID_FINAL]
    assert force(talk, "one two three four") == []  # late
    talk.confirm()
    talk.wait(0.5)
    assert talk.stop() == [Action.FORCE_FINAL]
    talk.wait(0.05)
    talk.core.partial("one two three four", talk.now)
    talk.take()
    assert force(talk, "one two three four") == [Action.END_SPEECH]


def test_a_click_voids_it_too_and_the_pause_counts_from_the_last_word(talk: Talk) -> None:
    speak(talk)
    ended_at = talk.core.speech_ended_at
    assert talk.start() == [Action.VOID_FINAL]
    talk.wait(0.1)
    assert talk.stop(confirmed=False) == [Action.FORCE_FINAL]
    force(talk, "sales")
    assert talk.core.speech_ended_at == ended_at


def test_a_likely_end_has_the_text_of_the_forced_final() -> None:
    talk = talking(AnswerPolicy(likely_ms=200), Question())
    talk.core.partial("my bal", talk.now)
    speak(talk)
    assert announced(talk) == []
    assert talk.wait(0.2) == [Action.FORCE_FINAL]
    assert announced(talk) == []
    force(talk, "my balance")
    assert announced(talk) == [TurnLikelyOver("my balance")]
    talk.start()
    assert announced(talk) == [TurnLikelyOver("my balance"), TurnResumed()]


def test_where_none_can_be_had_it_has_that_of_the_partial() -> None:
    talk = talking(AnswerPolicy(likely_ms=200), Question())
    talk.start()
    talk.confirm()
    talk.core.partial("my balance", talk.now)
    talk.wait(0.8)
    talk.stop()
    talk.wait(0.2)
    force(talk, None)
    assert announced(talk) == [TurnLikelyOver("my balance")]


def test_the_silence_follows_the_callers_own_pauses() -> None:
    talk = talking(AnswerPolicy(), Question())
    speak(talk)
    for _ in range(12):
        talk.wait(0.2)
        speak(talk, 0.4)
    # The detector's delays make 214 ms of 200: all pauses are alike, and the bound is 300.
    waited = 0.064
    while not talk.wait(0.01):
        waited += 0.01
    assert waited == pytest.approx(0.33, abs=0.04)


def test_an_adviser_speaks_only_in_a_pause() -> None:
    talk = talking(AnswerPolicy(), Question())
    talk.core.advised(0.99, talk.now)
    speak(talk)
    talk.core.advised(0.99, talk.now)
    assert talk.wait(0.2) == []
    assert talk.wait(0.05) == [Action.END_SPEECH]
    talk.core.advised(0.01, talk.now)
    assert talk.take() == []
