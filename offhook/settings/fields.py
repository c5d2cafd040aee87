"""What the settings' classes say about sections and keys, and values as TOML."""

import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from offhook.settings.section import EngineSection
from offhook.settings.values import Secret

ROUTES = "routes"
TRUNKS = "trunks"
QUEUES = "queues"
WEBHOOKS = "webhooks"
NAMED = {TRUNKS: "trunk", QUEUES: "queue", WEBHOOKS: "webhook"}
"""Sections of tables that have names of the user's, and what each of them is: `[trunks.NAME]`."""


def section_model(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The class of a section; for the routes, that of one route, and likewise of those in `NAMED`."""
    annotation: Any = model.model_fields[name].annotation
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def section_fields(model: type[BaseModel], name: str) -> dict[str, FieldInfo]:
    """The keys of a section."""
    found = section_model(model, name) if name in model.model_fields else None
    return dict(found.model_fields) if found is not None else {}


def is_engine_section(model: type[BaseModel], name: str) -> bool:
    """Whether the section may have `[name.ENGINE]` tables."""
    found = section_model(model, name)
    return found is not None and issubclass(found, EngineSection)


def is_secret(field: FieldInfo) -> bool:
    """Whether the value must not be shown."""
    return any(isinstance(each, Secret) for each in field.metadata)


def header(section: str) -> str:
    """What stands above its keys."""
    return "[[routes]]" if section == ROUTES else f"[{section}.NAME]" if section in NAMED else f"[{section}]"


def key_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path without what comes after the key, such as an index: it adds nothing to the value shown."""
    return path[:3] if path[0] == ROUTES or path[0] in NAMED else path[:2]


def example_of(field: FieldInfo) -> Any:
    """A valid value: the default, or an example if there is none."""
    if field.examples:
        return field.examples[0]
    return field.get_default(call_default_factory=True, validated_data={})


def toml_value(value: object) -> str:
    """A value in TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(each) for each in value) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)


def toml_key(key: str) -> str:
    """A key in TOML, quoted unless it is a bare key."""
    return key if key and all(c.isascii() and (c.isalnum() or c in "_-") for c in key) else json.dumps(key)
