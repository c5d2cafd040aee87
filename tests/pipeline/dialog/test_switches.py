"""Switches of flows: their values, and what follows from them in a call."""

from datetime import datetime, time

import pytest

from offhook.pipeline.dialog.actions import HangUp
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.opening_hours import OpeningHours, Span
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.switches import Switch

EMERGENCY = Switch("everybody hears that we are closed")
MODE = Switch("what callers hear first", "normal", ("normal", "storm", "strike"))
ALWAYS = OpeningHours(((Span(time(0), time(0)),),) * 7, closed_by="emergency")
NOON = datetime(2026, 12, 24, 12)


def flow(**switches: Switch) -> Flow:
    return Flow("test", "bye", {"bye": End("bye", "{switches.mode}.")}, switches=switches)


def test_an_on_off_switch_is_a_truth_and_any_other_a_text() -> None:
    assert EMERGENCY.value_of(None) is False and EMERGENCY.value_of("on") is True
    assert MODE.value_of(None) == "normal" and MODE.value_of("storm") == "storm"
    assert MODE.value_of("gone") == "normal", "a value of an older flow is none"


def test_a_switch_counts_from_the_moment_it_is_set() -> None:
    positions = {"mode": "storm"}
    runner = FlowRunner(flow(mode=MODE), switches=lambda: positions)
    assert runner.value_of(parse("switches.mode")) == "storm"
    positions = {}
    assert runner.value_of(parse("switches.mode")) == "normal"
    ended = runner.start()
    assert isinstance(ended, HangUp) and ended.prompt is not None and ended.prompt.text == "normal."


def test_hours_are_closed_while_their_switch_is_on() -> None:
    positions: dict[str, str] = {}
    steps = {"bye": End("bye", "Goodbye.")}
    made = Flow("test", "bye", steps, hours={"shop": ALWAYS}, switches={"emergency": EMERGENCY})
    runner = FlowRunner(made, now=lambda: NOON, switches=lambda: positions)
    assert runner.value_of(parse("hours.shop")) is True
    positions["emergency"] = "on"
    assert runner.value_of(parse("hours.shop")) is False


@pytest.mark.parametrize(
    ("switches", "what"),
    [
        ({"mode": Switch("", "normal", ("normal",))}, "the values of `mode` are normal"),
        ({"mode": Switch("", "normal", ("normal", "normal"))}, "the values of `mode` are normal, normal"),
        ({"mode": Switch("", "sunny", ("normal", "storm"))}, "`mode` is never `sunny`"),
        ({"mode": MODE, "my mode": EMERGENCY}, "`my mode` is not a valid name"),
        ({"mode": MODE, "from": EMERGENCY}, "`from` cannot be a name"),
        ({"other": MODE}, "there is no `switches.mode`"),
        ({}, "there is no variable `switches`"),
    ],
)
def test_what_is_wrong_with_switches(switches: dict[str, Switch], what: str) -> None:
    with pytest.raises(FlowError) as failed:
        flow(**switches)
    assert [problem.what for problem in failed.value.problems] == [what]


def test_hours_that_no_switch_closes() -> None:
    steps = {"bye": End("bye", "Goodbye.")}
    with pytest.raises(FlowError, match="`emergency` closes nothing"):
        Flow("test", "bye", steps, hours={"shop": ALWAYS})
    with pytest.raises(FlowError, match="`emergency` closes nothing"):
        Flow("test", "bye", steps, hours={"shop": ALWAYS}, switches={"emergency": MODE})
