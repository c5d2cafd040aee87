"""`offhook qa load`: call scripts many times at once."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.options import ConfigFile
from offhook.cli.qa_called import Options, called
from offhook.cli.qa_options import FAILURE, Authorities, BotFile, BotPages, Json, Junit, Stream, Target
from offhook.cli.qa_scripts import read_scripts
from offhook.observe.log import setup
from offhook.private_file import write_json
from offhook.process.event_loop import keep_what_is_here, run_loop
from offhook.qa.load.report import LoadReport
from offhook.qa.load.run import Progress, check_load, run_load
from offhook.qa.load.schedule import Plan
from offhook.qa.one_call import RunSettings
from offhook.qa.preflight import Run, check_run
from offhook.qa.result import write_junit
from offhook.settings.config import Config
from offhook.usererror import UserError

CALLS, AT_ONCE = 100, 10
MOST_CALLS, MOST_AT_ONCE, MOST_RATE, MOST_S = 1_000_000, 2_000, 200.0, 86_400.0
REWRITTEN = "\r\x1b[K"
TERMINAL_S, LOG_S = 0.5, 10.0
"""How often progress is shown."""


def load(  # noqa: PLR0913  # each is one option
    what: Annotated[list[Path], typer.Argument(help="Call scripts, or folders of them.", metavar="SCRIPT…")],
    config: ConfigFile = None,
    *,
    target: Target = None,
    bot: BotFile = None,
    http: BotPages = None,
    calls: Annotated[
        int | None,
        typer.Option(help=f"In all; {CALLS} without --for.", min=1, max=MOST_CALLS, metavar="N", show_default=False),
    ] = None,
    at_once: Annotated[int, typer.Option(help="At the same time.", min=1, max=MOST_AT_ONCE, metavar="N")] = AT_ONCE,
    rate: Annotated[
        float | None, typer.Option(help="Calls that arrive each second.", min=0.001, max=MOST_RATE, metavar="R")
    ] = None,
    evenly: Annotated[bool, typer.Option("--evenly", help="They arrive evenly, not by chance.", metavar="")] = False,
    ramp: Annotated[
        float, typer.Option(help="Seconds until the full rate, or until --at-once.", min=0, max=MOST_S, metavar="S")
    ] = 0.0,
    for_s: Annotated[
        float | None, typer.Option("--for", help="No call begins later.", min=0.1, max=MOST_S, metavar="S")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the arrivals.", min=0, metavar="N")] = 1,
    junit: Junit = None,
    as_json_file: Json = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write the first failure of each kind there.", metavar="DIR")
    ] = None,
    stream: Stream = False,
    ca: Authorities = None,
) -> None:
    """Run call scripts (YAML) many times at once: ramps, arrival rates, distributions, the first failure of each kind.

    Ctrl-C or SIGTERM ends it: calls hang up, and what there is is reported.
    0: all passed; 1: something was found, or this machine was too busy to measure; 2: usage; 130, 143: it was ended.
    """
    if evenly and rate is None:
        raise UserError("nothing arrives", "--evenly is about arrivals, and --rate gives none", "--rate 5", "--evenly")
    plan = Plan(calls if calls or for_s else CALLS, at_once, rate, evenly, ramp, for_s, seed)
    scripts = read_scripts(what)
    setup(level="error")
    settings = Config.load(config)
    check_run(scripts, settings, Run(target or "", stream, bot is not None or http is not None))
    if bot is not None or target:
        check_load(scripts, RunSettings(target or str(bot)), plan)  # before the bot is started
    with called(Options(target, bot, http, stream, config), settings) as (address, pages):
        keep_what_is_here()
        found = run_loop(run_load(scripts, settings, RunSettings(address, pages, ca, save), plan, _progress()))
    _write(found, junit, as_json_file)
    typer.echo(found.text())
    if found.was_stopped:
        raise KeyboardInterrupt  # by SIGINT, or what counts as one
    raise typer.Exit(0 if found.passed else FAILURE)


def _progress() -> Progress:
    """One line that is rewritten on a terminal, a line now and then elsewhere; on standard error."""
    if not sys.stderr.isatty():
        return Progress(lambda line: typer.echo(line, err=True), LOG_S)

    def rewrite(line: str) -> None:
        # A line that does not fit would wrap, and not be rewritten.
        typer.echo(f"{REWRITTEN}{line[: shutil.get_terminal_size().columns - 1]}", err=True, nl=False)

    return Progress(rewrite, TERMINAL_S)


def _write(found: LoadReport, junit: Path | None, as_json_file: Path | None) -> None:
    if sys.stderr.isatty():
        typer.echo(REWRITTEN, err=True, nl=False)
    if as_json_file is not None:
        write_json(as_json_file, found.to_dict(), "--json")
    if junit is not None:
        write_junit(junit, found.results())
