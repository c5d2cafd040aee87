"""Abbreviations, addresses and symbols in English. Pure."""

import re

from offhook.pipeline.tts.languages.english_numbers import cardinal
from offhook.pipeline.tts.languages.rules import Match, listed, rule, with_stop

_TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Mx": "Mix",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Gen": "General",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Col": "Colonel",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Hon": "Honorable",
    "Mt": "Mount",
    "Ft": "Fort",
}
_ABBREVIATIONS = {
    "approx": "approximately",
    "appt": "appointment",
    "acct": "account",
    "apt": "apartment",
    "assn": "association",
    "asst": "assistant",
    "attn": "attention",
    "bldg": "building",
    "co": "Company",
    "corp": "Corporation",
    "dept": "department",
    "avg": "average",
    "est": "established",
    "excl": "excluding",
    "incl": "including",
    "temp": "temperature",
    "etc": "et cetera",
    "ext": "extension",
    "fl": "floor",
    "govt": "government",
    "inc": "Incorporated",
    "jr": "Junior",
    "ltd": "Limited",
    "max": "maximum",
    "mfg": "manufacturing",
    "mgr": "manager",
    "min": "minimum",
    "misc": "miscellaneous",
    "natl": "national",
    "qty": "quantity",
    "ref": "reference",
    "rm": "room",
    "sr": "Senior",
    "ste": "suite",
    "tel": "telephone",
    "univ": "university",
    "vs": "versus",
}
_PLAIN = {
    "e.g.": "for example",
    "i.e.": "that is",
    "c/o": "care of",
    "w/o": "without",
    "w/": "with",
    "and/or": "and or",
    "24/7": "twenty four seven",
    "24/7/365": "twenty four seven, three sixty five",
    "a.k.a.": "also known as",
    "+/-": "plus or minus",
    "n/a": "not applicable",
}
_BEFORE_NUMBER = {
    "apt": "apartment",
    "art": "article",
    "ch": "chapter",
    "ext": "extension",
    "fig": "figure",
    "hwy": "highway",
    "p": "page",
    "pg": "page",
    "pp": "pages",
    "rm": "room",
    "rte": "route",
    "sec": "section",
    "ste": "suite",
    "ver": "version",
    "vol": "volume",
}
_STREETS = {
    "St": "Street",
    "Ave": "Avenue",
    "Rd": "Road",
    "Blvd": "Boulevard",
    "Dr": "Drive",
    "Ln": "Lane",
    "Ct": "Court",
    "Pl": "Place",
    "Pkwy": "Parkway",
    "Hwy": "Highway",
    "Sq": "Square",
    "Ter": "Terrace",
    "Cir": "Circle",
}
_DIRECTIONS = {
    "N": "North",
    "S": "South",
    "E": "East",
    "W": "West",
    "NE": "Northeast",
    "NW": "Northwest",
    "SE": "Southeast",
    "SW": "Southwest",
}
_STATES = dict(
    pair.split(":")
    for pair in listed(
        "AL:Alabama AK:Alaska AZ:Arizona AR:Arkansas CA:California CO:Colorado CT:Connecticut DE:Delaware FL:Florida "
        "GA:Georgia HI:Hawaii ID:Idaho IL:Illinois IN:Indiana IA:Iowa KS:Kansas KY:Kentucky LA:Louisiana ME:Maine "
        "MD:Maryland MA:Massachusetts MI:Michigan MN:Minnesota MS:Mississippi MO:Missouri MT:Montana NE:Nebraska "
        "NV:Nevada NH:New_Hampshire NJ:New_Jersey NM:New_Mexico NY:New_York NC:North_Carolina ND:North_Dakota OH:Ohio "
        "OK:Oklahoma OR:Oregon PA:Pennsylvania RI:Rhode_Island SC:South_Carolina SD:South_Dakota TN:Tennessee TX:Texas "
        "UT:Utah VT:Vermont VA:Virginia WA:Washington WV:West_Virginia WI:Wisconsin WY:Wyoming DC:D_C PR:Puerto_Rico"
    )
)
_SYMBOLS = {
    "&": "and",
    "@": "at",
    "%": "percent",
    "°": "degrees",
    "$": "dollar",
    "€": "euro",
    "£": "pound",
    "§": "section",
    "©": "copyright",
    "±": "plus or minus",
    "×": "times",
    "÷": "divided by",
    "≤": "at most",
    "≥": "at least",
    "≈": "about",
    "→": "to",
    "®": " ",
    "™": " ",
}
_BEFORE_STREET = re.compile(
    r"(?:[0-9][\w.]{0,8}|\b(?:on|at|near|off|along|of|down|up|and))\ (?:[A-Z0-9][\w.']{0,20}\ ){1,3}$"
)
_IN_CITY = re.compile(r"\b(?:in|from|to|of|near|at|for|outside)\ (?:[A-Z][\w.'-]{1,20}\ ?){1,3},\ $")
_AFTER_CITY = re.compile(r"[A-Z][\w.'-]{1,20},\ $")
_WORDS_TOO = frozenset({"OK", "HI", "ME", "OR", "IN", "OH", "PA", "MA"})  # "Well, OK."
_NAMES_TOO = frozenset({"max", "temp", "min", "est", "misc"})  # "Hello Max."
_STREET = "|".join(_STREETS)
_STREET_BEFORE = re.compile(rf"\b(?:{_STREET}|Street|Avenue|Road|Boulevard|Drive|Lane|Court|Place|Parkway)\.?\ $")
_YEAR_FOLLOWS = re.compile(r"\ (?:in\ )?(?:1[5-9]|20)[0-9]{2}(?![0-9])")
_DIRECTION_FOLLOWS = re.compile(rf"\ (?:{'|'.join(_DIRECTIONS)})\b")
_NAME = r"(?:[A-Z][a-z]{1,20}|[0-9]{1,3}(?:st|nd|rd|th))"


