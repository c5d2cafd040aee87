"""The probable causes of YAML errors, and what to type instead. Pure."""

import re

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
_BY_THE_PARSER = (
    ("'\\t'", "there is a tab, and YAML indents by spaces only", "put spaces in place of the tab"),
    ("another document", "a second document begins here", "remove the `---`: a file is one document"),
    (
        "could not find expected ':'",
        "the line is neither `key: value` nor a text",
        "type `key: value`, with a space after the colon",
    ),
)
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_MEASURE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(ms|msec|milliseconds?|s|secs?|seconds?|min|minutes?|%)?", re.I)


def explain(why: str, line: str) -> tuple[str, str]:
    """Why `line` cannot be read, and what to type. `why` is what the parser says."""
    found = _VALUE.match(line)
    value = found["value"].rstrip() if found is not None else ""
    key = found["key"] or "" if found is not None else ""
    if key.startswith("<<"):
        return "merge keys (`<<`) are not read", "write its keys out here, or use the whole value again: `key: *name`"
    if "while parsing a flow " in why:
        bracket, end = ("[", "]") if "sequence" in why else ("{", "}")
        return f"the {bracket} is not closed", f"add the {end}, or put the text in quotes if it begins with {bracket}"
    for said, meant, todo in _BY_THE_PARSER:
        if said in why:
            return meant, todo
    if value[:1] in ("'", '"') and ("block end" in why or "unexpected end of stream" in why):
        other = '"' if value[0] == "'" else "'"
        closes = "ends in the middle of the text" if "block end" in why else "is never closed"
        return f"the quote {value[0]} {closes}", f"put the text in the other quotes ({other}), or double the one inside"
    if value[:1] in _ITS_OWN and (key or value[0] not in "-?") and not value.endswith((":", ",")):
        begins = f"the text begins with {value[0]}, which YAML takes for {_ITS_OWN[value[0]]}"
        return begins, f"put the text in quotes: `{key}{_quoted(value)}`"
    if "mapping values are not allowed" in why:
        if ": " in value:
            return "there is a second `: ` in the line", f"put the text in quotes: `{key}{_quoted(value)}`"
        return "the line is indented wrongly", "indent it like the line above it"
    if "block end" in why:
        return "the line is indented wrongly", "indent it like the lines that belong with it"
    return why, "check the indentation, and put texts with : # ? { [ or quotes in them in quotes"


def number_meant(value: str, key: str, *, whole: bool) -> str:
    """What to type for `value`, which is not a number, after `key`."""
    if value.lower() in _WORDS:
        return f"type `{_WORDS.index(value.lower())}`"
    measure = _MEASURE.fullmatch(value.strip())
    if measure is not None:
        number, unit = float(measure[1]), (measure[2] or "").lower()
        if unit and "_ms`" in key:
            number *= 1 if unit.startswith(("ms", "mil")) else 60_000 if unit.startswith("min") else 1_000
        elif unit and "_s`" in key:
            number *= 0.001 if unit.startswith(("ms", "mil")) else 60 if unit.startswith("min") else 1
        return f"type `{number:g}`"
    return "type a whole number such as `3`" if whole else "type a number such as `5` or `2.5`"


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value and "'" not in value else '"' + value.replace('"', "'") + '"'
