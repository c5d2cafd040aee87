"""Reads what a `collect` step of a flow collects with `as`, `pattern` or `directory`: the kind, and its limits."""

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from pathlib import Path

from yaml.nodes import Node, ScalarNode

from offhook.pipeline.events import ValueKind
from offhook.pipeline.understanding.kinds import KINDS, Amount, Date, Number, Time, TimeRange
from offhook.pipeline.understanding.patterns import Pattern, pattern_fault
from offhook.pipeline.understanding.phones import COUNTRIES, Phone
from offhook.settings.flow_directory import read_directory
from offhook.settings.flow_steps.reader import StepReader
from offhook.usererror import UserError, did_you_mean

LIMITS = ("earliest", "latest", "least", "most")
"""Keys of a step: of dates and times of day the first two, of numbers and amounts the others."""

MAX_DAYS = 3_660
"""From today on, or back."""

_OF_KIND: Mapping[type[ValueKind], tuple[str, ...]] = {
    Date: ("earliest", "latest"),
    Time: ("earliest", "latest"),
    TimeRange: ("earliest", "latest"),
    Number: ("least", "most"),
    Amount: ("least", "most"),
}
_TODAY = re.compile(r"today(?:\s*([+-])\s*(\d{1,4})(?:\s*days?)?)?")


def value_kind(reader: StepReader, found: Mapping[str, Node], what: str) -> ValueKind | None:
    """The kind that `as`, `pattern` or `directory` name in the keys of a step; None without any, or with a problem,
    which is reported."""
    given = [key for key in ("as", "pattern", "directory") if key in found]
    if not given:
        for key in LIMITS:
            if key in found:
                reader.problem(found[key], f"{what} has `{key}`", "only values have limits", "add `as: time`")
        return None
    key = given[0]
    name = reader.text(found[key], f"`{key}` of {what}")
    if name is None:
        return None
    for other in (*given[1:], "digits", "spoken"):
        if other in found:
            why = f"`{key}: {name[:40]}` says already what is collected, and by voice"
            reader.problem(found[other], f"{what} has `{key}` and `{other}`", why, f"remove `{other}`, or `{key}`")
    if key == "directory":
        _refuse_limits(reader, found, what, "directory", ())
        return _directory(reader, name)
    if key == "pattern":
        return _pattern(reader, found, what, name)
    if name not in KINDS:
        known = did_you_mean(name, tuple(KINDS))
        reader.problem(found["as"], f"`{name[:40]}` is not a kind of value", "`as` names what is collected", known)
        return None
    return _limited(reader, found, what, name)


def _directory(reader: StepReader, file: str) -> ValueKind | None:
    """The people of a file beside the flow's."""
    try:
        return read_directory(Path(reader.name).parent / file, reader.language)
    except UserError as error:
        reader.problems += error.problems
        return None


def _pattern(reader: StepReader, found: Mapping[str, Node], what: str, form: str) -> Pattern | None:
    _refuse_limits(reader, found, what, "pattern", ())
    if (fault := pattern_fault(form)) is not None:
        reader.problem(found["pattern"], f"`{form[:40]}` is no pattern", fault, "type `pattern: AA-9999`")
        return None
    return Pattern(form)


def _limited(reader: StepReader, found: Mapping[str, Node], what: str, name: str) -> ValueKind | None:
    kind = KINDS[name]
    takes = _OF_KIND.get(kind, ())
    _refuse_limits(reader, found, what, f"as: {name}", takes)
    if kind in (Number, Amount):
        low, high = (_number(reader, found, key, what) for key in takes)
        _check_order(reader, found, what, takes, low is not None and high is not None and low > high)
        return Number(low, high) if kind is Number else Amount(least=low, most=high)
    if kind in (Time, TimeRange):
        start, end = (_time(reader, found, key, what) for key in takes)
        _check_order(reader, found, what, takes, start is not None and end is not None and start >= end)
        return Time(start, end) if kind is Time else TimeRange(start, end)
    if kind is Date:
        first, last = (_day(reader, found, key, what) for key in takes)
        both = type(first) is type(last) and first is not None
        _check_order(reader, found, what, takes, both and first > last)  # type: ignore[operator]
        past = isinstance(last, timedelta) and last <= timedelta(0)
        return Date(past=past, earliest=first, latest=last)
    return _phone(reader, found, what) if kind is Phone else kind()


def _phone(reader: StepReader, found: Mapping[str, Node], what: str) -> Phone | None:
    if reader.country is not None:
        return Phone(reader.country) if reader.country in COUNTRIES else None  # which is reported
    why = "numbers are dialled in another way in each country"
    reader.problem(found["as"], f"{what} does not know the country", why, "add `country: US` at the top of the flow")
    return None


def _refuse_limits(
    reader: StepReader, found: Mapping[str, Node], what: str, named: str, takes: tuple[str, ...]
) -> None:
    for key in LIMITS:
        if key in found and key not in takes:
            others = " and ".join(f"`{each}`" for each in takes)
            why = f"`{named}` takes {others}" if others else f"`{named}` has no limits"
            reader.problem(found[key], f"{what} has `{key}`", why, f"remove `{key}`")


def _check_order(
    reader: StepReader, found: Mapping[str, Node], what: str, keys: tuple[str, ...], is_wrong: bool
) -> None:
    if is_wrong:
        first, last = keys
        why = f"`{first}` is not before `{last}`"
        reader.problem(found[last], f"`{last}` of {what} leaves no value", why, f"a later `{last}`")


def _number(reader: StepReader, found: Mapping[str, Node], key: str, what: str) -> float | None:
    return reader.number(found[key], f"`{key}` of {what}") if key in found else None


def _day(reader: StepReader, found: Mapping[str, Node], key: str, what: str) -> date | timedelta | None:
    """A date, or how far it is from today."""
    if key not in found:
        return None
    written = reader.text(found[key], f"`{key}` of {what}")
    if written is None:
        return None
    relative = _TODAY.fullmatch(written.lower())
    if relative is not None and int(relative[2] or 0) <= MAX_DAYS:
        return timedelta(days=int(f"{relative[1] or '+'}{relative[2] or 0}"))
    try:
        return date.fromisoformat(written)
    except ValueError:
        why = f"it is YEAR-MONTH-DAY, or up to {MAX_DAYS} days from today"
        todo = f"type `{key}: today`, `{key}: today + 90` or `{key}: 2026-12-24`"
        reader.problem(found[key], f"`{key}` of {what} is no date: `{written[:40]}`", why, todo)
    return None


def _time(reader: StepReader, found: Mapping[str, Node], key: str, what: str) -> time | None:
    """A time of day. Without quotes YAML takes 12:00 for a number; the text of the node is as it was written."""
    if key not in found:
        return None
    node = found[key]
    written = node.value if isinstance(node, ScalarNode) else ""
    hour, colon, minute = written.partition(":")
    if colon and hour.isdigit() and minute.isdigit() and len(minute) == 2 and int(hour) < 24 and int(minute) < 60:
        return time(int(hour), int(minute))
    reader.problem(node, f"`{key}` of {what} is not a time of day", reader.got(node), f"type `{key}: 18:30`")
    return None
