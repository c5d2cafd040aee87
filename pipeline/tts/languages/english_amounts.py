"""Money, quantities with units, fractions and ranges in English. Pure."""

import re

from offhook.pipeline.tts.languages.english_numbers import (
    amount,
    cardinal,
    counted,
    digit_groups,
    digits_apart,
    ordinal,
)
from offhook.pipeline.tts.languages.english_units import UNIT, unit_names
from offhook.pipeline.tts.languages.rules import DASH, Match, rule

MIN_SPELT_DIGITS = 5
"""Numbers with at least this many digits are read digit by digit: they are account numbers, not quantities."""

_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
_CURRENCIES |= {
    mark: tuple(f"{country} {word}" if index < 2 else word for index, word in enumerate(_CURRENCIES["$"]))  # type: ignore[misc]
    for marks, country in (
        (("US$", "USD"), "U S"),
        (("C$", "CA$", "CAD"), "Canadian"),
        (("A$", "AU$", "AUD"), "Australian"),
        (("NZ$", "NZD"), "New Zealand"),
        (("HK$", "HKD"), "Hong Kong"),
        (("S$", "SGD"), "Singapore"),
    )
    for mark in marks
}
_CURRENCIES |= {
    "EUR": _CURRENCIES["€"],
    "GBP": _CURRENCIES["£"],
    "JPY": _CURRENCIES["¥"],
    "INR": _CURRENCIES["₹"],
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "SEK": ("Swedish krona", "Swedish kronor", "ore", "ore"),
    "NOK": ("Norwegian krone", "Norwegian kroner", "ore", "ore"),
    "DKK": ("Danish krone", "Danish kroner", "ore", "ore"),
    "PLN": ("zloty", "zlotys", "grosz", "groszy"),
    "MXN": ("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "ZAR": ("rand", "rand", "cent", "cents"),
    "R$": ("real", "reais", "centavo", "centavos"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₺": ("lira", "lira", "kurus", "kurus"),
    "₪": ("shekel", "shekels", "agora", "agorot"),
    "₱": ("peso", "pesos", "centavo", "centavos"),
    "฿": ("baht", "baht", "satang", "satang"),
}
for _code, _mark in (("BRL", "R$"), ("KRW", "₩"), ("ILS", "₪"), ("TRY", "₺"), ("PHP", "₱"), ("THB", "฿")):
    _CURRENCIES[_code] = _CURRENCIES[_mark]
_MARKS = "".join(mark for mark in _CURRENCIES if len(mark) == 1 and mark != "$")
_CODES = "|".join(code for code in _CURRENCIES if code.isalpha())
_SIGNS = "|".join(re.escape(sign) for sign in sorted(_CURRENCIES, key=len, reverse=True) if not sign.isalpha())
_SCALES = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mm": "million", "MM": "million"}
_SCALES |= {
    "b": "billion",
    "B": "billion",
    "bn": "billion",
    "Bn": "billion",
    "BN": "billion",
    "t": "trillion",
    "T": "trillion",
}

_CONTINENTAL = r"[0-9]{1,3}(?:\.[0-9]{3}){0,3},[0-9]{2}"
_WHOLE = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}(?![0-9])|[0-9]{1,15})"
_NUMBER = rf"(?:{_WHOLE}(?:\.[0-9]{{1,9}})?|\.[0-9]{{1,9}})(?![0-9])"
_SCALE = r"(?:\ ?(?:hundred|thousand|[mM]illion|[bB]illion|[tT]rillion)\b|(?:[kKmMbBtT]|bn|Bn|BN|mm|MM)(?!\w))"
_AMOUNT = rf"(?P<a>{_NUMBER})(?P<a_scale>{_SCALE})?"
_MINUS = rf"(?P<minus>(?<![\w)%])(?:{DASH}|\+))?"
# "A $5 fee" is a five dollar fee.
_ADJECTIVAL = (
    r"(?=\ (?:bills?|gift|fees?|charges?|credits?|deposits?|minimum|maximum|co-?pays?|vouchers?|coupons?|discounts?|"
    r"limit|deductible)\b)"
)

