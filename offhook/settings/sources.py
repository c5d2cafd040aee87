"""Merges file, environment and command line, with each value's origin and problems."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from offhook.settings.renamed import RENAMED, RENAMED_SECTIONS
from offhook.settings.sections import EngineSection
from offhook.settings.toml_file import ConfigFile
from offhook.settings.values import Secret
from offhook.usererror import Problem, closest, did_you_mean

ENV_PREFIX = "OFFHOOK_"
COMMAND_LINE = "command line"
DEFAULT = "default"

KeyPath = tuple[str, ...]
PATHS = {"dialog": ("flow",), "records": ("dir",)}
"""Keys with paths: in a file they are relative to its folder."""
ROUTES = "routes"


class Sources:
    """Merges the three sources into one mapping. `model` is the class of all settings."""

    def __init__(self, model: type[BaseModel], file: ConfigFile, folder: Path) -> None:
        self.values: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self._model = model
        self._file = file
        self._folder = folder
        self._origins: dict[KeyPath, str] = {}

    def take_file(self) -> None:
        """Add the file, which has the lowest precedence."""
        for section, values in self._file.values.items():
            if section not in self._model.model_fields:
                # Checked here, as pydantic-settings would read `[Sip]` as `[sip]`.
                self.problems.append(self._unknown((section,)))
            elif section == ROUTES and isinstance(values, list):
                self.values[section] = [self._in_folder(route, ("flow",)) for route in values]
            elif isinstance(values, dict):
                self.values[section] = self._in_folder(values, PATHS.get(section, ()))
                self._refuse_options_table(section, self.values[section])
            else:
                self.values[section] = values

    def _in_folder(self, values: Any, names: tuple[str, ...]) -> Any:
        if not isinstance(values, dict):
            return values
        return {k: self._folder / v if k in names and isinstance(v, str) else v for k, v in values.items()}

    def _refuse_options_table(self, section: str, values: dict[str, Any]) -> None:
        if section in self._model.model_fields and is_engine_section(self._model, section) and "options" in values:
            del values["options"]
            what, why = f"`[{section}.options]` is not read", "options go under their engine's name"
            where = self._file.where(section, "options")
            self.problems.append(Problem(what, why, f"`[{section}.NAME]`, for the engine NAME", where))

    def take_environment(self, values: Mapping[str, Any]) -> None:
        """Add parsed variables of known sections; an unknown section is a problem, other variables are ignored."""
        fields = self._model.model_fields
        for variable in sorted(os.environ):
            section, separator, key = variable.upper().removeprefix(ENV_PREFIX).partition("__")
            if not variable.upper().startswith(ENV_PREFIX) or not os.environ[variable]:
                continue
            name = section.lower()
            if not separator:
                if name in fields:
                    self.problems.append(self._whole(variable, name))
            elif name == ROUTES:
                todo = "`[[routes]]` in the configuration file"
                self.problems.append(Problem("routes cannot be set by a variable", "they are a list", todo, variable))
            elif name not in fields:
                self.problems.append(_no_section(variable, section, key, list(fields)))
            else:
                self._origins[name, *key.lower().split("__")] = variable
        if not self.problems:
            self._merge(values)

    def _whole(self, variable: str, name: str) -> Problem:
        keys = list(section_fields(self._model, name))
        todo = f"name a key, such as {variable}__{keys[0].upper()}" if keys else "write `[[routes]]` in a file"
        return Problem("a section cannot be set as a whole", "only its keys can", todo, variable)

    def take_overrides(self, overrides: Mapping[str, Mapping[str, object]]) -> None:
        """Add the command line."""
        given = {s: {k: v for k, v in values.items() if v is not None} for s, values in overrides.items()}
        self._merge(given)
        self._origins.update({(s, k): COMMAND_LINE for s, values in given.items() for k in values})

    def _merge(self, values: Mapping[str, Any]) -> None:
        for section, entries in values.items():
            below = self.values.setdefault(section, {})
            if isinstance(below, dict):
                _merge_into(below, entries)

    def origin(self, *path: str) -> str:
        """Where a value came from: FILE:LINE, a variable, the command line, or `default`."""
        for end in range(len(path), 1, -1):
            if path[:end] in self._origins:
                return self._origins[path[:end]]
        return self._file.line_of(*path) or DEFAULT

    def problem_of(self, error: ErrorDetails) -> Problem:
        """A pydantic error as a Problem."""
        path = tuple(str(part) for part in error["loc"])
        context = error.get("ctx", {})
        if "key" in context:  # reported for a section, but about a key missing in it
            at = (*path, str(context["at"])) if "at" in context else path
            missing = self._missing(path, str(context["key"]), error["msg"], at)
            return replace(missing, what=context["what"]) if "what" in context else missing
        # An index after a key adds nothing to the value shown.
        path = path[:3] if path[0] == ROUTES else path[:2]
        if error["type"] == "extra_forbidden":
            return self._unknown(path)
        if error["type"] == "missing":
            return self._missing(path[:-1], path[-1], f"`{path[-1]}` is required")
        if path[0] == ROUTES and len(path) < 3:
            todo = "write `[[routes]]` in a line of its own, and `number = …` below"
            return Problem("`routes` is not a list of routes", "each is a table of its own", todo, self._where(path))
        if len(path) == 1:
            what, why = f"`{path[0]}` is not a section", "it has a value instead of keys"
            return Problem(
                what, why, f"write `[{path[0]}]` in a line of its own, and the keys below", self._where(path)
            )
        return self._wrong_value(path, error)

    def _wrong_value(self, path: KeyPath, error: ErrorDetails) -> Problem:
        section, key = path[0], path[-1]
        field = section_fields(self._model, section)[key]
        where, origin = self._where(path), self._origin_of(path)
        shown = "what it is" if is_secret(field) else repr(error["input"])[:60]
        what = f"`{section}.{key}` cannot be {shown}"
        why = _plain_words(error["msg"])
        example = error.get("ctx", {}).get("example", example_of(field))
        if error["type"] == "literal_error" and isinstance(error["input"], str):
            example = closest(error["input"], _literals(field)) or example
        if origin == COMMAND_LINE:
            return Problem(what, why, f"{example}, for example", where)
        if origin is not None:
            value = str(example) if isinstance(example, str | Path) else toml_value(example)
            return Problem(what, why, f"export {origin}={value}", where)
        return Problem(what, why, f"`{key} = {toml_value(example)}` below {_header(section)}", where)

    def _missing(self, path: KeyPath, key: str, why: str, at: KeyPath | None = None) -> Problem:
        section = path[0]
        example = example_of(section_fields(self._model, section)[key])
        what = f"a route has no `{key}`" if section == ROUTES else f"`{section}.{key}` is missing"
        return Problem(what, why, f"`{key} = {toml_value(example)}` below {_header(section)}", self._where(at or path))

    def _origin_of(self, path: KeyPath) -> str | None:
        """The variable or the command line that set it; None for the file. A variable may set part of the value."""
        return next((origin for known, origin in self._origins.items() if known[: len(path)] == path), None)

    def _where(self, path: KeyPath) -> str:
        return self._origin_of(path) or self._file.where(*path)

    def _unknown(self, path: KeyPath) -> Problem:
        where = self._where(path)
        sections = list(self._model.model_fields)
        dotted = f"{path[0]}.{path[-1]}"
        if dotted in RENAMED and len(path) > 1:
            return _renamed(dotted, RENAMED[dotted], where)
        if len(path) == 1:
            name = path[0]
            if name in RENAMED_SECTIONS:
                return self._renamed_section(name, where)
            holders = [section for section in sections if name in section_fields(self._model, section)]
            if holders and closest(name, sections) is None:
                what, why = f"`{name}` is outside of any section", "keys belong under a section"
                return Problem(what, why, f"write {_header(holders[0])} above it", where)
            what = f"there is no section `{name}`"
            return Problem(what, "only known ones are read", did_you_mean(name, sections), where)
        keys = [key for key in section_fields(self._model, path[0]) if key != "options"]
        what = f"there is no key `{path[-1]}` in {_header(path[0])}"
        return Problem(what, f"{_header(path[0])} has " + ", ".join(keys), did_you_mean(path[-1], keys), where)

    def _renamed_section(self, name: str, where: str) -> Problem:
        new = RENAMED_SECTIONS[name]
        keys = [key for key in self._file.values.get(name, {}) if f"{name}.{key}" in RENAMED]
        todo = [f"`{RENAMED[f'{name}.{key}'].partition('.')[2]}` for `{key}`" for key in keys]
        return Problem(f"`[{name}]` is called `[{new}]` now", "it was renamed", ", ".join([f"`[{new}]`", *todo]), where)


_WORDS = (
    (r"(Input|String|Value|Tuple|Data) should", "it must"),
    (r"valid integer(, .*)?|valid integer, got a number with a fractional part", "whole number"),
    (r"valid number(, .*)?", "number"),
    (r"valid boolean(, .*)?", "true or false"),
    (r"valid string", "text in quotes"),
    (r"valid (tuple|list)", "list in brackets"),
    (r"valid dictionary(, .*)?", "table"),
    (r"Input is not a valid path.*", "it must be a path in quotes"),
    (r" after validation, not .*", ""),
)


def _plain_words(message: str) -> str:
    """Pydantic's messages in the terms of TOML."""
    for pattern, words in _WORDS:
        message = re.sub(pattern, words, message)
    return message.replace("be a true", "be true")


