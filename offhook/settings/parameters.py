"""Arguments and values as an agent's file declares them: a small part of JSON schema, by name."""

import re
from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import Field
from yaml.nodes import Node, SequenceNode

from offhook.settings.yaml_file import Reader

_KINDS: dict[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool}
_FORMATS: dict[str, Any] = {"date": date, "time": time}
_KEYS = ("type", "description", "format", "enum", "pattern", "min", "max", "max_length", "optional")
_EXAMPLE = "type `number: {type: string, description: …}`"
MAX_STRING_CHARS = 1_000


def read_parameters(reader: Reader, node: Node, what: str) -> dict[str, Any]:
    """Names with (type, default), as `arguments_model` takes them."""
    found: dict[str, Any] = {}
    for name, key, value in reader.entries(node, what, _EXAMPLE) or []:
        if not name.isidentifier() or name.startswith("_"):
            why = "a name is letters, digits and underscores, and begins with a letter"
            reader.problem(key, f"`{name[:40]}` in {what} is not a name", why, "rename it")
            continue
        read = _parameter(reader, value, f"`{name}` in {what}")
        if read is not None:
            found[name] = read
    return found


def _parameter(reader: Reader, node: Node, what: str) -> tuple[Any, Any] | None:
    fields = reader.fields(node, what, _KEYS, (), _EXAMPLE)
    if fields is None:
        return None
    name = (reader.text(fields["type"], f"`type` of {what}") if "type" in fields else None) or "string"
    if name not in _KINDS:
        reader.problem(fields["type"], f"`{name[:40]}` is not a type", "the types are those of JSON", _one_of(_KINDS))
        return None
    kind: Any = _KINDS[name]
    if "format" in fields:
        form = reader.text(fields["format"], f"`format` of {what}") or ""
        if form not in _FORMATS:
            reader.problem(fields["format"], f"`{form[:40]}` is not a format", "few are known", _one_of(_FORMATS))
            return None
        kind = _FORMATS[form]
    if "enum" in fields:
        kind = _enumeration(reader, fields["enum"], what)
    limits = _limits(reader, fields, what, kind)
    about = reader.text(fields["description"], f"`description` of {what}") if "description" in fields else None
    optional = "optional" in fields and bool(reader.truth(fields["optional"], f"`optional` of {what}"))
    annotated = Annotated[kind, Field(description=about, **limits)]
    return (annotated | None, None) if optional else (annotated, ...)


def _enumeration(reader: Reader, node: Node, what: str) -> Any:
    values = tuple(reader.texts(node, f"`enum` of {what}"))
    if not values or not isinstance(node, SequenceNode):
        reader.problem(node, f"`enum` of {what} has no values", "one of them is chosen", "type `enum: [small, large]`")
        return str
    return Literal[values]


def _limits(reader: Reader, fields: dict[str, Node], what: str, kind: Any) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if kind in (int, float):
        for key, name in (("min", "ge"), ("max", "le")):
            if key in fields and (number := reader.number(fields[key], f"`{key}` of {what}")) is not None:
                limits[name] = number
        if limits.get("ge", 0) > limits.get("le", limits.get("ge", 0)):
            what, why = f"`max` of {what} is below its `min`", "no number would be right"
            reader.problem(fields["max"], what, why, f"type `max: {limits['ge']:g}` or more")
    if kind is str:
        length = reader.whole(fields["max_length"], f"`max_length` of {what}") if "max_length" in fields else None
        limits["max_length"] = MAX_STRING_CHARS if length is None else length
        if "pattern" in fields and (pattern := reader.text(fields["pattern"], f"`pattern` of {what}")) is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                reader.problem(fields["pattern"], f"`pattern` of {what} is not one", str(error), 'type `"^[0-9]{4}$"`')
            else:
                limits["pattern"] = pattern
    return limits


def _one_of(names: dict[str, Any]) -> str:
    return "one of: " + ", ".join(names)
