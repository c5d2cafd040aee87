"""What of a tool's arguments stays off the record. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json, to_json

HIDDEN = "***"

_NAMES = re.compile(
    r"(?:.*_)?(?:pin|password|passwd|passcode|passphrase|secret|token|api_?key|cvv2?|cvc2?|otp|tan|ssn)(?:_.*)?",
    re.IGNORECASE,
)


def without_secrets(arguments: str, schema: Mapping[str, Any]) -> str:
    """The arguments (JSON as a model wrote it) with `HIDDEN` for each secret.

    An argument is one if its schema says so (`writeOnly`, `"format": "password"`: pydantic's SecretStr has both), or
    its name does: `pin`, `card_cvc`, `api_key`. What isn't a JSON object is returned whole, unless the schema has
    secrets.
    """
    try:
        given = from_json(arguments)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return HIDDEN if _has_secrets(schema) else arguments
    shown = _shown(given, schema, schema.get("$defs", {}))
    return arguments if shown == given else to_json(shown).decode()


def _shown(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_shown(each, _resolved(schema.get("items"), definitions), definitions) for each in value]
    if not isinstance(value, dict):
        return value
    parts = schema.get("properties", {})
    shown = {}
    for name, each in value.items():
        part = _resolved(parts.get(name), definitions)
        is_secret = _is_secret(part) or _NAMES.fullmatch(name)
        shown[name] = HIDDEN if is_secret else _shown(each, part, definitions)
    return shown


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself where it is a reference, or one of several of which one may be null."""
    if not isinstance(schema, dict):
        return {}
    if "$ref" in schema:
        return _resolved(definitions.get(str(schema["$ref"]).rpartition("/")[2]), {})
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return _resolved(kinds[0], definitions) if len(kinds) == 1 and not _is_secret(schema) else schema


def _is_secret(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("writeOnly")) or schema.get("format") == "password"


def _has_secrets(schema: Mapping[str, Any]) -> bool:
    definitions = schema.get("$defs", {})
    parts = schema.get("properties", {}).items()
    return any(_is_secret(_resolved(part, definitions)) or _NAMES.fullmatch(name) for name, part in parts)
