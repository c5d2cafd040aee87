"""`offhook demo`: plays a call, with one of the demo's bots."""

import sys
from typing import Annotated

import typer

from offhook.cli.agent_demo import agent_demo as run_agent_demo
from offhook.cli.demo import demo as run_demo
from offhook.cli.options import ConfigFile
from offhook.cli.sample_demo import sample_demo, samples
from offhook.observe.log import setup
from offhook.process.event_loop import run_loop
from offhook.settings.config import Config


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
