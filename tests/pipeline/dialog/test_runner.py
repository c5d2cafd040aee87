from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.dialog.actions import AskFor, HangUp, Speak
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.listening import Retry
from offhook.pipeline.dialog.steps.options import Option
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Playback, Prompt

NO_INPUT = Answer(AnswerKind.NO_INPUT)
NO_MATCH = Answer(AnswerKind.NO_MATCH, text="potato")
FAILED = Answer(AnswerKind.FAILED)
SPOKEN = Answer(AnswerKind.SPEECH)

MENU = Ask(
    "menu",
    "Balance or hours?",
    (
        Option(Choice("check_balance", ("balance", "my balance"), "1"), "pin"),
        Option(Choice("hours", ("opening hours",), "*"), "open"),
        Option(Choice("nothing", ("nothing",)), "bye"),
    ),
    no_input=Retry("bye", 3, ("Hello?", "Are you there?")),
    no_match=Retry("sorry", 4, ("Pardon?", "Please say balance or hours.")),
    silence_ms=700,
    timeout_s=2.5,
)
PIN = Collect(
    "pin",
    "Your PIN?",
    "pin",
    DigitRule(4, 4),
    "confirm",
    no_input=Retry("menu", 2),
    no_match=Retry("sorry", 2, ("Four digits.",)),
)
STEPS: tuple[Step, ...] = (
    Say("hello", "Welcome to {bank}.", "menu", barge_in=False),
    MENU,
    PIN,
    Say("confirm", "PIN {pin} is right.", "menu"),
    Say("open", "Nine to five.", "menu"),
    Say("sorry", "Sorry.", "bye"),
    End("bye", "Goodbye from {bank}."),
)


def runner_of(*changed: Step, wording: Wording | None = None) -> FlowRunner:
    steps = {step.name: step for step in (*STEPS, *changed)}
    return FlowRunner(Flow("test", "hello", steps, {"bank": "Our Bank"}, wording or Wording()))


def at_menu(*changed: Step, wording: Wording | None = None) -> FlowRunner:
    runner = runner_of(*changed, wording=wording)
    runner.start()
    runner.after(SPOKEN)
    return runner


def text_of(action: object) -> str:
    assert isinstance(action, Speak | AskFor)
    return action.prompt.text


def test_it_starts_with_the_first_step() -> None:
    assert runner_of().start() == Speak(Prompt("Welcome to Our Bank.", barge_in=False))


def test_a_say_is_followed_by_its_next_step_however_it_ended() -> None:
    for kind in AnswerKind:
        runner = runner_of()
        runner.start()
        action = runner.after(Answer(kind))
        assert action == AskFor(Prompt("Balance or hours?"), MENU.question())


def test_a_question_carries_what_to_listen_for() -> None:
    question = MENU.question()
    assert [choice.name for choice in question.choices] == ["check_balance", "hours", "nothing"]
    assert (question.silence_ms, question.no_input_ms, question.speech) == (700, 2_500, True)
    keyed = replace(MENU, options=(Option(Choice("a", (), "1"), "bye"),))
    assert not keyed.question().speech


@pytest.mark.parametrize(
    "answer",
    [
        Answer(AnswerKind.SPEECH, text="opening hours please", choice="hours"),
        Answer(AnswerKind.SPEECH, text="Opening  Hours"),
        Answer(AnswerKind.DTMF, digits="*"),
        Answer(AnswerKind.DTMF, choice="hours"),
        Answer(AnswerKind.SPEECH, choice="hours", prompt=Playback("Balance", "or hours?", interrupted=True)),
    ],
)
def test_a_choice_leads_to_its_step(answer: Answer) -> None:
    assert at_menu().after(answer) == Speak(Prompt("Nine to five."))


@pytest.mark.parametrize(
    "answer",
    [
        NO_MATCH,
        Answer(AnswerKind.SPEECH, text="potato"),
        Answer(AnswerKind.SPEECH, choice="elsewhere"),
        Answer(AnswerKind.SPEECH),
        Answer(AnswerKind.DTMF, digits="9"),
        Answer(AnswerKind.DTMF),
    ],
)
def test_an_answer_without_a_branch_is_a_no_match(answer: Answer) -> None:
    runner = at_menu()
    assert text_of(runner.after(answer)) == "Pardon?"
    assert runner.dump()["no_match"] == 1


