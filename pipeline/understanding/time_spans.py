"""Spans of a day in what was said: "between two and four in the afternoon". Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time
from itertools import islice

from offhook.pipeline.understanding.ambiguous import one_of, values_in
from offhook.pipeline.understanding.corrections import after_corrections
from offhook.pipeline.understanding.numerals import number_words
from offhook.pipeline.understanding.ranges import range_sides
from offhook.pipeline.understanding.times import day_half, read_time
from offhook.pipeline.understanding.words import base_of
from offhook.pipeline.understanding.written import written_time

MAX_PAIRS = 32
"""That are tried in one text."""

_WRITTEN = {"en": "{} to {}", "de": "{} bis {}", "es": "de {} a {}", "fr": "de {} à {}"}


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From `start` to `end` on one day."""

    start: time
    end: time


def read_time_span(
    text: str, language: str | None = None, earliest: time | None = None, latest: time | None = None
) -> object | None:
    """The span in `text`, as TimeSpan; Ambiguous where either half of the day may be meant, None if there is none.

    It lies between `earliest` and `latest`, and is no longer than twelve hours where the words leave that open.
    """
    for part in after_corrections(number_words(text, language), language):
        half = day_half(part, language)
        for first, last in islice(range_sides(part, language), MAX_PAIRS):
            spans = list(_spans(_times(first, half, language), _times(last, half, language)))
            if spans:
                inside = (s for s in spans if (earliest or time.min) <= s.start and s.end <= (latest or time.max))
                return one_of(inside)
    return None


def written_time_span(value: TimeSpan, language: str | None) -> str:
    """ "2:00 PM to 4:00 PM", "14:00 Uhr bis 16:00 Uhr"."""
    pattern = _WRITTEN.get(base_of(language), "{} - {}")
    return pattern.format(written_time(value.start, language), written_time(value.end, language))


def _times(words: list[str], half: str, language: str | None) -> list[time]:
    """The readings of one end; the half of the day may have been said at the other end."""
    readings = values_in(read_time(" ".join(words), language))
    if half and len(readings) > 1:
        readings = values_in(read_time(" ".join([*words, half]), language)) or readings
    return [each for each in readings if isinstance(each, time)]


def _spans(starts: Iterable[time], ends: Iterable[time]) -> Iterable[TimeSpan]:
    """For each start the next end, in the day."""
    later = sorted(ends)
    for start in starts:
        end = next((each for each in later if each > start), None)
        if end is not None:
            yield TimeSpan(start, end)
