"""What interrupts the bot, and what does not."""

import pytest

from offhook.pipeline.events import (
    AnswerKind,
    Interruption,
    Prompt,
)
from offhook.pipeline.turn.tables import Action, Floor
from tests.pipeline.turn.test_core import FREE, MENU, Talk


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_only_speech_that_is_long_enough_interrupts(talk: Talk) -> None:
    long = Prompt("Long.", interruption=Interruption(min_ms=800))
    talk.begin(long, MENU)
    assert talk.start() == [Action.PAUSE]
    talk.wait(0.2)
    assert talk.confirm() == []
    assert talk.wait(0.5) == []
    assert talk.wait(0.1) == [Action.ABANDON_PROMPT, Action.RECOGNISE]
    assert talk.core.floor is Floor.USER_TURN


def test_speech_too_short_to_interrupt_resumes_the_bot_and_still_answers(talk: Talk) -> None:
    long = Prompt("Long.", interruption=Interruption(min_ms=800))
    talk.begin(long, MENU)
    talk.start()
    talk.wait(0.2)
    talk.confirm()
    talk.wait(0.2)
    assert talk.stop() == []
    assert talk.wait(0.2) == [Action.RESUME]
    assert talk.wait(0.5) == [Action.KEEP_TURN]
    assert talk.spoken() == [Action.RECOGNISE_KEPT, Action.END_SPEECH]
    talk.transcript("balance")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_only_so_many_words_interrupt(talk: Talk) -> None:
    talk.begin(Prompt("Long.", interruption=Interruption(min_words=2)), FREE)
    talk.start()
    assert talk.confirm() == [Action.RECOGNISE]
    talk.core.partial("wait", talk.now)
    assert talk.take() == []
    talk.core.partial("wait please", talk.now)
    assert talk.take() == [Action.ABANDON_PROMPT]
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("wait please") == [Action.FINISH]


def test_a_word_of_assent_resumes_the_bot_however_often(talk: Talk) -> None:
    talk.begin(Prompt("Long.", interruption=Interruption(min_words=2)), FREE)
    for _ in range(5):
        talk.start()
        talk.confirm()
        talk.stop()
        talk.wait(0.5)
        assert talk.transcript("mhm") == [Action.RESUME]
    assert talk.answer is None


def test_what_never_resumes_is_over_with_the_first_confirmed_speech(talk: Talk) -> None:
    talk.begin(Prompt("Once.", interruption=Interruption(resume="never")), MENU)
    talk.start()
    talk.stop(confirmed=False)
    assert talk.wait(0.2) == [Action.RESUME], "a click is not an interruption"
    talk.start()
    talk.confirm()
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("") == [Action.FINISH]
    assert talk.answer is not None and talk.answer.kind is AnswerKind.NO_MATCH


def test_keys_alone_may_interrupt(talk: Talk) -> None:
    talk.begin(Prompt("Keys.", interruption=Interruption(by="keys")), MENU)
    assert talk.start() == []
    assert talk.confirm() == []
    assert Action.FINISH in talk.keys("1")


def test_speech_alone_may_interrupt_and_keys_wait(talk: Talk) -> None:
    talk.begin(Prompt("Speech.", interruption=Interruption(by="speech")), MENU)
    assert talk.keys("1") == []
    talk.spoken()
    assert talk.answer is not None and talk.answer.choice == "balance"


@pytest.mark.parametrize("wrong", [{"by": "hotword"}, {"resume": "later"}, {"min_ms": -1}, {"min_words": -1}])
def test_an_interruption_that_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Interruption(**wrong)  # type: ignore[arg-type]
