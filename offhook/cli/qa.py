"""`offhook qa`: call scripts and SIPp scenarios, with a verdict that a CI understands; captures explained."""

import time
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import groupby
from pathlib import Path
from typing import Annotated, cast

import typer

from offhook.cli.options import ConfigFile
from offhook.cli.qa_called import Options, called
from offhook.cli.qa_crawl import crawl
from offhook.cli.qa_load import load
from offhook.cli.qa_options import (
    FAILURE,
    Authorities,
    BaselineFile,
    BotFile,
    BotPages,
    CoverageAtLeast,
    CoverageFlag,
    CoverageJson,
    Html,
    Json,
    Junit,
    ListThem,
    RecordPersonas,
    Repeat,
    Save,
    SaveBaseline,
    Stream,
    Target,
    Tolerances,
    What,
)
from offhook.cli.qa_output import Covering, Outputs, RunOutput
from offhook.cli.qa_pcap import pcap
from offhook.cli.qa_scripts import read_all, read_scripts
from offhook.cli.qa_stopped import ends_as_interrupted
from offhook.cli.running_bot import BotConfig, BotHttp, RunningBot
from offhook.observe.log import setup
from offhook.pipeline.errors import EngineError
from offhook.process.event_loop import run_loop
from offhook.qa.coverage.report import flow_of
from offhook.qa.one_call import RunSettings
from offhook.qa.persona.prepared import persona_problems
from offhook.qa.preflight import Run, check_run, voice_problems
from offhook.qa.result import Result, not_run
from offhook.qa.run import run_scripts
from offhook.qa.script.reading import is_script
from offhook.qa.script.recorded import script_of
from offhook.qa.script.script import Script
from offhook.qa.sipp.library import Scenario, library
from offhook.qa.sipp.run import SippSettings, check_scenario, run_scenario
from offhook.settings.config import Config
from offhook.usererror import UserError

INTERNAL_ERROR = 70
"""Of sysexits.h, "internal software error": 1 says that something was found, a mistake in the program does not."""

app = typer.Typer(
    help="Test phone systems by calls: scripts, SIPp scenarios, verdicts; explain captures.", no_args_is_help=True
)


def run(  # noqa: PLR0913  # each is one option
    what: What = None,
    config: ConfigFile = None,
    *,
    target: Target = None,
    bot: BotFile = None,
    http: BotPages = None,
    junit: Junit = None,
    as_json_file: Json = None,
    html: Html = None,
    save: Save = None,
    repeat: Repeat = 1,
    baseline: BaselineFile = None,
    save_baseline: SaveBaseline = None,
    tolerance: Tolerances = None,
    coverage: CoverageFlag = False,
    coverage_json: CoverageJson = None,
    coverage_at_least: CoverageAtLeast = None,
    stream: Stream = False,
    ca: Authorities = None,
    record_personas: RecordPersonas = False,
    list_them: ListThem = False,
) -> None:
    """Run call scripts (YAML) and SIPp scenarios (XML, a folder, or a name of --list).

    0: all passed; 1: something was found; 2: usage. Where a SIPp scenario is the first that fails, SIPp's own status:
    1, 97, 99, 253 … SIGTERM, SIGINT and SIGHUP end it: what there is is reported, the status is 143, 130 or 129.
    """
    if list_them:
        typer.echo("\n".join(f"{each.name:<24} {each.about}" for each in library()))
        return
    names, options = _split(what or [])
    found = read_all(names)
    setup(level="error")
    settings = Config.load(config)
    flow = bot if bot is not None and is_script(bot) else None
    has_records = bot is not None or http is not None
    check_run(
        found, settings, Run(target or "", stream, has_records, flow is not None, tuple(options), record_personas)
    )
    covers = coverage or coverage_json is not None or coverage_at_least is not None
    covering = Covering(flow_of(bot), str(bot), coverage_at_least, coverage_json) if covers else None
    wanted = Outputs(junit, as_json_file, html, baseline, save_baseline, tuple(tolerance or ()), covering)
    scripts = [each for each in found if isinstance(each, Script)]
    line = "ws://" if stream else target or ("sip:" if bot is not None else "")
    output = RunOutput(wanted, scripts, line)
    try:
        with called(Options(target, bot, http, stream, config), settings) as (address, pages):
            _run_all(
                found,
                settings,
                RunSettings(address, pages, ca, save, html is not None, repeat, record_personas),
                SippSettings(address.removeprefix("sip:").rpartition("@")[2], pages, flow, tuple(options)),
                output,
            )
    except KeyboardInterrupt:
        output.stop(repeat * len(scripts) + len(found) - len(scripts))
        raise
    output.finish()
    typer.echo(f"{len(output.results) - output.failed} passed, {output.failed} failed")
    raise typer.Exit(output.status)


