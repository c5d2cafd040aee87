"""`offhook status`: shows a running bot's `/api/status`."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from offhook.cli.running_bot import BotConfig, BotHttp, RunningBot
from offhook.settings.config import Config

MAX_SHOWN_CALLS = 50


def status(
    config: BotConfig = None,
    http: BotHttp = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it, as JSON.")] = False,
) -> None:
    """Show the calls and workers of a running bot."""
    bot = RunningBot.of(Config.load(config), http)
    state = fetch(bot.url, bot.password)
    typer.echo(json.dumps(state, indent=2) if as_json else render(state))


def fetch(url: str, password: str | None) -> dict[str, Any]:
    """The status of the bot at `url`. Raises UserError."""
    return RunningBot(url, password).get("/api/status", needs="workers")


def render(state: Mapping[str, Any]) -> str:
    """The status as text for a terminal."""
    why = f": {state['why']}" if state.get("why") else ""
    most = f" of {state['max_calls']}" if state.get("max_calls") else ""
    lines = [f"{state['state']}{why}   {state['calls']}{most} calls   offhook {state['version']}"]
    refused = state.get("refused") or {}
    if refused:
        lines.append("refused: " + ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items())))
    lines += ["", "worker  state     calls   CPU   lag ms  room  ports"]
    lines += [_worker(worker) for worker in state["workers"]]
    lines += _trunks(state.get("trunks") or [])
    lines += _outbox(state.get("outbox") or [])
    lines += _users((state.get("sip") or {}).get("users") or [])
    lines += _engines(state["workers"])
    calls = [
        (worker["index"], call) for worker in state["workers"] for call in (worker.get("host") or {}).get("calls", [])
    ]
    if calls:
        lines += ["", "call                              worker  seconds  from → to"]
        lines += [_call(index, call) for index, call in calls[:MAX_SHOWN_CALLS]]
    if state["calls"] > min(len(calls), MAX_SHOWN_CALLS):
        lines.append(f"… and {state['calls'] - min(len(calls), MAX_SHOWN_CALLS)} more")
    return "\n".join(lines)


_SEEN = {True: "  answers OPTIONS", False: "  does not answer OPTIONS", None: ""}


def _users(users: Sequence[Mapping[str, Any]]) -> list[str]:
    """Phones that have registered with us."""
    rows = [f"{each['user']:20}  {each['expires_in_s']:7}  {each['contact']}  {each['agent']}" for each in users]
    return ["", "user                  seconds  contact", *rows[:MAX_SHOWN_CALLS]] if rows else []


def _trunks(trunks: Sequence[Mapping[str, Any]]) -> list[str]:
    if not trunks:
        return []
    rows = [
        f"{each['trunk']:20}  {each['state']:11}  {each['for_s']:7.0f}  {each['calls']:5}  "
        f"{each['address'] or each['host']}/{each['transport']}{_SEEN[each.get('is_there')]}"
        f"{f'  {why}' if (why := each['why']) else ''}{f'; {todo}' if (todo := each.get('todo')) else ''}"
        for each in trunks
    ]
    return ["", "trunk                 state        seconds  calls  address", *rows]


def _outbox(receivers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who gets events of calls."""
    if not receivers:
        return []
    rows = [
        f"{each['receiver']:20}  {each['state']:7}  {each['waiting']:7}  {each['oldest_s']:9.0f}  {each['given_up']:8}"
        f"{f'  {why}' if (why := each['why']) else ''}"
        for each in receivers
    ]
    return ["", "receiver              state    waiting  oldest: s  given up", *rows]


def _engines(workers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The engines, as the first worker that answers sees them: breakers and the day's figures are the whole node's."""
    hosts = [each.get("host") or {} for each in workers]
    engines: Mapping[str, Any] = next((found for host in hosts if (found := host.get("engines"))), {})
    rows = [(part, row) for part in ("asr", "tts") for row in engines.get(part, ())]
    if not rows:
        return []
    return ["", "engine                    state      today: s   chars       cost", *(_engine(*each) for each in rows)]


def _engine(part: str, row: Mapping[str, Any]) -> str:
    today, state = row["today"], "not started" if row.get("problem") else row["breaker"]
    figures = f"{today['audio_s']:9.1f} {today['characters']:7} {today['cost']:10.4f}"
    why = f"  {row['problem']}" if row.get("problem") else ""
    return f"{part} {row['engine']:20}  {state:11}  {figures}{why}"


def _worker(worker: Mapping[str, Any]) -> str:
    load = worker.get("load") or {}
    figures = "     –        –     –      –"
    if load:
        figures = f"{load['cpu']:6.0%}  {1000 * load['lag_s']:6.1f}  {load['room']:4}  {load['ports']:5}"
    full = f"  full: {worker['full']}" if worker.get("full") else ""
    return f"{worker['index']:6}  {worker['state']:8}  {worker['calls']:5}{figures}{full}"


def _call(index: int, call: Mapping[str, Any]) -> str:
    seconds = call.get("age_s")
    age = f"{seconds:7.0f}" if isinstance(seconds, int | float) else "      –"
    return f"{call.get('id') or 'not begun':32}  {index:6}  {age}  {call.get('caller', '')} → {call.get('called', '')}"