def _any_of(words: object) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))  # type: ignore[call-overload]


def _capital(found: Match, words: str) -> str:
    return words[0].upper() + words[1:] if found.group()[0].isupper() else words


def _house_number(found: Match) -> str:
    """ "1234" is "twelve thirty four", "105" "one oh five"."""
    hundreds, rest = divmod(int(found.group()), 100)
    if hundreds % 10 == 0 and not rest:
        return cardinal(100 * hundreds)
    end = "hundred" if not rest else f"oh {cardinal(rest)}" if rest < 10 else cardinal(rest)
    return f"{cardinal(hundreds)} {end}"


def _is_street(found: Match) -> bool:
    # "Dr" and the like: a title comes before a name, a street type after one.
    before = found.string[max(0, found.start() - 70) : found.start()]
    return _BEFORE_STREET.search(before) is not None or not found.string[found.end() :].lstrip()[:1].isupper()


def _behind_street(found: Match) -> str | None:
    """The direction in "1600 Pennsylvania Ave NW"."""
    before = found.string[max(0, found.start() - 16) : found.start()]
    return with_stop(found, _DIRECTIONS[found["way"]]) if _STREET_BEFORE.search(before) else None


def _saint(found: Match) -> str | None:
    return None if _is_street(found) else "Saint"


def _doctor(found: Match) -> str | None:
    return None if _is_street(found) else "Doctor"


def _number_abbreviation(found: Match) -> str:
    return "numbers" if found.group().lower().startswith("nos") else "number"


def _abbreviation(found: Match) -> str | None:
    word, following = found["word"], found.string[found.end() : found.end() + 2]
    if word.lower() in _NAMES_TOO and word[0].isupper() and not following.strip()[:1].isdigit():
        return None
    if word.lower() == "est" and not _YEAR_FOLLOWS.match(found.string, found.end()):
        return _capital(found, "estimated")
    return with_stop(found, _capital(found, _ABBREVIATIONS[word.lower()]))


