"""Times of day in what was said. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

from offhook.pipeline.understanding.ambiguous import one_of
from offhook.pipeline.understanding.corrections import after_corrections
from offhook.pipeline.understanding.numerals import Found, Numerals, known_numerals, number_words, small_at
from offhook.pipeline.understanding.ranges import alternatives
from offhook.pipeline.understanding.words import base_of, fold


@dataclass(frozen=True, slots=True)
class ClockWords:
    """How the time is said. `fixed` are phrases with their minute of the day, `halves` phrases that say which half of
    the day is meant: from hour, to hour. `hour` follows the hour's number. `half` is a phrase for 30, `quarter` for 15.
    `past` and `to` stand between minutes and hour; `half_before`: "halb fünf" is 4:30.
    """

    fixed: Mapping[str, int]
    halves: Mapping[str, tuple[int, int]]
    hour: tuple[str, ...]
    minutes: Mapping[str, int]
    past: tuple[str, ...]
    to: tuple[str, ...]
    half_before: str = ""
    hour_first: bool = False


_CLOCK = {
    "en": ClockWords(
        {"noon": 720, "midday": 720, "midnight": 0},
        {
            "am": (0, 12),
            "in the morning": (0, 12),
            "this morning": (0, 12),
            "morning": (0, 12),
            "pm": (12, 24),
            "in the afternoon": (12, 18),
            "afternoon": (12, 18),
            "in the evening": (16, 24),
            "evening": (16, 24),
            "at night": (18, 27),
            "tonight": (17, 24),
        },
        ("o'clock", "oclock", "o clock", "hours", "hundred hours", "hundred"),
        {"half": 30, "a quarter": 15, "quarter": 15},
        ("past", "after"),
        ("to", "till", "before", "of"),
    ),
    "de": ClockWords(
        {"mittag": 720, "mitternacht": 0, "zwolf uhr mittags": 720},
        {
            "morgens": (0, 12),
            "fruh": (0, 12),
            "am morgen": (0, 12),
            "vormittags": (6, 12),
            "am vormittag": (6, 12),
            "vormittag": (6, 12),
            "mittags": (11, 15),
            "nachmittags": (12, 18),
            "am nachmittag": (12, 18),
            "nachmittag": (12, 18),
            "abends": (16, 24),
            "am abend": (16, 24),
            "abend": (16, 24),
            "nachts": (21, 30),
        },
        ("uhr", "h"),
        {"viertel": 15},
        ("nach",),
        ("vor",),
        "halb",
    ),
    "es": ClockWords(
        {"mediodia": 720, "medianoche": 0, "medio dia": 720, "media noche": 0},
        {
            "de la manana": (0, 12),
            "por la manana": (0, 12),
            "de la madrugada": (0, 6),
            "del mediodia": (12, 15),
            "de la tarde": (12, 21),
            "por la tarde": (12, 21),
            "de la noche": (18, 27),
            "por la noche": (18, 27),
            "am": (0, 12),
            "pm": (12, 24),
        },
        ("horas", "hora", "h", "en punto"),
        {"media": 30, "cuarto": 15},
        ("y", "con"),
        ("menos",),
        hour_first=True,
    ),
    "fr": ClockWords(
        {"midi": 720, "minuit": 0},
        {
            "du matin": (0, 12),
            "le matin": (0, 12),
            "de l apres midi": (12, 18),
            "l apres midi": (12, 18),
            "du soir": (16, 24),
            "le soir": (16, 24),
            "ce soir": (16, 24),
            "de la nuit": (21, 30),
        },
        ("heures", "heure", "h"),
        {"demie": 30, "demi": 30, "quart": 15, "le quart": 15, "un quart": 15},
        ("et",),
        ("moins",),
        hour_first=True,
    ),
}
_FIGURES = re.compile(r"([01]?[0-9]|2[0-4])[:.h]([0-5][0-9])")


def read_time(
    text: str, language: str | None = None, earliest: time | None = None, latest: time | None = None
) -> object | None:
    """The time of day in `text`; Ambiguous for one that may be in either half of the day, None if there is none.

    "Four thirty" is 4:30 or 16:30, unless the words say which ("pm", "in the morning") or only one of them lies between
    `earliest` and `latest`.
    """
    clock, numerals = clock_words(language), known_numerals(language)
    if clock is None or numerals is None:
        found = _FIGURES.search(text)
        return time(int(found[1]) % 24, int(found[2])) if found else None
    text = re.sub(r"(?<=[0-9])\s?h\s?(?=[0-9]{2}\b)", ":", fold(text))
    text = re.sub(r"(?<=[0-9])\.(?=[0-5][0-9]\s*(?:uhr|h\b|am\b|pm\b|a\.m|p\.m))", ":", text)
    for part in after_corrections(number_words(text, language), language):
        half = day_half(part, language)
        readings = [
            reading
            for words in alternatives(part, language)
            for reading in _Reading(words, clock, numerals, base_of(language), half).read()
        ]
        inside = [
            each for each in readings if (earliest is None or each >= earliest) and (latest is None or each <= latest)
        ]
        if readings:
            return one_of(inside)
    return None


def clock_words(language: str | None) -> ClockWords | None:
    """The words of a language; None for one that is not known."""
    return _CLOCK.get(base_of(language))


def day_half(words: Sequence[str], language: str | None) -> str:
    """The phrase that says which half of the day is meant ("pm"), as it was said; "" if there is none."""
    clock = clock_words(language)
    spoken = f" {' '.join(words)} "
    halves = sorted(clock.halves if clock is not None else (), key=len, reverse=True)
    return next((half for half in halves if f" {half} " in spoken), "")


class _Reading:
    """One part of a sentence; `half` is the half of the day that another part may have said."""

    def __init__(self, words: Sequence[str], clock: ClockWords, numerals: Numerals, base: str, half: str) -> None:
        self.words = list(words)
        self.clock = clock
        self.numerals = numerals
        self.base = base
        self.spoken = f" {' '.join(words)} "
        if half not in self.spoken:
            self.spoken += f"{half} "

    def read(self) -> list[time]:
        """All the times that it may mean."""
        minute, certain = self._minute_of_day()
        if minute is None:
            return []
        if certain:
            return [_time(minute)]
        half = next((each for phrase, each in self._halves() if f" {phrase} " in self.spoken), None)
        both = [minute % 720, minute % 720 + 720]
        if half is None:
            return [_time(each) for each in both] if minute <= 780 else [_time(minute)]
        if minute >= 780:
            return [_time(minute)]
        low, high = half[0] * 60, half[1] * 60
        fitting = [each for each in (*both, both[0] + 1440) if low <= each < high]
        return [_time(each) for each in fitting[:1] or both]

    def _halves(self) -> list[tuple[str, tuple[int, int]]]:
        return sorted(self.clock.halves.items(), key=lambda item: len(item[0]), reverse=True)

    def _minute_of_day(self) -> tuple[int | None, bool]:
        """The time as minutes, and whether the half of the day is certain."""
        for word in self.words:
            figures = _FIGURES.fullmatch(word)
            if figures:
                hour, minute = int(figures[1]) % 24, int(figures[2])
                return hour * 60 + minute, hour == 0 or hour > 12 or word.startswith("0")
        spoken = self._spoken_minute()
        if spoken is not None:
            return spoken % 1440, spoken >= 780 or self._has_fixed()
        for phrase, minute in self.clock.fixed.items():
            if self._has_fixed(phrase):
                return minute, True
        return None, False

    def _has_fixed(self, phrase: str | None = None) -> bool:
        """Whether "midi" or the like was said, other than in "l'après-midi"."""
        spoken = self.spoken
        for half, _ in self._halves():
            spoken = spoken.replace(f" {half} ", " ")
        return any(f" {each} " in spoken for each in ([phrase] if phrase else self.clock.fixed))

    def _spoken_minute(self) -> int | None:
        for at in range(len(self.words)):
            found = self._hour_first(at) if self.clock.hour_first else self._minutes_first(at)
            if found is not None:
                return found
        return self._hour_and_minutes()

    def _minutes_first(self, at: int) -> int | None:
        """ "half past four", "twenty to five", "halb fünf", "viertel vor fünf"."""
        if self.clock.half_before and self.words[at] == self.clock.half_before:
            hour = self._hour_at(at + 1)
            return None if hour is None else (hour.value * 60 - 30) % 720
        if self.base == "de" and self.words[at] in ("dreiviertel", "viertel"):
            hour = self._hour_at(at + 1)
            if hour is not None:
                return (hour.value * 60 - (15 if self.words[at] == "dreiviertel" else 45)) % 720
        minutes = self._minutes_at(at)
        if minutes is None:
            return None
        end = minutes.end
        if self.words[end : end + 1] in (["minutes"], ["minuten"], ["minute"]):
            end += 1
        if end >= len(self.words):
            return None
        between, beyond = self.words[end], end + 1
        if self.words[beyond : beyond + 1] == [self.clock.half_before] and self.clock.half_before:
            hour = self._hour_at(beyond + 1)  # "fünf vor halb sechs"
            sign = self._sign(between)
            return None if hour is None or not sign else (hour.value * 60 - 30 + sign * minutes.value) % 720
        sign, hour = self._sign(between), self._hour_at(beyond)
        if not sign or minutes.value > 30:
            return None
        if hour is None:
            fixed = self.clock.fixed.get(self.words[beyond]) if beyond < len(self.words) else None
            return None if fixed is None else (fixed + sign * minutes.value) % 1440 or None
        return (
            (hour.value * 60 + sign * minutes.value)
            if hour.value > 12
            else (hour.value * 60 + sign * minutes.value) % 720
        )

    def _sign(self, word: str) -> int:
        return 1 if word in self.clock.past else -1 if word in self.clock.to else 0

    def _hour_first(self, at: int) -> int | None:
        """ "las cuatro y media", "cinq heures moins le quart", "midi et demi"."""
        fixed = self.clock.fixed.get(self.words[at])
        hour = self._hour_at(at)
        if fixed is None and hour is None:
            return None
        base = fixed if hour is None else hour.value * 60
        end = at + 1 if hour is None else hour.end
        if base is None or end >= len(self.words):
            return None
        sign = self._sign(self.words[end])
        minutes = self._minutes_at(end + 1) if sign else None
        if minutes is None:
            return None
        minute = base + sign * minutes.value
        return minute % 1440 if base > 720 or fixed is not None else minute % 720

    def _minutes_at(self, at: int) -> Found | None:
        for length in (2, 1):
            value = self.clock.minutes.get(" ".join(self.words[at : at + length]))
            if value is not None:
                return Found(value, at, at + length)
        if at >= len(self.words):
            return None
        word = self.words[at]
        if word.isdigit() and len(word) <= 2 and int(word) < 60:
            return Found(int(word), at, at + 1)
        found = small_at(self.words, at, self.numerals)
        return found if found is not None and found.value < 60 else None

    def _hour_at(self, at: int) -> Found | None:
        """An hour, with the word that follows it."""
        if at >= len(self.words):
            return None
        word = self.words[at]
        found = (
            Found(int(word), at, at + 1)
            if word.isdigit() and len(word) <= 2
            else small_at(self.words, at, self.numerals)
        )
        if found is None or found.value > 24:
            return None
        for phrase in self.clock.hour:
            length = len(phrase.split())
            if self.words[found.end : found.end + length] == phrase.split():
                return Found(found.value, at, found.end + length)
        return found

    def _hour_and_minutes(self) -> int | None:
        """ "four thirty", "sixteen hundred", "vier Uhr dreißig", "at four"."""
        best: int | None = None
        for at in range(len(self.words)):
            hour = self._hour_at(at)
            if hour is None:
                continue
            end = hour.end
            if self.words[end : end + 1] in (["oh"], ["o"], ["und"], ["zero"], ["null"], ["cero"]):
                end += 1
            minutes = self._minutes_at(end)
            if minutes is not None and (minutes.value >= 10 or end > hour.end or self._has_hour_word(hour)):
                return hour.value * 60 + minutes.value
            if best is None or self._has_hour_word(hour):
                best = hour.value * 60
            if self._has_hour_word(hour):
                return best
        return best

    def _has_hour_word(self, hour: Found) -> bool:
        return any(self.words[hour.end - len(p.split()) : hour.end] == p.split() for p in self.clock.hour)


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
