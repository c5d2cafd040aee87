"""The command line: `offhook demo`, `init`, `check`, `config`, `serve`, `call`, `status`, `sip`, `models`, `say`,
`voices`, `listen`, `replay`, `trunk`, `tune`, `flow`, `queue`, `outbox`, `records`, `qa`.

Exit status: 0 success, 1 failure, 2 usage (a wrong option, configuration or flow).
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from offhook.api.agent_lifespan import with_agents
from offhook.api.dialogs import bench_dialog
from offhook.cli.agent_demo import agent_demo as run_agent_demo
from offhook.cli.call import call, dialog_of
from offhook.cli.check import check as run_checks
from offhook.cli.demo import demo as run_demo
from offhook.cli.flow import app as flow
from offhook.cli.init import init as write_first_files
from offhook.cli.listen import listen
from offhook.cli.models import app as models
from offhook.cli.options import AsJson, ConfigFile, Overrides, with_overrides
from offhook.cli.outbox import app as outbox
from offhook.cli.qa import app as qa
from offhook.cli.queue import app as queue
from offhook.cli.records import app as records
from offhook.cli.replay import replay
from offhook.cli.sample_demo import sample_demo, samples
from offhook.cli.say import say
from offhook.cli.show import as_json as settings_as_json
from offhook.cli.show import as_toml as settings_as_toml
from offhook.cli.sip import app as sip
from offhook.cli.status import status
from offhook.cli.trunk import app as trunk
from offhook.cli.tune import tune
from offhook.cli.voices import voices
from offhook.observe.log import setup
from offhook.pipeline.errors import EngineError
from offhook.process.event_loop import run_loop
from offhook.process.serve import serve as run_server
from offhook.settings.config import Config
from offhook.usererror import UserError
from offhook.version import __version__

FAILURE, USAGE = 1, 2

app = typer.Typer(
    help="Answers the phone.",
    epilog="Begin with: offhook demo, then offhook init, then offhook serve --config offhook.toml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def offhook(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.", metavar="")] = False,
) -> None:
    """Answers the phone."""
    if show_version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def demo(
    config: ConfigFile = None,
    once: Annotated[bool, typer.Option("--once", help="End after the call, also on a terminal.", metavar="")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and end.", metavar="")] = False,
    agent: Annotated[
        bool, typer.Option("--agent", help="A language model answers: a scripted one, without a key.", metavar="")
    ] = False,
    flow: Annotated[
        str | None, typer.Option("--flow", help="A sample flow answers, the caller presses keys.", metavar="NAME")
    ] = None,
    flows: Annotated[bool, typer.Option("--flows", help="List the sample flows, and end.", metavar="")] = False,
) -> None:
    """Place a call to a bot on this machine and print what was said and how fast.

    On a terminal the bot stays up afterwards, to be dialled with a softphone.
    """
    if flows:
        for name, what in samples().items():
            typer.echo(f"{name}: {what}")
        raise typer.Exit
    settings = Config.load(config)
    setup(level="warning")
    stay = not once and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    if flow is not None:
        raise typer.Exit(run_loop(sample_demo(settings, flow, stay=stay, as_json=as_json)))
    run = run_agent_demo if agent else run_demo
    raise typer.Exit(run_loop(run(settings, stay=stay, as_json=as_json)))


@app.command()
@with_overrides
def serve(
    config: ConfigFile = None,
    *,
    overrides: Overrides,
    bench_engines: Annotated[
        bool,
        typer.Option("--bench-engines", help="Fixed words, answer and voice; real media and detector.", metavar=""),
    ] = False,
) -> None:
    """Answer calls until SIGTERM (calls may end) or two SIGINTs (at once)."""
    if bench_engines:
        overrides["asr"] = {"engine": "fixed"}
        overrides["tts"] = {"engine": "recorded"}
    settings = Config.load(config, overrides)
    dialog = bench_dialog if bench_engines and _has_flow(settings) else dialog_of(settings)
    raise typer.Exit(run_server(settings, dialog, with_agents(dialog, settings)))


def _has_flow(settings: Config) -> bool:
    """Whether a flow would answer."""
    return settings.dialog.agent is None and settings.twiml.url is None


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")] = Path(),
    python: Annotated[bool, typer.Option("--python", help="A bot in Python instead of a flow.", metavar="")] = False,
) -> None:
    """Write a first offhook.toml, with all settings in comments, and a first flow or bot. Nothing is overwritten."""
    for path in write_first_files(folder, python=python):
        typer.echo(f"wrote {path}")
    place = "" if folder == Path() else f"cd {folder}; "
    typer.echo(f"next:  {place}{'python bot.py' if python else 'offhook serve --config offhook.toml'}")


@app.command("config")
@with_overrides
def show_config(
    config: ConfigFile = None,
    *,
    overrides: Overrides,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not the default.", metavar="")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the effective settings, and where each comes from: default, file and line, variable, command line."""
    loaded = Config.load_with_origins(config, overrides)
    typer.echo((settings_as_json if as_json else settings_as_toml)(loaded, changed=changed))


@app.command()
@with_overrides
def check(config: ConfigFile = None, *, overrides: Overrides, as_json: AsJson = False) -> None:
    """Try settings, flows, engines, ports, addresses and disk, without taking calls.

    0: calls can come in; 1: something on this machine prevents it; 2: the settings or a flow are wrong.
    """
    setup(level="error")
    raise typer.Exit(run_checks(config, overrides, as_json=as_json))


app.command()(call)
app.command()(status)
app.add_typer(sip, name="sip")
app.add_typer(models, name="models")
app.add_typer(trunk, name="trunk")
app.add_typer(flow, name="flow")
app.add_typer(queue, name="queue")
app.add_typer(outbox, name="outbox")
app.add_typer(records, name="records")
app.add_typer(qa, name="qa")
app.command()(say)
app.command()(voices)
app.command()(listen)
app.command()(replay)
app.command()(tune)


def main() -> None:
    try:
        app()
    except UserError as error:
        typer.echo(error.render(), err=True)
        sys.exit(USAGE)
    except EngineError as error:
        typer.echo(str(error), err=True)
        sys.exit(FAILURE)
