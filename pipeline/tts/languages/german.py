"""Reading rules for German. Whole numbers are left to the voice, which inflects them better. Pure."""

import re

from offhook.pipeline.tts.languages.rules import DASH, MARKUP, Match, Rule, listed, rule
from offhook.pipeline.tts.languages.web import WebWords, web_rules

MIN_SPELT_DIGITS = 5

_DIGITS = listed("null eins zwei drei vier fünf sechs sieben acht neun")
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
_CURRENCIES = {
    "€": ("Euro", "Cent"),
    "EUR": ("Euro", "Cent"),
    "$": ("Dollar", "Cent"),
    "USD": ("US-Dollar", "Cent"),
    "£": ("Pfund", "Pence"),
    "GBP": ("Pfund", "Pence"),
    "CHF": ("Franken", "Rappen"),
}
_SCALES = {"Tsd": "Tausend", "Mio": "Millionen", "Mrd": "Milliarden"}
_UNITS = {
    "km": "Kilometer",
    "m": "Meter",
    "cm": "Zentimeter",
    "mm": "Millimeter",
    "kg": "Kilogramm",
    "g": "Gramm",
    "mg": "Milligramm",
    "l": "Liter",
    "ml": "Milliliter",
    "h": "Stunden",
    "Std": "Stunden",
    "min": "Minuten",
    "Min": "Minuten",
    "Sek": "Sekunden",
    "sek": "Sekunden",
    "km/h": "Stundenkilometer",
    "m²": "Quadratmeter",
    "qm": "Quadratmeter",
    "°C": "Grad Celsius",
    "°F": "Grad Fahrenheit",
    "°": "Grad",
    "kWh": "Kilowattstunden",
    "kW": "Kilowatt",
    "MB": "Megabyte",
    "GB": "Gigabyte",
    "TB": "Terabyte",
    "Mbit/s": "Megabit pro Sekunde",
    "%": "Prozent",
    "‰": "Promille",
}
_ONE = {"Stunden": "Stunde", "Minuten": "Minute", "Sekunden": "Sekunde", "Kilowattstunden": "Kilowattstunde"}
_ABBREVIATIONS = {
    "abs": "Absatz",
    "bzw": "beziehungsweise",
    "ca": "circa",
    "dr": "Doktor",
    "etc": "et cetera",
    "evtl": "eventuell",
    "exkl": "exklusive",
    "ggf": "gegebenenfalls",
    "hr": "Herr",
    "hrn": "Herrn",
    "inkl": "inklusive",
    "max": "maximal",
    "mind": "mindestens",
    "nr": "Nummer",
    "prof": "Professor",
    "tel": "Telefon",
    "usw": "und so weiter",
    "vgl": "vergleiche",
    "zzgl": "zuzüglich",
}
_SPACED = {
    "z.b.": "zum Beispiel",
    "d.h.": "das heißt",
    "u.a.": "unter anderem",
    "v.a.": "vor allem",
    "o.ä.": "oder Ähnliches",
    "i.d.r.": "in der Regel",
    "u.u.": "unter Umständen",
    "z.t.": "zum Teil",
    "s.o.": "siehe oben",
    "s.u.": "siehe unten",
}
_SYMBOLS = {
    "&": "und",
    "@": "ät",
    "%": "Prozent",
    "°": "Grad",
    "€": "Euro",
    "§": "Paragraf",
    "±": "plus minus",
    "×": "mal",
}
_FRACTIONS = {
    "½": "ein halb",
    "¼": "ein viertel",
    "¾": "drei viertel",
    "1/2": "ein halb",
    "1/4": "ein viertel",
    "3/4": "drei viertel",
}
_RUNS = re.compile(r"[A-Z]+|[0-9]+|-")
_UNDECLINED = re.compile(r"(?<!\bin\ )(?<!\bvon\ )(?<!\bauf\ )(?<!\bbei\ )(?<!\ban\ )\b(?:der|die|das)\ $", re.I)
_DECLINED = re.compile(r"\b(?:am|vom|zum|im|dem|den|des|der|ab|bis|beim)\ $", re.I)

