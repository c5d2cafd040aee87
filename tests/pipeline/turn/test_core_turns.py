"""Unasked turns, utterances that wait or are hard to interrupt, hold, and turn events."""

import pytest

from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import (
    Answer,
    AnswerKind,
    Choice,
    DigitRule,
    Interruption,
    Prompt,
    Question,
    TurnSoFar,
    Verdict,
)
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.events import (
    NoInput,
    TurnLikelyOver,
    TurnOver,
    TurnPartial,
    TurnResumed,
    TurnStarted,
)
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Action, Floor
from offhook.pipeline.turn.unasked import MAX_KEPT
from tests.pipeline.turn.test_core import FIRM, FREE, MENU, PIN, PROMPT, Talk

ANNOUNCEMENT = Prompt("Your balance is nine dollars.")


@pytest.fixture
def talk() -> Talk:
    return Talk()


def turn(talk: Talk, seconds: float = 1.0) -> list[Action]:
    """The caller speaks and is silent for long enough."""
    talk.start()
    talk.confirm()
    talk.wait(seconds)
    talk.stop()
    talk.wait(0.5)
    return talk.actions


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


def test_a_question_takes_the_turn_that_an_utterance_waits_for(talk: Talk) -> None:
    talk.start()
    talk.confirm()
    talk.begin(ANNOUNCEMENT, None)
    talk.core.expect(FREE, talk.now)
    assert talk.take() == [Action.ABANDON_PROMPT, Action.RECOGNISE]
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("wait") == [Action.FINISH]


# What interrupts.


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


# Keys after a complete entry.


@pytest.mark.parametrize("after_s", [0.0, 0.4, 2.4])
def test_the_terminator_behind_a_complete_entry_belongs_to_it(talk: Talk, after_s: float) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("4711")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")
    talk.begin(ANNOUNCEMENT, None)
    talk.wait(after_s)
    assert talk.keys("#") == []
    assert talk.core.floor is Floor.SPEAKING
    talk.spoken()
    talk.begin(PROMPT, PIN)
    assert talk.core.floor is Floor.SPEAKING


def test_a_terminator_that_comes_much_later_is_another_key(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("4711")
    talk.wait(2.6)
    talk.begin(ANNOUNCEMENT, None)
    assert Action.FINISH in talk.keys("#")


def test_digits_beyond_the_maximum_are_dropped(talk: Talk) -> None:
    talk.begin(PROMPT, Question(speech=False, digits=DigitRule(6, 10, "#", 2_500)))
    for digit in "123456789012":
        talk.keys(digit)
        talk.wait(0.3)
    talk.keys("#")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="1234567890")
    assert talk.begin() == [Action.PLAY]


def test_a_digit_that_answers_the_next_prompt_is_kept(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("4711")
    talk.wait(1.2)
    talk.begin()
    talk.keys("1")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_keys_typed_ahead_of_a_menu_keep_their_places(talk: Talk) -> None:
    talk.keys("14711#")
    talk.begin()
    assert talk.answer is not None and talk.answer.choice == "balance"
    talk.begin(PROMPT, PIN)
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")
    assert talk.begin() == [Action.PLAY]


def test_an_early_key_that_the_question_does_not_have_is_not_a_wrong_answer(talk: Talk) -> None:
    talk.keys("9")
    assert talk.begin() == [Action.PLAY]
    assert talk.answer is None


def test_a_surplus_pound_key_is_not_an_empty_entry(talk: Talk) -> None:
    talk.begin()
    talk.keys("1")
    talk.keys("#")
    assert talk.begin(PROMPT, PIN) == [Action.PLAY]


def test_a_key_that_no_question_to_come_can_use_interrupts_nothing(talk: Talk) -> None:
    talk.begin(Prompt("Nine dollars.", interruption=Interruption(keys="12")), None)
    assert talk.keys("5#") == []
    assert talk.core.floor is Floor.SPEAKING
    assert Action.FINISH in talk.keys("1")


# The far end holds the call.


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


# When a turn is over.


class Clever:
    """Waits for the word "please"."""

    def __init__(self) -> None:
        self.asked: list[TurnSoFar] = []

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        self.asked.append(turn)
        return Verdict("over") if "please" in turn.partial else Verdict("wait", 2_000)


def test_a_policy_is_asked_whenever_something_changes(talk: Talk) -> None:
    policy = Clever()
    talk.begin(None, Question(endpoint=policy))
    talk.start()
    talk.confirm()
    talk.core.partial("my", talk.now)
    talk.wait(1.0)
    talk.stop()
    talk.wait(0.3)
    talk.core.partial("my balance", talk.now)
    talk.wait(0.3)
    assert talk.take() == []
    talk.core.partial("my balance please", talk.now)
    assert talk.take() == [Action.END_SPEECH]
    assert [turn.partial for turn in policy.asked] == ["my", "my balance", "my balance please"]
    assert [turn.silence_ms for turn in policy.asked] == pytest.approx([64, 364, 664])


def test_a_turn_that_is_never_called_over_ends_with_the_longest_turn() -> None:
    talk = Talk(TurnSettings(max_turn_ms=10_000))
    talk.begin(None, Question(endpoint=Clever()))
    talk.start()
    talk.confirm()
    talk.stop()
    assert talk.wait(9.9) == []
    assert talk.wait(0.2) == [Action.END_SPEECH]


def test_a_policy_that_is_never_satisfied_does_not_keep_an_unasked_turn_open(talk: Talk) -> None:
    talk.core = TurnCore(policy=Clever())
    talk.begin(ANNOUNCEMENT, None)
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.stop()
    assert talk.wait(1.9) == []
    assert talk.wait(0.1) == [Action.KEEP_TURN]


def test_a_likely_end_and_its_withdrawal_are_reported() -> None:
    talk = Talk()
    talk.core = TurnCore(policy=None)
    talk.begin(None, Question(endpoint=SilencePolicy(500, likely_ms=200)))
    talk.start()
    talk.confirm()
    talk.core.partial("my", talk.now)
    talk.stop()
    talk.wait(0.3)
    talk.start()
    talk.stop()
    talk.core.partial("my balance", talk.now)
    talk.wait(0.6)
    talk.transcript("my balance")
    began = 99.95
    assert talk.events[:5] == [
        TurnStarted(began, asked=True),
        TurnPartial("my"),
        TurnLikelyOver("my"),
        TurnResumed(),
        TurnPartial("my balance"),
    ]
    assert talk.events[5] == TurnLikelyOver("my balance")
    assert isinstance(talk.events[6], TurnOver) and talk.events[6].text == "my balance"


def test_silences_are_counted_until_something_is_said(talk: Talk) -> None:
    for _ in range(2):
        talk.begin()
        talk.spoken()
        talk.wait(5.1)
    talk.begin()
    talk.spoken()
    talk.say("balance")
    talk.begin()
    talk.spoken()
    talk.wait(5.1)
    assert [event for event in talk.events if isinstance(event, NoInput)] == [NoInput(1), NoInput(2), NoInput(1)]


# Agents: a question that stays open while the bot says several things.


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
