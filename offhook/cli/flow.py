"""`offhook flow`: checks flows, draws them, runs them by typing, plays their tests, and sets their switches."""

import typer

from offhook.cli.lazy import lazy_group

COMMANDS = {
    "check": "offhook.cli.flow_check:check",
    "graph": "offhook.cli.flow_play:graph",
    "run": "offhook.cli.flow_play:run",
    "test": "offhook.cli.flow_play:test",
    "set": "offhook.cli.flow_switches:set_switch",
    "get": "offhook.cli.flow_switches:get_switches",
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    help="Check, draw, try and test flows, without a phone; set their switches.",
    no_args_is_help=True,
)
