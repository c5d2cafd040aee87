"""Suggests what was meant by an invalid phrase, key or variable in a flow. Pure."""

import difflib
import re
from collections.abc import Iterable

PYTHON = "write the dialog in Python, see the README"

_SEPARATORS = re.compile(r"\s*[,;/|]\s*")
_KEYS = {"star": "*", "asterisk": "*", "pound": "#", "hash": "#", "number sign": "#"}
_KEYS |= {
    word: str(n)
    for n, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
}
_PATTERN = re.compile(r"[()\[\]|*+^$\\]")
_ENDS = frozenset(
    {"end", "hang_up", "hangup", "exit", "stop", "finish", "done", "quit", "goodbye", "disconnect", "none"}
)
_CALL = {
    "caller": "call.caller",
    "caller_id": "call.caller",
    "caller_number": "call.caller",
    "callerid": "call.caller",
    "from": "call.caller",
    "ani": "call.caller",
    "phone": "call.caller",
    "phone_number": "call.caller",
    "called": "call.called",
    "to": "call.called",
    "dnis": "call.called",
    "did": "call.called",
    "call_id": "call.id",
    "uniqueid": "call.id",
    "call_sid": "call.id",
    "date": "today()",
    "today": "today()",
    "time": "now()",
    "now": "now()",
}
_TRUTH = {"on": "yes", "off": "no"}


def end_hint(name: str) -> str | None:
    """What to type if a branch leads to `name`, which isn't a step, in order to end the call."""
    if name.lower().replace("-", "_") not in _ENDS:
        return None
    return "a call ends at a step that hangs up: add one, such as `end: {hang_up: Goodbye.}`, and lead there"


def phrase_hint(phrase: str) -> str:
    """What to type for `phrase`, which contains something that is not a word."""
    if "{" in phrase:
        return "write the words themselves: phrases have no variables"
    if _PATTERN.search(phrase):
        return "list every way to say it: `[yes, yeah, of course]`"
    parts = [part for part in _SEPARATORS.split(phrase) if part]
    if len(parts) > 1:
        return f"make it a list: `[{', '.join(parts)}]`"
    if any(c.isdigit() for c in phrase):
        return "write it out: `twenty four`, not `24`"
    words = re.sub(r"[^\w\s'’-]|_", " ", phrase.replace("&", " and ")).split()
    return f"type `{' '.join(words)}`"


def key_hint(key: str) -> str:
    """What to type for `key`, which is not a phone key."""
    meant = _KEYS.get(key.strip().lower())
    if meant is not None:
        return f"type `key: {meant}`" if meant.isdigit() else f"type `key: '{meant}'`"
    if key.isdigit():
        return "type `key: 1`, or `key: 12`; a longer number is asked for with `collect`"
    return "type `key: 1`, `key: [1, 2]`, or `key: '*'` in quotes"


def call_variable_hint(name: str) -> tuple[str, str] | None:
    """Why a flow has no variable `name`, and what to do, if it names a property of the call, or a truth in YAML."""
    if name in _TRUTH:
        return "expressions have `yes` and `no`", f"type `{_TRUTH[name]}`"
    if name == "switches":
        return "the flow has none", "add one at the top: `switches: {emergency: {means: We are closed at once.}}`"
    value = _CALL.get(name.lower())
    return None if value is None else ("what is known of the call and the time has other names", f"type `{value}`")


def near(word: str, names: Iterable[str]) -> str:
    """Which of the names was meant, or what they are."""
    known = list(names)
    found = difflib.get_close_matches(word[:100], known, n=1)
    return f"did you mean `{found[0]}`?" if found else "one of: " + ", ".join(known[:20])
