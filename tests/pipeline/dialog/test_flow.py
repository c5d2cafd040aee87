from dataclasses import replace

import pytest

from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.limits import MAX_STEPS
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.listening import Retry
from offhook.pipeline.dialog.steps.options import Option
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import Choice, DigitRule

BYE = End("bye", "Goodbye.")
RETRY = Retry("bye")
YES = Option(Choice("yes", ("yes",), "1"), "bye")
ASK = Ask("ask", "Yes or no?", (YES,), no_input=RETRY, no_match=RETRY)
COLLECT = Collect("pin", "Your PIN?", "pin", DigitRule(4, 4), "bye", no_input=RETRY, no_match=RETRY)


def problems(*steps: Step, constants: dict[str, str] | None = None) -> list[FlowProblem]:
    """What is wrong with a flow of these steps, beginning with the first one."""
    try:
        Flow("test", steps[0].name, {step.name: step for step in steps}, constants or {})
    except FlowError as error:
        return list(error.problems)
    return []


def only(found: list[FlowProblem]) -> FlowProblem:
    assert len(found) == 1, found
    return found[0]


def test_a_sound_flow_has_no_problems() -> None:
    assert problems(Say("hello", "Hello.", "ask"), replace(ASK, prompt="Yes?"), BYE) == []


def test_a_branch_to_nowhere() -> None:
    problem = only(problems(replace(ASK, options=(replace(YES, next="bya"),)), BYE))
    assert problem.what == "there is no step `bya`"
    assert problem.todo == "did you mean `bye`?"
    assert problem.path == ("steps", "ask", "choices", "yes", "next")


@pytest.mark.parametrize("key", ["no_input", "no_match"])
def test_a_retry_to_nowhere(key: str) -> None:
    lost = Retry("nowhere")
    asking = replace(ASK, no_input=lost) if key == "no_input" else replace(ASK, no_match=lost)
    assert only(problems(asking, BYE)).path == ("steps", "ask", key, "then")


def test_a_start_that_is_not_a_step() -> None:
    with pytest.raises(FlowError) as caught:
        Flow("test", "bya", {"bye": BYE})
    assert [problem.path for problem in caught.value.problems] == [("start",)]


def test_a_step_that_is_never_reached() -> None:
    problem = only(problems(Say("hello", "Hello.", "bye"), BYE, Say("lost", "Hm.", "bye")))
    assert problem.what == "step `lost` is never reached"
    assert problem.path == ("steps", "lost")


def test_steps_that_talk_for_ever() -> None:
    found = problems(Say("a", "A.", "b"), Say("b", "B.", "c"), Say("c", "C.", "b"))
    problem = only(found)
    assert problem.what == "these steps repeat for ever: b → c → b"
    assert problem.path == ("steps", "c", "next")


def test_a_step_that_repeats_itself_for_ever() -> None:
    assert only(problems(Say("a", "A.", "a"))).what == "these steps repeat for ever: a → a"


@pytest.mark.parametrize(
    ("steps", "loop", "blamed"),
    [
        ((replace(ASK, no_input=Retry("ask")), BYE), "ask → ask", "ask"),
        ((replace(ASK, no_input=Retry("sorry")), Say("sorry", "Sorry.", "ask"), BYE), "ask → sorry → ask", "ask"),
        ((Say("hi", "Hi.", "pin"), replace(COLLECT, no_input=Retry("hi", 1)), BYE), "hi → pin → hi", "pin"),
        (
            (replace(ASK, no_input=Retry("pin")), replace(COLLECT, no_input=Retry("ask")), BYE),
            "ask → pin → ask",
            "pin",
        ),
    ],
)
def test_a_silent_caller_is_not_kept_for_ever(steps: tuple[Step, ...], loop: str, blamed: str) -> None:
    problem = only(problems(*steps))
    assert problem.what == f"a silent caller loops for ever: {loop}"
    assert problem.path == ("steps", blamed, "no_input", "then")


def test_a_silent_caller_may_be_asked_something_else() -> None:
    assert problems(replace(ASK, no_input=Retry("pin")), COLLECT, BYE) == []
    back = replace(COLLECT, no_match=Retry("ask"), next="ask")
    assert problems(replace(ASK, no_input=Retry("pin")), back, BYE) == []