_FRACTIONS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_SAID_AS_TWO = ((9, 11), (50, 50), (60, 40), (80, 20))
_VULGAR = {
    "½": (1, 2),
    "¼": (1, 4),
    "¾": (3, 4),
    "⅓": (1, 3),
    "⅔": (2, 3),
    "⅛": (1, 8),
    "⅜": (3, 8),
    "⅝": (5, 8),
    "⅞": (7, 8),
}
_COUNTED = (
    r"(?=\ (?:dollars|euros|pounds|cents|points|miles|people|customers|users|members|employees|steps|square|times|"
    r"kilometers|meters|feet|gallons|hours|minutes|seconds|days|years|units|calls|orders|items|copies|seats|shares)\b)"
)  # fmt: skip
_NTH = "(?:st|nd|rd|th)"
_PER = (
    r"(?:second|sec|minute|min|hour|hr|day|week|wk|month|mo|year|yr|night|person|user|unit|item|mile|pound|lb|kg|"
    r"gallon|gal|call|seat|gb|GB)"
)
_PER_WORDS = {"sec": "second", "min": "minute", "hr": "hour", "wk": "week", "mo": "month", "yr": "year", "lb": "pound"}
_PER_WORDS |= {"kg": "kilogram", "gal": "gallon", "gb": "gigabyte", "GB": "gigabyte"}


def _money(found: Match) -> str | None:
    one, many, cent, cents = _CURRENCIES[found["currency"].strip()]
    a, a_scale, b, b_scale = found["a"], _scale(found["a_scale"]), found["b"], _scale(found["b_scale"])
    minus = _sign(found["minus"] or found["sign"])
    if found["adjective"] is not None and not b and not a_scale and "." not in a:
        return f"{minus}{amount(a)} {one}"
    names = (one, many, cent, cents)
    if not b:
        return minus + _sum(a, a_scale, names)
    if a_scale or b_scale or (not _has_parts(a) and not _has_parts(b)):
        same = "" if a_scale == b_scale else a_scale
        return f"{minus}{_scaled(_without_parts(a), same)} to {_sum(b, b_scale, ('', many, '', ''))}"
    return f"{minus}{_sum(a, '', names)} to {_sum(b, '', names)}"


def _sign(mark: str | None) -> str:
    return "" if not mark else "plus " if mark == "+" else "minus "


def _sum(number: str, scale: str, names: tuple[str, str, str, str]) -> str:
    one, many, cent, cents = names
    whole, _, parts = number.replace(",", "").partition(".")
    if scale or len(parts) > 2 or len(whole) > 15:
        return f"{_scaled(number, scale)} {many}"
    count = int(parts.ljust(2, "0"))
    spoken = counted(whole, one or many, many) if whole.strip("0") or not count else ""
    small = counted(str(count), cent, cents) if count else ""
    return " and ".join(part for part in (spoken, small) if part)


def _has_parts(number: str) -> bool:
    return bool(number.partition(".")[2].strip("0"))


def _without_parts(number: str) -> str:
    return number if _has_parts(number) else number.partition(".")[0]


def _scale(text: str | None) -> str:
    word = (text or "").strip()
    return _SCALES.get(word, word.lower())


def _scaled(number: str, scale: str) -> str:
    return f"{amount(number)} {scale}".rstrip()


def _continental(found: Match) -> str:
    return _sum(found["number"].replace(".", "").replace(",", "."), "", _CURRENCIES[found["currency"]])


def _per(found: Match) -> str:
    return "per " + _PER_WORDS.get(found["unit"], found["unit"])


def _with_unit(found: Match) -> str | None:
    unit = found["unit"]
    one, many = unit_names(unit)
    a, b, gap = found["a"], found["b"], found["gap"]
    minus = _sign(found["minus"])
    following = found.string[found.end() : found.end() + 3]
    if (
        len(unit) == 1
        and unit.isalpha()
        and (gap == "-" or (gap and unit.isupper() and _NAME_FOLLOWS.match(following)))
    ):
        return None  # "123 W Main Street"
    if b is not None:
        return f"{minus}{amount(a)} to {amount(b)} {many}"
    if gap == "-":
        return f"{minus}{amount(a)} {one}"
    return minus + counted(a, one, many)


def _hours(found: Match) -> str:
    minutes = int(found["minutes"] or found["joined"])
    hours = counted(found["hours"], "hour", "hours")
    return f"{hours} {counted(str(minutes), 'minute', 'minutes')}" if minutes else hours


def _feet(found: Match) -> str:
    return f"{counted(found['feet'], 'foot', 'feet')} {counted(found['inches'], 'inch', 'inches')}"


def _inches(found: Match) -> str | None:
    quoted = found.string.count('"', 0, found.start()) % 2
    return None if quoted else f"{amount(found['a'])} inch"


def _by(found: Match) -> str:
    if (found["a"], found["b"]) == ("24", "7"):
        return "twenty four seven"
    unit = " " + unit_names(found["unit"])[1] if found["unit"] else ""
    return f"{amount(found['a'])} by {amount(found['b'])}{unit}"


def _mixed(whole: str, a: int, b: int) -> str:
    part = _fraction(a, b)
    return f"{amount(whole)} and {part.replace('one ', 'a ', 1)}"


def _fraction(a: int, b: int) -> str:
    one, many = _FRACTIONS.get(b) or (ordinal(b), ordinal(b) + "s")
    return f"{cardinal(a)} {one if a == 1 else many}"


