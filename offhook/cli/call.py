"""`offhook call`: one call, and its outcome."""

from typing import Annotated

import typer

from offhook.api.agent_lifespan import with_agents
from offhook.api.call import Dialog
from offhook.api.routing import default_dialog, with_routes
from offhook.carriers.call_out import CallOut
from offhook.carriers.outbound import RING_S, number_of, place_call
from offhook.carriers.sip_outbound import place_sip_call
from offhook.cli.options import AgentFile, ConfigFile, FlowFile, RtpPorts, SipAddress, overrides_of, pairs_of
from offhook.engines.requirements import require_installed
from offhook.observe.log import setup
from offhook.process.event_loop import run_loop
from offhook.settings.config import Config

FAILURE = 1


def call(  # noqa: PLR0913  # each is one option
    address: Annotated[
        str,
        typer.Argument(
            help="+15551234567 or an extension by a trunk, sip:USER@HOST, or twilio:+15551234567.", metavar="ADDRESS"
        ),
    ],
    config: ConfigFile = None,
    *,
    trunk: Annotated[str | None, typer.Option(help="The trunk, if there are several.", metavar="NAME")] = None,
    caller: Annotated[
        str | None, typer.Option("--from", help="The number that the call shows.", metavar="NUMBER")
    ] = None,
    flow: FlowFile = None,
    agent: AgentFile = None,
    variable: Annotated[
        list[str] | None,
        typer.Option("--variable", help="A value for the dialog; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", help="A field of the INVITE; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    ring_s: Annotated[
        int | None,
        typer.Option(
            min=5,
            max=600,
            help="How long it rings, in seconds.",
            show_default=f"{RING_S}, or `outbound.ring_s` over SIP",
        ),
    ] = None,
    sip: SipAddress = None,
    rtp_ports: RtpPorts = None,
    http: Annotated[
        str | None,
        typer.Option(help="The address for Twilio's requests: `twilio.public_url` leads here.", metavar="HOST:PORT"),
    ] = None,
    detect_machine: Annotated[
        bool, typer.Option("--detect-machine", help="Have Twilio find out whether a machine answers.", metavar="")
    ] = False,
) -> None:
    """Place one call, and print its outcome. 0: it was answered; 1: it was not."""
    overrides = overrides_of(sip=sip, http=http, rtp_ports=rtp_ports, flow=flow, agent=agent)
    number = number_of(address)
    settings = Config.load(config, overrides)
    setup(settings.log.format, settings.log.level)
    wanted = CallOut(
        address,
        caller,
        trunk,
        variables=pairs_of(variable, "--variable"),
        headers=pairs_of(header, "--header"),
        ring_s=ring_s,
    )
    dialog = dialog_of(settings)

    async def place() -> int:
        if number is not None:
            seconds = ring_s or RING_S
            outcome = await place_call(settings, dialog, number, detect_machine=detect_machine, ring_s=seconds)
        else:
            own_port = sip is not None
            lifespan = with_agents(dialog, settings)
            outcome = await place_sip_call(settings, dialog, wanted, own_port=own_port, lifespan=lifespan)
        typer.echo(f"{outcome.reason} {outcome.call_id} ({outcome.status})")
        return 0 if outcome.answered else FAILURE

    raise typer.Exit(run_loop(place()))


def dialog_of(settings: Config) -> Dialog:
    """The dialog that the settings name. Raises UserError, EngineError."""
    require_installed(settings)
    return with_routes(settings, default_dialog(settings))
