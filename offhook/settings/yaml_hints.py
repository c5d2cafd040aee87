"""The probable causes of YAML errors, and what to type instead. Pure."""

import re
from typing import Literal, NamedTuple

_VALUE = re.compile(r"""\s*(?:-\s+)*(?P<key>[\w'"<-][^:#]*:\s+)?(?P<value>\S.*)""")
_ITS_OWN = {
    "{": "a mapping",
    "[": "a list",
    "*": "an alias",
    "&": "an anchor",
    "!": "a tag",
    "%": "a directive",
    "@": "a reserved character",
    "`": "a reserved character",
    "|": "a text over several lines",
    ">": "a text over several lines",
    "?": "a key",
    "-": "a list",
}
_BARE = re.compile(r"(?P<key>[\w'\"-]+):\s+(?P<mark>[*#&!%@`|>])(?=\s*[,}]|\s|$)")
_BY_THE_PARSER = (
    ("'\\t'", "there is a tab, and YAML indents by spaces only", "put spaces in place of the tab"),
    ("another document", "a second document begins here", "remove the `---`: a file is one document"),
    (
        "unknown escape character",
        "a backslash has a meaning of its own in double quotes",
        "put the text in single quotes",
    ),
    (
        "could not find expected ':'",
        "the line is neither `key: value` nor a text",
        "type `key: value`, with a space after the colon",
    ),
)
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*%")
_MEASURE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(ms|msec|milliseconds?|s|secs?|seconds?|min|minutes?|%)?", re.I)


class _Line(NamedTuple):
    """A line that cannot be read: what the parser says, the line and the one above it, and its parts."""

    why: str
    text: str
    before: str
    key: str
    value: str


def explain(why: str, line: str, before: str = "") -> tuple[str, str]:
    """Why `line` cannot be read, and what to type. `why` is what the parser says, `before` the line above."""
    found = _VALUE.match(line)
    key, value = ("", "") if found is None else (found["key"] or "", found["value"].rstrip())
    seen = _Line(why, line, before, key, value)
    for guess in (_odd_space, _merge_key, _bare_mark, _unclosed, _parser_says, _quote, _own_mark, _colon):
        if (explained := guess(seen)) is not None:
            return explained
    return why, "check the indentation, and put texts with : # ? { [ or quotes in them in quotes"


def _odd_space(line: _Line) -> tuple[str, str] | None:
    for text in (line.before, line.text):
        odd = next((c for c in text[: len(text) - len(text.lstrip())] if c not in " \t"), None)
        if odd is not None:
            return f"a line is indented by an odd space (U+{ord(odd):04X})", "put plain spaces in its place"
    return None


def _merge_key(line: _Line) -> tuple[str, str] | None:
    if not line.key.startswith("<<"):
        return None
    return "merge keys (`<<`) are not read", "write its keys out here, or use the whole value again: `key: *name`"


def _bare_mark(line: _Line) -> tuple[str, str] | None:
    found = _BARE.search(line.text) if "{" in line.text else None
    if found is None:
        return None
    begins = f"`{found['mark']}` has a meaning of its own in YAML"
    return begins, f'put it in quotes: `{found["key"]}: "{found["mark"]}"`'


def _unclosed(line: _Line) -> tuple[str, str] | None:
    if "while parsing a flow " not in line.why:
        return None
    bracket, end = ("[", "]") if "sequence" in line.why else ("{", "}")
    if line.text.count(bracket) == line.text.count(end):
        why = f"a text between {bracket} and {end} has a mark in it that YAML keeps for itself, such as ? or : or ,"
        return why, "put the text in quotes"
    return f"the {bracket} is not closed", f"add the {end}, or put the text in quotes if it begins with {bracket}"


def _parser_says(line: _Line) -> tuple[str, str] | None:
    return next(((meant, todo) for said, meant, todo in _BY_THE_PARSER if said in line.why), None)