def test_reprompts_escalate_and_the_last_one_stays() -> None:
    runner = at_menu()
    said = [text_of(runner.after(NO_MATCH)) for _ in range(4)]
    assert said == ["Pardon?", "Please say balance or hours.", "Please say balance or hours.", "Sorry."]


def test_without_reprompts_the_question_is_repeated() -> None:
    runner = at_menu(replace(MENU, no_input=Retry("bye", 2)))
    assert text_of(runner.after(NO_INPUT)) == "Balance or hours?"
    assert isinstance(runner.after(NO_INPUT), HangUp)


def test_a_single_attempt_is_not_repeated() -> None:
    assert isinstance(at_menu(replace(MENU, no_input=Retry("bye", 1))).after(NO_INPUT), HangUp)


def test_no_inputs_and_no_matches_are_counted_separately() -> None:
    runner = at_menu()
    said = [text_of(runner.after(each)) for each in (NO_INPUT, NO_MATCH, NO_INPUT, NO_MATCH, NO_MATCH)]
    assert said == [
        "Hello?",
        "Pardon?",
        "Are you there?",
        "Please say balance or hours.",
        "Please say balance or hours.",
    ]
    assert isinstance(runner.after(NO_INPUT), HangUp)


def test_each_visit_counts_from_zero() -> None:
    runner = at_menu()
    runner.after(NO_INPUT)
    runner.after(NO_INPUT)
    runner.after(Answer(AnswerKind.DTMF, digits="*"))
    runner.after(SPOKEN)
    assert text_of(runner.after(NO_INPUT)) == "Hello?"


def test_when_the_recogniser_fails_the_keypad_is_offered() -> None:
    action = at_menu().after(FAILED)
    assert action == AskFor(
        Prompt(
            "I am sorry, I had trouble hearing you. "
            "Please use your keypad: for check balance press 1, for hours press star."
        ),
        MENU.question(),
    )


def test_a_failure_is_not_a_no_match() -> None:
    runner = at_menu()
    runner.after(FAILED)
    assert text_of(runner.after(NO_MATCH)) == "Pardon?"
    assert runner.dump()["failed"] == 1


def test_a_recogniser_that_stays_broken_ends_in_the_no_match_branch() -> None:
    runner = at_menu(replace(MENU, no_match=Retry("sorry", 1)))
    assert text_of(runner.after(FAILED)).startswith("I am sorry")
    assert text_of(runner.after(FAILED)) == "Sorry."


def test_without_keys_the_question_is_asked_again_after_the_apology() -> None:
    spoken = replace(MENU, options=tuple(replace(o, choice=replace(o.choice, dtmf=None)) for o in MENU.options))
    said = text_of(at_menu(spoken).after(FAILED))
    assert said == "I am sorry, I had trouble hearing you. Balance or hours?"


def test_the_apology_can_be_worded() -> None:
    wording = Wording("Pardon.", "Drücken Sie", "{key} für {choice}", star="Stern")
    said = text_of(at_menu(wording=wording).after(FAILED))
    assert said == "Pardon. Drücken Sie: 1 für check balance, Stern für hours."


def at_pin(*changed: Step) -> FlowRunner:
    runner = at_menu(*changed)
    runner.after(Answer(AnswerKind.DTMF, digits="1"))
    return runner


@pytest.mark.parametrize("digits", ["1204", "1204#"])
def test_collected_digits_are_kept_and_spoken_one_by_one(digits: str) -> None:
    runner = at_pin()
    assert text_of(runner.after(Answer(AnswerKind.DTMF, digits=digits))) == "PIN 1 2 0 4 is right."
    assert runner.dump()["collected"] == {"pin": "****"}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(AnswerKind.DTMF, digits="12#"),
        Answer(AnswerKind.NO_MATCH, digits="12"),
        Answer(AnswerKind.SPEECH, text="one two oh four"),
    ],
)
def test_digits_that_break_the_rule_are_a_no_match(answer: Answer) -> None:
    runner = at_pin()
    assert text_of(runner.after(answer)) == "Four digits."
    assert text_of(runner.after(answer)) == "Sorry."
    assert runner.dump()["collected"] == {}


