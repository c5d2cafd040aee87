"""Dates in what was said. Pure: today is an argument."""

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from offhook.pipeline.understanding.ambiguous import one_of
from offhook.pipeline.understanding.calendar_words import CalendarWords, calendar_words
from offhook.pipeline.understanding.corrections import after_corrections
from offhook.pipeline.understanding.numbers import number_at
from offhook.pipeline.understanding.numerals import (
    Found,
    Numerals,
    cardinal_at,
    known_numerals,
    number_words,
    ordinal_at,
    small_at,
)
from offhook.pipeline.understanding.ranges import alternatives
from offhook.pipeline.understanding.words import base_of, region_of

MIN_YEAR, MAX_YEAR = 1800, 2199

_ORDINAL_FIGURE = re.compile(r"\b([0-9]{1,2})(?:st|nd|rd|th|\.?ers?|eme|º|ª|o|a)\b|\b([0-9]{1,2})[º°]")
_ISO = re.compile(r"([12][0-9]{3})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})")
_FIGURES = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})(?:[./-]([0-9]{4}|[0-9]{2}))?")
_MONTH_FIRST_REGIONS = frozenset({"us", "ph"})


def read_date(text: str, language: str | None, today: date, *, past: bool = False) -> object | None:
    """The date in `text`; Ambiguous for one that may be several ("03/04"), None if there is none.

    A date without its year is the next one from `today` on, with `past` (a date of birth) the last one up to it. In the
    United States a month in figures goes first, in German, Spanish and French the day; in English without a region it
    may be either. "Next Tuesday" is ambiguous on a Monday: tomorrow, or a week later.
    """
    words, numerals = calendar_words(language), known_numerals(language)
    if words is None or numerals is None:
        return one_of(list(_in_figures(text.split(), language, _Reader(today, past))))
    marked = _ORDINAL_FIGURE.sub(lambda found: f" {found[1] or found[2]} {_NTH} ", text.lower())
    for part in after_corrections(_apart(number_words(marked, language)), language):
        days = alternatives(part, language)
        if not all(words.weekdays.keys() & set(each) for each in days):
            days = [part]
        found = [day for each in days for day in _DateReader(each, words, numerals, language, today, past).read()]
        if found:
            return one_of(found)
    return None


_NTH = "nthmark"  # stands behind a figure that was written as an ordinal


def _apart(words: Sequence[str]) -> list[str]:
    # "3.mai" is one word of figures and one of letters already; "24." has lost its dot.
    return [word.rstrip(".") for word in words]


class _Reader:
    """Completes dates."""

    def __init__(self, today: date, past: bool) -> None:
        self.today = today
        self.past = past

    def made(self, year: int | None, month: int, day: int) -> list[date]:
        """The date, in the year that suits if there is none."""
        if not 1 <= month <= 12 or not 1 <= day <= 31:
            return []
        years = [year] if year is not None else self._years()
        for each in years:
            if not MIN_YEAR <= each <= MAX_YEAR or day > monthrange(each, month)[1]:
                continue
            found = date(each, month, day)
            if year is not None or (found <= self.today if self.past else found >= self.today):
                return [found]
        return []

    def _years(self) -> list[int]:
        step = -1 if self.past else 1
        return [self.today.year + step * n for n in range(9)]  # 29 February

    def full_year(self, year: int) -> int:
        """2026 for 26; with `past` 1984 for 84."""
        if year >= 100:
            return year
        latest = self.today.year + (0 if self.past else 20)
        century = latest // 100 * 100
        return century + year if century + year <= latest else century - 100 + year


def _in_figures(words: Sequence[str], language: str | None, reader: _Reader) -> Iterator[date]:
    for word in words:
        if iso := _ISO.fullmatch(word):
            yield from reader.made(int(iso[1]), int(iso[2]), int(iso[3]))
        elif figures := _FIGURES.fullmatch(word):
            if "." in word and figures[3] is None and base_of(language) in ("en", "es", "fr"):
                continue  # a decimal number
            first, second = int(figures[1]), int(figures[2])
            year = reader.full_year(int(figures[3])) if figures[3] else None
            for month, day in _orders(first, second, language):
                yield from reader.made(year, month, day)


def _orders(first: int, second: int, language: str | None) -> list[tuple[int, int]]:
    """(month, day) in the orders that are usual."""
    day_first, month_first = (second, first), (first, second)
    if base_of(language) != "en":
        return [day_first]
    region = region_of(language)
    if not region:
        return [month_first, day_first]
    return [month_first] if region in _MONTH_FIRST_REGIONS else [day_first]


