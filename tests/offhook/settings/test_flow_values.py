"""Flows that collect values: their kinds and limits."""

import re
from datetime import time

import pytest

from offhook.pipeline.dialog.steps.branch import If, Switch
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.set import Set
from offhook.pipeline.understanding.kinds import Amount, Date, Number, TimeRange
from offhook.settings.flow_file import parse_flow
from offhook.usererror import UserError

VALUES = """
name: visit
start: when
confirm_below: 0
no_input: {then: bye}
no_match: {then: bye}
steps:
  when:
    collect: When would you like to come?
    as: date
    into: day
    next: time
  time:
    collect: At what time?
    as: time
    confirm_below: 0.8
    into: hour
    next: bye
  bye:
    hang_up: Goodbye.
"""


def test_values_are_collected() -> None:
    flow = parse_flow(VALUES.encode(), "visit.yaml")
    day, hour = flow.steps["when"], flow.steps["time"]
    assert isinstance(day, Collect)
    assert isinstance(hour, Collect)
    assert day.value == Date()
    assert day.question().speech
    assert (day.confirm_below, hour.confirm_below) == (0, 0.8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("as: date", "as: dat", "did you mean `date`?"),
        ("as: date", "as: colour", "`colour` is not a kind of value"),
        ("as: date", "as: date\n    digits: 4", "remove `digits`, or `as`"),
        ("confirm_below: 0.8", "confirm_below: 80", "type `confirm_below: 0.8`"),
    ],
)
def test_a_wrong_kind_is_told(old: str, new: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        parse_flow(VALUES.replace(old, new, 1).encode(), "visit.yaml")


LIMITED = """
name: table
start: people
no_input: {then: bye}
no_match: {then: bye}
steps:
  people:
    collect: How many?
    as: number
    least: 1
    most: 12
    into: people
    next: clock
  clock:
    collect: When?
    as: time_range
    earliest: 9:30
    latest: "18:00"
    into: clock
    next: bye
  bye:
    hang_up: Goodbye.
"""


def test_values_have_limits() -> None:
    flow = parse_flow(LIMITED.encode(), "table.yaml")
    people, clock = flow.steps["people"], flow.steps["clock"]
    assert isinstance(people, Collect)
    assert isinstance(clock, Collect)
    assert people.value == Number(1, 12)
    assert clock.value == TimeRange(time(9, 30), time(18))


def test_amounts_have_limits_too() -> None:
    text = LIMITED.replace("as: number", "as: amount").replace("least: 1", "least: 0.50")
    people = parse_flow(text.encode(), "table.yaml").steps["people"]
    assert isinstance(people, Collect)
    assert people.value == Amount(least=0.5, most=12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("earliest: 9:30", "earliest: morning", "type `earliest: 18:30`"),
        ("earliest: 9:30", "earliest: 19:00", "`earliest` is not before `latest`"),
        ("earliest: 9:30", "most: 5", "`as: time_range` takes `earliest` and `latest`"),
        ("as: number", "as: digits", "`as: digits` has no limits"),
        ("as: number", "as: amount\n    earliest: 9:30", "`as: amount` takes `least` and `most`"),
        ("most: 12", "most: many", "`most` of step `people`"),
        ("as: number", "digits: 1", "only values have limits"),
    ],
)
def test_a_wrong_limit_is_told(old: str, new: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        parse_flow(LIMITED.replace(old, new, 1).encode(), "table.yaml")


CALCULATING = """
name: account
start: begin
steps:
  begin: {{set: {{tries: {value}}}, next: check}}
  check: {{if: "{condition}", then: bye, else: which}}
  which: {{switch: tries, cases: {{1: bye}}, otherwise: bye}}
  bye: {{hang_up: "{{tries}} tries."}}
"""


def test_values_and_conditions_are_read() -> None:
    flow = parse_flow(CALCULATING.format(value=0, condition="tries > 2").encode(), "f.yaml")
    assert flow.steps["begin"] == Set("begin", {"tries": "0"}, "check")
    assert flow.steps["check"] == If("check", "tries > 2", "bye", "which")
    assert flow.steps["which"] == Switch("which", "tries", {"1": "bye"}, "bye")


@pytest.mark.parametrize(
    ("value", "condition", "rendered"),
    [
        (
            "0",
            "tries = 2",
            "f.yaml:6:15: the condition of step `check` cannot be evaluated: `tries = 2`\n"
            "  why:  it is no expression\n"
            "  type: `==` compares",
        ),
        (
            "open('x')",
            "tries > 2",
            "f.yaml:5:24: `tries` of step `begin` cannot be evaluated: `open('x')`\n"
            "  why:  there is no function `open`\n"
            "  type: one of: length, lower,",
        ),
        (
            "\"'0'\"",
            "tries > 2",
            "f.yaml:6:15: `tries > 2` cannot be evaluated\n"
            "  why:  `tries` is a text, and `2` a number\n"
            "  type: `number(tries)`",
        ),
    ],
)
def test_what_cannot_be_evaluated_has_its_line(value: str, condition: str, rendered: str) -> None:
    with pytest.raises(UserError) as failed:
        parse_flow(CALCULATING.format(value=value, condition=condition).encode(), "f.yaml")
    assert failed.value.render().startswith(rendered)