def _renamed(old: str, new: str, where: str) -> Problem:
    section, _, key = new.partition(".")
    what = f"`{old}` is called `{new}` now"
    if where.upper().startswith(ENV_PREFIX):
        return Problem(what, "it was renamed", f"export {ENV_PREFIX}{section.upper()}__{key.upper()}=…", where)
    return Problem(what, "it was renamed", f"`{key} = …` below `[{section}]`", where)


def _no_section(variable: str, section: str, key: str, sections: list[str]) -> Problem:
    old = f"{section}.{key}".lower()
    if old in RENAMED:
        return _renamed(old, RENAMED[old], variable)
    near = closest(section, sections)
    todo = f"did you mean {ENV_PREFIX}{near.upper()}__{key}?" if near else f"unset {variable}"
    return Problem("this variable sets nothing", f"there is no section {section.lower()!r}", todo, variable)


def _merge_into(below: dict[str, Any], entries: Mapping[str, Any]) -> None:
    for key, value in entries.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            below[key] = dict(below[key])  # leaves the file's values unchanged
            _merge_into(below[key], value)
        else:
            below[key] = value


def _header(section: str) -> str:
    return "`[[routes]]`" if section == ROUTES else f"`[{section}]`"


def section_model(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The class of a section; for the routes, that of one route."""
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


def example_of(field: FieldInfo) -> Any:
    """A valid value: the default, or an example if there is none."""
    if field.examples:
        return field.examples[0]
    return field.get_default(call_default_factory=True, validated_data={})


def _literals(field: FieldInfo) -> list[str]:
    return [each for each in get_args(field.annotation) if isinstance(each, str)]


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