class _DateReader(_Reader):
    """Reads one part of a sentence."""

    def __init__(  # made in one place
        self,
        words: Sequence[str],
        calendar: CalendarWords,
        numerals: Numerals,
        language: str | None,
        today: date,
        past: bool,
    ) -> None:
        super().__init__(today, past)
        self.words = list(words)
        self.calendar = calendar
        self.numerals = numerals
        self.language = language

    def read(self) -> list[date]:
        """All the dates that it may mean."""
        weekday = self._weekday()
        dated = self._with_month()
        if dated is None:
            dated = self._numbered_month() or list(_in_figures(self.words, self.language, self)) or None
        if dated is not None:
            return self._on_weekday(dated, weekday)
        found = self._span() or self._relative()
        if weekday and found and self._is_week(found):
            return [day for day in weekday if day > self.today]
        return found or self._of_weekday_and_day(weekday) or weekday

    def _is_week(self, found: list[date]) -> bool:
        return all((day - self.today).days % 7 == 0 and day != self.today for day in found)

    def _on_weekday(self, dated: list[date], weekday: list[date]) -> list[date]:
        """The date that was said, if it falls on the weekday that was said with it; both otherwise."""
        if not weekday or not dated:
            return dated
        fitting = [day for day in dated if day.weekday() == weekday[0].weekday()]
        return fitting or [*dated, *weekday]

    def _of_weekday_and_day(self, weekday: list[date]) -> list[date]:
        days = self._day_alone()
        if not weekday or not days:
            return days
        wanted = weekday[0].weekday()
        if days[0].weekday() == wanted:
            return days
        # "Friday the thirteenth": the next month in which it is one.
        return next(
            ([day] for n in range(1, 25) for day in self._in_month(days[0].day, n) if day.weekday() == wanted), days
        )

    def _in_month(self, day: int, months: int) -> list[date]:
        index = self.today.year * 12 + self.today.month - 1 + (-months if self.past else months)
        year, month = index // 12, index % 12 + 1
        return [date(year, month, day)] if day <= monthrange(year, month)[1] else []

    def _with_month(self) -> list[date] | None:
        """The date with the name of a month; empty for one that does not exist, None if no month is named."""
        for at, word in enumerate(self.words):
            month = self.calendar.months.get(word)
            if month is None or (word == "may" and not self._is_month(at)):
                continue
            day, end = self._day_before(at), at + 1
            if day is None and (after := self._day_at(self._skip(at + 1))) is not None:
                day, end = after, after.end
            if day is None:
                continue
            end = max(end, at + 1)
            return self.made(self._year_at(self._skip(end)), month, day.value)
        return None

    def _is_month(self, at: int) -> bool:
        return self._day_before(at) is not None or self._day_at(self._skip(at + 1)) is not None

    def _numbered_month(self) -> list[date]:
        """ "der dritte fünfte", "the third of the fifth", "am 3. 5."."""
        first = next((f for at in range(len(self.words)) if (f := self._ordinal_at(at)) is not None), None)
        if first is None:
            return []
        second = self._ordinal_at(self._skip(first.end))
        if second is None or second.value > 12 or self.language is None:
            return []
        return self.made(self._year_at(self._skip(second.end)), second.value, first.value)

    def _skip(self, at: int) -> int:
        while at < len(self.words) and (self.words[at] in self.calendar.between or self.words[at] == _NTH):
            at += 1
        return at

    def _day_before(self, at: int) -> Found | None:
        end = at
        while end and (self.words[end - 1] in self.calendar.between or self.words[end - 1] == _NTH):
            end -= 1
        for start in range(max(0, end - 5), end):
            found = self._day_at(start)
            if found is not None and found.end >= end:
                return found
        return None

    def _day_at(self, at: int) -> Found | None:
        found = self._ordinal_at(at)
        if found is not None:
            return found
        if at >= len(self.words):
            return None
        word = self.words[at]
        if word.isdigit() and len(word) <= 2:
            value = int(word)
            return Found(value, at, at + 1) if 1 <= value <= 31 else None
        found = small_at(self.words, at, self.numerals)
        return found if found is not None and 1 <= found.value <= 31 else None

    def _ordinal_at(self, at: int) -> Found | None:
        if at >= len(self.words):
            return None
        word = self.words[at]
        if word.isdigit() and len(word) <= 2 and self.words[at + 1 : at + 2] == [_NTH]:
            return Found(int(word), at, at + 2) if 1 <= int(word) <= 31 else None
        found = ordinal_at(self.words, at, self.numerals)
        return found if found is not None and found.value <= 31 else None

    def _year_at(self, at: int) -> int | None:
        """The year at this word: in figures, as a number, or in two halves ("nineteen eighty four")."""
        if at >= len(self.words):
            return None
        word = self.words[at]
        if word.isdigit():
            if len(word) == 4:
                return int(word)
            return self.full_year(int(word)) if len(word) == 2 and not self._is_time(at) else None
        first = small_at(self.words, at, self.numerals)
        if first is not None and 10 <= first.value <= 21 and first.end < len(self.words):
            rest = small_at(self.words, first.end, self.numerals)
            if self.words[first.end] == "oh" and first.end + 1 < len(self.words):
                rest = small_at(self.words, first.end + 1, self.numerals)
            if rest is not None and (rest.value >= 10 or self.words[first.end] == "oh"):
                return first.value * 100 + rest.value
        whole = cardinal_at(self.words, at, self.numerals)
        if whole is not None and MIN_YEAR <= whole.value <= MAX_YEAR:
            return whole.value
        if whole is not None and 10 <= whole.value <= 99 and self.past:
            return self.full_year(whole.value)
        return None

    def _is_time(self, at: int) -> bool:
        return self.words[at + 1 : at + 2] in (["uhr"], ["h"], ["heures"], ["am"], ["pm"])

    def _day_alone(self) -> list[date]:
        """ "the third", "am dritten", "el tres", "le 3"."""
        for at in range(len(self.words)):
            found = self._ordinal_at(at)
            if found is None and at and self._is_before_day(self.words[at - 1]):
                found = self._day_at(at) if not self._starts_span(at) else None
            if found is None or (self.words[found.start - 1 : found.start] == ["the"] and self._is_option(found)):
                continue
            for months in range(12):
                for day in self._in_month(found.value, months):
                    if (day <= self.today) if self.past else (day >= self.today):
                        return [day]
        return []

    def _is_before_day(self, word: str) -> bool:
        if word in self.calendar.day_words:
            return True
        # "Vendredi treize"; "Tuesday three" is a time.
        return word in self.calendar.weekdays and not self.calendar.month_first

    def _is_option(self, found: Found) -> bool:
        return self.words[found.end : found.end + 1] in (["one"], ["option"])

    def _starts_span(self, at: int) -> bool:
        found = self._day_at(at)
        return (
            found is not None
            and self.words[found.end : found.end + 1] != []
            and (
                self.words[found.end] in self.calendar.units or self.words[found.end] in ("heures", "heure", "uhr", "h")
            )
        )

    def _relative(self) -> list[date]:
        spoken = f" {' '.join(self.words)} "
        for phrase in sorted(self.calendar.days, key=len, reverse=True):
            if f" {phrase} " in spoken and not self._is_morning(phrase):
                return [self.today + timedelta(self.calendar.days[phrase])]
        return []

    def _is_morning(self, phrase: str) -> bool:
        """ "por la mañana" is no day, and "martes por la mañana" not tomorrow."""
        if phrase != "manana" or base_of(self.language) != "es":
            return False
        return all(
            self.words[at - 1 : at] in (["la"], ["de"]) for at, word in enumerate(self.words) if word == "manana"
        )

    def _span(self) -> list[date]:
        """ "in three days", "three days ago", "vor zwei Wochen"."""
        for at, word in enumerate(self.words):
            unit = self.calendar.units.get(word)
            if unit is None:
                continue
            if self.words[at - 2 : at] in (["in", "a"], ["in", "an"]):
                return self._shifted(Decimal(1), unit)
            for start in range(max(0, at - 4), at):
                number = number_at(self.words, start, self.numerals, self.language)
                if number is None or number.end != at:
                    continue
                before = self.words[max(0, start - 3) : start]
                after = self.words[at + 1 : at + 3]
                if any(" ".join(before).endswith(ago) for ago in self.calendar.ago) or after[:1] == ["ago"]:
                    return self._shifted(-number.value, unit)
                if self.calendar.within & set(before) or after in (["from", "now"], ["from", "today"]):
                    return self._shifted(number.value, unit)
        return []

    def _shifted(self, number: Decimal, unit: str) -> list[date]:
        if number != number.to_integral_value() or abs(number) > 4_000:
            return []
        count = int(number)
        if unit in ("day", "week"):
            return [self.today + timedelta(count * (7 if unit == "week" else 1))]
        index = self.today.year * 12 + self.today.month - 1 + count * (12 if unit == "year" else 1)
        year, month = index // 12, index % 12 + 1
        return [date(year, month, min(self.today.day, monthrange(year, month)[1]))]

    def _weekday(self) -> list[date]:
        for at, word in enumerate(self.words):
            weekday = self.calendar.weekdays.get(word)
            if weekday is None or (len(word) <= 3 and len(self.words) > 3):
                continue
            before, after = " ".join(self.words[max(0, at - 2) : at]), " ".join(self.words[at + 1 : at + 3])
            return self._named_weekday(weekday, before, after)
        return []

    def _named_weekday(self, weekday: int, before: str, after: str) -> list[date]:
        words, today = self.calendar, self.today
        ahead = (weekday - today.weekday()) % 7
        coming = today + timedelta(ahead or 7)
        if any(f" {before}".endswith(f" {last}") or after.startswith(last) for last in words.last):
            return [today - timedelta((today.weekday() - weekday) % 7 or 7)]
        if after.startswith(("week", "in einer woche", "in acht", "en huit", "en ocho")) or before.endswith("week on"):
            return [coming + timedelta(7)]
        if before.endswith(("week from", "week after", "woche")):
            return [coming + timedelta(7)]
        if any(f" {before}".endswith(f" {word}") or after.startswith(word) for word in words.following):
            of_next_week = today - timedelta(today.weekday()) + timedelta(7 + weekday)
            return list(dict.fromkeys([of_next_week, coming]))
        if self.past:
            return [today - timedelta((today.weekday() - weekday) % 7)]
        if "next week" in f"{before} {after}" or "nachste woche" in f"{before} {after}":
            return [today - timedelta(today.weekday()) + timedelta(7 + weekday)]
        return [coming]
