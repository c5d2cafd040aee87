"""Reads `OFFHOOK_SECTION__KEY` from the environment. Pure: the variables are passed in."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from offhook.settings.fields import NAMED, ROUTES, example_of, is_engine_section, is_secret, section_fields, toml_value
from offhook.settings.renamed import ENV_PREFIX, RENAMED, renamed
from offhook.usererror import Problem, closest

KeyPath = tuple[str, ...]
Found = tuple[dict[str, Any], dict[KeyPath, str], list[Problem]]
"""Values by section and key, the variable that set each, and problems."""

MAX_SHOWN = 300
"""Characters of a list that is written anew in what to type."""

_LISTS = {tuple, list}


def read_environment(model: type[BaseModel], environ: Mapping[str, str]) -> Found:
    """The settings of `model` in the variables. Names are case-insensitive, empty variables set nothing.

    A variable without `__` that is no setting's name is somebody else's.
    """
    values: dict[str, Any] = {}
    origins: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    for variable, text in sorted(environ.items()):
        name = variable.upper()
        if not name.startswith(ENV_PREFIX) or not text:
            continue
        path = tuple(name.removeprefix(ENV_PREFIX).lower().split("__"))
        if problem := _misnamed(model, variable, path):
            problems.append(problem)
        elif len(path) > 1:
            origins[path] = variable
            value = _value(model, path, text)
            if isinstance(value, Problem):
                problems.append(_at(variable, value))
            else:
                _set(values, path, value)
    return values, origins, problems


def _misnamed(model: type[BaseModel], variable: str, path: KeyPath) -> Problem | None:
    sections = list(model.model_fields)
    section, rest = path[0], path[1:]
    if not rest:
        if section in sections:
            return _whole(model, variable, section)
        return next((found for known in sections if (found := _one_underscore(model, variable, section, known))), None)
    if section == ROUTES:
        todo = "`[[routes]]` in the configuration file"
        return Problem("routes cannot be set by a variable", "they are a list", todo, variable)
    if section in sections:
        return None
    old = f"{section}.{'__'.join(rest)}"
    if old in RENAMED:
        return renamed(old, RENAMED[old], variable)
    near = closest(section, sections)
    todo = f"did you mean {_variable(near, *rest)}?" if near else f"unset {variable}"
    return Problem("this variable sets nothing", f"there is no section {section!r}", todo, variable)


def _whole(model: type[BaseModel], variable: str, section: str) -> Problem:
    keys = list(section_fields(model, section))
    named = ("name",) if section in NAMED else ()
    example = _variable(section, *named, keys[0])
    todo = "write `[[routes]]` in a file" if section == ROUTES else f"name a key, such as {example}"
    return Problem("a section cannot be set as a whole", "only its keys can", todo, variable)


def _one_underscore(model: type[BaseModel], variable: str, name: str, section: str) -> Problem | None:
    key = name.removeprefix(f"{section}_")
    if key == name or key not in section_fields(model, section):
        return None
    why = "section and key are joined by two underscores"
    return Problem("this variable sets nothing", why, f"did you mean {_variable(section, key)}?", variable)


def _value(model: type[BaseModel], path: KeyPath, text: str) -> Any:
    """The value for the model: lists and tables are JSON, everything else is text that the model parses."""
    below = path[2:] if path[0] in NAMED else path[1:]
    field = section_fields(model, path[0]).get(below[0]) if below else None
    if field is not None and len(below) == 1:
        return _of_field(field, path, text)
    if field is None and is_engine_section(model, path[0]) and len(path) > 2 and text[0] in "[{":
        return _parsed(text, text)  # an option is whatever the engine makes of it
    return text


def _of_field(field: FieldInfo, path: KeyPath, text: str) -> Any:
    is_union = get_origin(field.annotation) in (Union, UnionType)
    shapes = {get_origin(each) or each for each in (get_args(field.annotation) if is_union else (field.annotation,))}
    if shapes & _LISTS and str in shapes:  # one engine, or a chain of them
        return _parsed(text, text) if text[0] == "[" else text
    if shapes & _LISTS:
        listed = [each.strip() for each in text.split(",") if each.strip()]
        meant = listed if len(text) <= MAX_SHOWN else example_of(field)
        return _parsed(text, _no_json(field, path, text, "a list is written as JSON", meant))
    if Mapping in shapes or dict in shapes:
        return _parsed(text, _no_json(field, path, text, "a table is written as JSON", example_of(field)))
    return text


def _no_json(field: FieldInfo, path: KeyPath, text: str, why: str, meant: object) -> Problem:
    shown = "what it is" if is_secret(field) else repr(text[:60])
    return Problem(f"`{'.'.join(path)}` cannot be {shown}", why, exported(_variable(*path), meant))


def _parsed(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def exported(variable: str, value: object) -> str:
    """What to type to set a variable: lists and tables are JSON, as they are read here."""
    if isinstance(value, list | tuple | Mapping):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value) if isinstance(value, str | Path) else toml_value(value)
    return f"export {variable}={shlex.quote(text)}"


def _at(variable: str, problem: Problem) -> Problem:
    return Problem(problem.what, problem.why, problem.todo, variable)


def _set(values: dict[str, Any], path: KeyPath, value: object) -> None:
    for key in path[:-1]:
        below = values.setdefault(key, {})
        if not isinstance(below, dict):  # `A__B` and `A__B__C` are both set: the first is refused for its type
            return
        values = below
    values[path[-1]] = value


def _variable(*path: str) -> str:
    return ENV_PREFIX + "__".join(path).upper()
