"""`offhook check`: tries everything that a start needs, without taking calls."""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import typer

from offhook.cli.checks import (
    addresses,
    backend,
    dialogs,
    disk,
    encryption,
    engines,
    language_models,
    ports,
    privacy,
    secrets,
    tls,
    trunks,
)
from offhook.cli.checks.finding import Finding, Level
from offhook.cli.options import AsJson, ConfigFile, Overrides, with_overrides
from offhook.observe.log import setup
from offhook.settings.config import Config, Loaded
from offhook.usererror import UserError


@with_overrides
def check(config: ConfigFile = None, *, overrides: Overrides, as_json: AsJson = False) -> None:
    """Try settings, flows, engines, ports, addresses and disk, without taking calls.

    0: calls can come in; 1: something on this machine prevents it; 2: the settings or a flow are wrong.
    """
    setup(level="error")
    raise typer.Exit(_run(config, overrides, as_json=as_json))


def _run(path: Path | None, overrides: Mapping[str, Mapping[str, object]], *, as_json: bool) -> int:
    """Print the findings, each as soon as it is found. Returns 0 if calls can come in, 1 for faults of the machine, 2
    for faulty settings."""
    found: list[Finding] = []
    problems = set()
    for finding in _findings(path, overrides):
        if finding.problem in problems:  # an engine that fails makes several checks fail
            continue
        problems.add(finding.problem)
        found.append(finding)
        if not as_json:
            typer.echo(finding.render())
            sys.stdout.flush()
    worst = max((finding.level for finding in found), default=Level.OK)
    status = {Level.MACHINE: 1, Level.SETTINGS: 2}.get(worst, 0)
    if as_json:
        typer.echo(json.dumps({"status": status, "findings": [each.to_dict() for each in found]}, indent=2))
    return status


def _findings(path: Path | None, overrides: Mapping[str, Mapping[str, object]]) -> Iterator[Finding]:
    try:
        loaded = Config.load_with_origins(path, overrides)
    except UserError as error:
        yield from (Finding.of(problem, "settings", Level.SETTINGS) for problem in error.problems)
        return
    yield Finding.ok("settings", str(path) if path is not None else "no file: defaults and environment")
    yield from _checks(loaded, path)


def _checks(loaded: Loaded, path: Path | None) -> Iterable[Finding]:
    config = loaded.config
    yield from secrets.check(config, path)
    yield from privacy.check(config)
    missing = engines.packages(config)
    yield from missing
    if not missing:  # a flow's words cannot be checked without the recogniser
        yield from asyncio.run(engines.check(config))
        yield from dialogs.check(config)
    yield from asyncio.run(language_models.check(config))
    yield from addresses.check(config)
    yield from backend.check(config)
    yield from asyncio.run(trunks.check(config))
    yield from ports.check(config)
    yield from tls.check(config)
    yield from encryption.check(config)
    yield from disk.check(config)
