"""Merges file, environment and command line, with each value's origin and problems."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from offhook.settings.environment import KeyPath, exported, read_environment
from offhook.settings.fields import (
    NAMED,
    QUEUES,
    ROUTES,
    example_of,
    header,
    is_engine_section,
    is_secret,
    key_path,
    section_fields,
    toml_value,
)
from offhook.settings.renamed import RENAMED, RENAMED_SECTIONS, renamed
from offhook.settings.toml_file import ConfigFile
from offhook.usererror import Problem, closest, did_you_mean

COMMAND_LINE = "command line"
DEFAULT = "default"

PATHS = {"dialog": ("flow",), "records": ("dir",), "mail": ("password_file",)}
"""Keys with paths: in a file they are relative to its folder."""


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
                self.problems.append(self._unknown((section,)))
            elif section == ROUTES and isinstance(values, list):
                self.values[section] = [self._in_folder(route, ("flow",)) for route in values]
            elif section == QUEUES and isinstance(values, dict):
                self.values[section] = {name: self._in_folder(each, ("music",)) for name, each in values.items()}
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

    def take_environment(self, environ: Mapping[str, str]) -> None:
        """Add the variables, which override the file."""
        values, origins, problems = read_environment(self._model, environ)
        self._origins.update(origins)
        self.problems += problems
        self._merge(values)

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
        if "of" in context:  # reported for all of a kind, but about that one
            path = (*path, str(context["of"]))
        if "key" in context:  # reported for a section, but about a key missing in it
            at = (*path, str(context["at"])) if "at" in context else path
            missing = self._missing(path, str(context["key"]), error["msg"], at, context.get("example"))
            return replace(missing, what=context["what"]) if "what" in context else missing
        path = key_path(path)
        if error["type"] == "extra_forbidden":
            return self._unknown(path)
        if error["type"] == "missing":
            return self._missing(path[:-1], path[-1], f"`{path[-1]}` is required")
        if path[0] in NAMED and (len(path) < 3 or path[2] == "[key]"):
            return self._wrong_name(path, error)
        if path[0] == ROUTES and len(path) < 3:
            todo = "write `[[routes]]` in a line of its own, and `number = …` below"
            return Problem("`routes` is not a list of routes", "each is a table of its own", todo, self._where(path))
        if len(path) == 1:
            what, why = f"`{path[0]}` is not a section", "it has a value instead of keys"
            return Problem(
                what, why, f"write `[{path[0]}]` in a line of its own, and the keys below", self._where(path)
            )
        return self._wrong_value(path, error)

    def _wrong_name(self, path: KeyPath, error: ErrorDetails) -> Problem:
        section = path[0]
        what = f"`{section}` is not a section" if len(path) == 1 else f"`{path[1]}` cannot be a {NAMED[section]}"
        named = path[-1] == "[key]"
        why, name = (error["msg"], "main") if named else ("each has a table of its own", path[-1])
        name = "main" if len(path) == 1 else name
        todo = f"write `[{section}.{name}]` in a line of its own, and the keys below"
        return Problem(what, why, todo, self._where(path))

    def _wrong_value(self, path: KeyPath, error: ErrorDetails) -> Problem:
        section, key = path[0], path[-1]
        field = section_fields(self._model, section)[key]
        where, origin = self._where(path), self._origin_of(path)
        shown = "what it is" if is_secret(field) else repr(error["input"])[:60]
        what = f"`{self._dotted(path)}` cannot be {shown}"
        why = _plain_words(error["msg"])
        example = error.get("ctx", {}).get("example", example_of(field))
        if error["type"] == "literal_error" and isinstance(error["input"], str):
            example = closest(error["input"], _literals(field)) or example
        if origin == COMMAND_LINE:
            return Problem(what, why, f"{example}, for example", where)
        if origin is not None:
            if isinstance(example, Mapping) and path not in self._origins:  # a variable for one key of the table
                example = next(iter(example.values()))
            return Problem(what, why, exported(origin, example), where)
        return Problem(what, why, f"`{key} = {toml_value(example)}` below {_header(path)}", where)

    def _missing(
        self, path: KeyPath, key: str, why: str, at: KeyPath | None = None, example: object | None = None
    ) -> Problem:
        section = path[0]
        example = example or example_of(section_fields(self._model, section)[key])
        what = f"a route has no `{key}`" if section == ROUTES else f"`{self._dotted((*path, key))}` is missing"
        return Problem(what, why, f"`{key} = {toml_value(example)}` below {_header(path)}", self._where(at or path))

    @staticmethod
    def _dotted(path: KeyPath) -> str:
        return f"{path[0]}.{path[-1]}" if path[0] == ROUTES else ".".join(path)

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
            return renamed(dotted, RENAMED[dotted], where)
        if len(path) == 1:
            name = path[0]
            if name in RENAMED_SECTIONS:
                return self._renamed_section(name, where)
            holders = [section for section in sections if name in section_fields(self._model, section)]
            if holders and closest(name, sections) is None:
                what, why = f"`{name}` is outside of any section", "keys belong under a section"
                return Problem(what, why, f"write {_header((holders[0],))} above it", where)
            what = f"there is no section `{name}`"
            return Problem(what, "only known ones are read", did_you_mean(name, sections), where)
        keys = [key for key in section_fields(self._model, path[0]) if key != "options"]
        what = f"there is no key `{path[-1]}` in {_header(path)}"
        return Problem(what, f"{_header(path)} has " + ", ".join(keys), did_you_mean(path[-1], keys), where)

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


def _merge_into(below: dict[str, Any], entries: Mapping[str, Any]) -> None:
    for key, value in entries.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            below[key] = dict(below[key])  # leaves the file's values unchanged
            _merge_into(below[key], value)
        else:
            below[key] = value


def _header(path: KeyPath) -> str:
    return f"`[{path[0]}.{path[1]}]`" if path[0] in NAMED and len(path) > 1 else f"`{header(path[0])}`"


def _literals(field: FieldInfo) -> list[str]:
    return [each for each in get_args(field.annotation) if isinstance(each, str)]
