"""A detector that may be dead: nobody is silent by its verdict."""

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.events import AnswerKind
from offhook.pipeline.turn.events import NoInput, TurnStarted
from offhook.pipeline.turn.tables import Action
from tests.pipeline.turn.test_core import MENU, PIN, PROMPT, Talk


@pytest.fixture
def talk() -> Talk:
    return Talk()


def lose(talk: Talk) -> list[Action]:
    talk.core.detector(False, talk.now)
    return talk.take()


def floor(talk: Talk) -> object:
    return talk.core.dump()["floor"]


def test_the_words_of_the_recogniser_answer_a_question(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    assert lose(talk) == [Action.RECOGNISE]
    talk.wait(3.0)
    talk.core.partial("my balance", talk.now)
    assert talk.wait(1.4) == []
    assert Action.END_SPEECH in talk.wait(0.2)
    talk.transcript("my balance")
    assert talk.answer is not None
    assert talk.answer.choice == "balance"
    assert not any(isinstance(event, TurnStarted) for event in talk.events)


def test_silence_is_a_failure_and_not_the_callers(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    lose(talk)
    talk.wait(5.1)
    assert floor(talk) == "recognising"
    talk.core.transcript(Transcript(""), talk.now)
    talk.take()
    assert talk.answer is not None
    assert talk.answer.kind is AnswerKind.FAILED
    assert not any(isinstance(event, NoInput) for event in talk.events)


def test_it_dies_while_the_caller_speaks_or_pauses_or_the_bot_does(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    lose(talk)
    talk.core.partial("my balance", talk.now)
    assert Action.END_SPEECH in talk.wait(1.6)
    paused = Talk()
    paused.begin()
    paused.start()
    assert lose(paused) == [Action.RESUME]
    assert floor(paused) == "speaking"
    paused.spoken()
    assert floor(paused) == "user-turn", "the recogniser listens as soon as the question is asked"


def test_keys_still_count(talk: Talk) -> None:
    lose(talk)
    talk.begin()
    talk.spoken()
    talk.keys("1")
    assert talk.answer is not None
    assert talk.answer.choice == "balance"
    other = Talk()
    lose(other)
    other.begin(PROMPT, PIN)
    other.spoken()
    assert floor(other) == "listening", "a question for keys needs no recogniser"


def test_when_it_is_back_everything_is_as_before(talk: Talk) -> None:
    lose(talk)
    talk.core.detector(True, talk.now)
    talk.begin(PROMPT, MENU)
    talk.spoken()
    assert floor(talk) == "listening"
    talk.say("my balance")
    assert talk.answer is not None
    assert talk.answer.kind is AnswerKind.SPEECH
