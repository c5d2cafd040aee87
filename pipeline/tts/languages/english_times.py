"""Times of day, dates and years in English. Pure."""

import re

from offhook.pipeline.tts.languages.english_numbers import cardinal, decade, ordinal, year
from offhook.pipeline.tts.languages.rules import DASH, Match, Rule, ends_sentence, listed, rule, with_stop

_MONTHS = listed("January February March April May June July August September October November December")
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEKDAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "tues": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "thur": "Thursday",
    "thurs": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_TITLED_MONTH = (
    r"Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?\.?|July?\.?|Aug(?:ust|\.)?"
    r"|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?"
)
_MONTH = f"(?:{_TITLED_MONTH}|{_TITLED_MONTH.upper()})"
_DAY = r"(?:[12][0-9]|3[01]|0?[1-9])"
_YEAR = r"(?:1[0-9]|20)[0-9]{2}"
_NO_MORE_DIGITS = r"(?![\w%/]|[.,:][0-9])"
_WEEKDAY = r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?"
_BETWEEN_DAYS = {"/": " and ", "&": " and "}
_HALF = r"(?:[ap]\.m\.|[ap]\.?m\b)"
_CLOCK = r"[0-9]{1,2}(?:[:.][0-5][0-9](?:[:][0-5][0-9])?)?"  # with a full stop only before "am" or "pm"
_ZONES = {"UTC": "U T C", "GMT": "G M T"} | {
    z: " ".join(z) for z in listed("ET CT MT PT EST EDT CST CDT MST MDT PST PDT")
}
# The number after these is a year, unless something that can be counted follows it.
_BEFORE_YEAR = listed(
    "in since until till by year before after during through from of for class born est established fiscal circa "
    "spring summer autumn fall winter early mid late copyright ©"
)
_AFTER_YEAR = listed(
    "and or to until was is were has had will would we i you they he she it the a our your my this that there with at "
    "on for by as when because if but so than through until model season report edition election budget tax"
)
_SECOND_YEAR = re.compile(rf"\ (?:to|through|and|or)\ {_YEAR}(?![\w,.]*[0-9])")
_OF_A_YEAR = re.compile(
    r"\ (?:season|model|election|edition|tax|budget|report|calendar|holiday|school|plan|world|olympic|census)"
)
# "ending in 1998" are digits, "out of 2000" is a number.
_NO_YEAR_BEFORE = re.compile(r"\b(?:(?:ending|ends) in|(?:out|total|amount) of|code (?:from|of|for))[ (]+$")
_DAY_FOLLOWS = re.compile(rf"\ (?:[A-Z][a-z]{{2,6}}day|{_MONTH}|Eastern|Central|Mountain|Pacific)\b")
_BEFORE_MONTH = re.compile(
    r"\b(?:in|since|until|till|by|of|from|through|early|late|mid|last|next|this|every|each)[ -]$"
)
_YEAR_ALONE = re.compile(_YEAR)
_BEFORE_DECADE = re.compile(r"\b(?:the|my|your|his|her|our|their|early|late|mid)['\s-]{1,2}$")


