"""The options that `serve`, `config` and `check` share: they override the settings."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from offhook.settings.addresses import parse_address, parse_port_range
from offhook.usererror import UserError

ConfigFile = Annotated[Path | None, typer.Option("--config", help="The settings, a TOML file.", metavar="FILE")]
SipAddress = Annotated[str | None, typer.Option("--sip", help="The address for calls.", metavar="HOST:PORT")]
HttpAddress = Annotated[
    str | None, typer.Option("--http", help="The address for pages and streams.", metavar="HOST:PORT")
]
RtpPorts = Annotated[str | None, typer.Option("--rtp-ports", help="The ports for media.", metavar="LOW-HIGH")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=256, metavar="N", help="Processes that carry calls: one for each core."),
]
SipBackend = Annotated[
    str | None, typer.Option("--sip-backend", help="What carries calls over SIP: own or pjsua2.", metavar="NAME")
]
FlowFile = Annotated[Path | None, typer.Option("--flow", help="The dialog, a YAML file.", metavar="FILE")]
AgentFile = Annotated[Path | None, typer.Option("--agent", help="An agent, a YAML file.", metavar="FILE")]
TwimlUrl = Annotated[
    str | None, typer.Option("--twiml", help="An IVR written for Twilio, its first document.", metavar="URL")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", metavar="")]

Overrides = dict[str, dict[str, object]]


def pairs_of(given: list[str] | None, option: str) -> dict[str, str]:
    """The NAME=VALUE of an option that may be repeated. Raises UserError."""
    found = {}
    for each in given or ():
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise UserError(f"{option} cannot be {each[:60]!r}", "it has a name and a value", f"{option} NAME=VALUE")
        found[name.strip()] = value
    return found


def overrides_of(
    *,
    sip: SipAddress = None,
    http: HttpAddress = None,
    rtp_ports: RtpPorts = None,
    workers: Workers = None,
    sip_backend: SipBackend = None,
    flow: FlowFile = None,
    agent: AgentFile = None,
    twiml: TwimlUrl = None,
) -> Overrides:
    """The settings given as options, by section and key. Raises UserError."""
    found: Overrides = {}
    if sip is not None:
        found["sip"] = dict(zip(("host", "port"), parse_address(sip), strict=True))
    if sip_backend is not None:
        found["sip"] = {**found.get("sip", {}), "backend": sip_backend}
    if http is not None:
        found["http"] = dict(zip(("host", "port"), parse_address(http), strict=True))
    if rtp_ports is not None:
        found["rtp"] = dict(zip(("port_min", "port_max"), parse_port_range(rtp_ports), strict=True))
    if workers is not None:
        found["calls"] = {"workers": workers}
    if flow is not None:
        found["dialog"] = {"flow": flow}
    if agent is not None:
        found["dialog"] = {**found.get("dialog", {}), "agent": agent}
    if twiml is not None:
        found["twiml"] = {"url": twiml}
    return found


def with_overrides(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command: it takes the options of `overrides_of`, and gets their settings as `overrides`."""
    shared = inspect.signature(overrides_of).parameters
    own = [each for each in inspect.signature(command).parameters.values() if each.name != "overrides"]

    @wraps(command)
    def run(**given: Any) -> None:
        command(overrides=overrides_of(**{name: given.pop(name) for name in shared}), **given)

    # Typer reads the options from the signature; `--config` comes first in the help.
    keyword_only = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (own[0], *shared.values(), *own[1:])]
    run.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    return run
