"""How often a call may come to a step."""

from dataclasses import replace

import pytest

from offhook.pipeline.dialog.actions import AskFor, HangUp, Speak
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.listening import Retry
from offhook.pipeline.dialog.steps.options import Option
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step, Visits
from offhook.pipeline.events import Answer, AnswerKind, Choice

AGAIN = Answer(AnswerKind.SPEECH, "again", choice="again")
NO_MATCH = Answer(AnswerKind.NO_MATCH, "potato")
MENU = Ask(
    "menu",
    "Again?",
    (Option(Choice("again", ("again",), "1"), "said"),),
    no_input=Retry("bye"),
    no_match=Retry("bye"),
    visits=Visits(2, "person"),
)
STEPS: tuple[Step, ...] = (Say("said", "Once more.", "menu"), MENU, Say("person", "A person.", "bye"), End("bye"))


def runner_of(*changed: Step) -> FlowRunner:
    return FlowRunner(Flow("test", "menu", {step.name: step for step in (*STEPS, *changed)}))


def test_the_step_after_too_many_visits_follows_instead() -> None:
    runner = runner_of()
    assert isinstance(runner.start(), AskFor)
    runner.after(AGAIN)
    assert isinstance(runner.after(Answer(AnswerKind.SPEECH)), AskFor)
    runner.after(AGAIN)
    said = runner.after(Answer(AnswerKind.SPEECH))
    assert isinstance(said, Speak)
    assert said.prompt.text == "A person."
    assert runner.walked()[-2:] == [("menu", "next"), ("person", "visits.then")]


def test_being_asked_again_is_no_visit() -> None:
    runner = runner_of(replace(MENU, visits=Visits(1, "person")))
    runner.start()
    for _ in range(2):
        assert isinstance(runner.after(NO_MATCH), AskFor)


def test_what_is_ahead_of_an_announcement_is_the_step_that_follows_instead() -> None:
    runner = runner_of()
    runner.start()
    runner.after(AGAIN)
    assert runner.ahead() is not None
    runner.after(Answer(AnswerKind.SPEECH))
    runner.after(AGAIN)
    assert runner.ahead() is None


def test_a_correction_takes_a_visit_back() -> None:
    other = replace(MENU, options=(*MENU.options, Option(Choice("no", ("no",)), "bye")))
    runner = runner_of(other, Say("said", "Once more.", "menu"))
    runner.start()
    runner.after(AGAIN)
    assert isinstance(runner.corrected(Answer(AnswerKind.SPEECH, "no", choice="no")), HangUp)
    assert isinstance(runner.corrected(AGAIN), Speak)
    assert isinstance(runner.after(Answer(AnswerKind.SPEECH)), AskFor)


def test_it_is_an_edge_and_a_way_to_a_step() -> None:
    assert MENU.edges()["visits.then"] == "person"


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (replace(MENU, visits=Visits(0, "person")), "most is 0"),
        (replace(MENU, visits=Visits(2, "lost")), "there is no step `lost`"),
    ],
)
def test_what_is_wrong_with_it(step: Step, what: str) -> None:
    with pytest.raises(FlowError) as caught:
        runner_of(step)
    assert what in [each.what for each in caught.value.problems]


def test_announcements_that_repeat_end_after_so_many_visits() -> None:
    steps = (Say("one", "One.", "two"), Say("two", "Two.", "one", visits=Visits(2, "bye")), End("bye"))
    runner = FlowRunner(Flow("test", "one", {step.name: step for step in steps}))
    action, said = runner.start(), 0
    while isinstance(action, Speak):
        action, said = runner.after(Answer(AnswerKind.SPEECH)), said + 1
    assert isinstance(action, HangUp)
    assert said == 5