def time_rules(*, month_first: bool) -> tuple[Rule, ...]:
    """In "5/12/2026" the month comes first in the United States, the day elsewhere."""

    def numeric(found: Match) -> str | None:
        first, second, mark = int(found["a"]), int(found["b"]), found["mark"]
        short = len(found["year"]) == 2
        # "1.2.26" is a version, "12-05-26" some other number.
        if short and mark != "/":
            return None
        number = int(found["year"]) + (0 if not short else 2_000 if int(found["year"]) < 70 else 1_900)
        month, day = (first, second) if month_first and mark != "." else (second, first)
        if month > 12:
            month, day = day, month
        return _date(found, month, day, number, month_first)

    def day_and_month(found: Match, a: str = "a", b: str = "b") -> str | None:
        first, second = int(found[a]), int(found[b])
        month, day = (first, second) if month_first else (second, first)
        return _date(found, *((day, month) if month > 12 else (month, day)), None, month_first)

    def days_and_months(found: Match) -> str | None:
        first, last = day_and_month(found), day_and_month(found, "c", "d")
        return f"{first} to {last}" if first and last else None

    def named(found: Match) -> str | None:
        return _named_date(found, month_first)

    return (
        rule(
            r"""(?<![\w.,/-])(?P<year>[12][0-9]{3})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})
            (?:T(?P<clock>[0-9]{2}:[0-5][0-9](?::[0-5][0-9])?)(?:\.[0-9]{1,9})?(?P<zone>Z|\+00:?00)?)?(?![\w/-]|\.[0-9])""",
            lambda found: _iso(found, month_first),
        ),
        rule(
            r"(?<![\w.,/])(?<!(?<![0-9]{4})-)(?P<a>[0-9]{1,2})(?P<mark>[/.-])(?P<b>[0-9]{1,2})(?P=mark)(?P<year>[12][0-9]{3}|[0-9]{2})(?![\w/]|-(?![0-9]{1,2}/)|\.[0-9])",
            numeric,
        ),
        rule(
            rf"(?<![\w.,/-])(?P<a>[0-9]{{1,2}})/(?P<b>[0-9]{{1,2}})\ ?{DASH}\ ?(?P<c>[0-9]{{1,2}})/(?P<d>[0-9]{{1,2}})"
            rf"{_NO_MORE_DIGITS}",
            days_and_months,
        ),
        # The date that a card expires.
        rule(
            r"(?:(?<=\bexp\ )|(?<=\bexp\.\ )|(?<=\bexpires\ )|(?<=\bthru\ ))"
            rf"(?P<month>0?[1-9]|1[0-2])/(?P<year>[0-9]{{2}}){_NO_MORE_DIGITS}",
            _month_and_year,
        ),
        # Without a year it might be a fraction, unless the context is about days.
        rule(
            rf"(?:(?<=\bon\ )|(?<=\bby\ )|(?<=\buntil\ )|(?<=\bsince\ )|(?<=\bdue\ )|(?<=day\ )|(?<=day,\ )"
            r"|(?<=\bfrom\ )(?=[0-9]{1,2}/[0-9]{1,2}\ to\ [0-9]{1,2}/)|(?<=/[0-9]\ to\ )|(?<=/[0-9]{2}\ to\ )"
            r"|(?<![\w.,/-])(?=0|[0-9]{1,2}/0|(?:1[0-2]|[1-9])/(?:1[35789]|2[1-35-9]|3[01])\b"
            r"|[0-9]{1,2}/[0-9]{1,2}\ at\ [0-9]))"
            rf"(?P<a>[0-9]{{1,2}})/(?P<b>[0-9]{{1,2}}){_NO_MORE_DIGITS}",
            day_and_month,
        ),
        rule(
            rf"""\b(?P<month>{_MONTH})\ (?P<day>{_DAY})(?:st|nd|rd|th)?
            (?:\ ?{DASH}\ ?(?P<to>{_DAY})(?:st|nd|rd|th)?)?(?:,?\ (?P<year>{_YEAR}))?{_NO_MORE_DIGITS}""",
            named,
        ),
        rule(
            rf"""(?<![\w.,/:-])(?P<day>{_DAY})(?:st|nd|rd|th)?(?:\ ?{DASH}\ ?(?P<to>{_DAY})(?:st|nd|rd|th)?)?
            (?:\ of)?[ -](?P<month>{_MONTH})(?![a-z])(?:,?[ -](?P<year>{_YEAR}){_NO_MORE_DIGITS})?""",
            lambda found: _named_date(found, False),
        ),
        rule(rf"(?<![\w.,/-])(?P<month>0?[1-9]|1[0-2])/(?P<year>{_YEAR}){_NO_MORE_DIGITS}", _month_and_year),
        rule(
            rf"\b(?P<month>{_MONTH})\ ['’](?P<year>[0-9]{{2}})(?![\w%])",
            lambda found: f"{_month_name(found['month'])} {year(2000 + int(found['year']))}",
        ),
        rule(
            rf"\b(?P<month>{_MONTH})(?P<comma>,?)\ (?P<year>{_YEAR}){_NO_MORE_DIGITS}",
            lambda found: f"{_month_name(found['month'])}{found['comma']} {year(int(found['year']))}",
        ),
        rule(r"\b(?P<month>Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)\.(?!\w)", _month_alone),
        rule(
            rf"\b(?P<a>{_MONTH})\ ?{DASH}\ ?(?P<b>{_MONTH})(?![\w'])",
            lambda found: f"{_month_name(found['a'])} to {_month_name(found['b'])}",
        ),
        rule(rf"(?<=[0-9]\ ){DASH}(?=\ (?:[0-9]|{_MONTH}\ [0-9]))", "to"),
        rule(rf"(?<=[0-9]){DASH}(?={_MONTH}\ [0-9]|[0-9]{{1,2}}/[0-9])|(?<=noon){DASH}(?=[0-9])", "to"),
        rule(rf"\bM{DASH}F\b", "Monday to Friday"),
        rule(rf"\b{_WEEKDAY}(?:(?:,\ ?|/|\ ?&\ ?|\ ?{DASH}\ ?|\ )(?:(?:and|or|&)\ )?{_WEEKDAY}){{1,6}}", _weekdays),
        rule(
            rf"\b(?P<day>{_WEEKDAY})"
            rf"(?=,?\ (?:{_MONTH}\ ?[0-9]|[0-9]{{1,2}}(?:[:/]|\ ?[ap]\.?m|\ ?[-–]\ ?[0-9]|st|nd|rd|th|\ {_MONTH})))",
            lambda found: _weekday(found["day"]),
        ),
        rule(
            rf"""(?<![\w:.,/$])(?P<from>{_CLOCK})\ ?(?P<from_half>{_HALF})?
            \ ?{DASH}\ ?(?P<to>{_CLOCK})\ ?(?P<to_half>{_HALF})?
            (?P<zone>\ (?-i:{"|".join(_ZONES)})\b)?{_NO_MORE_DIGITS}""",
            _clock_range,
            re.I,
        ),
        rule(
            rf"(?<![\w:.,/$])(?P<clock>{_CLOCK})\ ?(?P<half>{_HALF})?(?P<zone>\ (?-i:{'|'.join(_ZONES)})\b)?"
            rf"{_NO_MORE_DIGITS}",
            _clock_alone,
            re.I,
        ),
        rule(rf"(?<![\w.,$€£#-])(?P<a>{_YEAR})\ ?[-–]\ ?(?P<b>{_YEAR}|[0-9]{{2}}){_NO_MORE_DIGITS}(?!-)", _years),
        rule(
            r"\bFY\ ?['’]?(?P<year>20[0-9]{2}|[0-9]{2})(?![\w%]|[.,:][0-9])",
            lambda found: f"fiscal year {year(int('20'[: 4 - len(found['year'])] + found['year']))}",
        ),
        rule(rf"(?<=\b[QH][1-4]\ )(?P<year>{_YEAR}){_NO_MORE_DIGITS}", lambda found: year(int(found["year"]))),
        rule(
            rf"(?<![\w.,-])(?P<year>{_YEAR})[ -]?(?P<part>[QH][1-4])(?!\w)",
            lambda found: f"{found['part']} {year(int(found['year']))}",
        ),
        rule(r"(?<![\w.,$€£'’])(?P<mark>['’]?)(?P<tens>(?:1[0-9]|20)?[1-9]0|(?:1[1-9]|20)00)'?s\b", _decade),
        rule(rf"(?<![\w.,$€£-])(?P<year>1[1-9][0-9]{{2}}|20[0-9]{{2}}){_NO_MORE_DIGITS}", _bare_year),
    )


