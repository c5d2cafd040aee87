"""Reading rules for German. Whole numbers are left to the voice, which inflects them better. Pure."""

import re

from offhook.pipeline.tts.languages.german_times import DATE_RULES, END, START, TIME_RULES, YEAR_RULE
from offhook.pipeline.tts.languages.rules import DASH, MARKUP, Match, Rule, listed, rule
from offhook.pipeline.tts.languages.web import WebWords, web_rules

MIN_SPELT_DIGITS = 5

_DIGITS = listed("null eins zwei drei vier fünf sechs sieben acht neun")
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
    "1/3": "ein drittel",
    "2/3": "zwei drittel",
    "⅓": "ein drittel",
    "⅔": "zwei drittel",
}
_RUNS = re.compile(r"[A-Z]+|[0-9]+|-")
_CODE_BEFORE = re.compile(r"(?:[Nn]ummer|Nr\.?|Code|PIN|TAN|Kennung|Zeichen)(?:\ (?:ist|lautet|war))?:?\ $")
_WHOLE = r"(?:[0-9]{1,3}(?:\.[0-9]{3}){1,4}|[0-9]{1,15})(?![0-9])"
_NUMBER = rf"(?:{_WHOLE}(?:,[0-9]{{1,9}})?)(?![0-9])"
_CURRENCY = "|".join(re.escape(name) for name in _CURRENCIES)
_SCALE = rf"(?:\ ?(?P<scale>{'|'.join(_SCALES)})\.?)?"
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True)).replace("°", r"°\ ?")
_ABBREVIATION = "|".join(sorted(_ABBREVIATIONS, key=len, reverse=True))
_SPACED_PATTERN = "|".join(
    r"[ \xa0]?".join(f"{letter}\\." for letter in short.split(".") if letter) for short in _SPACED
)


def german() -> tuple[Rule, ...]:
    """The rules, in the order in which they are tried."""
    return (*MARKUP, *web_rules(_WEB), *DATE_RULES, *TIME_RULES, *_MONEY_AND_UNITS, *_CODES, *_WORDS)


def _apart(digits: str) -> str:
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def _in_groups(found: Match) -> str:
    return ", ".join(map(_apart, re.findall("[0-9]+", found.group())))


def _with_stop(found: Match, words: str) -> str:
    # A capital may belong to any noun: only the end of the text certainly ends the sentence.
    return words + "." if found.group().endswith(".") and not found.string[found.end() :].strip() else words


def _letters(letters: str) -> str:
    return " ".join(letters.upper())


def _joined_groups(found: Match) -> str | None:
    """ "4711-0815": groups of one code, not a range."""
    a, b = found.group().split("-")
    before = found.string[max(0, found.start() - 24) : found.start()]
    code = b[0] == "0" or a[0] == "0" or int(a) >= int(b) or _CODE_BEFORE.search(before)
    return _in_groups(found) if code and len(a + b) > 4 else None


def _key(found: Match, name: str) -> str:
    article = re.search(r"\b(?:die|der|auf)\ $", found.string[max(0, found.start() - 5) : found.start()])
    return f"{name}taste" if article else name


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
        rf"(?<![\w.,/:-])(?P<plus>\+)[0-9]{{1,3}}(?:[ ./-]?\(?[0-9]{{1,14}}\)?){{1,6}}{END}",
        lambda found: "plus " + _in_groups(found),
    ),
    rule(rf"(?<![\w(])\([0-9]{{2,6}}\)\ ?[0-9]{{2,10}}(?:[ -][0-9]{{1,6}}){{0,3}}{END}", _in_groups),
    rule(rf"{START}0[0-9]{{1,5}}\ ?[ /-]\ ?[0-9]{{2,10}}(?:[ -][0-9]{{1,6}}){{0,3}}{END}", _in_groups),
    rule(rf"{START}[0-9]{{2,6}}(?:[ -][0-9]{{2,6}}){{2,8}}{END}", _in_groups),
    rule(
        r"\b[A-Z]{2}[0-9]{2}(?:\ [A-Z0-9]{4}){2,7}(?:\ [A-Z0-9]{1,4})?\b",
        lambda found: ", ".join(map(_spelt, found.group().split())),
    ),
    rule(r"(?<![\w-])[A-Z0-9]{1,34}(?:-[A-Z0-9]{1,20}){0,6}(?![\w-])", _code),
    rule(rf"{START}[0-9]{{2,8}}-[0-9]{{2,8}}{END}", _joined_groups),
    rule(
        r"(?<![\w.,:])(?P<a>[0-9]{1,3}):(?P<b>[0-9]{1,3})(?![\w:]|[.,][0-9])",
        lambda found: f"{found['a']} zu {found['b']}",
    ),
    rule(
        r"(?<![\w.,])(?P<n>[0-9]{1,3})\ ?[x×](?!\w)(?!\ ?[0-9])",
        lambda found: f"{'ein' if found['n'] == '1' else found['n']} mal",
    ),
    YEAR_RULE,
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
    rule(r"\#", lambda found: _key(found, "Raute")),
    rule(r"\*{2,3}", " "),
    rule(r"\*(?P<digits>[0-9]{2,5})(?!\w|[.,][0-9])", lambda found: f"Stern {_apart(found['digits'])}"),
    rule(r"(?<=[^\W\d_])\*(?!\w)", " "),
    rule(r"\*", lambda found: _key(found, "Stern")),
    rule("[" + re.escape("".join(_SYMBOLS)) + "]", lambda found: _SYMBOLS[found.group()]),
)  # fmt: skip
