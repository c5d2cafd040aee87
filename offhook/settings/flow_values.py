"""Reads what a `collect` step of a flow collects with `as`: the kind of value, and its limits."""

from collections.abc import Mapping
from datetime import time

from yaml.nodes import Node, ScalarNode

from offhook.pipeline.events import ValueKind
from offhook.pipeline.understanding.kinds import KINDS, Number, Time, TimeRange
from offhook.settings.yaml_file import Reader
from offhook.usererror import did_you_mean

LIMITS = ("earliest", "latest", "least", "most")
"""Keys of a step: of times of day the first two, of numbers the others."""

_OF_KIND: Mapping[type[ValueKind], tuple[str, ...]] = {
    Time: ("earliest", "latest"),
    TimeRange: ("earliest", "latest"),
    Number: ("least", "most"),
}


def value_kind(reader: Reader, found: Mapping[str, Node], what: str) -> ValueKind | None:
    """The kind that `as` names in the keys of a step; None without `as`, or with a problem that is reported."""
    name = reader.text(found["as"], f"`as` of {what}") if "as" in found else None
    if name is None:
        for key in LIMITS:
            if key in found:
                reader.problem(found[key], f"{what} has `{key}`", "only values have limits", "add `as: time`")
        return None
    for key in ("digits", "terminator", "spoken"):
        if key in found:
            why = f"`as: {name}` says already what is collected, and by voice"
            reader.problem(found[key], f"{what} has `as` and `{key}`", why, f"remove `{key}`, or `as`")
    if name not in KINDS:
        known = did_you_mean(name, tuple(KINDS))
        reader.problem(found["as"], f"`{name[:40]}` is not a kind of value", "`as` names what is collected", known)
        return None
    return _limited(reader, found, what, name)


def _limited(reader: Reader, found: Mapping[str, Node], what: str, name: str) -> ValueKind | None:
    kind = KINDS[name]
    takes = _OF_KIND.get(kind, ())
    for key in LIMITS:
        if key in found and key not in takes:
            others = " and ".join(f"`{each}`" for each in takes)
            why = f"`as: {name}` takes {others}" if others else f"`as: {name}` has no limits"
            reader.problem(found[key], f"{what} has `{key}`", why, f"remove `{key}`")
    if kind is Number:
        low, high = (_number(reader, found, key, what) for key in takes)
        _check_order(reader, found, what, takes, low is not None and high is not None and low > high)
        return Number(low, high)
    if kind in (Time, TimeRange):
        start, end = (_time(reader, found, key, what) for key in takes)
        _check_order(reader, found, what, takes, start is not None and end is not None and start >= end)
        return Time(start, end) if kind is Time else TimeRange(start, end)
    return kind()


def _check_order(reader: Reader, found: Mapping[str, Node], what: str, keys: tuple[str, ...], is_wrong: bool) -> None:
    if is_wrong:
        first, last = keys
        why = f"`{first}` is not before `{last}`"
        reader.problem(found[last], f"`{last}` of {what} leaves no value", why, f"a later `{last}`")


def _number(reader: Reader, found: Mapping[str, Node], key: str, what: str) -> float | None:
    return reader.number(found[key], f"`{key}` of {what}") if key in found else None


def _time(reader: Reader, found: Mapping[str, Node], key: str, what: str) -> time | None:
    """A time of day. Without quotes YAML takes 12:00 for a number; the text of the node is as it was written."""
    if key not in found:
        return None
    node = found[key]
    written = node.value if isinstance(node, ScalarNode) else ""
    hour, colon, minute = written.partition(":")
    if colon and hour.isdigit() and minute.isdigit() and len(minute) == 2 and int(hour) < 24 and int(minute) < 60:
        return time(int(hour), int(minute))
    reader.problem(node, f"`{key}` of {what} is not a time of day", reader.got(node), f"type `{key}: 18:30`")
    return None