def _iso(found: Match, month_first: bool) -> str | None:
    date = _date(found, int(found["month"]), int(found["day"]), int(found["year"]), month_first)
    if date is None or not found["clock"]:
        return date
    clock = _clock(found["clock"], None)
    return None if clock is None else f"{date} at {clock}" + (" U T C" if found["zone"] else "")


def _named_date(found: Match, month_first: bool) -> str | None:
    number = int(found["year"]) if found["year"] else None
    to = int(found["to"]) if found["to"] else None
    return _date(found, _month_number(found["month"]), int(found["day"]), number, month_first, to)


def _date(
    found: Match, month: int, day: int, number: int | None, month_first: bool, to: int | None = None
) -> str | None:
    if not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
        return None
    days = ordinal(day) + (f" to {ordinal(to)}" if to is not None else "")
    name = _MONTHS[month - 1]
    if month_first:
        return f"{name} {days}" + (f", {year(number)}" if number is not None else "")
    article = "" if found.string[: found.start()].lower().endswith("the ") else "the "
    return f"{article}{days} of {name}" + (f" {year(number)}" if number is not None else "")


def _month_and_year(found: Match) -> str:
    """ "05/2027" or, on a card, "05/27"."""
    return f"{_MONTHS[int(found['month']) - 1]} {year(int('20'[: 4 - len(found['year'])] + found['year']))}"


def _month_number(name: str) -> int:
    return next(index for index, month in enumerate(_MONTHS, 1) if month[:3] == name[:3].title())


def _month_name(name: str) -> str:
    return _MONTHS[_month_number(name) - 1]


def _month_alone(found: Match) -> str | None:
    if not _BEFORE_MONTH.search(found.string[max(0, found.start() - 10) : found.start()].lower()):
        return None  # "I spoke with Jan."
    name = _month_name(found["month"])
    return name + "." if ends_sentence(found) else name