_WHOLE = r"(?:[0-9]{1,3}(?:\.[0-9]{3}){1,4}|[0-9]{1,15})(?![0-9])"
_NUMBER = rf"(?:{_WHOLE}(?:,[0-9]{{1,9}})?)(?![0-9])"
_START, _END = r"(?<![\w.,+/:-])", r"(?![\w/]|[-.,:][0-9])"
_MONTH = (
    r"(?:Jan(?:uar|\.)|Feb(?:ruar|\.)|März|Mrz\.|Apr(?:il|\.)|Mai|Jun[i.]|Jul[i.]|Aug(?:ust|\.)|Sept?(?:ember|\.)"
    r"|Okt(?:ober|\.)|Nov(?:ember|\.)|Dez(?:ember|\.))"
)
_NO_YEAR = r"(?P<year>(?!))?"
_WEEKDAY = rf"(?:{'|'.join(_WEEKDAYS)})"
_CURRENCY = "|".join(re.escape(name) for name in _CURRENCIES)
_SCALE = rf"(?:\ ?(?P<scale>{'|'.join(_SCALES)})\.?)?"
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True)).replace("°", r"°\ ?")
_ABBREVIATION = "|".join(sorted(_ABBREVIATIONS, key=len, reverse=True))
_SPACED_PATTERN = "|".join(
    r"[ \xa0]?".join(f"{letter}\\." for letter in short.split(".") if letter) for short in _SPACED
)
_CLOCK = r"(?:[01]?[0-9]|2[0-4])"


def german() -> tuple[Rule, ...]:
    """The rules, in the order in which they are tried."""
    return (*MARKUP, *web_rules(_WEB), *_DATES, *_TIMES, *_MONEY_AND_UNITS, *_CODES, *_WORDS)


def _apart(digits: str) -> str:
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def _in_groups(found: Match) -> str:
    return ", ".join(map(_apart, re.findall("[0-9]+", found.group())))


def _with_stop(found: Match, words: str) -> str:
    # A capital may belong to any noun: only the end of the text certainly ends the sentence.
    return words + "." if found.group().endswith(".") and not found.string[found.end() :].strip() else words


def _letters(letters: str) -> str:
    return " ".join(letters.upper())


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
    return f"{day} {_MONTHS[number - 1]} {year}".rstrip()


def _weekdays(found: Match) -> str:
    return f"{_WEEKDAYS[found['a']]} bis {_WEEKDAYS[found['b']]}"


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


def _money(found: Match) -> str:
    name, part = _CURRENCIES[found["currency"]]
    minus = "minus " if found["minus"] else ""
    whole, _, parts = found["number"].partition(",")
    if not parts and re.fullmatch(r"[0-9]+\.[0-9]{2}", whole):
        whole, _, parts = whole.partition(".")
    if scale := _SCALES.get(found["scale"] or ""):
        return f"{minus}{found['number']} {scale} {name}"
    if len(parts) > 2:
        return f"{minus}{found['number']} {name}"
    count = int(parts.ljust(2, "0"))
    if not whole.strip("0.") and count:
        return f"{minus}{count} {part}"
    return f"{minus}{'ein' if whole == '1' else whole} {name}" + (f" {count}" if count else "")


def _with_unit(found: Match) -> str:
    name = _UNITS[found["unit"].replace("° ", "°")]
    number = found["number"]
    minus = "minus " if found["minus"] else ""
    if found["to"]:
        return f"{minus}{number} bis {found['to']} {name}"
    if number == "1":
        return f"{minus}{'eine' if name in _ONE else 'ein'} {_ONE.get(name, name)}"
    return f"{minus}{number} {name}"


def _code(found: Match) -> str | None:
    runs = _RUNS.findall(found.group())
    digits = sum(len(run) for run in runs if run.isdigit())
    letters = [run for run in runs if run.isalpha()]
    if not letters or digits < 2 or (digits < 3 and max(map(len, letters)) > 3):
        return None
    return _spelt(found.group())


def _spelt(text: str) -> str:
    runs = _RUNS.findall(text)
    return " ".join(
        _apart(run) if run.isdigit() else "Strich" if run == "-" else run if len(run) > 3 else _letters(run)
        for run in runs
    )


