"""`offhook check`: tries everything that a start needs, without taking calls."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import typer

from offhook.cli.checks import addresses, dialogs, disk, engines, ports, secrets
from offhook.cli.checks.finding import Finding, Level
from offhook.settings.config import Config, Loaded
from offhook.usererror import UserError


def check(path: Path | None, overrides: Mapping[str, Mapping[str, object]], *, as_json: bool) -> int:
    """Print the findings. Returns 0 if calls can come in, 1 for faults of the machine, 2 for faulty settings."""
    found: list[Finding] = []
    try:
        loaded = Config.load_with_origins(path, overrides)
    except UserError as error:
        found += [Finding.of(problem, "settings", Level.SETTINGS) for problem in error.problems]
    else:
        found.append(Finding.ok("settings", str(path) if path is not None else "no file: defaults and environment"))
        found += _checks(loaded, path)
    worst = max((finding.level for finding in found), default=Level.OK)
    status = {Level.MACHINE: 1, Level.SETTINGS: 2}.get(worst, 0)
    typer.echo(_as_json(found, status) if as_json else _as_text(found))
    return status


def _checks(loaded: Loaded, path: Path | None) -> Iterable[Finding]:
    config = loaded.config
    yield from secrets.check(config, path)
    missing = engines.packages(config)
    yield from missing
    if not missing:  # a flow's words cannot be checked without the recogniser
        yield from dialogs.check(config)
        yield from asyncio.run(engines.check(config))
    yield from addresses.check(config)
    yield from ports.check(config)
    yield from disk.check(config)


def _as_text(found: list[Finding]) -> str:
    return "\n".join(finding.render() for finding in found)


def _as_json(found: list[Finding], status: int) -> str:
    return json.dumps({"status": status, "findings": [finding.to_dict() for finding in found]}, indent=2)
