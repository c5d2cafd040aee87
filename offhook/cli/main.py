"""The command line: `offhook demo`, `offhook serve`, `offhook call`.

Exit status: 0 success, 1 failure, 2 usage (a wrong option, configuration or flow).
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from offhook.api.call import Dialog
from offhook.api.dialogs import bench_dialog, flow_dialog
from offhook.api.routing import checked_flow, with_routes
from offhook.carriers.outbound import RING_S, number_of, place_call
from offhook.cli.demo import demo as run_demo
from offhook.engines.requirements import require_installed
from offhook.observe.log import setup
from offhook.pipeline.errors import EngineError
from offhook.process.event_loop import run_loop
from offhook.process.serve import serve as run_server
from offhook.settings.addresses import parse_address, parse_port_range
from offhook.settings.config import Config
from offhook.usererror import UserError
from offhook.version import __version__

FAILURE, USAGE = 1, 2

app = typer.Typer(
    help="Answers the phone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[Path | None, typer.Option("--config", help="The settings, a TOML file.", metavar="FILE")]


@app.callback(invoke_without_command=True)
def offhook(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Answers the phone."""
    if show_version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def demo(
    config: ConfigFile = None,
    once: Annotated[bool, typer.Option("--once", help="End after the call, also on a terminal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and end.")] = False,
) -> None:
    """Place a call to a bot on this machine and print what was said and how fast.

    On a terminal the bot stays up afterwards, to be dialled with a softphone.
    """
    settings = Config.load(config)
    setup(level="warning")
    stay = not once and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    raise typer.Exit(run_loop(run_demo(settings, stay=stay, as_json=as_json)))


@app.command()
def serve(
    config: ConfigFile = None,
    sip: Annotated[str | None, typer.Option(help="Where calls come in.", metavar="HOST:PORT")] = None,
    http: Annotated[str | None, typer.Option(help="Where pages and streams are.", metavar="HOST:PORT")] = None,
    rtp_ports: Annotated[str | None, typer.Option(help="The ports for media.", metavar="LOW-HIGH")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes that carry calls. Default: one for each core.")
    ] = None,
    flow: Annotated[Path | None, typer.Option(help="The dialog, a YAML file.", metavar="FILE")] = None,
    bench_engines: Annotated[
        bool,
        typer.Option("--bench-engines", help="Fixed transcript, answer and voice; real media and detector."),
    ] = False,
) -> None:
    """Answer calls until SIGTERM (calls may end) or two SIGINTs (at once)."""
    overrides: dict[str, dict[str, object]] = {}
    if sip is not None:
        overrides["sip"] = dict(zip(("host", "port"), parse_address(sip), strict=True))
    if http is not None:
        overrides["http"] = dict(zip(("host", "port"), parse_address(http), strict=True))
    if rtp_ports is not None:
        overrides["rtp"] = dict(zip(("port_min", "port_max"), parse_port_range(rtp_ports), strict=True))
    if workers is not None:
        overrides["calls"] = {"workers": workers}
    if bench_engines:
        overrides["asr"] = {"engine": "fixed"}
        overrides["tts"] = {"engine": "recorded"}
    if flow is not None:
        overrides["dialog"] = {"flow": flow}
    settings = Config.load(config, overrides)
    raise typer.Exit(run_server(settings, bench_dialog if bench_engines else _dialog_of(settings)))


@app.command()
def call(
    address: Annotated[str, typer.Argument(help="Whom to call.", metavar="twilio:+15551234567")],
    config: ConfigFile = None,
    http: Annotated[
        str | None,
        typer.Option(help="Where Twilio's requests arrive: `twilio.public_url` leads here.", metavar="HOST:PORT"),
    ] = None,
    flow: Annotated[Path | None, typer.Option(help="The dialog, a YAML file.", metavar="FILE")] = None,
    ring_s: Annotated[int, typer.Option(min=5, max=600, help="How long it rings, in seconds.")] = RING_S,
    detect_machine: Annotated[
        bool, typer.Option("--detect-machine", help="Have Twilio find out whether a machine answers.")
    ] = False,
) -> None:
    """Place one call over Twilio, and print what became of it. 0: somebody answered; 1: nobody did."""
    overrides: dict[str, dict[str, object]] = {}
    if http is not None:
        overrides["http"] = dict(zip(("host", "port"), parse_address(http), strict=True))
    if flow is not None:
        overrides["dialog"] = {"flow": flow}
    number = number_of(address)
    settings = Config.load(config, overrides)
    setup(settings.log.format, settings.log.level)
    dialog = _dialog_of(settings)

    async def place() -> int:
        outcome = await place_call(settings, dialog, number, detect_machine=detect_machine, ring_s=ring_s)
        typer.echo(f"{outcome.status} {outcome.call_sid}")
        return 0 if outcome.answered else FAILURE

    raise typer.Exit(run_loop(place()))


def _dialog_of(settings: Config) -> Dialog:
    require_installed(settings)
    return with_routes(settings, flow_dialog(checked_flow(settings, settings.dialog.flow)))


def main() -> None:
    """The `offhook` command."""
    try:
        app()
    except UserError as error:
        typer.echo(error.render(), err=True)
        sys.exit(USAGE)
    except EngineError as error:
        typer.echo(str(error), err=True)
        sys.exit(FAILURE)