def test_a_loop_that_waits_for_the_caller_is_allowed() -> None:
    back = replace(ASK, options=(YES, Option(Choice("no", ("no",)), "hello")))
    assert problems(Say("hello", "Hello.", "ask"), back, BYE) == []


def test_a_variable_that_is_never_set() -> None:
    problem = only(problems(End("bye", "Bye {nmae}.")))
    assert problem.what == "there is no variable `nmae`"
    assert "variables: {nmae: …}" in problem.todo


def test_a_misspelt_variable_is_recognised() -> None:
    problem = only(problems(End("bye", "Bye {nmae}."), constants={"name": "Ann"}))
    assert problem.todo == "did you mean `name`?"


def test_a_variable_that_is_not_set_on_every_path() -> None:
    problem = only(problems(COLLECT, End("bye", "Your PIN is {pin}.")))
    assert problem.what == "variable `pin` may have no value here"
    assert problem.path == ("steps", "bye", "hang_up")


def test_a_variable_that_is_set_on_every_path() -> None:
    confirm = Say("confirm", "It is {pin}.", "bye")
    assert problems(replace(COLLECT, next="confirm"), confirm, BYE) == []


def test_a_variable_in_the_prompt_that_collects_it_has_no_value_yet() -> None:
    problem = only(problems(replace(COLLECT, prompt="Not {pin}?"), BYE))
    assert problem.path == ("steps", "pin", "collect")


def test_a_variable_in_a_reprompt_is_checked() -> None:
    retry = Retry("bye", 3, ("Again.", "{x}"))
    assert only(problems(replace(ASK, no_match=retry), BYE)).path == (
        "steps",
        "ask",
        "no_match",
        "reprompts",
        1,
    )


@pytest.mark.parametrize(
    ("options", "what", "path"),
    [
        ((), "step `ask` has no choices", ("choices",)),
        ((YES, Option(Choice("no", ("no",), "1"), "bye")), "key 1 stands for", ("choices", "no", "key")),
        (
            (YES, Option(Choice("no", ("Yes ",)), "bye")),
            "phrase `Yes ` appears for `yes` and for `no`",
            ("choices", "no", "phrases", 0),
        ),
        (
            (Option(Choice("a", ("oh-one",)), "bye"), Option(Choice("b", ("Zero one",)), "bye")),
            "phrase `Zero one` appears for `a` and for `b`",
            ("choices", "b", "phrases", 0),
        ),
        (
            (Option(Choice("yes", ("yes", "yes")), "bye"),),
            "phrase `yes` appears twice",
            ("choices", "yes", "phrases", 1),
        ),
        ((Option(Choice("yes"), "bye"),), "choice `yes` can never be chosen", ("choices", "yes")),
        ((YES, YES), "two choices are called `yes`", ("choices", "yes")),
        ((Option(Choice("n", ("24 hours",)), "bye"),), "cannot be recognised", ("choices", "n", "phrases", 0)),
        ((Option(Choice("n", ("a | b",)), "bye"),), "cannot be recognised", ("choices", "n", "phrases", 0)),
        ((Option(Choice("n", (" - ",)), "bye"),), "has no word", ("choices", "n", "phrases", 0)),
        ((Option(Choice("n", ("a" * 201,)), "bye"),), "too long", ("choices", "n", "phrases", 0)),
        ((Option(Choice("n", (), "12345"), "bye"),), "`12345` is not a key", ("choices", "n", "key")),
        ((Option(Choice("n", (), "x"), "bye"),), "`x` is not a key", ("choices", "n", "key")),
    ],
)
def test_choices_that_cannot_be_made(options: tuple[Option, ...], what: str, path: tuple[str | int, ...]) -> None:
    found = problems(replace(ASK, options=options), BYE)
    assert what in found[0].what
    assert found[0].path == ("steps", "ask", *path)


