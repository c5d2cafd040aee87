"""Sub-flows: their own variables, what comes back of them, and what is wrong with them."""

from dataclasses import replace

import pytest

from offhook.pipeline.dialog.actions import AskFor, HangUp, Speak
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.scopes import in_scope, local, scope_of, within
from offhook.pipeline.dialog.steps.branch import If
from offhook.pipeline.dialog.steps.call import CallStep, ReturnStep, SubFlow
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.listening import Retry
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.set import Set
from offhook.pipeline.dialog.steps.step import Step, Visits
from offhook.pipeline.events import Answer, AnswerKind, DigitRule, Question

SILENCE = Answer(AnswerKind.NO_INPUT)
PLAYED = Answer(AnswerKind.SPEECH)
IDENTIFY = SubFlow("who/number", {"tries": Type.NUMBER}, {"account": Type.TEXT}, ("found", "failed"))
WHO = CallStep("who", "identify", IDENTIFY, {"tries": "limit"}, {"customer": "account"}, {"found": "said"}, next="bye")
NUMBER = Collect(
    "who/number",
    "Your number? {tries} tries.",
    "account",
    DigitRule(4, 4),
    "who/check",
    no_input=Retry("who/failed", 1),
    no_match=Retry("who/failed", 1),
)
STEPS: tuple[Step, ...] = (
    Set("begin", {"limit": "2", "tries": '"mine"'}, "who"),
    WHO,
    NUMBER,
    If("who/check", 'account == "1234"', "who/found", "who/count"),
    Set("who/count", {"tries": "tries - 1"}, "who/enough"),
    If("who/enough", "tries > 0", "who/number", "who/failed"),
    ReturnStep("who/found", "found", "said", ("outcomes", "found"), {"customer": "account"}),
    ReturnStep("who/failed", "failed", "bye", ("next",), {"customer": "account"}),
    Say("said", "Customer {customer}, {tries}.", "bye"),
    End("bye", "Goodbye."),
)


def flow_of(*changed: Step) -> Flow:
    return Flow("test", "begin", {step.name: step for step in (*STEPS, *changed)})


def problem_of(*changed: Step) -> FlowProblem:
    with pytest.raises(FlowError) as caught:
        flow_of(*changed)
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


def keyed(digits: str) -> Answer:
    return Answer(AnswerKind.DTMF, digits=digits)


def asked(action: object) -> str:
    assert isinstance(action, AskFor)
    return action.prompt.text


def asked_for(action: object) -> Question:
    assert isinstance(action, AskFor)
    return action.question


def test_a_name_has_a_scope() -> None:
    assert (within("", "a"), within("a/b", "c")) == ("a", "a/b/c")
    assert (scope_of("a"), scope_of("a/b/c")) == ("", "a/b")
    assert (local("a"), local("a/b/c")) == ("a", "c")
    assert in_scope({"a": 1, "b/a": 2, "b/c/a": 3}, "b") == {"a": 2}


def test_a_sub_flow_has_variables_of_its_own_and_gives_its_results_back() -> None:
    runner = FlowRunner(flow_of())
    assert asked(runner.start()) == "Your number? 2 tries."
    assert asked(runner.after(keyed("1111"))) == "Your number? 1 tries."
    said = runner.after(keyed("1234"))
    assert isinstance(said, Speak)
    assert said.prompt.text == "Customer 1 2 3 4, mine."
    assert runner.walked() == [
        ("begin", ""),
        ("who", "next"),
        ("who/number", "call"),
        ("who/check", "next"),
        ("who/count", "else"),
        ("who/enough", "next"),
        ("who/number", "then"),
        ("who/check", "next"),
        ("who/found", "then"),
        ("said", "outcomes.found"),
    ]
    collected = runner.dump()["collected"]
    assert collected == {"limit": "*", "tries": "****", "who/tries": "*", "who/account": "****", "customer": "****"}


def test_its_outcome_says_what_follows() -> None:
    runner = FlowRunner(flow_of())
    runner.start()
    assert isinstance(runner.after(SILENCE), HangUp)
    assert runner.walked()[-2:] == [("who/failed", "no_input.then"), ("bye", "next")]


def test_a_late_final_leads_out_of_a_sub_flow_as_the_answer_would_have() -> None:
    runner = FlowRunner(flow_of())
    runner.start()
    assert asked(runner.after(keyed("1111"))) == "Your number? 1 tries."
    said = runner.corrected(keyed("1234"))
    assert isinstance(said, Speak)
    assert said.prompt.text == "Customer 1 2 3 4, mine."


def test_a_late_final_is_judged_by_the_variables_of_the_sub_flow() -> None:
    runner = FlowRunner(flow_of(replace(NUMBER, where='account == "1234" or tries == 2')))
    question = asked_for(runner.start())
    assert isinstance(runner.after(replace(keyed("1234"), value="1234")), Speak)  # out of the sub-flow
    assert question.value is not None and question.value.read_keys("1111") == "1111"


def test_a_sub_flow_of_announcements_is_read_ahead_with_its_arguments() -> None:
    loud = SubFlow("call/if", {"loud": Type.TRUTH}, outcomes=("done",))
    steps: tuple[Step, ...] = (
        Say("begin", "Hello.", "call"),
        CallStep("call", "sub", loud, {"loud": "yes"}, next="ask"),
        If("call/if", "loud", "call/done", "call/bye"),
        End("call/bye"),
        ReturnStep("call/done", "done", "ask", ("next",)),
        replace(NUMBER, name="ask", prompt="Number?", next="bye", no_input=Retry("bye"), no_match=Retry("bye")),
        End("bye"),
    )
    runner = FlowRunner(Flow("test", "begin", {step.name: step for step in steps}))
    runner.start()
    question = runner.ahead()
    assert question is not None and question.digits is not None
    assert runner.dump()["collected"] == {}
    assert asked(runner.after(PLAYED)) == "Number?"


