"""Flows with opening hours."""

from datetime import date, datetime, time

import pytest

from offhook.pipeline.dialog.actions import HangUp
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.opening_hours import Span
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.settings.flow_file import parse_flow
from offhook.usererror import UserError

OPEN = """
name: shop
start: open
timezone: {timezone}
hours:
  shop:
    {days}: {spans}
    saturday: [10-12, 13-15]
    dates: {{{day}: {closed}}}
steps:
  open: {{if: {condition}, then: bye, else: bye}}
  bye: {{hang_up: Goodbye.}}
"""


def shop(**changes: str) -> Flow:
    given = {"timezone": "Europe/Berlin", "days": "monday-friday", "spans": "9:00-17:30", "closed": "closed"}
    given |= {"day": "2026-12-25", "condition": "hours.shop"}
    return parse_flow(OPEN.format(**{**given, **changes}).encode(), "f.yaml")


def test_opening_hours_are_read() -> None:
    flow = shop()
    assert flow.timezone == "Europe/Berlin"
    hours = flow.hours["shop"]
    assert hours.week[0] == hours.week[4] == (Span(time(9), time(17, 30)),)
    assert hours.week[5] == (Span(time(10), time(12)), Span(time(13), time(15)))
    assert hours.week[6] == hours.dates[date(2026, 12, 25)] == ()


@pytest.mark.parametrize(("day", "month_and_day"), [("12-25", (12, 25)), ("02-29", (2, 29))])
def test_days_of_each_year_are_read(day: str, month_and_day: tuple[int, int]) -> None:
    hours = shop(day=day).hours["shop"]
    assert hours.yearly == {month_and_day: ()} and not hours.dates


@pytest.mark.parametrize(
    ("changes", "what", "todo"),
    [
        ({"timezone": "Europe/Berlyn"}, "there is no time zone `Europe/Berlyn`", "did you mean `Europe/Berlin`?"),
        ({"days": "weekdays"}, "`weekdays` of `hours` of `shop` is no day", "type `monday: 9-17`"),
        ({"days": "friday-saturday"}, "`saturday` of `hours` of `shop` has a day that is set twice", "keep one"),
        ({"spans": "nine to five"}, "`monday-friday` of `hours` of `shop` are no times", "type `9:00-17:30`"),
        ({"spans": "24:00-06:00"}, "`monday-friday` of `hours` of `shop` are no times", "type `0:00-06:00` on the day"),
        ({"closed": "no"}, "`2026-12-25` of `hours` of `shop` are no times", "type `9:00-17:30`"),
        ({"day": "02-30"}, "`02-30` of `hours` of `shop` is no date", "type `2026-12-25: closed`, or `12-25"),
        ({"day": "25.12."}, "`25.12.` of `hours` of `shop` is no date", "type `2026-12-25: closed`"),
        ({"condition": "hours.shp"}, "there is no `hours.shp`", "did you mean `shop`?"),
    ],
)
def test_what_is_wrong_with_opening_hours(changes: dict[str, str], what: str, todo: str) -> None:
    with pytest.raises(UserError) as failed:
        shop(**changes)
    (problem,) = failed.value.problems
    assert problem.what == what and problem.todo.startswith(todo)


@pytest.mark.parametrize(("at", "said"), [("2026-12-04 08:59", "Closed."), ("2026-12-04 09:00", "Open.")])
def test_a_flow_knows_whether_it_is_open(at: str, said: str) -> None:
    text = OPEN.replace("then: bye, else: bye", "then: yes, else: no")
    text = text.replace("  bye: {{hang_up: Goodbye.}}\n", "  yes: {{hang_up: Open.}}\n  no: {{hang_up: Closed.}}\n")
    given = {"timezone": "UTC", "days": "mon-fri", "spans": "9-17", "day": "2026-12-25", "closed": "closed"}
    flow = parse_flow(text.format(**given, condition="hours.shop").encode(), "f")
    action = FlowRunner(flow, now=lambda: datetime.fromisoformat(at)).start()
    assert isinstance(action, HangUp) and action.prompt is not None and action.prompt.text == said
