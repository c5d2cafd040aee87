"""Steps that calculate and decide: `set`, `if`, `switch`, and expressions in texts."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import pytest

from offhook.pipeline.dialog.actions import (
    AskFor,
    CameBack,
    Done,
    Fetched,
    FoundOut,
    HangUp,
    Result,
    Returned,
    SecretTaken,
    Speak,
)
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.runner import MAX_STEPS_ALONE, EndlessFlowError, FlowRunner
from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.branch import If, Switch
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.listening import Retry
from offhook.pipeline.dialog.steps.log import LogStep
from offhook.pipeline.dialog.steps.options import Option
from offhook.pipeline.dialog.steps.play import PlayStep
from offhook.pipeline.dialog.steps.python import PythonStep
from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.record_call import RecordCallStep
from offhook.pipeline.dialog.steps.request import RequestStep
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.set import Set
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.transfer import TransferStep
from offhook.pipeline.dialog.steps.who_answered import WhoAnsweredStep
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule
from offhook.pipeline.secret.entry import SecretKind, SecretOutcome, SecretRule
from offhook.pipeline.understanding.kinds import Date, Number

BYE = End("bye", "Goodbye.")
RETRY = Retry("bye")
PIN = Collect("pin", "Your PIN?", "pin", DigitRule(4, 4), "next", no_input=RETRY, no_match=RETRY)
PEOPLE = Collect("people", "How many?", "people", DigitRule(), "next", value=Number(), no_input=RETRY, no_match=RETRY)
DAY = Collect("day", "When?", "day", DigitRule(), "next", value=Date(), no_input=RETRY, no_match=RETRY)
NOW = datetime(2026, 12, 24, 17, 30)


def flow(*steps: Step) -> Flow:
    return Flow("f", steps[0].name, {step.name: step for step in (*steps, BYE)})


def runner(*steps: Step, call: Mapping[str, str] | None = None) -> FlowRunner:
    return FlowRunner(flow(*steps), call=call or {}, now=lambda: NOW)


def problems(*steps: Step) -> list[FlowProblem]:
    with pytest.raises(FlowError) as failed:
        flow(*steps)
    return list(failed.value.problems)


def said(action: object) -> str:
    assert isinstance(action, Speak | AskFor | HangUp) and action.prompt is not None
    return action.prompt.text


def keyed(digits: str) -> Answer:
    return Answer(AnswerKind.DTMF, digits=digits)


def test_values_are_set_one_after_the_other() -> None:
    run = runner(Set("a", {"count": "1 + 1", "double": "count * 2"}, "next"), Say("next", "{count}, {double}.", "bye"))
    assert said(run.start()) == "2, 4."


@pytest.mark.parametrize(("pin", "text"), [("4712", "Even."), ("4711", "Odd.")])
def test_a_condition_decides(pin: str, text: str) -> None:
    run = runner(
        PIN,
        If("next", "number(pin) % 2 == 0", "even", "odd"),
        Say("even", "Even.", "bye"),
        Say("odd", "Odd.", "bye"),
    )
    run.start()
    assert said(run.after(keyed(pin))) == text


@pytest.mark.parametrize(("people", "text"), [(1, "Alone."), (2, "A pair."), (7, "A crowd.")])
def test_a_value_chooses_among_cases(people: int, text: str) -> None:
    run = runner(
        PEOPLE,
        Switch("next", "people", {"1": "alone", "2": "pair"}, "crowd"),
        Say("alone", "Alone.", "bye"),
        Say("pair", "A pair.", "bye"),
        Say("crowd", "A crowd.", "bye"),
    )
    run.start()
    assert said(run.after(Answer(AnswerKind.SPEECH, value=people))) == text


def test_texts_have_parts_of_values_and_what_is_calculated() -> None:
    run = runner(PIN, Say("next", "Ending in {last(pin, 2)}, {{not}} {number(pin) + 1}.", "bye"))
    run.start()
    assert said(run.after(keyed("0071"))) == "Ending in 7 1, {not} 72."


def test_values_are_spoken_as_their_type_wants() -> None:
    run = runner(
        DAY,
        Set("next", {"then": "day", "weekend": "weekday(day) in ['saturday', 'sunday']", "price": "12.5 * 2"}, "say"),
        Say("say", "{then}, {weekend}, {price}.", "bye"),
    )
    run.start()
    text = said(run.after(Answer(AnswerKind.SPEECH, value=date(2026, 12, 26))))
    assert text == "Saturday, December 26, 2026, yes, 25."


def test_a_flow_knows_who_calls_and_what_time_it_is() -> None:
    run = runner(
        If("a", 'begins_with(call.caller, "+49") and weekday(today()) == "thursday"', "de", "bye"),
        Say("de", "{call.caller}", "bye"),
        call={"caller": "+4930123"},
    )
    assert said(run.start()) == "+4930123"


def test_a_question_behind_a_condition_may_be_answered_early() -> None:
    ask = Ask("ask", "Yes?", (Option(Choice("yes", ("yes",), "1"), "bye"),), no_input=RETRY, no_match=RETRY)
    run = runner(Say("hello", "Hello.", "if"), If("if", 'call.trunk == "x"', "ask", "bye"), ask, call={"trunk": "x"})
    run.start()
    assert run.ahead() == ask.question()


def test_a_loop_counts_its_rounds() -> None:
    ask = Ask(
        "ask",
        "Yes?",
        (Option(Choice("yes", ("yes",), "1"), "bye"),),
        no_input=Retry("count", 1),
        no_match=Retry("count", 1),
    )
    run = runner(
        Set("begin", {"rounds": "0"}, "ask"),
        ask,
        Set("count", {"rounds": "rounds + 1"}, "if"),
        If("if", "rounds < 3", "ask", "bye"),
    )
    run.start()
    heard = [said(run.after(Answer(AnswerKind.NO_INPUT))) for _ in range(3)]
    assert heard == ["Yes?", "Yes?", "Goodbye."]


def test_a_loop_that_never_ends_is_ended() -> None:
    run = runner(Set("begin", {"n": "0"}, "if"), If("if", "n == 0", "again", "bye"), Set("again", {"n": "0"}, "if"))
    with pytest.raises(EndlessFlowError, match="1000 steps"):
        run.start()


SECRET = ("again", "Your PIN?", "pin", SecretRule(SecretKind.PIN, 4, 4), "check")


@pytest.mark.parametrize(
    ("step", "result"),
    [
        (RecordCallStep("again", "off", "if"), Done()),
        (LogStep("again", "Once more.", "if"), Done()),
        (PlayStep("again", "", "bye", "if", for_s=9.0, stream="https://example.com/a.wav"), Done(failed=True)),
        (RequestStep("again", "bye", "if"), Fetched(False)),
        (PythonStep("again", "bye", "if"), Returned(False)),
        (TransferStep("again", ("sales",), "if"), CameBack("not_possible")),
        (QueueStep("again", "sales", "if"), CameBack("not_possible")),
        (WhoAnsweredStep("again", (), "if"), FoundOut()),
        (CollectSecret(*SECRET, otherwise="bye", refused="if"), SecretTaken()),
        (CollectSecret(*SECRET, otherwise="if", refused="bye", attempts=1), SecretTaken(SecretOutcome.NO_INPUT)),
    ],
)
def test_a_loop_in_which_nothing_comes_of_a_step_is_ended(step: Step, result: Result) -> None:
    sends = [RequestStep("check", "bye", "bye", secrets={"pin": "pin"})] if isinstance(step, CollectSecret) else []
    run = runner(If("if", 'call.trunk == "x"', "again", "bye"), step, *sends, call={"trunk": "x"})
    run.start()
    with pytest.raises(EndlessFlowError, match="1000 steps"):
        for _ in range(MAX_STEPS_ALONE):
            run.after(result)


def test_an_answer_that_is_corrected_takes_back_what_was_set() -> None:
    run = runner(
        PEOPLE,
        Set("next", {"double": "people * 2"}, "say"),
        Say("say", "{double}", "bye"),
    )
    run.start()
    assert said(run.after(Answer(AnswerKind.SPEECH, value=2))) == "4"
    assert said(run.corrected(Answer(AnswerKind.SPEECH, value=Decimal("2.5")))) == "5"


@pytest.mark.parametrize(
    ("steps", "what", "todo", "path"),
    [
        (
            (PIN, If("next", "pin > 5", "bye", "bye")),
            "`pin > 5` cannot be evaluated",
            "`number(pin)`",
            ("steps", "next", "if"),
        ),
        (
            (If("a", "pn == '1'", "bye", "bye"),),
            "there is no variable `pn`",
            "set it: `variables: {pn: …}`",
            ("steps", "a", "if"),
        ),
        (
            (PEOPLE, Say("next", "{last(people, 2)}", "bye")),
            "`last(people, 2)` cannot be evaluated",
            "`text(people)`",
            ("steps", "next", "say"),
        ),
        (
            (Say("a", "Call {caller_id}.", "bye"),),
            "there is no variable `caller_id`",
            "type `call.caller`",
            ("steps", "a", "say"),
        ),
        (
            (Say("a", "{call.colour}", "bye"),),
            "there is no `call.colour`",
            "one of: caller, called, language, trunk, id",
            ("steps", "a", "say"),
        ),
        (
            (Set("a", {"call": "1"}, "bye"),),
            "`call` cannot be stored in",
            "choose another name",
            ("steps", "a", "set", "call"),
        ),
        (
            (If("a", "today() == today()", "b", "c"), Set("b", {"x": "1"}, "c"), Say("c", "{x}", "bye")),
            "variable `x` may have no value here",
            "collect or set `x` on every way to `c`",
            ("steps", "c", "say"),
        ),
        (
            (Set("a", {"x": "1"}, "b"), Set("b", {"y": "x + 'a'"}, "bye")),
            "`x + 'a'` cannot be evaluated",
            "values of one type",
            ("steps", "b", "set", "y"),
        ),
        (
            (Set("a", {"x": "1"}, "a"),),
            "these steps repeat for ever: a → a",
            "lead one of them to an `ask` or a `hang_up`",
            ("steps", "a", "next"),
        ),
    ],
)
def test_mistakes_are_found_before_the_call(
    steps: tuple[Step, ...], what: str, todo: str, path: tuple[str, ...]
) -> None:
    found = [each for each in problems(*steps) if "never reached" not in each.what]
    assert [(each.what, each.todo, each.path) for each in found] == [(what, todo, path)]


def test_a_variable_of_several_types_may_be_anything() -> None:
    flow(
        If("a", "today() == today()", "b", "c"),
        Set("b", {"x": "1"}, "d"),
        Set("c", {"x": "'one'"}, "d"),
        If("d", "x == 1", "bye", "bye"),
    )


def test_what_steps_ahead_set_counts_for_the_question_ahead() -> None:
    ask = Ask("ask", "Yes?", (Option(Choice("yes", ("yes",), "1"), "bye"),), no_input=RETRY, no_match=RETRY)
    run = runner(Say("hello", "Hello.", "set"), Set("set", {"n": "1"}, "if"), If("if", "n == 1", "ask", "bye"), ask)
    run.start()
    assert run.ahead() == ask.question()
    collected = run.dump()["collected"]
    assert collected == {}


@pytest.mark.parametrize("name", ["from", "class", "yes", "not", "nothing"])
def test_words_of_expressions_name_nothing(name: str) -> None:
    (problem,) = problems(Set("a", {name: "1"}, "bye"))
    assert problem.what == f"`{name}` cannot be a name"
    with pytest.raises(FlowError, match="cannot be a name"):
        Flow("f", "bye", {"bye": BYE}, {name: "x"})


def test_an_expression_that_is_none_is_a_problem_of_the_flow() -> None:
    (problem,) = problems(Set("a", {"x": "1 +"}, "bye"))
    assert (problem.what, problem.path) == ("`1 +` cannot be evaluated", ("steps", "a", "set", "x"))


def test_a_flow_stores_so_many_variables() -> None:
    found = problems(Set("a", {f"v{n}": "1" for n in range(600)}, "bye"))
    assert {each.what for each in found} == {"the flow stores 600 variables", "step `a` sets 600 variables"}


@pytest.mark.parametrize("text", ["Berlin", "on", "off"])
def test_a_text_without_quotes_gets_a_hint(text: str) -> None:
    (problem,) = problems(Set("a", {"x": text}, "bye"))
    assert "quotes" in problem.todo or problem.todo in ("type `yes`", "type `no`")