@pytest.mark.parametrize(
    ("changed", "what", "path"),
    [
        (replace(WHO, arguments={}), "parameter `tries` of the sub-flow `identify` has no value", ("call",)),
        (
            replace(WHO, arguments={"tries": "1", "trys": "1"}),
            "the sub-flow `identify` has no parameter `trys`",
            ("with", "trys"),
        ),
        (replace(WHO, arguments={"tries": "tries"}), "`tries` is a text", ("with", "tries")),
        (replace(WHO, arguments={"tries": "lost"}), "there is no variable `lost`", ("with", "tries")),
        (
            replace(WHO, results={"customer": "name"}),
            "the sub-flow `identify` has no result `name`",
            ("results", "customer"),
        ),
        (replace(WHO, results={"2nd": "account"}), "`2nd` is not a valid variable name", ("results", "2nd")),
        (replace(WHO, outcomes={"fond": "said"}), "the sub-flow `identify` never returns `fond`", ("outcomes", "fond")),
        (replace(WHO, next=None), "nothing follows when the sub-flow `identify` returns `failed`", ("call",)),
        (
            replace(WHO, outcomes={"found": "said", "failed": "bye"}),
            "`next` of step `who` never follows",
            ("next",),
        ),
    ],
)
def test_what_is_wrong_with_a_call(changed: CallStep, what: str, path: tuple[str, ...]) -> None:
    found = problem_of(changed)
    assert found.what == what
    assert found.path == ("steps", "who", *path)
    assert found.why and found.todo


def test_a_result_has_a_value_only_where_the_outcome_has_one() -> None:
    found = problem_of(replace(WHO, next="sorry"), replace(NUMBER), *_failing_to("sorry"))
    assert found.what == "variable `customer` may have no value here"
    assert found.path == ("steps", "sorry", "say")


def _failing_to(name: str) -> tuple[Step, ...]:
    failed = ReturnStep("who/failed", "failed", name, ("next",), {"customer": "account"})
    return (failed, Say(name, "Sorry, {customer}.", "bye"))


@pytest.mark.parametrize(
    ("results", "what"),
    [
        ({"account": Type.NUMBER}, "the result `account` is a text"),
        ({"account": Type.TEXT, "name": Type.TEXT}, "the result `name` never has a value"),
    ],
)
def test_a_sub_flow_gives_the_results_that_it_declares(results: dict[str, Type], what: str) -> None:
    found = problem_of(replace(WHO, sub_flow=replace(IDENTIFY, results=results)))
    assert found.what == what
    assert found.path == ("flows", "who", "results", what.split("`")[1])


def test_variables_of_the_caller_are_not_those_of_the_sub_flow() -> None:
    found = problem_of(replace(NUMBER, prompt="Number {limit}?"))
    assert found.what == "there is no variable `limit`"
    assert "parameter" in found.why


def test_a_return_of_no_sub_flow() -> None:
    found = problem_of(End("bye"), ReturnStep("said", "found", "bye", ("next",)))
    assert found.what == "step `said` returns to nobody"


def test_a_silent_caller_may_not_loop_through_a_sub_flow() -> None:
    found = problem_of(replace(WHO, next="who"), ReturnStep("who/failed", "failed", "who", ("next",)))
    assert found.what == "a silent caller loops for ever: who → who/number → who/failed → who"


def test_nor_does_one_that_visits_a_step_so_often_at_most() -> None:
    again = (replace(WHO, next="who", visits=Visits(3, "bye")), ReturnStep("who/failed", "failed", "who", ("next",)))
    runner = FlowRunner(flow_of(*again))
    runner.start()
    for _ in range(2):
        assert isinstance(runner.after(SILENCE), AskFor)
    assert isinstance(runner.after(SILENCE), HangUp)
    assert runner.walked()[-1] == ("bye", "visits.then")


def test_a_sub_flow_counts_its_visits_whenever_it_is_called() -> None:
    number = replace(NUMBER, visits=Visits(2, "who/failed"))
    again = ReturnStep("who/failed", "failed", "again", ("next",))
    ask = Collect("again", "Again?", "more", DigitRule(1, 1), "who", no_input=Retry("bye", 1), no_match=Retry("bye", 1))
    runner = FlowRunner(flow_of(number, replace(WHO, next="again"), again, ask))
    runner.start()
    wrong, more = Answer(AnswerKind.DTMF, digits="9999"), Answer(AnswerKind.DTMF, digits="1")
    for _ in range(3):
        runner.walked()
        runner.after(wrong)
        assert isinstance(runner.after(wrong), AskFor)
        assert runner.step == "again", "after two visits, or two tries"
        runner.after(more)
    assert runner.step == "who/number"


def test_looking_ahead_counts_no_visit() -> None:
    runner = FlowRunner(flow_of(replace(NUMBER, visits=Visits(1, "who/failed"))))
    runner.start()
    for _ in range(3):
        assert runner.ahead() is not None
    assert runner.step == "who/number"


def test_a_limit_in_a_sub_flow_ends_no_loop_that_calls_it() -> None:
    limited = replace(NUMBER, visits=Visits(3, "who/failed"))
    found = problem_of(limited, replace(WHO, next="who"), ReturnStep("who/failed", "failed", "who", ("next",)))
    assert found.what == "a silent caller loops for ever: who → who/number → who/failed → who"
    inside = replace(limited, no_input=Retry("who/number", 1))
    assert flow_of(inside).steps["who/number"] is inside, "one within it is ended"