def test_too_many_choices_and_phrases() -> None:
    names = [chr(97 + i // 26) + chr(97 + i % 26) for i in range(101)]
    many = tuple(Option(Choice(name, (name,)), "bye") for name in names[:51])
    assert only(problems(replace(ASK, options=many), BYE)).what == "step `ask` has 51 choices"
    wordy = (Option(Choice("wordy", tuple(names)), "bye"),)
    assert only(problems(replace(ASK, options=wordy), BYE)).what == "101 phrases"
    lots = tuple(Option(Choice(a, tuple(f"{a} {b}" for b in names[:100])), "bye") for a in names[:11])
    assert only(problems(replace(ASK, options=lots), BYE)).what == "step `ask` has 1100 phrases"


def test_every_sound_question_has_a_grammar() -> None:
    phrases = ("yes", "it's o’clock", "twenty-four", "schön", "ЖЗ", "que c'est ça")
    asking = replace(ASK, options=(Option(Choice("yes", phrases), "bye"),))
    assert problems(asking, BYE) == []
    grammar = question_grammar(asking.question())
    assert grammar is not None
    assert "schön" in grammar


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (replace(COLLECT, rule=DigitRule(0, 4)), "0 to 4 digits"),
        (replace(COLLECT, rule=DigitRule(5, 4)), "5 to 4 digits"),
        (replace(COLLECT, rule=DigitRule(4, 33)), "4 to 33 digits"),
        (replace(COLLECT, rule=DigitRule(4, 4, "1")), "`1` cannot be the terminator"),
        (replace(COLLECT, rule=DigitRule(4, 4, "#", 10)), "inter_digit_ms is 10"),
        (replace(COLLECT, into="the pin"), "`the pin` is not a valid variable name"),
        (replace(COLLECT, into="bank"), "`bank` is a constant"),
        (replace(COLLECT, silence_ms=99), "silence_ms is 99"),
        (replace(ASK, timeout_s=0.1), "timeout_s is 0.1"),
        (replace(ASK, min_confidence=1.1), "min_confidence is 1.1"),
        (replace(COLLECT, min_confidence=-0.1), "min_confidence is -0.1"),
        (replace(COLLECT, min_confidence=float("nan")), "min_confidence is nan"),
        (replace(ASK, timeout_s=float("nan")), "timeout_s is nan"),
        (replace(ASK, no_match=Retry("bye", 0)), "attempts is 0"),
        (replace(ASK, no_match=Retry("bye", 11)), "attempts is 11"),
        (replace(ASK, no_input=Retry("bye", 2, ("Again?", "Once more?"))), "reprompt 2 is never spoken"),
        (replace(ASK, prompt=" "), "the text is empty"),
        (replace(ASK, prompt="a" * 2_001), "the text has 2001 characters"),
        (replace(ASK, prompt="a } b"), "a single } at character 3"),
    ],
)
def test_steps_beyond_their_limits(step: Step, what: str) -> None:
    assert only(problems(step, BYE, constants={"bank": "x"})).what.startswith(what)


def test_a_step_under_another_name() -> None:
    with pytest.raises(FlowError, match="step `end` has the name `bye`"):
        Flow("test", "end", {"end": BYE})


def test_a_constant_with_an_invalid_name() -> None:
    assert only(problems(BYE, constants={"my bank": "x"})).path == ("variables", "my bank")


def test_the_number_of_steps_is_limited() -> None:
    steps = [Say(f"s{i}", "Hm.", f"s{i + 1}") for i in range(MAX_STEPS)]
    assert "501 steps" in only(problems(*steps, End(f"s{MAX_STEPS}"))).what
    assert problems(*steps[1:], End(f"s{MAX_STEPS}")) == []


def test_a_flow_without_steps() -> None:
    with pytest.raises(FlowError, match="the flow has no steps"):
        Flow("test", "bye", {})


def test_wording_knows_two_variables() -> None:
    with pytest.raises(FlowError, match="there is no variable `kee` here"):
        Flow("test", "bye", {"bye": BYE}, wording=Wording(option="{choice}: {kee}"))


def test_all_problems_are_reported_at_once() -> None:
    found = problems(replace(ASK, silence_ms=1, timeout_s=0.0, prompt=""), replace(COLLECT, next="x"), BYE)
    assert len(found) == 4
