"""The far end holds the call: nothing counts, and nothing is lost."""

import pytest

from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Interruption, Prompt, Question
from offhook.pipeline.turn.tables import Action, Floor
from tests.pipeline.turn.test_core import FIRM, MENU, PIN, PROMPT, Talk

BALANCE = Answer(AnswerKind.SPEECH, "balance", "balance", confidence=0.9)

ANNOUNCEMENT = Prompt("Your balance is nine dollars.")


@pytest.fixture
def talk() -> Talk:
    return Talk()


def hold(talk: Talk) -> list[Action]:
    talk.core.hold(talk.now)
    return talk.take()


def unhold(talk: Talk) -> list[Action]:
    talk.core.unhold(talk.now)
    return talk.take()


def say_over(talk: Talk, prompt: Prompt) -> None:
    """The caller talks over a prompt without a question, which they cannot interrupt, and is still talking."""
    talk.begin(prompt, None)
    talk.start()
    talk.confirm()


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


@pytest.mark.parametrize("paused", [False, True])
def test_a_hold_ends_the_callers_turn_which_is_recognised(talk: Talk, paused: bool) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.wait(1.0)
    ended_at = talk.now
    if paused:
        talk.stop()
        ended_at -= 0.064
        talk.wait(0.2)
    assert hold(talk) == [Action.END_SPEECH]
    assert talk.core.speech_ended_at == pytest.approx(ended_at)
    assert talk.transcript("balance") == [Action.FINISH]
    assert talk.answer == BALANCE
    assert talk.core.floor is Floor.ON_HOLD


def test_while_a_turn_from_before_the_hold_is_recognised_nothing_else_counts(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    hold(talk)
    talk.start()
    talk.confirm()
    talk.stop()
    talk.core.typed("opening hours", talk.now)
    assert talk.keys("2") == []
    assert (talk.core.dump()["unasked"], talk.core.dump()["lines"], talk.core.dump()["typed_ahead"]) == (0, 0, 0)
    talk.transcript("balance")
    assert talk.answer == BALANCE
    assert talk.keys("2") == []


def test_a_turn_that_is_still_being_recognised_when_the_call_is_resumed_answers(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    hold(talk)
    assert unhold(talk) == []
    assert talk.transcript("balance") == [Action.FINISH]
    assert talk.core.floor is Floor.IDLE


def test_without_words_the_prompt_waits_for_the_end_of_the_hold(talk: Talk) -> None:
    talk.begin(Prompt("Balance or opening hours?", interruption=Interruption(min_words=2)))
    talk.start()
    talk.confirm()
    assert hold(talk) == [Action.END_SPEECH]
    assert talk.transcript("") == [Action.RESUME, Action.PAUSE, Action.CANCEL_ASR]
    assert talk.core.floor is Floor.ON_HOLD
    assert unhold(talk) == [Action.RESUME]
    assert talk.answer is None


def test_what_does_not_answer_leaves_the_question_open_with_all_its_time_afterwards(talk: Talk) -> None:
    say_over(talk, FIRM)
    talk.stop()
    talk.wait(0.6)
    talk.spoken()
    assert talk.begin(None, MENU) == [Action.RECOGNISE_KEPT, Action.END_SPEECH]
    assert hold(talk) == []
    talk.transcript("hello")
    assert talk.core.floor is Floor.ON_HOLD
    assert talk.wait(60.0) == []
    unhold(talk)
    assert talk.wait(4.9) == []
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_what_was_said_before_the_hold_and_nothing_asked_for_answers_the_next_question(talk: Talk) -> None:
    say_over(talk, FIRM)
    assert hold(talk) == [Action.KEEP_TURN, Action.PAUSE, Action.CANCEL_ASR]
    talk.wait(60.0)
    assert unhold(talk) == [Action.RESUME]
    talk.spoken()
    assert talk.begin(None, MENU) == [Action.RECOGNISE_KEPT, Action.END_SPEECH]
    talk.transcript("balance")
    assert talk.answer == BALANCE


def test_it_answers_a_question_that_was_asked_on_hold(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    assert hold(talk) == [Action.KEEP_TURN]
    assert talk.begin(None, MENU) == []
    assert unhold(talk) == [Action.RECOGNISE_KEPT, Action.END_SPEECH]
    talk.transcript("balance")
    assert talk.answer == BALANCE


def test_what_is_forgotten_answers_nothing(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    hold(talk)
    talk.core.forget_unasked(talk.now)
    assert talk.take() == [Action.DROP_TURN]
    talk.begin(None, MENU)
    assert unhold(talk) == []
    assert talk.core.floor is Floor.LISTENING


@pytest.mark.parametrize("words", ["", "balance"])
def test_without_a_detector_only_words_make_a_turn_that_a_hold_ends(talk: Talk, words: str) -> None:
    talk.core.detector(False, talk.now)
    talk.begin()
    talk.spoken()
    talk.core.partial(words, talk.now)
    talk.take()
    assert hold(talk) == ([Action.END_SPEECH] if words else [Action.PAUSE, Action.CANCEL_ASR])


@pytest.mark.parametrize(
    ("question", "keys", "answer"),
    [
        (PIN, "47", Answer(AnswerKind.NO_MATCH, digits="47")),
        (Question(digits=DigitRule(1, 10)), "47", Answer(AnswerKind.DTMF, digits="47")),
        (
            Question((Choice("first", dtmf="1"), Choice("tenth", dtmf="10"))),
            "1",
            Answer(AnswerKind.DTMF, choice="first", digits="1"),
        ),
    ],
)
def test_what_was_entered_before_a_hold_counts_behind_it(
    talk: Talk, question: Question, keys: str, answer: Answer
) -> None:
    talk.begin(PROMPT, question)
    talk.keys(keys)
    hold(talk)
    assert talk.wait(60.0) == []
    unhold(talk)
    assert talk.core.floor is Floor.COLLECTING_DTMF
    assert talk.wait(1.4) == []
    talk.wait(1.2)
    assert talk.answer == answer


def test_an_entry_goes_on_behind_a_hold(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("47")
    hold(talk)
    talk.core.hold(talk.now)
    unhold(talk)
    talk.keys("11")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")


@pytest.mark.parametrize("question", [PIN, None])
def test_an_entry_whose_question_goes_during_a_hold_goes_with_it(talk: Talk, question: Question | None) -> None:
    talk.begin(None, PIN)
    talk.keys("47")
    hold(talk)
    talk.core.abandon(talk.now)
    talk.take()
    if question is not None:
        talk.begin(PROMPT, question)
    unhold(talk)
    assert talk.core.floor is (Floor.IDLE if question is None else Floor.SPEAKING)
    talk.spoken()
    assert talk.core.floor is (Floor.IDLE if question is None else Floor.LISTENING)