def _quote(line: _Line) -> tuple[str, str] | None:
    ends = "block end" in line.why
    if line.value[:1] not in ("'", '"') or not (ends or "unexpected end of stream" in line.why):
        return None
    mark = line.value[0]
    other = '"' if mark == "'" else "'"
    closes = "ends in the middle of the text" if ends else "is never closed"
    return f"the quote {mark} {closes}", f"put the text in the other quotes ({other}), or double the one inside"


def _own_mark(line: _Line) -> tuple[str, str] | None:
    mark = line.value[:1]
    if mark not in _ITS_OWN or not (line.key or mark not in "-?") or line.value.endswith((":", ",")):
        return None
    begins = f"the text begins with {mark}, which YAML takes for {_ITS_OWN[mark]}"
    return begins, f"put the text in quotes: `{line.key}{_quoted(line.value)}`"


def _colon(line: _Line) -> tuple[str, str] | None:
    if "mapping values are not allowed" in line.why:
        if ": " in line.value:
            todo = f"put the text in quotes: `{line.key}{_quoted(line.value)}`"
            return "there is a second `: ` in the line", todo
        if (unread := _not_key_and_value(line.before)) is not None:
            return f"the line above it, `{line.before.strip()[:40]}`, is not `key: value`", unread
        return "the line is indented wrongly", "indent it like the line above it"
    if "block end" in line.why:
        return "the line is indented wrongly", "indent it like the lines that belong with it"
    return None


def _not_key_and_value(line: str) -> str | None:
    """What to type instead of a line that YAML takes for a text alone; None if that is not why it cannot be read."""
    text = line.strip()
    if not text or text[0] in "-#" or text.endswith(":") or ": " in text:
        return None
    key = re.match(r"([\w-]+)(?::|\s*=\s*|\s+)(?=\S)", text)
    return None if key is None else f"type `{key[1]}: {text[key.end() :][:40]}`, with a colon and a space"


Unit = Literal["", "ms", "s"]
"""Of a number; empty: the key's name tells, if it has one."""


def number_meant(value: str, key: str, *, whole: bool, unit: Unit = "") -> str:
    """What to type for `value`, which is not a number, after `key`."""
    unit = unit or _unit_of(key)
    if value.lower() in _WORDS:
        return f"type `{_WORDS.index(value.lower())}`"
    if re.fullmatch(r"[0-9]{1,3}(?:[,_' ][0-9]{3})+", value):
        return f"type `{re.sub('[^0-9]', '', value)}`"
    if re.fullmatch(r"[0-9]+,[0-9]+", value):
        value = value.replace(",", ".")
    share = _SHARE.fullmatch(value.strip())
    if share is not None and "_confidence`" in key:
        return f"type `{float(share[1]) / 100:g}`"
    measure = _MEASURE.fullmatch(value.strip())
    if measure is not None:
        number, given = float(measure[1]), (measure[2] or "").lower()
        if given and unit == "ms":
            number *= 1 if given.startswith(("ms", "mil")) else 60_000 if given.startswith("min") else 1_000
        elif given and unit == "s":
            number *= 0.001 if given.startswith(("ms", "mil")) else 60 if given.startswith("min") else 1
        return f"type `{number:g}`"
    if "_confidence`" in key:
        return "type a number from 0 to 1, such as `0.7`"
    if unit == "ms":
        return "type a whole number of milliseconds such as `2000`"
    return "type a whole number such as `3`" if whole else "type a number such as `5` or `2.5`"


def _unit_of(key: str) -> Unit:
    return "ms" if "_ms`" in key else "s" if "_s`" in key else ""


def whole_number_meant(value: float, key: str, unit: Unit = "") -> str:
    """What to type for `value`, which has a fraction, after `key`: probably seconds where milliseconds are counted."""
    return (
        f"type `{1000 * value:g}`"
        if (unit or _unit_of(key)) == "ms" and value < 100
        else f"type `{max(1, round(value))}`"
    )


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value and "'" not in value else '"' + value.replace('"', "'") + '"'
