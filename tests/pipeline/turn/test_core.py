"""The turn core in virtual time: conversations as lists of moments."""

from dataclasses import replace

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Prompt, Question
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.events import TurnEvent
from offhook.pipeline.turn.machine import Command, TurnSettings
from offhook.pipeline.turn.tables import Action, Floor

PROMPT = Prompt("Balance or opening hours?")
FIRM = Prompt("This call is recorded.", barge_in=False)
MENU = Question(
    choices=(Choice("balance", ("my balance", "balance"), "1"), Choice("hours", ("opening hours",), "2")),
    silence_ms=500,
    no_input_ms=5_000,
)
FREE = Question(silence_ms=500)
PIN = Question(speech=False, digits=DigitRule(4, 4, "#", 2_500))


class Talk:
    """A core and the commands that came out of it."""

    def __init__(self, settings: TurnSettings | None = None) -> None:
        self.core = TurnCore(settings)
        self.ids = 0
        self.now = 100.0
        self.actions: list[Action] = []
        self.events: list[TurnEvent] = []
        self.answer: Answer | None = None

    def take(self) -> list[Action]:
        """The actions since the last call."""
        fresh: list[Action] = []
        while (output := self.core.next_output()) is not None:
            if not isinstance(output, Command):
                self.events.append(output)
                continue
            fresh.append(output.action)
            if output.answer is not None:
                self.answer = output.answer
        self.actions += fresh
        return fresh

    def begin(self, prompt: Prompt | None = PROMPT, question: Question | None = MENU) -> list[Action]:
        if prompt is None:
            self.core.expect(question, self.now)
        else:
            self.ids += 1
            self.core.say(self.ids, prompt.policy, self.now, question)
        return self.take()

    def wait(self, seconds: float) -> list[Action]:
        """Let time pass, timers at their due moments."""
        end = self.now + seconds
        while (due := self.core.get_timer()) is not None and due <= end:
            self.now = max(self.now, due)
            self.core.handle_timer(self.now)
        self.now = end
        return self.take()

    def start(self) -> list[Action]:
        self.core.speech_started(self.now - 0.05, self.now)
        return self.take()

    def confirm(self) -> list[Action]:
        self.core.speech_confirmed(self.now)
        return self.take()

    def stop(self, confirmed: bool = True) -> list[Action]:
        self.core.speech_stopped(self.now - 0.064, confirmed, self.now)
        return self.take()

    def spoken(self) -> list[Action]:
        self.core.played(self.now)
        return self.take()

    def transcript(self, text: str, confidence: float | None = 0.9) -> list[Action]:
        self.core.transcript(Transcript(text, confidence), self.now)
        return self.take()

    def keys(self, digits: str) -> list[Action]:
        for digit in digits:
            self.core.key(digit, self.now)
        return self.take()

    def say(self, text: str, confidence: float | None = 0.9) -> None:
        """A whole turn of the caller, up to the recogniser's result."""
        self.start()
        self.confirm()
        self.wait(1.0)
        self.stop()
        self.wait(0.5)
        self.transcript(text, confidence)


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_prompt_alone_ends_when_it_is_spoken(talk: Talk) -> None:
    assert talk.begin(PROMPT, None) == [Action.PLAY]
    assert talk.spoken() == [Action.FINISH]
    assert talk.core.floor is Floor.IDLE


