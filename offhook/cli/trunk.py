"""`offhook trunk`: settings for well-known trunks, and a check of one that is set up."""

import json
from typing import Annotated, Literal

import typer

from offhook.cli import trunk_recipe
from offhook.cli.options import AsJson, ConfigFile, RtpPorts, overrides_of
from offhook.cli.trunk_check.report import Report
from offhook.cli.trunk_check.run import check_trunk, number_to_call, the_trunk
from offhook.observe.log import setup
from offhook.process.event_loop import run_loop
from offhook.settings.config import Config

app = typer.Typer(help="Set up a trunk, and find out what is wrong with one.", no_args_is_help=True)


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="The trunk, if there are several.", metavar="NAME")] = None,
    config: ConfigFile = None,
    *,
    call: Annotated[
        str | None, typer.Option(help="Place a test call of a few seconds to this number.", metavar="NUMBER")
    ] = None,
    ring_s: Annotated[float, typer.Option(min=5, max=120, help="How long the test call rings, in seconds.")] = 30,
    sip: Annotated[
        str | None,
        typer.Option(help="The address to call from; a free port takes the place of PORT.", metavar="HOST:PORT"),
    ] = None,
    rtp_ports: RtpPorts = None,
    as_json: AsJson = False,
) -> None:
    """Try a trunk: DNS, TLS, OPTIONS, REGISTER, NAT, and with --call a test call and its media.

    It uses a port of its own and changes no registration, so a bot may serve meanwhile. 0: the trunk can be used; 1: a
    step failed.
    """
    settings = Config.load(config, overrides_of(sip=sip, rtp_ports=rtp_ports))
    setup(level="critical")
    trunk = the_trunk(name, settings)
    target = number_to_call(call, trunk, settings) if call is not None else None
    report = Report(trunk, as_json=as_json)
    run_loop(check_trunk(settings, trunk, report, target, ring_s))
    raise typer.Exit(report.end())


@app.command()
def recipe(  # noqa: PLR0913  # each is one option
    name: Annotated[str | None, typer.Argument(help="Whose; without it they are listed.", metavar="PROVIDER")] = None,
    config: ConfigFile = None,
    *,
    public_ip: Annotated[str | None, typer.Option(help="Where the trunk reaches the bot.", metavar="ADDRESS")] = None,
    host: Annotated[str | None, typer.Option(help="The trunk's domain, or the PBX.", metavar="HOST")] = None,
    bot_host: Annotated[
        str | None, typer.Option(help="The bot's own name, where its certificate counts.", metavar="HOST")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Your number, with a plus sign.", metavar="NUMBER")] = None,
    user: Annotated[str | None, typer.Option(help="The account's user.", metavar="USER")] = None,
    trunk: Annotated[str | None, typer.Option(help="What the trunk is called here.", metavar="NAME")] = None,
    side: Annotated[
        Literal["both", "ours", "theirs"], typer.Option(help="Only one side's settings, as they go into its file.")
    ] = "both",
    as_json: AsJson = False,
) -> None:
    """Print the settings of both sides for a provider or a PBX, with your own addresses."""
    if name is None:
        known = trunk_recipe.names()
        typer.echo(json.dumps(known, indent=2) if as_json else "\n".join(f"{n:<10} {t}" for n, t in known.items()))
        return
    given = trunk_recipe.Given(public_ip, host, bot_host, number, user, trunk)
    found = trunk_recipe.recipe(name, given, Config.load(config))
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    elif side == "both":
        typer.echo(found.render())
    else:
        typer.echo((found.ours if side == "ours" else found.theirs).strip())
