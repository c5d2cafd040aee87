"""The command line: `offhook demo`, `init`, `check`, `config`, `serve`, `call`, `status`, `sip`, `models`, `say`,
`voices`, `listen`, `replay`, `trunk`, `tune`, `flow`, `queue`, `outbox`, `records`, `qa`.

Exit status: 0 success, 1 failure, 2 usage (a wrong option, configuration or flow).
"""

import sys
from typing import Annotated

import typer

from offhook.cli.lazy import lazy_group
from offhook.pipeline.errors import EngineError
from offhook.usererror import UserError
from offhook.version import __version__

FAILURE, USAGE = 1, 2
COMMANDS = {
    "demo": "offhook.cli.demos:demo",
    "serve": "offhook.cli.serve:serve",
    "init": "offhook.cli.init:init",
    "config": "offhook.cli.show:show_config",
    "check": "offhook.cli.check:check",
    "call": "offhook.cli.call:call",
    "status": "offhook.cli.status:status",
    "sip": "offhook.cli.sip:app",
    "models": "offhook.cli.models:app",
    "trunk": "offhook.cli.trunk:app",
    "flow": "offhook.cli.flow:app",
    "queue": "offhook.cli.queue:app",
    "outbox": "offhook.cli.outbox:app",
    "records": "offhook.cli.records:app",
    "qa": "offhook.cli.qa:app",
    "say": "offhook.cli.say:say",
    "voices": "offhook.cli.voices:voices",
    "listen": "offhook.cli.listen:listen",
    "replay": "offhook.cli.replay:replay",
    "tune": "offhook.cli.tune:tune",
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
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


def main() -> None:
    try:
        app()
    except UserError as error:
        typer.echo(error.render(), err=True)
        sys.exit(USAGE)
    except EngineError as error:
        typer.echo(str(error), err=True)
        sys.exit(FAILURE)
