"""`offhook flow set` and `get`: the switches of a running bot's flows."""

import getpass
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from offhook.cli.options import AsJson
from offhook.cli.running_bot import BotConfig, BotHttp, RunningBot
from offhook.settings.config import Config
from offhook.usererror import UserError

SWITCHES = "/api/flow/switches"

_SPAN = re.compile(r"([0-9]{1,5})\s*([mhd])")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

SwitchName = Annotated[str, typer.Argument(help="The switch, as the flow names it.", metavar="NAME")]


def set_switch(
    name: SwitchName,
    value: Annotated[str, typer.Argument(help="on, off, or another of its values.", metavar="VALUE")],
    until: Annotated[
        str | None,
        typer.Option(help="Then it has its default again: 18:00, '2026-12-24 18:00', 90m, 2h, 3d.", metavar="TIME"),
    ] = None,
    config: BotConfig = None,
    http: BotHttp = None,
) -> None:
    """Set a switch of the flows of a running bot, for all calls from their next step on. It is kept over restarts."""
    wanted = {"value": value, "by": _user()}
    if until is not None:
        wanted["until"] = time_in(until, datetime.now().astimezone()).isoformat()
    bot = RunningBot.of(Config.load(config), http)
    typer.echo(_line(bot.put(f"{SWITCHES}/{name}", wanted)))


def get_switches(
    name: Annotated[str | None, typer.Argument(help="One of them.", metavar="NAME")] = None,
    config: BotConfig = None,
    http: BotHttp = None,
    as_json: AsJson = False,
) -> None:
    """Show the switches of the flows of a running bot, and who has set them."""
    bot = RunningBot.of(Config.load(config), http)
    found = bot.get(SWITCHES, needs="switches")["switches"] if name is None else [bot.get(f"{SWITCHES}/{name}")]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        typer.echo("\n".join(map(_line, found)) or "the bot's flows have no switches")


def time_in(text: str, now: datetime) -> datetime:
    """The time that `18:00` (the next one), a date with a time, or a span such as `90m` means, in the zone of `now`.
    Raises UserError."""
    found = text.strip().lower()
    if (span := _SPAN.fullmatch(found)) is not None:
        return now + int(span[1]) * _UNITS[span[2]]
    try:
        if (clock := _TIME.fullmatch(found)) is not None:
            then = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
            return then if then > now else then + timedelta(days=1)
        then = datetime.fromisoformat(text.strip())
    except ValueError:
        why = "it is a time of day, a date with one, or a span"
        raise UserError(f"`{text[:40]}` is no time", why, "--until 18:00, --until 2h", "--until") from None
    return then if then.tzinfo is not None else then.astimezone()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the user has no name
        return ""


def _line(switch: Mapping[str, Any]) -> str:
    """One switch for a terminal."""
    line = f"{switch['name']}: {switch['value']}"
    if switch["set_at"] is not None:
        line += f" (set at {switch['set_at']} by {switch['set_by']}"
        line += f", until {switch['until']})" if switch["until"] is not None else ")"
    others = ", ".join(each for each in switch["values"] if each != switch["value"])
    return f"{line}, or {others}: {switch['means']}"
