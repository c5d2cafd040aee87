"""Opening hours: a week, and days that differ from it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MIDNIGHT = time(0)
"""As an end: that of the day."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until `end`, which is not part of it. An end that is not behind the start is on the next day."""

    start: time
    end: time

    @property
    def ends_next_day(self) -> bool:
        """Whether it goes on after midnight."""
        return self.end <= self.start

    def has(self, at: time, *, next_day: bool = False) -> bool:
        """Whether a time of its day, or of the day after it, is within it."""
        if next_day:
            return self.ends_next_day and at < self.end
        return self.start <= at and (self.ends_next_day or at < self.end)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """`week` has the spans of each day from Monday on, `dates` those of days that differ: none where it is closed.
    `yearly` are days that differ in each year, by month and day, where `dates` does not have them. While the switch
    `closed_by` is on, it is closed, whatever the time."""

    week: tuple[tuple[Span, ...], ...]
    dates: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    closed_by: str | None = None
    yearly: Mapping[tuple[int, int], tuple[Span, ...]] = field(default_factory=dict)

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at a local time, but for its switch."""
        today, now = at.date(), at.time()
        yesterday = self._of(today - timedelta(days=1))
        return any(span.has(now) for span in self._of(today)) or any(span.has(now, next_day=True) for span in yesterday)

    def _of(self, day: date) -> tuple[Span, ...]:
        each_year = self.yearly.get((day.month, day.day), self.week[day.weekday()])
        return self.dates.get(day, each_year)


def span_in(text: str) -> Span | None:
    """`9:00-17:30`, `9-17`, `22:00-06:00`, `00:00-24:00`; None if it is none. It begins before 24:00, which is the
    next day."""
    first, dash, last = text.replace("–", "-").partition("-")
    start, end = _time(first.strip()), _time(last.strip())
    if not dash or start is None or end is None or first.strip().startswith("24"):
        return None
    return Span(start, end)


def _time(text: str) -> time | None:
    hour, colon, minute = text.partition(":")
    if not (hour.isascii() and hour.isdigit() and len(hour) <= 2) or (colon and len(minute) != 2):
        return None
    if colon and not (minute.isascii() and minute.isdigit()):
        return None
    hours, minutes = int(hour), int(minute or "0")
    if (hours, minutes) == (24, 0):
        return MIDNIGHT
    return time(hours, minutes) if hours < 24 and minutes < 60 else None


def days_in(text: str) -> tuple[int, ...] | None:
    """`monday`, `mon`, `monday-friday`, `sat-mon`: numbers of days, 0 is Monday; None if it is none."""
    first, dash, last = text.lower().replace("–", "-").partition("-")
    start = _day(first.strip())
    end = _day(last.strip()) if dash else start
    if start is None or end is None:
        return None
    return tuple((start + day) % 7 for day in range((end - start) % 7 + 1))


def _day(word: str) -> int | None:
    return next((number for number, name in enumerate(WEEKDAYS) if word in (name, name[:3])), None)
