"""Times of day, dates and years in German. Pure."""

import re

from offhook.pipeline.tts.languages.german_numbers import cardinal
from offhook.pipeline.tts.languages.rules import DASH, Match, listed, rule

_ORDINALS = listed(
    "erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte dreizehnte vierzehnte "
    "fünfzehnte sechzehnte siebzehnte achtzehnte neunzehnte zwanzigste einundzwanzigste zweiundzwanzigste "
    "dreiundzwanzigste vierundzwanzigste fünfundzwanzigste sechsundzwanzigste siebenundzwanzigste "
    "achtundzwanzigste neunundzwanzigste dreißigste einunddreißigste"
)
_MONTHS = listed("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")
_WEEKDAYS = {
    "Mo": "Montag",
    "Di": "Dienstag",
    "Mi": "Mittwoch",
    "Do": "Donnerstag",
    "Fr": "Freitag",
    "Sa": "Samstag",
    "So": "Sonntag",
}
_BETWEEN_DAYS = {"/": " und ", "&": " und "}
_HUNDREDS = listed("elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn")
_BEFORE_YEAR = re.compile(
    rf"\b(?:seit|Jahr|Jahre|Jahres|von|bis|ab|vor|nach|um|Sommer|Winter|Frühjahr|Herbst|Anfang|Mitte|Ende|geboren|"
    rf"gegründet|{'|'.join(_MONTHS)})\ $"
)
_UNDECLINED = re.compile(r"(?<!\bin\ )(?<!\bvon\ )(?<!\bauf\ )(?<!\bbei\ )(?<!\ban\ )\b(?:der|die|das)\ $", re.I)
_DECLINED = re.compile(r"\b(?:am|vom|zum|im|dem|den|des|der|ab|bis|beim)\ $", re.I)

START, END = r"(?<![\w.,+/:-])", r"(?![\w/]|[-.,:][0-9])"
_MONTH = (
    r"(?:Jan(?:uar|\.)|Feb(?:ruar|\.)|März|Mrz\.|Apr(?:il|\.)|Mai|Jun[i.]|Jul[i.]|Aug(?:ust|\.)|Sept?(?:ember|\.)"
    r"|Okt(?:ober|\.)|Nov(?:ember|\.)|Dez(?:ember|\.))"
)
_NO_YEAR = r"(?P<year>(?!))?"
_WEEKDAY = rf"(?:{'|'.join(_WEEKDAYS)})"
_CLOCK = r"(?:[01]?[0-9]|2[0-4])"


def _ordinal(found: Match, number: int) -> str | None:
    """The ordinal, inflected to agree with the word before it; "erster" without one."""
    if not 1 <= number <= len(_ORDINALS):
        return None
    before = found.string[max(0, found.start() - 12) : found.start()]
    if _UNDECLINED.search(before):
        return _ORDINALS[number - 1]
    return _ORDINALS[number - 1] + ("n" if _DECLINED.search(before) else "r")


def _month_number(name: str) -> int:
    return next(n for n, month in enumerate(_MONTHS, 1) if month[:3] == name[:3].replace("Mrz", "Mär"))


def _date(found: Match) -> str | None:
    month = found["month"]
    number = int(month) if month.isdigit() else _month_number(month)
    day = _ordinal(found, int(found["day"]))
    if day is None or not 1 <= number <= 12:
        return None
    year = found["year"] or ""
    if len(year) == 2:
        year = ("20" if int(year) < 70 else "19") + year
    return f"{day} {_MONTHS[number - 1]} {_year(year)}".rstrip()


def _year(number: str) -> str:
    """ "neunzehnhundertachtundneunzig": voices take 1998 for a quantity. Years from 2000 on are read alike."""
    if len(number) != 4 or not 11 <= int(number[:2]) <= 19:
        return number
    rest = int(number[2:])
    return f"{_HUNDREDS[int(number[:2]) - 11]}hundert{cardinal(rest) if rest else ''}"


def _year_alone(found: Match) -> str | None:
    before = found.string[max(0, found.start() - 12) : found.start()]
    return _year(found.group()) if _BEFORE_YEAR.search(before) else None


def _date_range(found: Match) -> str | None:
    """ "vom 1.-15. Mai", "1. bis 15.5."."""
    first, last = _ordinal(found, int(found["from"])), _ordinal(found, int(found["to"]))
    if first is None or last is None:
        return None
    month = _MONTHS[(int(found["number"]) if found["number"] else _month_number(found["name"])) - 1]
    return f"{first} bis {last.removesuffix('r').removesuffix('n')}n {month} {_year(found['year'] or '')}".rstrip()


def _weekdays(found: Match) -> str:
    days = re.sub(rf"({_WEEKDAY})\b\.?", lambda day: _WEEKDAYS[day[1]], found.group())
    return re.sub(rf"\ ?({DASH}|[/&])\ ?", lambda mark: _BETWEEN_DAYS.get(mark[1], " bis "), days)