def check(
    scripts: Annotated[list[Path], typer.Argument(help="Call scripts (YAML), or folders of them.", metavar="SCRIPT…")],
    config: ConfigFile = None,
) -> None:
    """Check call scripts without placing a call: keys, values, files, prompts, voices.

    0: they are right; 2: they are not.
    """
    found = read_scripts(scripts)
    settings = Config.load(config)
    problems = voice_problems(found, settings)
    problems += [problem for script in found for problem in persona_problems(script, settings, record=False)]
    if problems:
        raise UserError.of(problems)
    for script in found:
        what = f"{len(script.steps)} steps" if script.persona is None else "a persona"
        typer.echo(f"{script.where}: {what}, {len(script.prompts)} prompts: ok")


def record(
    call: Annotated[str, typer.Argument(help="A record's id.", metavar="CALL")],
    config: BotConfig = None,
    http: BotHttp = None,
) -> None:
    """Print a call script that does what the caller did in a call that took place.

    It comes from the record of a running bot: what was said, who interrupted, who hung up.
    """
    found = RunningBot.of(Config.load(config), http).get(f"/api/calls/{call}", needs="transcript")
    try:
        typer.echo(script_of(found), nl=False)
    except ValueError as error:
        raise UserError(f"{call} cannot become a script", str(error), "another call: /calls lists them") from error


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "check": check,
    "record": record,
    "load": load,
    "crawl": crawl,
    "pcap": pcap,
}
"""The commands of the group."""


def _with_status(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which ends with `INTERNAL_ERROR` where Python would end with 1, and by a signal in order."""

    @wraps(command)
    def run_command(*args: object, **options: object) -> None:
        try:
            with ends_as_interrupted():
                command(*args, **options)
        except (UserError, EngineError, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            traceback.print_exc()
            raise typer.Exit(INTERNAL_ERROR) from error

    return run_command


for _name, _command in COMMANDS.items():
    app.command(_name)(_with_status(_command))


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What to run, and SIPp's options: from the first that begins with a dash."""
    first = next((at for at, each in enumerate(arguments) if each.startswith("-")), len(arguments))
    what, options = list(arguments[:first]), list(arguments[first:])
    if not what:
        todo = "offhook qa run script.yaml --target HOST:PORT"
        raise UserError("there is nothing to run", "no script and no scenario is given", todo)
    return what, options


def _run_all(
    found: Sequence[Script | Scenario], config: Config, calls: RunSettings, sipp: SippSettings, output: RunOutput
) -> None:
    """All of it; `output` gets each result as it comes. Raises UserError before the first."""
    for each in found:
        if isinstance(each, Scenario):
            check_scenario(each, sipp)
    for is_scenario, group in groupby(found, lambda each: isinstance(each, Scenario)):
        if is_scenario:
            for scenario in group:
                output.take(*_run_scenario(cast(Scenario, scenario), sipp))
        else:
            scripts = [cast(Script, script) for script in group]
            run_loop(run_scripts(scripts, config, calls, output.take))


def _run_scenario(scenario: Scenario, settings: SippSettings) -> tuple[Result, int]:
    began = time.monotonic()
    try:
        return run_scenario(scenario, settings)
    except UserError as error:
        return not_run(scenario.name, str(scenario.path), time.monotonic() - began, error), FAILURE