def test_digits_may_be_spoken_where_the_step_says_so() -> None:
    spoken = replace(PIN, spoken=True)
    assert spoken.question().speech
    assert "<digits>" in (question_grammar(spoken.question()) or "")
    runner = at_pin(spoken)
    assert text_of(runner.after(Answer(AnswerKind.SPEECH, text="one two"))) == "Four digits."
    assert text_of(runner.after(Answer(AnswerKind.SPEECH, text="one two double oh"))) == "PIN 1 2 0 0 is right."


def test_digits_by_key_only_are_not_listened_for() -> None:
    question = PIN.question()
    assert (question.speech, question.digits, question.grammar) == (False, DigitRule(4, 4), None)


def test_a_failure_while_collecting_repeats_the_question_for_the_keypad() -> None:
    said = text_of(at_pin(replace(PIN, spoken=True)).after(FAILED))
    assert said == "I am sorry, I had trouble hearing you. Please use your keypad. Your PIN?"


def test_the_dump_hides_digits() -> None:
    runner = at_pin()
    runner.after(Answer(AnswerKind.DTMF, digits="1204"))
    assert runner.dump() == {
        "flow": "test",
        "step": "confirm",
        "finished": False,
        "no_input": 0,
        "no_match": 0,
        "failed": 0,
        "collected": {"pin": "****"},
    }


def test_hanging_up_says_goodbye_and_ends_the_flow() -> None:
    runner = at_menu()
    action = runner.after(Answer(AnswerKind.SPEECH, choice="nothing"))
    assert action == HangUp(Prompt("Goodbye from Our Bank.", barge_in=False))
    assert runner.dump()["finished"]
    with pytest.raises(RuntimeError, match="not waiting"):
        runner.after(NO_INPUT)


def test_hanging_up_may_be_silent() -> None:
    runner = at_menu(End("bye"))
    assert runner.after(Answer(AnswerKind.SPEECH, choice="nothing")) == HangUp(None)


def test_hanging_up_may_have_a_reason() -> None:
    runner = at_menu(End("bye", reason="nothing wanted"))
    assert runner.after(Answer(AnswerKind.SPEECH, choice="nothing")) == HangUp(None, "nothing wanted")


def test_it_is_started_once_and_before_answers() -> None:
    runner = runner_of()
    with pytest.raises(RuntimeError, match="not waiting"):
        runner.after(NO_INPUT)
    runner.start()
    with pytest.raises(RuntimeError, match="started already"):
        runner.start()


answers = st.builds(
    Answer,
    kind=st.sampled_from(AnswerKind),
    text=st.sampled_from(["", "balance", "nothing", "one two three four", "potato"]),
    choice=st.sampled_from([None, "check_balance", "hours", "elsewhere"]),
    digits=st.sampled_from(["", "1", "*", "9", "1234", "12#"]),
)


@given(st.lists(answers, max_size=60))
def test_whatever_is_answered_something_follows(given_answers: list[Answer]) -> None:
    runner = runner_of()
    action = runner.start()
    for answer in given_answers:
        if isinstance(action, HangUp):
            break
        assert isinstance(action, Speak | AskFor)
        assert action.prompt.text
        action = runner.after(answer)
    assert runner.dump()["finished"] == isinstance(action, HangUp)


def test_it_tells_the_way_that_was_walked() -> None:
    runner = runner_of()
    runner.start()
    for answer in (SPOKEN, NO_INPUT, NO_MATCH, FAILED, Answer(AnswerKind.DTMF, digits="*")):
        runner.after(answer)
    assert runner.walked() == [
        ("hello", ""),
        ("menu", "next"),
        ("menu", "no_input"),
        ("menu", "no_match"),
        ("menu", "failed"),
        ("open", "choices.hours"),
    ]
    assert runner.walked() == []


def test_a_correction_that_changes_nothing_walks_nowhere() -> None:
    runner = at_menu()
    runner.after(Answer(AnswerKind.DTMF, digits="*"))
    runner.walked()
    assert runner.corrected(Answer(AnswerKind.DTMF, digits="*")) is None
    assert runner.walked() == []
    assert runner.corrected(Answer(AnswerKind.DTMF, digits="1")) is not None
    assert runner.walked() == [("pin", "choices.check_balance")]


def test_edges_have_the_names_of_the_file() -> None:
    assert MENU.edges() == {
        "choices.check_balance": "pin",
        "choices.hours": "open",
        "choices.nothing": "bye",
        "no_input.then": "bye",
        "no_match.then": "sorry",
        "no_input": "menu",
        "no_match": "menu",
    }