def _hour(hour: str) -> str:
    return "ein" if int(hour) == 1 else str(int(hour))


def _time(hour: str, minute: str | None) -> str:
    return f"{_hour(hour)} Uhr" + (f" {int(minute)}" if minute and int(minute) else "")


def _clock(found: Match) -> str:
    return _time(found["hour"], found["minute"])


def _clock_range(found: Match) -> str | None:
    if not (found["minute"] or found["to_minute"] or found["uhr"]):
        return None
    first = _time(found["hour"], found["minute"])
    # "9 bis 17 Uhr": the word "Uhr" is said once.
    first = first if found["minute"] else _hour(found["hour"])
    return f"{first} bis {_time(found['to'], found['to_minute'])}"


DATE_RULES = (
    rule(
        rf"{START}(?P<from>[0-3]?[0-9])\.?\ ?(?:{DASH}|bis)\ ?(?P<to>[0-3]?[0-9])\.\ ?"
        rf"(?:(?P<name>{_MONTH})(?!\w)|(?P<number>0?[1-9]|1[0-2])\.)(?:\ ?(?P<year>[12][0-9]{{3}})(?![0-9]))?",
        _date_range,
    ),
    rule(
        rf"{START}(?P<day>[0-3]?[0-9])\.\ ?(?P<month>[01]?[0-9])\.\ ?(?P<year>[12][0-9]{{3}}|[0-9]{{2}})"
        r"(?![\w.]|,[0-9])",
        _date,
    ),
    rule(rf"{START}(?P<year>[12][0-9]{{3}})-(?P<month>[01][0-9])-(?P<day>[0-3][0-9])(?![\w-])", _date),
    rule(
        rf"{START}(?P<day>[0-3]?[0-9])\.(?P<month>0[1-9]|1[0-2]|[1-9])\.{_NO_YEAR}"
        rf"(?=[\s,;:!?)]|$|{DASH})(?!\ ?[0-9]{{4}})",
        _date,
    ),
    rule(rf"{START}(?P<day>[0-3]?[0-9])\.\ (?P<month>{_MONTH})(?!\w)(?:\ (?P<year>[12][0-9]{{3}})\b)?", _date),
    rule(
        rf"\b{_WEEKDAY}\b\.?(?:(?:,\ ?|/|\ ?&\ ?|\ ?{DASH}\ ?|\ )(?:(?:und|oder|bis)\ )?{_WEEKDAY}\b\.?){{1,6}}",
        _weekdays,
    ),
    rule(
        rf"\b(?P<day>{_WEEKDAY})\.?(?=,?\ [0-9]{{1,2}}(?:[.:]|\ ?(?:Uhr|h\b|bis|{DASH})))",
        lambda found: _WEEKDAYS[found["day"]],
    ),
    rule(
        r"(?<![\w.,])(?P<number>[0-9]{1,2})\.(?=\ (?:bis|und|oder)\ (?:zum\ |den\ )?[0-9]{1,2}\.\ )",
        lambda found: _ordinal(found, int(found["number"])),
    ),
    rule(
        r"(?<![\w.,])(?P<number>[0-9]{1,2})\."
        r"(?=\ (?:Stock|Etage|Obergeschoss|Quartal|Klasse|Mal|Platz|Woche|Tag|Monat|Jahr)\b)",
        lambda found: _ordinal(found, int(found["number"])),
    ),
)
TIME_RULES = (
    rule(
        rf"""(?<![\w:.,])(?P<hour>{_CLOCK})(?:[:.](?P<minute>[0-5][0-9]))?(?:\ ?Uhr)?\ ?(?:{DASH}|bis)\ ?
        (?P<to>{_CLOCK})(?:[:.](?P<to_minute>[0-5][0-9]))?(?P<uhr>\ ?Uhr\b)?(?![\w:]|[.,][0-9])""",
        lambda found: _clock_range(found) if found["uhr"] or ":" in found.group() else None,
    ),
    rule(rf"(?<![\w:.,])(?P<hour>{_CLOCK}):(?P<minute>[0-5][0-9])(?:\ ?(?:Uhr|h)\b)?(?![\w:]|[.,][0-9])", _clock),
    rule(rf"(?<![\w:.,])(?P<hour>{_CLOCK})\.(?P<minute>[0-5][0-9])\ ?Uhr\b", _clock),
    rule(r"(?<![\w:.,])(?P<hour>1)(?P<minute>(?!))?\ Uhr\b", _clock),
)
YEAR_RULE = rule(r"(?<![\w.,:/-])1[1-9][0-9]{2}(?![%°/\w]|[.,:-][0-9])", _year_alone)