def _slashed(found: Match) -> str | None:
    a, b, whole = int(found["a"]), int(found["b"]), found["whole"]
    one, many = unit_names(found["unit"]) if found["unit"] else ("", "")
    if a < b and b in (2, 3, 4, 5, 8, 16, 32) and (whole or b != 5):
        return f"{_mixed(whole, a, b)} {many}".rstrip() if whole else f"{_fraction(a, b)} {one}".rstrip()
    if whole:
        return None
    if (a, b) in _SAID_AS_TWO:
        return f"{cardinal(a)} {cardinal(b)} {many}".rstrip()
    return f"{cardinal(a)} {'out of' if a <= b and b % 5 == 0 else 'slash'} {cardinal(b)} {many}".rstrip()


def _ordinal_range(found: Match) -> str:
    return f"{ordinal(int(found['a']))} to {ordinal(int(found['b']))}"


def _ratio(found: Match) -> str:
    return f"{amount(found['a'])} to {amount(found['b'])}"


def _range(found: Match) -> str | None:
    a, b = found["a"], found["b"]
    if _leading_zero(a) or _leading_zero(b) or (max(len(a), len(b)) >= MIN_SPELT_DIGITS and "," not in a + b):
        groups = digit_groups(found.group())
        return groups if "." not in a + b else None
    if a == b:
        return f"{amount(a)} {amount(b)}"  # "20-20"
    rises = float(a.replace(",", "")) < float(b.replace(",", ""))
    # "45-12" is not a range, "10 - 3" is a difference.
    hours = max(len(a), len(b)) <= 2 and float(a) <= 12  # "9-5"
    between = "to" if rises or (hours and " " not in found.group()) else "minus" if " " in found.group() else "dash"
    return f"{amount(a)} {between} {amount(b)}"


def _times(found: Match) -> str:
    return counted(found["n"], "time", "times")


def _quantity(found: Match) -> str | None:
    number, sign = found["n"], found["sign"] or ""
    whole = number.partition(".")[0].replace(",", "")
    plain = whole == number
    if sign:
        spoken = _digits_or_number(number, counts=bool(found["counted"]))
        return _sign(sign) + spoken
    if plain and len(number) < MIN_SPELT_DIGITS and not _leading_zero(number):
        return None  # the voice can do that
    return _digits_or_number(number, counts=bool(found["counted"]))


def _digits_or_number(number: str, *, counts: bool) -> str:
    if "," in number or "." in number:
        return (
            amount(number)
            if not _leading_zero(number)
            else f"{digits_apart(number.partition('.')[0])} {amount('.' + number.partition('.')[2])}"
        )
    if _leading_zero(number):
        return digits_apart(number)
    round_number = number.endswith("000")
    if len(number) < MIN_SPELT_DIGITS or ((counts or round_number) and len(number) <= 15):
        return amount(number)
    return digits_apart(number)


def _leading_zero(number: str) -> bool:
    return len(number) > 1 and number[0] == "0" and number[1].isdigit()


def _digits(found: Match) -> str | None:
    digits = found.group()
    spelt = len(digits) >= MIN_SPELT_DIGITS or _SPELT.match(found.string, found.start())
    return digits_apart(digits) if spelt else None


_NAME_FOLLOWS = re.compile(r"\.?\ ?[A-Z0-9]")
_SPELT = re.compile(r"(?<![-.:/,0-9])0[0-9]+(?![-/:])")  # not part of a date or time

