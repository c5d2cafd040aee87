"""`offhook sip`: ladders of calls, messages as they come, and what the user agent has alive."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from offhook.carriers.pjsua2.unseen import MESSAGES
from offhook.cli.capture import capture
from offhook.cli.running_bot import BotConfig, BotHttp, NoBotError, RunningBot
from offhook.ladder.text import live_line, render
from offhook.observe.log import escape_control
from offhook.process.signalling_log import ladder_in_records
from offhook.settings.config import Config
from offhook.usererror import UserError

PAGE = 50
NARROW, WIDE = 60, 400

app = typer.Typer(help="Show the SIP of a bot: messages, dialogs, transactions.", no_args_is_help=True)

app.command()(capture)

AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.", metavar="")]


@app.command()
def trace(  # one option each
    call: Annotated[
        str, typer.Argument(help="A record's id, a Call-ID, or a trunk for its registration.", metavar="[CALL]")
    ] = "",
    config: BotConfig = None,
    http: BotHttp = None,
    *,
    live: Annotated[bool, typer.Option("--live", help="Messages as they come.", metavar="")] = False,
    messages: Annotated[bool, typer.Option("--messages", help="Whole messages, too.", metavar="")] = False,
    width: Annotated[int, typer.Option(help="Columns; 0: the terminal's.", min=0, metavar="N")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print the ladder of a call, with all its legs: who sent what, when, and what became of it.

    Without CALL that of the latest call. With --live CALL may also be a host, or HOST:PORT. A bot that does not run
    is not needed for calls that are over.
    """
    settings = Config.load(config)
    if live:
        _show_live(RunningBot.of(settings, http), call, as_json=as_json, messages=messages)
        return
    ladder = _ladder(settings, http, call)
    if as_json:
        typer.echo(json.dumps(ladder, indent=2))
        return
    columns = width or shutil.get_terminal_size((140, 24)).columns
    shown = render(ladder, width=min(max(columns, NARROW), WIDE), colour=_has_colour(), messages=messages)
    typer.echo("\n".join(shown))


def _ladder(settings: Config, http: str | None, call: str) -> Mapping[str, Any]:
    try:
        bot = RunningBot.of(settings, http)
        return bot.get("/api/sip/trace", {"call": call or _latest(bot)}, needs="columns")
    except NoBotError:
        if http is not None or not call:
            raise
        url = settings.records.database
        found = ladder_in_records(url, call)
        if found is None and settings.sip.backend != "own":
            raise UserError.of([MESSAGES]) from None
        if found is None:
            why = "the bot does not run, and the records have none"
            raise UserError(
                f"no SIP messages of {call!r} are kept", why, "sip_days = 7 below [records], before the call"
            ) from None
        return found


def _latest(bot: RunningBot) -> str:
    calls: Sequence[Mapping[str, Any]] = bot.get("/api/calls", {"limit": 20}, needs="calls")["calls"]
    for each in calls:
        if each["transport"] != "ws":
            return str(each["uniqueid"])
    raise UserError("there is no call yet", "the bot has no record of one over SIP", "offhook sip trace --live")


def _show_live(bot: RunningBot, only: str, *, as_json: bool, messages: bool) -> None:
    colour = _has_colour()
    try:
        for kind, content in bot.events("/api/sip/messages", {"only": only} if only else {}):
            if as_json:
                typer.echo(json.dumps({**content, "kind": kind}))
            elif kind == "omitted":
                typer.echo(f"… {content['messages']} more messages")
            elif kind == "message":
                at = datetime.fromtimestamp(content["at_s"]).strftime("%H:%M:%S.%f")[:-3]
                call_id = escape_control(content["call_id"])
                typer.echo(live_line(content, escape_control(content["peer"]), call_id, at, colour=colour))
                if messages:
                    typer.echo("".join(f"    {line}\n" for line in content["text"].split("\n")))
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise typer.Exit from None


@app.command()
def status(
    part: Annotated[
        str,
        typer.Argument(help="dialogs, transactions, registrations, users, connections or banned.", metavar="[PART]"),
    ] = "",
    config: BotConfig = None,
    http: BotHttp = None,
    *,
    offset: Annotated[int, typer.Option(help="Begin with this row.", min=0, metavar="N")] = 0,
    limit: Annotated[int, typer.Option(help="How many rows.", min=1, max=200, metavar="N")] = PAGE,
    as_json: AsJson = False,
) -> None:
    """Show what the user agent has alive: transactions, dialogs, registrations, connections, banned sources."""
    bot = RunningBot.of(Config.load(config), http)
    if part:
        page = bot.get(f"/api/sip/{part}", {"offset": offset, "limit": limit}, needs="rows")
        typer.echo(json.dumps(page, indent=2) if as_json else _page_text(part, page))
        return
    found = bot.get("/api/sip", needs="transactions")
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    lines = _summary(found)
    for each in ("registrations", "dialogs", "transactions", "connections", "banned"):
        if found[each]:
            lines += ["", _page_text(each, bot.get(f"/api/sip/{each}", {"limit": 10}, needs="rows"))]
    typer.echo("\n".join(lines))


def _summary(found: Mapping[str, Any]) -> list[str]:
    lines = [f"listens at {found['address']}"]
    for name in ("dialogs", "transactions"):
        by_state = ", ".join(f"{count} {state}" for state, count in found[f"{name}_by_state"].items())
        oldest = found[f"oldest_{name.removesuffix('s')}_s"]
        age = "" if oldest is None else f"; the oldest {oldest:.0f} s"
        lines.append(f"{name}: {found[name]}" + (f" ({by_state}{age})" if by_state else ""))
    for name in ("registrations", "users", "connections", "banned"):
        lines.append(f"{name}: {found[name]}")
    return [escape_control(line) for line in lines]


_COLUMNS: Mapping[str, Sequence[tuple[str, int]]] = {
    "dialogs": (("state", 12), ("age_s", 9), ("peer", 30), ("reinvite", 10), ("timer", 8), ("call_id", 0)),
    "transactions": (
        ("kind", 7),
        ("method", 9),
        ("state", 11),
        ("age_s", 9),
        ("peer", 30),
        ("timer", 8),
        ("branch", 0),
    ),
    "registrations": (
        ("account", 16),
        ("state", 12),
        ("timer_in_s", 10),
        ("registrar", 30),
        ("aor", 30),
        ("answer", 0),
    ),
    "users": (("user", 20), ("expires_in_s", 12), ("contact", 40), ("agent", 0)),
    "connections": (("transport", 9), ("opened_by", 9), ("age_s", 9), ("unsent_bytes", 12), ("peer", 0)),
    "banned": (("host", 40), ("left_s", 0)),
}


def _page_text(part: str, page: Mapping[str, Any]) -> str:
    columns = _COLUMNS.get(part, ())
    lines = ["  ".join(name.ljust(width) for name, width in columns).rstrip()]
    for row in page["rows"]:
        lines.append("  ".join(_cell(row.get(name), width) for name, width in columns).rstrip())
    end = page["offset"] + len(page["rows"])
    if end < page["total"]:
        lines.append(f"… {page['total'] - end} more: offhook sip status {part} --offset {end}")
    return "\n".join(lines)


def _cell(value: object, width: int) -> str:
    text = "–" if value is None else f"{value:.1f}" if isinstance(value, float) else escape_control(str(value))
    return text[:width].ljust(width) if width else text


def _has_colour() -> bool:
    return sys.stdout.isatty()