def test_question_and_answer(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.wait(1.0)
    talk.say("my balance")
    assert talk.answer == Answer(AnswerKind.SPEECH, "my balance", "balance", confidence=0.9)


def test_the_turn_ends_so_long_after_the_last_word_and_not_after_the_detector_noticed(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.wait(1.0)
    talk.core.speech_stopped(talk.now - 0.1, True, talk.now)
    assert talk.core.get_timer() == pytest.approx(talk.now + 0.4)
    assert talk.wait(0.39) == []
    assert talk.wait(0.02) == [Action.END_SPEECH]


def test_a_pause_within_a_turn_does_not_end_it(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.stop()
    assert talk.wait(0.4) == []
    talk.start()
    talk.confirm()
    talk.wait(1.0)
    assert talk.core.floor is Floor.USER_TURN
    talk.stop()
    assert talk.wait(0.5) == [Action.END_SPEECH]


def test_a_click_in_a_pause_does_not_lengthen_it(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.core.speech_stopped(talk.now, True, talk.now)
    talk.wait(0.3)
    talk.start()
    talk.wait(0.1)
    talk.stop(confirmed=False)
    assert talk.wait(0.11) == [Action.END_SPEECH]


def test_barge_in_pauses_then_abandons(talk: Talk) -> None:
    talk.begin()
    assert talk.start() == [Action.PAUSE]
    assert talk.core.floor is Floor.BOT_PAUSED
    assert talk.confirm() == [Action.ABANDON_PROMPT, Action.RECOGNISE]


def test_a_cough_resumes_the_bot(talk: Talk) -> None:
    talk.begin()
    talk.start()
    assert talk.stop(confirmed=False) == []
    assert talk.wait(0.2) == [Action.RESUME]
    assert talk.core.floor is Floor.SPEAKING


def test_two_coughs_in_a_row_are_waited_for(talk: Talk) -> None:
    talk.begin()
    talk.start()
    talk.stop(confirmed=False)
    talk.wait(0.1)
    assert talk.start() == []
    assert talk.wait(1.0) == []
    talk.stop(confirmed=False)
    assert talk.wait(0.15) == [Action.RESUME]


def test_speech_without_words_over_a_prompt_resumes_the_bot(talk: Talk) -> None:
    talk.begin()
    talk.start()
    talk.confirm()
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("") == [Action.RESUME]
    assert talk.core.floor is Floor.SPEAKING


def test_a_noisy_line_is_a_no_match_in_the_end(talk: Talk) -> None:
    talk.begin()
    for _ in range(3):
        talk.start()
        talk.confirm()
        talk.stop()
        talk.wait(0.5)
        talk.transcript("")
    assert talk.answer is not None and talk.answer.kind is AnswerKind.NO_MATCH


def test_words_that_mean_nothing_are_a_no_match(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.say("a pint of milk")
    assert talk.answer == Answer(AnswerKind.NO_MATCH, "a pint of milk", confidence=0.9)


@pytest.mark.parametrize(
    ("setting", "question", "confidence", "kind"),
    [
        (0.5, None, 0.49, AnswerKind.NO_MATCH),
        (0.5, None, 0.5, AnswerKind.SPEECH),
        (0.5, None, None, AnswerKind.SPEECH),  # an engine without one
        (0.0, None, 0.0, AnswerKind.SPEECH),
        (0.5, 0.3, 0.4, AnswerKind.SPEECH),
        (0.5, 0.8, 0.7, AnswerKind.NO_MATCH),
        (0.5, 0.0, 0.1, AnswerKind.SPEECH),
    ],
)
def test_an_uncertain_answer_is_a_no_match_that_keeps_its_text(
    setting: float, question: float | None, confidence: float | None, kind: AnswerKind
) -> None:
    talk = Talk(TurnSettings(min_confidence=setting))
    talk.begin(PROMPT, replace(MENU, min_confidence=question))
    talk.spoken()
    talk.say("my balance", confidence)
    choice = "balance" if kind is AnswerKind.SPEECH else None
    assert talk.answer == Answer(kind, "my balance", choice, confidence=confidence)


@pytest.mark.parametrize(
    "question", [Question(digits=DigitRule(1, 4)), Question(grammar="#JSGF V1.0; grammar g; public <g> = hello;")]
)
def test_uncertain_digits_and_grammars_are_a_no_match_too(question: Question) -> None:
    talk = Talk()
    talk.begin(PROMPT, question)
    talk.spoken()
    talk.say("double nine three", 0.2)
    assert talk.answer == Answer(AnswerKind.NO_MATCH, "double nine three", confidence=0.2)


def test_uncertain_free_speech_is_for_the_dialog_to_judge() -> None:
    talk = Talk()
    talk.begin(PROMPT, FREE)
    talk.spoken()
    talk.say("a pint of milk", 0.1)
    assert talk.answer == Answer(AnswerKind.SPEECH, "a pint of milk", confidence=0.1)


def test_free_speech_takes_any_words(talk: Talk) -> None:
    talk.begin(PROMPT, FREE)
    talk.spoken()
    talk.say("a pint of milk")
    assert talk.answer == Answer(AnswerKind.SPEECH, "a pint of milk", confidence=0.9)


def test_a_firm_prompt_is_not_interrupted(talk: Talk) -> None:
    talk.begin(FIRM, MENU)
    assert talk.start() == []
    assert talk.confirm() == []
    assert talk.core.floor is Floor.SPEAKING


def test_a_caller_still_speaking_at_the_end_of_a_firm_prompt_is_recognised(talk: Talk) -> None:
    talk.begin(FIRM, MENU)
    talk.start()
    talk.confirm()
    assert talk.spoken() == [Action.RECOGNISE]
    assert talk.core.floor is Floor.USER_TURN


def test_possible_speech_at_the_end_of_a_firm_prompt_is_not_lost(talk: Talk) -> None:
    talk.begin(FIRM, MENU)
    talk.start()
    talk.spoken()
    assert talk.core.floor is Floor.MAYBE_SPEECH
    assert talk.confirm() == [Action.RECOGNISE]


def test_speech_that_interrupts_a_prompt_answers_its_question(talk: Talk) -> None:
    talk.begin(PROMPT, None)
    talk.start()
    assert talk.confirm() == [Action.ABANDON_PROMPT, Action.FINISH]
    assert talk.begin(Prompt("Second prompt."), None) == [
        Action.PLAY,
        Action.PAUSE,
        Action.ABANDON_PROMPT,
        Action.FINISH,
    ]
    assert Action.RECOGNISE in talk.begin()
    talk.stop()
    talk.wait(0.5)
    talk.transcript("opening hours")
    assert talk.answer is not None and talk.answer.choice == "hours"


def test_the_tail_of_an_answer_does_not_swallow_the_reply(talk: Talk) -> None:
    """ "My balance" (pause) "please": the reply that "please" interrupted is said after all."""
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.stop()
    talk.wait(0.5)
    talk.start()
    talk.confirm()
    talk.transcript("my balance")
    talk.begin()
    talk.stop()
    talk.wait(0.5)
    assert talk.transcript("please") == [Action.RESUME]


def test_nobody_answers(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    assert talk.wait(4.9) == []
    assert talk.wait(0.2) == [Action.FINISH]
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_clicks_do_not_postpone_no_input_for_ever(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    for _ in range(30):
        talk.wait(0.4)
        if talk.core.floor is Floor.IDLE:
            break
        talk.start()
        talk.stop(confirmed=False)
    talk.wait(1.0)
    assert talk.answer == Answer(AnswerKind.NO_INPUT)
    assert talk.core.floor is Floor.IDLE


def test_a_question_without_a_prompt(talk: Talk) -> None:
    talk.begin(None, MENU)
    assert talk.core.floor is Floor.LISTENING
    talk.say("balance")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_a_recogniser_that_breaks_fails_the_question(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.stop()
    talk.wait(0.5)
    talk.core.failed(talk.now)
    assert talk.take() == [Action.CANCEL_ASR, Action.FINISH]
    assert talk.answer == Answer(AnswerKind.FAILED)


def test_a_recogniser_that_hangs_fails_the_question_in_three_seconds(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.stop()
    talk.wait(0.5)
    assert talk.wait(2.9) == []
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.FAILED)


def test_a_turn_has_a_longest_length() -> None:
    talk = Talk(TurnSettings(max_turn_ms=10_000))
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    assert talk.wait(9.9) == []
    assert talk.wait(0.2) == [Action.END_SPEECH]


def test_closing_stops_everything(talk: Talk) -> None:
    talk.begin()
    talk.start()
    talk.core.close(talk.now)
    assert talk.take() == [Action.CANCEL_ASR, Action.STOP]
    assert talk.core.get_timer() is None
    assert talk.keys("1") == []


def test_misuse_is_refused(talk: Talk) -> None:
    talk.begin()
    with pytest.raises(ValueError, match="while the floor is speaking"):
        talk.core.say(9, PROMPT.policy, talk.now, MENU)
    talk.core.close(talk.now)
    with pytest.raises(ValueError, match="while the floor is closed"):
        talk.core.expect(MENU, talk.now)


def test_the_dump_shows_what_is_awaited(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    dump = talk.core.dump()
    assert dump["floor"] == "listening"
    assert dump["timers"] == {"arm-no-input": pytest.approx(talk.now + 5.0)}