MONEY_AND_UNIT_RULES = (
    rule(rf"(?P<currency>{_SIGNS})\ ?(?P<number>{_CONTINENTAL})(?![0-9])", _continental),
    rule(rf"(?<![\w.,])(?P<number>{_CONTINENTAL})\ ?(?P<currency>[{_MARKS}]|(?:{_CODES})\b)", _continental),
    rule(
        rf"""{_MINUS}(?P<currency>{_SIGNS}|(?:{_CODES})\ )\ ?(?P<sign>{DASH})?{_AMOUNT}
        (?:\ ?{DASH}\ ?(?:{_SIGNS})?(?P<b>{_NUMBER})(?P<b_scale>{_SCALE})?)?(?:\ USD\b)?
        (?P<adjective>{_ADJECTIVAL})?(?![0-9]|[.,][0-9])""",
        _money,
    ),
    rule(
        rf"""{_MINUS}(?<![\w.,])(?P<sign>(?!))?{_AMOUNT}(?:\ ?{DASH}\ ?(?P<b>{_NUMBER})(?P<b_scale>{_SCALE})?)?
        \ ?(?P<currency>[{_MARKS}]|(?:{_CODES})\b)(?P<adjective>(?!))?(?![0-9])""",
        _money,
    ),
    rule(rf"\$\((?P<a>{_NUMBER})\)", lambda found: "minus " + _sum(found["a"], "", _CURRENCIES["$"])),
    rule(rf"(?<=[0-9kKMB¢%])/(?P<unit>{_PER})\b", _per),
    rule(
        r"(?<![\w.,])(?P<hours>[0-9]{1,3})\ ?(?:hrs?\.?|h)(?:\ ?(?P<minutes>[0-5]?[0-9])\ ?(?:min|m)\b"
        r"|(?<=h)(?P<joined>[0-5][0-9])\b)",
        _hours,
    ),
    rule(
        r"(?<![\w.,])(?P<feet>[0-9]{1,2})\ ?(?:ft|feet|foot)\.?,?\ (?P<inches>[0-9]{1,2})\ ?in(?:ches)?\b"
        r"(?:\.(?=\ [a-z0-9]))?",
        _feet,
    ),
    rule(
        rf"""{_MINUS}(?<![\w.,])(?P<a>{_NUMBER})(?:(?:\ ?(?:{UNIT}))?\ ?{DASH}\ ?(?P<b>{_NUMBER}))?
        (?P<gap>[ -]?)(?P<unit>{UNIT})(?!\w|'[a-z])
        (?:\.(?=\ [a-z]|\ [0-9]{{1,2}}\ ?(?:min|sec|oz|in)\b))?""",
        _with_unit,
    ),
    rule(
        rf"(?<![\w.,])(?P<a>{_NUMBER})\ ?[x×]\ ?(?P<b>{_NUMBER})(?:\ ?(?!s\b)(?P<unit>{UNIT}))?"
        r"(?!(?!s\b)\w|[.,][0-9])",
        _by,
    ),
    rule(r"(?<![\w.,])(?P<feet>[0-9]{1,2})['′][ -]?(?P<inches>[0-9]{1,2})(?:\"|″|''|(?![\w'′]))", _feet),
    rule(rf"(?<![\w.,])(?P<a>{_NUMBER})(?:\"|″)(?=\ [a-z(])", _inches),
    rule(
        rf"(?<![\w.,/-])(?P<whole>[0-9]{{1,4}})\ ?(?P<vulgar>[{''.join(_VULGAR)}])",
        lambda found: _mixed(found["whole"], *_VULGAR[found["vulgar"]]),
    ),
    rule(rf"[{''.join(_VULGAR)}]", lambda found: _fraction(*_VULGAR[found.group()])),
)

# Tried after the rules for codes: most codes would match these as well.
NUMBER_RULES = (
    rule(
        rf"(?<![\w/.,$-])(?:(?P<whole>[0-9]{{1,3}})[ -])?(?P<a>[1-9][0-9]?)/(?P<b>[1-9][0-9]?)(?![\w/]|[.,][0-9])"
        rf"(?:\ (?P<unit>{UNIT})(?!\w))?",
        _slashed,
    ),
    rule(
        r"(?<![\w/.,$-])(?P<a>[0-9]\.[0-9])/(?P<b>5|10)(?![\w/]|[.,][0-9])",
        lambda found: f"{amount(found['a'])} out of {amount(found['b'])}",
    ),
    rule(r"(?:(?<=[0-9])|(?<=[0-9°%].))/(?=\w)", "slash"),
    rule(rf"(?<![\w.,$-])(?P<a>[0-9]{{1,4}}){_NTH}\ ?{DASH}\ ?(?P<b>[0-9]{{1,4}}){_NTH}\b", _ordinal_range),
    rule(
        rf"(?<![\w.,])(?P<nth>[0-9]{{1,6}}|[0-9]{{1,3}},[0-9]{{3}}){_NTH}\b",
        lambda found: ordinal(int(found["nth"].replace(",", ""))),
        re.I,
    ),
    rule(r"(?<![\w.,:])(?P<a>[0-9]{1,2}):(?P<b>[0-9])(?![\w:]|[.,][0-9])", _ratio),
    rule(rf"(?<![\w.,/-])(?P<a>{_NUMBER})\ ?{DASH}\ ?(?P<b>{_NUMBER})(?!\w|{DASH}|[./,][0-9])", _range),
    rule(r"(?<![\w.,])(?P<n>[0-9]{1,3}(?:\.[0-9])?)[x×](?!\w)", _times),
    rule(r"(?<=[0-9kKMB%])\+(?![\w+])", "plus"),
    rule(
        rf"(?:(?<![\w)])(?P<sign>[-−–+]))?(?<![\w.,:$€£])(?P<n>{_NUMBER})(?!\w|,[0-9]|\.[0-9])(?P<counted>{_COUNTED})?",
        _quantity,
    ),
    rule(r"[0-9]{1,64}", _digits),
)
