"""Flows with switches, as they are written."""

import pytest

from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.switches import Switch
from offhook.settings.flow_file import parse_flow
from offhook.usererror import UserError

FLOW = """
name: shop
start: closed
switches:
  emergency: {emergency}
  mode: {mode}
hours:
  shop: {{monday-friday: 9-17, closed_by: {closed_by}}}
steps:
  closed: {{if: {condition}, then: bye, else: open}}
  open: {{if: hours.shop, then: bye, else: bye}}
  bye: {{hang_up: Goodbye.}}
"""
GOOD = {
    "emergency": "{means: Closed at once.}",
    "mode": "{means: What is said, values: [normal, storm], default: storm}",
    "closed_by": "emergency",
    "condition": "switches.emergency or switches.mode == 'storm'",
}


def shop(**changes: str) -> Flow:
    return parse_flow(FLOW.format(**{**GOOD, **changes}).encode(), "f.yaml")


def test_switches_are_read() -> None:
    flow = shop()
    assert flow.switches["emergency"] == Switch("Closed at once.")
    assert flow.switches["mode"] == Switch("What is said", "storm", ("normal", "storm"))
    assert flow.hours["shop"].closed_by == "emergency"


@pytest.mark.parametrize(
    ("given", "default"),
    [("{means: M}", "off"), ("{means: M, default: on}", "on"), ("{means: M, values: [on, off]}", "off")],
)
def test_a_switch_that_is_on_or_off(given: str, default: str) -> None:
    assert shop(emergency=given).switches["emergency"] == Switch("M", default)


@pytest.mark.parametrize(
    ("changes", "where", "what", "todo"),
    [
        (
            {"emergency": "{default: on}"},
            "f.yaml:5:14",
            "the switch `emergency` has no `means`",
            "add a line `means: …`",
        ),
        (
            {"emergency": "{means: M, default: red}"},
            "f.yaml:5:34",
            "`default` of the switch `emergency`",
            "type `true`",
        ),
        ({"emergency": "on"}, "f.yaml:5:14", "the switch `emergency` is not", "type `emergency: {means:"),
        ({"mode": "{means: M, values: [a]}"}, "f.yaml:6:20", "the values of `mode` are a", "type `values:"),
        ({"mode": "{means: M, values: [a, b], default: c}"}, "f.yaml:6:45", "`mode` is never `c`", "type `default: a`"),
        ({"mode": "{means: M, value: [a, b]}"}, "f.yaml:6:20", "unknown key `value`", "did you mean `values`?"),
        ({"closed_by": "mode"}, "f.yaml:8:42", "`mode` closes nothing", "one of: emergency"),
        ({"condition": "switches.emergncy"}, "f.yaml:10:16", "there is no `switches.emergncy`", "did you mean `emer"),
    ],
)
def test_what_is_wrong_with_switches(changes: dict[str, str], where: str, what: str, todo: str) -> None:
    with pytest.raises(UserError) as failed:
        shop(**changes)
    (problem,) = failed.value.problems
    assert problem.where == where and problem.what.startswith(what) and problem.todo.startswith(todo)


def test_a_flow_that_asks_for_switches_and_has_none() -> None:
    text = FLOW.format(**GOOD).replace("switches:\n", "variables:\n").replace("hours.shop", "yes")
    flow = text.replace(GOOD["emergency"], "a").replace(GOOD["mode"], "b").replace(", closed_by: emergency", "")
    with pytest.raises(UserError) as failed:
        parse_flow(flow.encode(), "f.yaml")
    (problem,) = failed.value.problems
    assert problem.what == "there is no variable `switches`" and "switches: {emergency:" in problem.todo
