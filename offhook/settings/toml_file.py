"""Reads a TOML file with the line of each key, which `tomllib` does not report."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offhook.settings.yaml_file import decoded, read_limited
from offhook.usererror import UserError

MAX_CONFIG_BYTES = 256 * 1024

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_PATH = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_PATH})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_PATH})\s*=")
_ERROR_LINE = re.compile(r"\(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file's name, values, and the line of each `section` and `section.key`. Tables in a list have their index in the
    path: `routes`, `0`, `number`.
    """

    name: str
    values: dict[str, Any]
    lines: dict[tuple[str, ...], int]

    def where(self, *path: str) -> str:
        """FILE:LINE of a key, or of its section, or FILE."""
        for end in range(len(path), 0, -1):
            line = self.lines.get(path[:end])
            if line is not None:
                return f"{self.name}:{line}"
        return self.name

    def line_of(self, *path: str) -> str | None:
        """FILE:LINE of a path; None if the file does not have it. A value in braces has the line of its key."""
        value: Any = self.values
        for part in path:
            if isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            elif isinstance(value, dict) and part in value:
                value = value[part]
            else:
                return None
        return self.where(*path)


def read_config_file(path: Path) -> ConfigFile:
    """The file's values and lines. UserError if it cannot be read or is not TOML."""
    name = str(path)
    text = decoded(read_limited(path, MAX_CONFIG_BYTES, "configuration"), name, "configuration")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(error, name, text) from None
    except (RecursionError, ValueError):
        # Not a TOMLDecodeError: brackets nested too deeply, or a number of thousands of digits.
        why = "brackets are nested too deeply, or a number is too long"
        raise UserError("this TOML cannot be read", why, "write plain values", name) from None
    return ConfigFile(name, values, find_lines(text))


def _syntax_error(error: tomllib.TOMLDecodeError, name: str, text: str) -> UserError:
    place = _ERROR_LINE.search(str(error))
    why = _ERROR_LINE.sub("", str(error)).strip()
    # tomllib reports neither the key nor its first line.
    if "overwrite" in why or "twice" in why or "immutable" in why:
        for path, first, second in repeated(text):
            what = f"`[{path[0]}]`" if len(path) == 1 else f"`{path[-1]}` in `[{'.'.join(path[:-1])}]`"
            why = f"it is already set in line {first}, and only one could be used"
            return UserError(f"{what} occurs twice", why, "remove one, or join them", f"{name}:{second}")
    # Without a line the error is "at end of document".
    where = f"{name}:{place[1]}:{place[2]}" if place else f"{name}:{len(text.splitlines())}"
    todo = 'write `key = value` below a `[section]`, and texts in double quotes: host = "127.0.0.1"'
    return UserError("this is not TOML", why, todo, where)


def find_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line (from 1) of each section and key, by a simple scan that only knows multi-line strings."""
    lines: dict[tuple[str, ...], int] = {}
    for found in _scan(text):
        for end in range(1, len(found.path) + 1):
            lines.setdefault(found.path[:end], found.line)
    return lines


def repeated(text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """(path, first line, second line) of duplicate sections and keys."""
    first: dict[tuple[str, ...], int] = {}
    for found in _scan(text):
        if found.path in first and not found.listed:
            yield found.path, first[found.path], found.line
        # A table created by a dotted key cannot also have a header.
        for end in range(found.below + 1, len(found.path) + 1):
            first.setdefault(found.path[:end], found.line)


@dataclass(frozen=True, slots=True)
class _Found:
    """A header or an assignment. `below`: how much of its path comes from another line's header."""

    line: int
    path: tuple[str, ...]
    below: int
    listed: bool = False


def _scan(text: str) -> Iterator[_Found]:
    header: tuple[str, ...] = ()
    counts: Counter[tuple[str, ...]] = Counter()
    quotes = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            if quotes in line:
                quotes = ""
            continue
        if found := _HEADER.match(line):
            header = _split(found[2])
            listed = found[1] == "[["
            if listed:
                counts[header] += 1
                header = (*header, str(counts[header] - 1))
            elif counts[header[:1]] and len(header) > 1:  # a table under the last one of a list
                header = (header[0], str(counts[header[:1]] - 1), *header[1:])
            yield _Found(number, header, len(header) - 1, listed)
        elif found := _ASSIGNMENT.match(line):
            yield _Found(number, header + _split(found[1]), len(header))
            quotes = next((q for q in ('"""', "'''") if line.count(q) % 2), "")


def _split(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, path))
