"""A TOML file with the lines of its keys, which `tomllib` does not give."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offhook.settings.yaml_file import decoded, read_limited
from offhook.usererror import UserError

MAX_CONFIG_BYTES = 256 * 1024

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_PATH = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_PATH})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_PATH})\s*=")
_ERROR_LINE = re.compile(r"\(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a file holds: its name, its values, and the line of each `section` and `section.key`."""

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


def read_config_file(path: Path) -> ConfigFile:
    """The file as values and lines. UserError when it cannot be read or is no TOML."""
    name = str(path)
    text = decoded(read_limited(path, MAX_CONFIG_BYTES, "configuration"), name, "configuration")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _ERROR_LINE.search(str(error))
        # Without a line the error is "at end of document".
        where = f"{name}:{place[1]}:{place[2]}" if place else f"{name}:{len(text.splitlines())}"
        why = _ERROR_LINE.sub("", str(error)).strip()
        todo = 'write `key = value` below a `[section]`, and texts in double quotes: host = "127.0.0.1"'
        raise UserError("this is no TOML", why, todo, where) from None
    except (RecursionError, ValueError):
        # Not tomllib's own error: brackets nested without end, or a number of thousands of digits.
        why = "brackets are nested too deeply, or a number is too long"
        raise UserError("this is no TOML that can be read", why, "write plain values", name) from None
    return ConfigFile(name, values, find_lines(text))


def find_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line (from 1) of each section and key; a small scan that knows no values but multi-line strings."""
    lines: dict[tuple[str, ...], int] = {}
    header: tuple[str, ...] = ()
    quotes = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            if quotes in line:
                quotes = ""
            continue
        path: tuple[str, ...] = ()
        if found := _HEADER.match(line):
            path = header = _split(found[1])
        elif found := _ASSIGNMENT.match(line):
            path = header + _split(found[1])
            quotes = next((q for q in ('"""', "'''") if line.count(q) % 2), "")
        for end in range(1, len(path) + 1):
            lines.setdefault(path[:end], number)
    return lines


def _split(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, path))