def _state(found: Match) -> str | None:
    before = found.string[max(0, found.start() - 70) : found.start()]
    zip_code = re.match(r"\ [0-9]{5}\b", found.string[found.end() : found.end() + 7])
    city = _IN_CITY if found.group() in _WORDS_TOO else _AFTER_CITY
    return _STATES[found.group()].replace("_", " ") if zip_code or city.search(before) else None


def _street(found: Match) -> str | None:
    before = found.string[max(0, found.start() - 24) : found.start()].split()
    # "Main St.", "5th Ave", but "Thanks Dr Smith".
    if not before or not (before[-1][0].isupper() or before[-1][0].isdigit()):
        return None
    title = found["street"] in ("St", "Dr") and not _is_street(found)
    if title:
        return None
    name = _STREETS[found["street"]]
    return name if _DIRECTION_FOLLOWS.match(found.string, found.end()) else with_stop(found, name)


_BEHIND = r"(?<![\w.@/-])"
WORD_RULES = (
    rule(
        rf"{_BEHIND}(?:{_any_of(_PLAIN)})(?!\w)",
        lambda found: _capital(found, _PLAIN[found.group().lower()]),
        re.I,
    ),
    rule(rf"{_BEHIND}St\.\ ?(?=[A-Z])", _saint),
    rule(rf"{_BEHIND}Dr\.(?=\ )", _doctor),
    rule(
        rf"(?<=[a-z0-9.]\ )(?P<street>{_STREET})\b\.?(?=\s|,|;|$|\)|[.?!])",
        _street,
    ),
    rule(rf"{_BEHIND}(?P<title>{_any_of(_TITLES)})\.(?!\w)", lambda found: _TITLES[found["title"]]),
    rule(rf"{_BEHIND}Nos?\.(?=\ ?(?:[A-Z]{{1,4}}-?)?[0-9])", _number_abbreviation, re.I),
    rule(
        rf"{_BEHIND}(?P<word>{_any_of(_BEFORE_NUMBER)})(?:\.\ ?|\ )(?=\#?[0-9])",
        lambda found: _capital(found, _BEFORE_NUMBER[found["word"].lower()]) + " ",
        re.I,
    ),
    rule(rf"{_BEHIND}Ph\.\ ?D\.", lambda found: with_stop(found, "P H D")),
    rule(rf"{_BEHIND}P\.\ ?O\.(?=\ ?Box)", "P O", re.I),
    rule(rf"{_BEHIND}(?P<word>{_any_of(_ABBREVIATIONS)})\.(?!\w)", _abbreviation, re.I),
    rule(r"~(?=[$€£]?[0-9])", "about"),
    rule(r"<\ ?(?=[$€£]?[0-9])", "less than"),
    rule(r"(?<!\S)>\ ?(?=[$€£]?[0-9])", "more than"),
    rule(r"(?<=\ )\|(?=\ )", ","),
    rule("[" + re.escape("".join(_SYMBOLS)) + "]", lambda found: _SYMBOLS[found.group()]),
)

# Postal addresses come before codes, because "IL 62704" looks like one.
ADDRESS_RULES = (
    rule(rf"(?<=[0-9]\ )(?P<way>{_any_of(_DIRECTIONS)})\b\.?(?=\ {_NAME})", lambda found: _DIRECTIONS[found["way"]]),
    rule(rf"(?<=[a-z.]\ )(?P<way>{_any_of(_DIRECTIONS)})\b\.?(?=\s*$|[,;.]|\ [a-z])", _behind_street),
    rule(rf"(?<=[a-z],\ )(?:{'|'.join(_STATES)})\b(?!\.)", _state),
    rule(rf"(?<=[a-z]\ )(?:{'|'.join(_STATES)})(?=\ [0-9]{{5}}\b)", _state),
    rule(
        rf"(?<![\w.,$#-])[0-9]{{3,4}}(?=\ (?:[NSEW]{{1,2}}\.?\ )?{_NAME}\ (?:{_NAME}\ )?"
        rf"(?:{_STREET}|Street|Avenue|Road|Boulevard|Drive|Lane|Way|Court|Place|Parkway|Highway)\b)",
        _house_number,
    ),
)
