"""Questions with several keys, with digits or a choice, conditions, patterns, and what is read back."""

from datetime import date, timedelta

import pytest

from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.events import Choice, DigitRule
from offhook.pipeline.understanding.kinds import Date, Text
from offhook.pipeline.understanding.patterns import Pattern
from offhook.pipeline.understanding.phones import Phone
from offhook.settings.flow_file import parse_flow
from tests.offhook.settings.flow_yaml import changed, only

FLOW = """\
name: test
start: ask
country: de
no_input: {then: bye}
no_match: {then: bye}
steps:
  ask:
    ask: Which?
    choices:
      one: {key: [1, "01"], next: number}
      ten: {key: 10, next: number}
  number:
    collect: Which number?
    into: number
    digits: {min: 3, max: 4}
    clear: "*"
    where: luhn(number)
    where_reprompt: That is none.
    confirm: yes
    choices:
      operator: {phrases: [operator], key: 0, next: bye}
    next: order
  order: {collect: Which order., pattern: AA-9999, into: order, next: why}
  why: {collect: Why., as: text, into: why, next: phone}
  phone: {collect: Which phone., as: phone, into: phone, next: day}
  day: {collect: Which day., as: date, earliest: today, latest: today + 90, into: day, next: born}
  born: {collect: Your birthday., as: date, earliest: 1900-01-01, latest: today - 1, into: born, next: bye}
  bye:
    hang_up: Goodbye.
"""


def wrong(old: str, new: str) -> tuple[str, str, str]:
    """Where the problem is, what it is, and what to type."""
    assert FLOW.count(old) == 1, old
    found = only(FLOW.replace(old, new))
    return found.where, f"{found.what}: {found.why}", found.todo


def test_they_are_read() -> None:
    steps = parse_flow(FLOW.encode(), "f.yaml").steps
    ask, number = steps["ask"], steps["number"]
    assert isinstance(ask, Ask) and isinstance(number, Collect)
    assert [option.choice for option in ask.options] == [
        Choice("one", (), "1", ("01",)),
        Choice("ten", (), "10"),
    ]
    assert number.rule == DigitRule(3, 4, "#", 2_500, "*")
    assert (number.where, number.where_reprompt, number.confirm) == ("luhn(number)", "That is none.", True)
    assert number.question().read_back
    assert number.question().choices == (Choice("operator", ("operator",), "0"),)
    values = {name: step.value for name, step in steps.items() if isinstance(step, Collect)}
    assert values == {
        "number": None,
        "order": Pattern("AA-9999"),
        "why": Text(),
        "phone": Phone("DE"),
        "day": Date(earliest=timedelta(0), latest=timedelta(days=90)),
        "born": Date(past=True, earliest=date(1900, 1, 1), latest=timedelta(days=-1)),
    }


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "todo"),
    [
        ('key: [1, "01"]', "key: [1, 10]", "f.yaml:11:18", "key 10 stands for `one` and for `ten`", "another key"),
        ('key: [1, "01"]', "key: [1, 1]", "f.yaml:10:22", "key 1 appears twice in one choice", "another key"),
        ('key: [1, "01"]', "key: [1, 12345]", "f.yaml:10:22", "a choice's key has 4 digits at most", "`collect`"),
        ('key: [1, "01"]', "key: [1, x]", "f.yaml:10:22", "`x` is not a key", "type `key: 1`"),
        ('key: [1, "01"]', "key: []", "f.yaml:10:7", "`one` can never be chosen", "key: 1"),
        ("key: 0", "key: 012", "f.yaml:21:44", "key 012 of `operator` is ambiguous", "give the choice"),
        ("key: 0", 'key: "0#"', "f.yaml:21:44", "key 0# of `operator` ends the entry", "give the choice"),
        ("key: 0", 'key: "0123"', "f.yaml:21:44", "key 0123 of `operator` is ambiguous", "give the choice"),
        ('clear: "*"', 'clear: "#"', "f.yaml:16:12", "cannot clear the entry: it ends the entry", "clear: '*'"),
        ('clear: "*"', "clear: 5", "f.yaml:16:12", "cannot clear the entry: only * or # can", "clear: '*'"),
        ("    where: luhn(number)\n", "", "f.yaml:", "`where_reprompt` is never said", "add `where"),
        ("where: luhn(number)", "where: luhn(order)", "f.yaml:17:12", "variable `order` may have no value", "collect"),
        ("where: luhn(number)", "where: number > 5", "f.yaml:17:12", "cannot be evaluated", "number(number)"),
        ("confirm: yes", "confirm: maybe", "f.yaml:19:14", "neither true nor false", "`true`"),
        ("pattern: AA-9999", "pattern: AB-9999", "f.yaml:23:43", "`AB-9999` is no pattern", "AA-9999"),
        ("pattern: AA-9999", "pattern: AA-9999, digits: 4", "f.yaml:23:60", "`pattern` and `digits`", "remove"),
        ("pattern: AA-9999", "pattern: AA-9999, least: 4", "f.yaml:23:59", "`pattern` has no limits", "remove"),
        ("pattern: AA-9999", 'as: date, clear: "*"', "f.yaml:23:51", "what it collects is not keyed", "remove"),
        ("country: de\n", "", "f.yaml:24:38", "does not know the country", "country: US"),
        ("country: de", "country: xx", "f.yaml:3:10", "the numbers of `xx` are not known", "one of: US"),
        ("earliest: today,", "earliest: tomorrow,", "f.yaml:26:50", "is no date: `tomorrow`", "earliest: today"),
        ("latest: today + 90", "latest: today - 90", "f.yaml:26:65", "leaves no value", "a later"),
        ("latest: today + 90", "latest: today + 9000", "f.yaml:26:65", "up to 3660 days", "today + 90"),
    ],
)
def test_what_is_wrong_is_told(old: str, new: str, where: str, what: str, todo: str) -> None:
    at, said, typed = wrong(old, new)
    assert at.startswith(where)
    assert what in said
    assert todo in typed


def test_a_key_that_is_longer_than_any_entry_is_refused() -> None:
    short = FLOW.replace("digits: {min: 3, max: 4}", "digits: 2").replace("key: 0,", "key: 012,")
    assert only(short).what == "key 012 of `operator` is never heard in full"


@pytest.mark.parametrize(
    ("old", "new", "todo"),
    [
        ("    choices:", "    digits: 4\n    choices:", "`collect: …` with `digits: 4`"),
        ("    choices:", "    into: x\n    choices:", "`as: text` keeps any words"),
    ],
)
def test_what_ask_does_not_do_collect_does(old: str, new: str, todo: str) -> None:
    assert todo in only(changed(old, new)).todo


@pytest.mark.parametrize(
    ("key", "todo"), [("validate: luhn", "where: luhn(number)"), ("key: 0", "choices: {operator: {phrases")]
)
def test_other_words_for_what_collect_does(key: str, todo: str) -> None:
    assert todo in wrong("    confirm: yes", f"    {key}")[2]


def test_how_long_a_further_digit_of_a_key_is_waited_for() -> None:
    step = parse_flow(FLOW.encode(), "test.yaml").steps["ask"]
    assert isinstance(step, Ask) and step.question().inter_digit_ms == 1_500
    slow = FLOW.replace("    ask: Which?\n", "    ask: Which?\n    inter_digit_ms: 4000\n")
    step = parse_flow(slow.encode(), "test.yaml").steps["ask"]
    assert isinstance(step, Ask) and step.question().inter_digit_ms == 4_000
    problem = only(slow.replace("4000", "4"))
    assert problem.what == "inter_digit_ms is 4" and problem.where == "f.yaml:9:21"
