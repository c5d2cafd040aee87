"""What an answer will be like: from a question, from a word such as `digits(10..16)`, or from a JSON schema. Pure."""

import re
from collections.abc import Mapping
from typing import Any, cast, get_args

from offhook.pipeline.events import Expectation, ExpectedKind, Question
from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Spelling, Time, TimeRange, YesNo
from offhook.pipeline.understanding.patterns import Pattern
from offhook.pipeline.understanding.phones import Phone
from offhook.pipeline.understanding.valid import plain_kind

MAX_DIGITS = 32
PHONE_DIGITS = (7, 15)
"""E.164 has 15 at most; local numbers have 7."""

MAX_PHRASES = 100
MAX_DEPTH = 8

FREE = Expectation("free")

_WORD = re.compile(r"(\w+)(?:\(\s*(\d+)\s*(?:(?:\.\.|,|-)\s*(\d+)\s*)?\))?")
_DIGIT_PATTERN = re.compile(r"\^?\(?(?:\\d|\[0-9\])(?:\{(\d+)(?:,(\d*))?\}|(\+))?\)?\$?")
_FORMATS: dict[str, Expectation] = {
    "date": Expectation("date"),
    "time": Expectation("time"),
    "email": Expectation("email"),
    "idn-email": Expectation("email"),
    "phone": Expectation("phone", *PHONE_DIGITS),
}
_TYPES: dict[str, Expectation] = {
    "boolean": Expectation("yes_no"),
    "integer": Expectation("number"),
    "number": Expectation("number"),
}
_KINDS: tuple[tuple[type, ExpectedKind], ...] = (
    (YesNo, "yes_no"),
    (Number, "number"),
    (Date, "date"),
    (Time, "time"),
    (TimeRange, "time"),
    (Amount, "amount"),
    (Spelling, "spelled"),
)


def parse_expectation(text: str) -> Expectation:
    """An expectation by its name: `choice`, `yes_no`, `digits(4)`, `digits(10..16)`, `number`, `date`, `time`,
    `amount`, `phone`, `email`, `spelled`, `name` or `free`. Raises ValueError."""
    found = _WORD.fullmatch(text.strip())
    if found is None or found[1] not in get_args(ExpectedKind):
        raise ValueError(f"an answer is one of {', '.join(get_args(ExpectedKind))}, not {text!r}")
    kind = cast(ExpectedKind, found[1])
    if kind == "phone" and found[2] is None:
        return Expectation(kind, *PHONE_DIGITS)
    if kind not in ("digits", "phone"):
        if found[2] is not None:
            raise ValueError(f"{kind} has no count, as digits(4) has")
        return Expectation(kind)
    low = int(found[2] or 1)
    high = int(found[3] or found[2] or MAX_DIGITS)
    if not 1 <= low <= high <= MAX_DIGITS:
        raise ValueError(f"a count of digits is 1 to {MAX_DIGITS}, the smaller one first: digits(4), digits(10..16)")
    return Expectation(kind, low, high)


def expectations_of(question: Question) -> tuple[Expectation, ...]:
    """What may answer the question: the one that it names, or what its choices, digits and value say."""
    if question.expect is not None:
        return (question.expect,)
    expected: list[Expectation] = []
    if question.choices:
        expected.append(Expectation("choice"))
    if question.value is not None:
        expected.append(_of_value(question))
    elif question.digits is not None:
        expected.append(Expectation("digits", question.digits.minimum, question.digits.maximum))
    return tuple(expected) or (FREE,)


def _of_value(question: Question) -> Expectation:
    value = plain_kind(question.value)
    if isinstance(value, Digits):
        return Expectation("digits", value.minimum, value.maximum)
    if isinstance(value, Phone):
        return Expectation("phone", *PHONE_DIGITS)
    if isinstance(value, Pattern):
        return Expectation("digits" if value.is_numeric else "spelled", len(value.places), len(value.places))
    return next((Expectation(kind) for cls, kind in _KINDS if isinstance(value, cls)), FREE)


def expectation_of(schema: Mapping[str, Any], _depth: int = 0) -> Expectation:
    """What a value of this JSON schema is like when it is spoken: by `enum`, `format`, `pattern`, then `type`.

    Of an object it is the first property that is required, or else the first one; what says nothing is `free`.
    """
    enum = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(enum, list) and enum:
        return Expectation("choice", phrases=tuple(str(each).replace("_", " ") for each in enum[:MAX_PHRASES]))
    if (named := _FORMATS.get(str(schema.get("format", "")))) is not None:
        return named
    kind = schema.get("type")
    if isinstance(kind, list):  # ["string", "null"]
        kind = next((each for each in kind if each != "null"), None)
    if kind in (None, "string") and (digits := _digits_of(schema)) is not None:
        return digits
    if kind == "object" and _depth < MAX_DEPTH:
        return _of_object(schema, _depth)
    return _TYPES.get(str(kind), FREE)


def _of_object(schema: Mapping[str, Any], depth: int) -> Expectation:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return FREE
    required = schema.get("required")
    names = [*(required if isinstance(required, list) else []), *properties]
    first = next((properties[name] for name in names if isinstance(properties.get(name), Mapping)), None)
    return FREE if first is None else expectation_of(first, depth + 1)


def _digits_of(schema: Mapping[str, Any]) -> Expectation | None:
    pattern = schema.get("pattern")
    found = _DIGIT_PATTERN.fullmatch(pattern) if isinstance(pattern, str) else None
    if found is None:
        return None
    if found[1] is not None:
        low = int(found[1])
        high = low if found[2] is None else int(found[2] or MAX_DIGITS)
    elif found[3] is not None:
        low, high = _count(schema, "minLength", 1), _count(schema, "maxLength", MAX_DIGITS)
    else:
        low = high = 1
    return Expectation("digits", max(1, min(low, MAX_DIGITS)), max(1, min(max(low, high), MAX_DIGITS)))


def _count(schema: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = schema.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
