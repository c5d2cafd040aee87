"""Exposed secrets."""

import stat
from collections.abc import Iterator
from pathlib import Path

from offhook.cli.checks.finding import Finding
from offhook.settings.config import Config
from offhook.settings.fields import NAMED, is_secret, section_fields
from offhook.settings.toml_file import read_config_file


def check(config: Config, path: Path | None) -> Iterator[Finding]:
    """Find secrets in a file that other users may read."""
    if path is None or not path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        return
    values = read_config_file(path).values
    held = [
        f"{section}.{key}"
        for section in type(config).model_fields
        for key, field in section_fields(type(config), section).items()
        if is_secret(field)
        and section not in NAMED
        and isinstance(values.get(section), dict)
        and key in values[section]
    ]
    held += [
        f"{section}.{name}.{key}"
        for section in NAMED
        for key, field in section_fields(type(config), section).items()
        for name, named in values.get(section, {}).items()
        if is_secret(field) and key in named
    ]
    if held:
        yield Finding.warning(
            "secrets",
            f"{path} holds {', '.join(held)}, and others on this machine may read it",
            f"its mode is {stat.S_IMODE(path.stat().st_mode):o}",
            f"chmod 600 {path}",
        )