def _number(found: Match) -> str | None:
    digits = found.group()
    spelt = (digits[0] == "0" and len(digits) > 1) or (len(digits) >= MIN_SPELT_DIGITS and not digits.endswith("000"))
    return _apart(digits) if spelt else None


def _abbreviation(found: Match) -> str:
    return _with_stop(found, _ABBREVIATIONS[found["word"].lower()])


def _spaced(found: Match) -> str:
    return _with_stop(found, _SPACED[found.group().replace(" ", "").replace("\xa0", "").lower()])


_WEB = WebWords(
    marks={
        ".": "Punkt",
        "@": "ät",
        "/": "Schrägstrich",
        "-": "Bindestrich",
        "_": "Unterstrich",
        "+": "plus",
        "%": "Prozent",
        "?": "Fragezeichen",
        "=": "gleich",
        "&": "und",
        "#": "Raute",
        ":": "Doppelpunkt",
        "~": "Tilde",
    },
    digits=_apart,
    letters=_letters,
)
_DATES = (
    rule(
        rf"{_START}(?P<day>[0-3]?[0-9])\.\ ?(?P<month>[01]?[0-9])\.\ ?(?P<year>[12][0-9]{{3}}|[0-9]{{2}})"
        r"(?![\w.]|,[0-9])",
        _date,
    ),
    rule(rf"{_START}(?P<year>[12][0-9]{{3}})-(?P<month>[01][0-9])-(?P<day>[0-3][0-9])(?![\w-])", _date),
    rule(
        rf"{_START}(?P<day>[0-3]?[0-9])\.(?P<month>0[1-9]|1[0-2]|[1-9])\.{_NO_YEAR}"
        rf"(?=[\s,;:!?)]|$|{DASH})(?!\ ?[0-9]{{4}})",
        _date,
    ),
    rule(rf"{_START}(?P<day>[0-3]?[0-9])\.\ (?P<month>{_MONTH})(?!\w)(?:\ (?P<year>[12][0-9]{{3}})\b)?", _date),
    rule(rf"\b(?P<a>{_WEEKDAY})\.?\ ?{DASH}\ ?(?P<b>{_WEEKDAY})\b\.?", _weekdays),
    rule(rf"\b(?P<day>{_WEEKDAY})\.?(?=,?\ [0-9]{{1,2}}[.:])", lambda found: _WEEKDAYS[found["day"]]),
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
_TIMES = (
    rule(
        rf"""(?<![\w:.,])(?P<hour>{_CLOCK})(?:[:.](?P<minute>[0-5][0-9]))?(?:\ ?Uhr)?\ ?(?:{DASH}|bis)\ ?
        (?P<to>{_CLOCK})(?:[:.](?P<to_minute>[0-5][0-9]))?(?P<uhr>\ ?Uhr\b)?(?![\w:]|[.,][0-9])""",
        lambda found: _clock_range(found) if found["uhr"] or ":" in found.group() else None,
    ),
    rule(rf"(?<![\w:.,])(?P<hour>{_CLOCK}):(?P<minute>[0-5][0-9])(?:\ ?(?:Uhr|h)\b)?(?![\w:]|[.,][0-9])", _clock),
    rule(rf"(?<![\w:.,])(?P<hour>{_CLOCK})\.(?P<minute>[0-5][0-9])\ ?Uhr\b", _clock),
    rule(r"(?<![\w:.,])(?P<hour>1)(?P<minute>(?!))?\ Uhr\b", _clock),
)
_MONEY_AND_UNITS = (
    rule(
        rf"(?P<minus>(?<![\w)]){DASH}\ ?)?(?P<currency>{_CURRENCY})\ ?"
        rf"(?P<number>[0-9]{{1,12}}\.[0-9]{{2}}(?![0-9])|{_NUMBER})(?:,[-–—]{{1,2}})?{_SCALE}(?!\w)",
        _money,
    ),
    rule(
        rf"(?P<minus>(?<![\w)]){DASH})?(?<![\w.,])(?P<number>{_NUMBER})(?:,[-–—]{{1,2}})?{_SCALE}\ ?"
        rf"(?P<currency>{_CURRENCY})(?!\w)",
        _money,
    ),
    rule(
        rf"""(?P<minus>(?<![\w)%]){DASH})?(?<![\w.,])(?P<number>{_NUMBER})(?:\ ?%?\ ?{DASH}\ ?(?P<to>{_NUMBER}))?
        [\ \xa0]?(?P<unit>{_UNIT})(?!\w)(?:(?<=[dnk])\.(?=\ [a-zäöü0-9]))?""",
        _with_unit,
    ),
    rule(
        rf"(?<![\w.,])(?P<number>{_NUMBER})\ (?P<scale>{'|'.join(_SCALES)})\.?(?!\w)",
        lambda found: f"{found['number']} {_SCALES[found['scale']]}",
    ),
    rule(rf"(?<![\w/.,])(?:{'|'.join(_FRACTIONS)})(?![\w/])", lambda found: _FRACTIONS[found.group()]),
    rule(rf"(?<![\w)])[-−–](?P<number>{_NUMBER})(?!\w)", lambda found: f"minus {found['number']}"),
)  # fmt: skip
_CODES = (
    rule(
        rf"(?<![\w.,/:-])(?P<plus>\+)[0-9]{{1,3}}(?:[ ./-]?\(?[0-9]{{1,14}}\)?){{1,6}}{_END}",
        lambda found: "plus " + _in_groups(found),
    ),
    rule(rf"(?<![\w(])\([0-9]{{2,6}}\)\ ?[0-9]{{2,10}}(?:[ -][0-9]{{1,6}}){{0,3}}{_END}", _in_groups),
    rule(rf"{_START}0[0-9]{{1,5}}\ ?[ /-]\ ?[0-9]{{2,10}}(?:[ -][0-9]{{1,6}}){{0,3}}{_END}", _in_groups),
    rule(rf"{_START}[0-9]{{2,6}}(?:[ -][0-9]{{2,6}}){{2,8}}{_END}", _in_groups),
    rule(
        r"\b[A-Z]{2}[0-9]{2}(?:\ [A-Z0-9]{4}){2,7}(?:\ [A-Z0-9]{1,4})?\b",
        lambda found: ", ".join(map(_spelt, found.group().split())),
    ),
    rule(r"(?<![\w-])[A-Z0-9]{1,34}(?:-[A-Z0-9]{1,20}){0,6}(?![\w-])", _code),
    rule(
        rf"(?<![\w.,/-])(?P<a>{_NUMBER})\ ?{DASH}\ ?(?P<b>{_NUMBER})(?!\w|{DASH}|[./,][0-9])",
        lambda found: f"{found['a']} bis {found['b']}",
    ),
    rule(r"(?<![\w.,:/-])[0-9]{1,64}(?![%°/]|[.,:-][0-9])", _number),
)  # fmt: skip
_WORDS = (
    rule(r"24/7", "rund um die Uhr"),
    rule(rf"(?<![\w.])(?:{_SPACED_PATTERN})", _spaced, re.I),
    rule(rf"(?<![\w.@-])(?P<word>{_ABBREVIATION})\.(?!\w)", _abbreviation, re.I),
    rule(r"(?<![\w.])Fr\.(?=\ [A-ZÄÖÜ])", "Frau"),
    rule(r"(?<![\w.])St\.(?=\ ?[A-ZÄÖÜ])", "Sankt"),
    rule(r"(?P<name>[A-ZÄÖÜ][a-zäöüß]{1,30})str\.", lambda found: _with_stop(found, f"{found['name']}straße")),
    rule(r"(?<![\w.])Str\.", "Straße"),
    rule(r"\#(?=[0-9])", "Nummer"),
    rule(r"\#", "Raute"),
    rule(r"\*{2,3}", " "),
    rule(r"\*(?P<digits>[0-9]{2,5})(?!\w|[.,][0-9])", lambda found: f"Stern {_apart(found['digits'])}"),
    rule(r"(?<=[^\W\d_])\*(?!\w)", " "),
    rule(r"\*", "Stern"),
    rule("[" + re.escape("".join(_SYMBOLS)) + "]", lambda found: _SYMBOLS[found.group()]),
)  # fmt: skip
