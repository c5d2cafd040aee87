"""`offhook config`: the effective settings, and where each value comes from. Secrets are masked."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from offhook.cli.options import AsJson, ConfigFile, Overrides, with_overrides
from offhook.settings.config import Config, Loaded
from offhook.settings.fields import ROUTES, toml_key, toml_value
from offhook.settings.sources import DEFAULT

Row = tuple[str, tuple[str, ...], Any, str]
"""Header, path, value (None: not set), origin."""


@with_overrides
def show_config(
    config: ConfigFile = None,
    *,
    overrides: Overrides,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not the default.", metavar="")] = False,
    json_wanted: AsJson = False,
) -> None:
    """Print the effective settings, and where each comes from: default, file and line, variable, command line."""
    loaded = Config.load_with_origins(config, overrides)
    typer.echo((as_json if json_wanted else as_toml)(loaded, changed=changed))


def rows(loaded: Loaded) -> Iterator[Row]:
    """Every value, in the order of the sections."""
    for section, values in loaded.config.redacted().items():
        if section == ROUTES:
            for number, route in enumerate(values):
                for key, value in route.items():
                    path = (section, str(number), key)
                    yield f"[[{section}]]", path, value, loaded.origin(*path)
            continue
        for key, value in values.items():
            if isinstance(value, dict):
                for option, each in value.items():
                    path = (section, key, option)
                    yield f"[{section}.{toml_key(key)}]", path, each, loaded.origin(*path)
            else:
                yield f"[{section}]", (section, key), value, loaded.origin(section, key)


def as_json(loaded: Loaded, *, changed: bool) -> str:
    """A list of `key`, `value` and `origin`; with `changed` only values that are not the default."""
    found = [
        {"key": ".".join(path), "value": value, "origin": origin}
        for _, path, value, origin in rows(loaded)
        if not changed or origin != DEFAULT
    ]
    return json.dumps(found, indent=2, ensure_ascii=False)


def as_toml(loaded: Loaded, *, changed: bool) -> str:
    """TOML with the origins as comments. Read back, it gives the same settings, except for secrets."""
    lines: list[str] = []
    begun: tuple[str, ...] = ()
    for header, path, value, origin in rows(loaded):
        if (changed and origin == DEFAULT) or (value is None and path[0] == ROUTES):
            continue
        if begun != (header, *path[:-1]):
            begun = (header, *path[:-1])
            lines += [""] if lines else []
            lines.append(header)
        if value is None:
            lines.append(f"# {toml_key(path[-1])} is not set")
        else:
            lines.append(f"{f'{toml_key(path[-1])} = {toml_value(value)}':<40} # {origin}")
    return "\n".join(lines)
