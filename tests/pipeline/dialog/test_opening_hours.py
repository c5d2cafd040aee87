"""When something is open."""

from datetime import date, datetime, time

import pytest

from offhook.pipeline.dialog.opening_hours import OpeningHours, Span, days_in, span_in

DAY = Span(time(9), time(17, 30))
NIGHT = Span(time(22), time(6))
SHOP = OpeningHours(
    week=((DAY,),) * 4 + ((DAY, NIGHT), (), ()),
    dates={date(2026, 12, 24): (Span(time(9), time(12)),), date(2026, 12, 25): ()},
)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-30 09:00", True),  # a Monday
        ("2026-11-30 08:59", False),
        ("2026-11-30 17:29", True),
        ("2026-11-30 17:30", False),
        ("2026-12-04 23:00", True),  # a Friday
        ("2026-12-05 05:59", True),
        ("2026-12-05 06:00", False),
        ("2026-12-06 12:00", False),
        ("2026-12-24 11:59", True),
        ("2026-12-24 13:00", False),
        ("2026-12-25 12:00", False),
        ("2026-12-26 03:00", False),  # the night of a Friday that is closed
    ],
)
def test_when_it_is_open(at: str, is_open: bool) -> None:
    assert SHOP.is_open(datetime.fromisoformat(at)) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-12-25 12:00", False),
        ("2027-12-25 12:00", True),  # a year of its own
        ("2028-12-25 12:00", False),
        ("2028-12-26 12:00", True),
        ("2028-02-29 12:00", False),
        ("2027-03-01 12:00", True),
    ],
)
def test_days_of_each_year(at: str, is_open: bool) -> None:
    shop = OpeningHours(((DAY,),) * 7, {date(2027, 12, 25): (DAY,)}, yearly={(12, 25): (), (2, 29): ()})
    assert shop.is_open(datetime.fromisoformat(at)) is is_open


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("9:00-17:30", DAY),
        ("9 - 17:30", DAY),
        ("09:00–17:30", DAY),
        ("22-6", NIGHT),
        ("00:00-24:00", Span(time(0), time(0))),
        ("24:00-06:00", None),
        ("9", None),
        ("9-25", None),
        ("9:5-10", None),
        ("-5", None),
        ("closed", None),
        ("9-9:60", None),
        ("٩-١٧", None),
    ],
)
def test_spans(text: str, span: Span | None) -> None:
    assert span_in(text) == span


def test_a_whole_day() -> None:
    always = OpeningHours(((Span(time(0), time(0)),),) * 7)
    assert all(always.is_open(datetime(2026, 11, 30, hour, 59)) for hour in range(24))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("monday", (0,)),
        ("Mon-Fri", (0, 1, 2, 3, 4)),
        ("sat-mon", (5, 6, 0)),
        ("sunday", (6,)),
        ("weekdays", None),
        ("mon-", None),
        ("", None),
    ],
)
def test_days(text: str, days: tuple[int, ...] | None) -> None:
    assert days_in(text) == days
