"""How the texts of SSML's `say-as` are read (W3C, SSML 1.0 say-as attribute values). Pure."""

import re
from datetime import date, time

from offhook.pipeline.dialog.digits import apart
from offhook.pipeline.understanding.words import base_of
from offhook.pipeline.understanding.written import written_date, written_time

INTERPRETED_AS = ("digits", "characters", "date", "time", "cardinal", "telephone")

MAX_CARDINAL_DIGITS = 15

_THOUSANDS = {"en": ",", "fr": " "}
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_DATE = re.compile(r"([0-9]{1,4})[./-]([0-9]{1,2})[./-]([0-9]{1,4})")
_TIME = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2}))?(?:[:.][0-9]{2})?\s*(?:([ap])\.?m\.?)?", re.IGNORECASE)
_CARDINAL = re.compile(r"([+-]?)([0-9][0-9,. ]*)")


def said_as(text: str, kind: str, layout: str, language: str | None) -> str:
    """What a voice in `language` gets for `text`. `layout` is the `format` of a date: mdy, dmy or ymd. A text that is
    not of its kind is read as it is."""
    text = text.strip()
    match kind:
        case "digits":
            return apart("".join(each for each in text if each.isdigit())) or text
        case "characters":
            return apart("".join(text.upper().split()))
        case "telephone":
            return _telephone(text)
        case "date":
            day = _day(text, layout)
            return text if day is None else written_date(day, language)
        case "time":
            at = _at(text)
            return text if at is None else written_time(at, language)
        case "cardinal":
            return _cardinal(text, language)
    return text


def is_said_as(text: str, kind: str, layout: str) -> bool:
    """Whether a text is of its kind."""
    text = text.strip()
    match kind:
        case "date":
            return _day(text, layout) is not None
        case "time":
            return _at(text) is not None
        case "cardinal":
            return _CARDINAL.fullmatch(text) is not None
        case "digits" | "telephone":
            return any(each.isdigit() for each in text)
    return bool(text)


def _telephone(text: str) -> str:
    """Digit by digit, with a moment between groups."""
    groups = re.findall(r"[0-9]+", text)
    plus = "+ " if text.startswith("+") else ""
    return plus + ", ".join(apart(group) for group in groups) if groups else text


def _cardinal(text: str, language: str | None) -> str:
    """In groups of thousands, as the language writes them: a number of five digits would be read digit by digit."""
    found = _CARDINAL.fullmatch(text)
    if found is None:
        return text
    digits = re.sub(r"[,. ]", "", found[2])
    if len(digits) > MAX_CARDINAL_DIGITS:
        return apart(digits)
    return found[1].replace("+", "") + f"{int(digits):,}".replace(",", _THOUSANDS.get(base_of(language), "."))


def _day(text: str, layout: str) -> date | None:
    iso = _ISO_DATE.fullmatch(text)
    found = iso or _DATE.fullmatch(text)
    if found is None:
        return None
    order = "ymd" if iso is not None else layout or "mdy"
    if sorted(order) != ["d", "m", "y"]:
        return None
    parts = {part: int(found[order.index(part) + 1]) for part in "ymd"}
    try:
        return date(parts["y"] + (2000 if parts["y"] < 100 else 0), parts["m"], parts["d"])
    except ValueError:
        return None


def _at(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    if found is None or (found[2] is None and found[3] is None):
        return None
    hour = int(found[1])
    if found[3] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[3].lower() == "p" else 0)
    minute = int(found[2] or 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None
