"""`offhook flow check`: finds what is wrong with flows, and what is probably not meant so."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.lazy import uncollected
from offhook.cli.options import AsJson
from offhook.flow_tools.lint import RULES, doubts
from offhook.flow_tools.no_secrets import NoSecrets
from offhook.observe.log import setup
from offhook.pipeline.dialog.check import find_warnings
from offhook.settings.flow_file import parse_flow
from offhook.settings.yaml_file import MAX_FILE_BYTES, read_limited
from offhook.usererror import Problem, UserError, did_you_mean

FAILURE, USAGE = 1, 2

FlowFiles = Annotated[list[Path], typer.Argument(help="Flows, YAML files.", metavar="FLOW…")]


def check(
    flows: FlowFiles,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help=f"Leave out a rule: {', '.join(RULES)}.", metavar="RULE")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where there is a doubt, too.", metavar="")] = False,
    as_json: AsJson = False,
) -> None:
    """Find what is wrong with flows, and what is probably not meant so.

    0: the flows can be run; 1: with --strict, there are doubts; 2: a flow cannot be run.
    """
    setup(level="error")
    without = ignore or []
    for each in without:
        if each not in RULES:
            raise UserError(
                f"there is no rule `{each[:40]}`", "a rule has one of these names", did_you_mean(each, list(RULES))
            )
    with uncollected():
        checked = [(path, *_checked(path, without)) for path in flows]
    if as_json:
        typer.echo(json.dumps([_as_dict(*each) for each in checked], indent=2))
    else:
        for path, problems, found in checked:
            typer.echo(_as_text(path, problems, found))
    wrong = any(problems for _, problems, _ in checked)
    doubted = strict and any(found for _, _, found in checked)
    raise typer.Exit(USAGE if wrong else FAILURE if doubted else 0)


def _checked(path: Path, without: Sequence[str]) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """What is wrong, and the doubts."""
    found: list[Problem] = []
    try:
        data = read_limited(path, MAX_FILE_BYTES, "flow")
        parse_flow(
            data,
            str(path),
            None,
            found.append,
            lambda flow: (*find_warnings(flow), *doubts(flow, without)),
            NoSecrets(),
        )
    except UserError as error:
        return error.problems, ()
    return (), found


def _as_text(path: Path, problems: Sequence[Problem], found: Sequence[Problem]) -> str:
    shown = "\n".join(each.render() for each in (*problems, *found))
    if problems:
        return shown
    return "\n".join(filter(None, (shown, f"{path}: " + (f"can be run; doubts: {len(found)}" if found else "ok"))))


def _as_dict(path: Path, problems: Sequence[Problem], found: Sequence[Problem]) -> dict[str, object]:
    return {
        "flow": str(path),
        "can_run": not problems,
        "problems": [asdict(each) for each in problems],
        "doubts": [asdict(each) for each in found],
    }
