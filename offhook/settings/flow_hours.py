"""Reads the opening hours of a flow, and its time zone."""

import re
from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo, available_timezones

from yaml.nodes import Node

from offhook.pipeline.dialog.opening_hours import OpeningHours, Span, days_in, span_in
from offhook.settings.yaml_file import Reader
from offhook.usererror import did_you_mean

MAX_SPANS = 10
MAX_DATES = 1_000

_EACH_YEAR = re.compile(r"[0-9]{2}-[0-9]{2}")
_LEAP_YEAR = 2000  # in which there are all of them
_EXAMPLE = "type `shop: {monday-friday: 9:00-17:30, dates: {2026-12-25: closed}}`"


def read_hours(reader: Reader, node: Node) -> dict[str, OpeningHours]:
    """By name; what is wrong is reported, and left out."""
    found = {}
    for name, _, value in reader.entries(node, "`hours`", _EXAMPLE) or []:
        found[name] = _hours(reader, value, f"`hours` of `{name}`")
    return found


def read_timezone(reader: Reader, node: Node) -> str | None:
    """The name of a time zone that this machine knows."""
    name = reader.text(node, "`timezone`")
    if name is None:
        return None
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):  # no such file, or no such name
        pass
    known = sorted(available_timezones())
    why = "a time zone has its name in the IANA database" if known else "this machine has no time zones (tzdata)"
    reader.problem(node, f"there is no time zone `{name[:40]}`", why, did_you_mean(name, known) if known else "")
    return None


def _hours(reader: Reader, node: Node, what: str) -> OpeningHours:
    week: list[tuple[Span, ...]] = [() for _ in range(7)]
    dates: Mapping[date, tuple[Span, ...]] = {}
    yearly: Mapping[tuple[int, int], tuple[Span, ...]] = {}
    given: dict[int, str] = {}
    closed_by = None
    for key, at, value in reader.entries(node, what, _EXAMPLE) or []:
        if key == "dates":
            dates, yearly = _dates(reader, value, what)
            continue
        if key == "closed_by":
            closed_by = reader.text(value, f"`closed_by` of {what}")
            continue
        days = days_in(key)
        if days is None:
            why = "it is a day, or from one to another"
            reader.problem(
                at, f"`{key[:40]}` of {what} is no day", why, "type `monday: 9-17`, or `monday-friday: 9-17`"
            )
            continue
        spans = _spans(reader, value, f"`{key}` of {what}")
        for day in days:
            if day in given:
                why = f"`{given[day]}` has it, too"
                reader.problem(at, f"`{key}` of {what} has a day that is set twice", why, "keep one of them")
            given[day], week[day] = key, spans
    return OpeningHours(tuple(week), dates, closed_by, yearly)


def _dates(
    reader: Reader, node: Node, what: str
) -> tuple[dict[date, tuple[Span, ...]], dict[tuple[int, int], tuple[Span, ...]]]:
    """Those of one year, and by month and day those of each year."""
    entries = reader.entries(node, f"`dates` of {what}", "type `{2026-12-25: closed, 2026-12-31: 9-12}`") or []
    if len(entries) > MAX_DATES:
        reader.problem(node, f"`dates` of {what} has {len(entries)}", f"at most {MAX_DATES} are kept", "drop past ones")
        return {}, {}
    found: dict[date, tuple[Span, ...]] = {}
    yearly: dict[tuple[int, int], tuple[Span, ...]] = {}
    for key, at, value in entries:
        each_year = _EACH_YEAR.fullmatch(key) is not None
        try:
            day = date.fromisoformat(f"{_LEAP_YEAR}-{key}" if each_year else key)
        except ValueError:
            why = "it is YEAR-MONTH-DAY, or MONTH-DAY for each year"
            todo = "type `2026-12-25: closed`, or `12-25: closed`"
            reader.problem(at, f"`{key[:40]}` of {what} is no date", why, todo)
            continue
        spans = _spans(reader, value, f"`{key}` of {what}")
        if each_year:
            yearly[day.month, day.day] = spans
        else:
            found[day] = spans
    return found, yearly


def _spans(reader: Reader, node: Node, what: str) -> tuple[Span, ...]:
    texts = [part.strip() for text in reader.texts(node, what) for part in text.split(",")]
    if texts == ["closed"]:
        return ()
    if len(texts) > MAX_SPANS:
        reader.problem(node, f"{what} has {len(texts)} spans", f"at most {MAX_SPANS} are kept", "join some")
        return ()
    spans = [span_in(text) for text in texts]
    if None in spans:
        wrong = texts[spans.index(None)]
        why = f"`{wrong[:40]}` is not from one time to another"
        todo = "type `9:00-17:30`, `[9-12, 14-18]`, or `closed`"
        if wrong.startswith("24"):
            why = "24:00 is the end of a day, and begins none"
            todo = f"type `0:00-{wrong.partition('-')[2][:20]}` on the day after, or let the hours before go on"
        reader.problem(node, f"{what} are no times", why, todo)
        return ()
    return tuple(span for span in spans if span is not None)