def _weekday(name: str) -> str:
    return _WEEKDAYS[name.rstrip(".").lower()]


def _weekdays(found: Match) -> str:
    days = re.sub(_WEEKDAY, lambda day: _weekday(day.group()), found.group())
    return with_stop(found, re.sub(rf"\ ?({DASH}|[/&])\ ?", lambda mark: _BETWEEN_DAYS.get(mark[1], " to "), days))


def _half(found: Match, group: str) -> str | None:
    return found[group][0].upper() + "M" if found[group] else None


def _clock(clock: str, half: str | None) -> str | None:
    hour, minute, second = (*map(int, clock.replace(".", ":").split(":")), None, None)[:3]
    if hour is None or hour > (12 if half and minute is None else 24) or (hour == 24 and minute):
        return None
    if minute:
        spoken = f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif half or minute is None:
        spoken = cardinal(hour)
    elif hour in (0, 24):
        spoken = "midnight"
    else:
        spoken = f"{cardinal(hour)} o'clock" if hour <= 12 else f"{cardinal(hour)} hundred"
    if second:
        spoken += f" and {cardinal(second)} second{'s' if second != 1 else ''}"
    return f"{spoken} {half}" if half else spoken


def _clock_alone(found: Match) -> str | None:
    if ":" not in found["clock"] and not found["half"]:
        return None
    spoken = _clock(found["clock"], _half(found, "half"))
    return None if spoken is None else _with_zone(found, spoken)


def _clock_range(found: Match) -> str | None:
    halves, clocks = found["from_half"] or found["to_half"], found["from"] + found["to"]
    if ":" not in clocks and not halves:
        return None
    # In "9:00-17", as in "9-5 pm", both numbers are hours.
    whole = ":" in clocks and not halves
    times = (found["from"], _half(found, "from_half")), (found["to"], _half(found, "to_half"))
    spoken = [_clock(clock + ":00" if whole and ":" not in clock else clock, half) for clock, half in times]
    return None if None in spoken else _with_zone(found, f"{spoken[0]} to {spoken[1]}")


def _with_zone(found: Match, spoken: str) -> str:
    if found["zone"]:
        return f"{spoken} {_ZONES[found['zone'].strip().upper()]}"
    stops = found.group().endswith(".") and ends_sentence(found)
    return spoken + "." if stops and not _DAY_FOLLOWS.match(found.string, found.end()) else spoken


def _years(found: Match) -> str | None:
    first, second = int(found["a"]), int(found["b"])
    if second < 100:
        # "2025-26"; in "2019-12" the month is the second.
        return f"{year(first)} to {cardinal(second)}" if second > max(first % 100, 12) else None
    return f"{year(first)} to {year(second)}" if first < second else None


def _decade(found: Match) -> str | None:
    tens = int(found["tens"])
    if (
        tens < 100
        and not found["mark"]
        and not _BEFORE_DECADE.search(found.string[max(0, found.start() - 8) : found.start()].lower())
    ):
        return None  # "30s" may be seconds
    return decade(tens)


def _bare_year(found: Match) -> str | None:
    before = found.string[max(0, found.start() - 24) : found.start()].lower()
    rest = found.string[found.end() : found.end() + 24]
    number = int(found["year"])
    words = before.replace("(", " ").split()
    last = words[-1].rstrip(".") if words else ""
    beside_a_year = last in ("to", "and", "or") and _YEAR_ALONE.fullmatch("".join(words[-2:-1]))
    if beside_a_year or _SECOND_YEAR.match(rest) or (before.endswith("(") and rest.startswith(")")):
        return year(number)
    if last in ("the", "your", "our", "my", "this"):
        return year(number) if _OF_A_YEAR.match(rest.lower()) else None
    if not before.endswith((" ", "(")) or _NO_YEAR_BEFORE.search(before) or rest[:1] not in " .,;:!?)\n\"'":
        return None
    return year(number) if (last in _BEFORE_YEAR or last.endswith("-end")) and _uncounted(rest, last, number) else None


def _uncounted(rest: str, before: str, number: int) -> bool:
    """Whether nothing that can be counted follows: "in 2025 alone", but not "in 2000 homes"."""
    following = rest.lower().split()[:1] if rest[:1] == " " else []
    word = following[0].strip(".,;:!?)\"'") if following else ""
    if not word or word in _AFTER_YEAR:
        return True
    counted = word.endswith("s") or word in ("people", "men", "women", "children", "percent", "of")
    return before in ("in", "since") and 1900 <= number < 2060 and not counted
