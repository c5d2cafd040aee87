"""`offhook queue`: who waits at a running bot, agents who log in, log out or pause, and queues that close."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from offhook.cli.running_bot import BotConfig, BotHttp, RunningBot
from offhook.settings.config import Config

app = typer.Typer(help="Callers who wait, and the agents who take their calls.", invoke_without_command=True)

AgentName = Annotated[str, typer.Argument(help="As in `agents` of the queue, or a number (`logout`).", metavar="AGENT")]
QueueName = Annotated[str, typer.Argument(help="A queue of the settings.", metavar="QUEUE")]


@app.callback()
def show(context: typer.Context, config: BotConfig = None, http: BotHttp = None) -> None:
    """Show who waits, and what the agents do."""
    if context.invoked_subcommand is None:
        found = RunningBot.of(Config.load(config), http).get("/api/queues", needs="queues")
        for line in lines(found):
            typer.echo(line)


@app.command()
def login(agent: AgentName, config: BotConfig = None, http: BotHttp = None) -> None:
    """The agent takes calls: from now on, again after a pause, or before the wrap-up is over."""
    _do(agent, "login", config, http)


@app.command()
def logout(agent: AgentName, config: BotConfig = None, http: BotHttp = None) -> None:
    """The agent takes no more calls. One that they have goes on."""
    _do(agent, "logout", config, http)


@app.command()
def pause(agent: AgentName, config: BotConfig = None, http: BotHttp = None) -> None:
    """The agent takes no calls until they log in again, and callers wait for them."""
    _do(agent, "pause", config, http)


@app.command()
def close(queue: QueueName, config: BotConfig = None, http: BotHttp = None) -> None:
    """Nobody waits in the queue any more: who comes, and who waits, goes on with `no_agents`. Talks go on."""
    _close(queue, True, config, http)


@app.command("open")
def open_again(queue: QueueName, config: BotConfig = None, http: BotHttp = None) -> None:
    """Callers wait in the queue again, as its agents are there."""
    _close(queue, False, config, http)


@app.command()
def drop(
    number: Annotated[str, typer.Argument(help="As `offhook queue` shows it, or of who asked.", metavar="NUMBER")],
    config: BotConfig = None,
    http: BotHttp = None,
) -> None:
    """Nobody is called back at the number any more, nor who has asked for it from there."""
    bot = RunningBot.of(Config.load(config), http)
    found = bot.post("/api/queues/dropped", {"number": number})
    typer.echo(f"{found['number']}: {found['dropped']} dropped")


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What `/api/queues` says, for people."""
    agents = found["agents"]
    if not found["queues"]:
        yield "there are no queues: `[queues.NAME]` in the settings makes one (docs/flow-queue.md)"
    for name, queue in found["queues"].items():
        waiting = [caller for caller in queue["callers"] if caller["state"] != "talking"]
        yield f"{name}: {_door(queue)}{len(waiting)} wait{'s' if len(waiting) == 1 else ''}"
        for place, caller in enumerate(waiting, 1):
            back = ", to be called back" if caller["is_call_back"] else ""
            waited = "" if caller["waited_s"] is None else f", {caller['waited_s']:.0f} s"
            state = f"{caller['state']}{waited}{back} {' '.join(caller['agents'])}"
            yield f"  {place}. {caller['caller'] or caller['call']}: {state}".rstrip()
        for back in found.get("call_backs", ()):
            if back["queue"] == name:
                yield f"  to be called back: {back['number']}, {_calls(back['tries'])} so far"
        for agent in queue["agents"]:
            state = agents[agent]
            yield f"  {agent}: {state['state']}, {_calls(state['calls'])}"
        for agent in found.get("called_in", {}).values():
            if agent["queue"] == name:
                yield f"  {agent['caller']}, who has called in: {agent['state']}"


def _calls(count: int) -> str:
    return f"{count} call{'' if count == 1 else 's'}"


def _do(agent: str, action: str, config: BotConfig, http: BotHttp) -> None:
    bot = RunningBot.of(Config.load(config), http)
    found = bot.post("/api/queues/agents", {"agent": agent, "action": action})
    typer.echo(f"{found['agent']}: {found['state']}")


def _close(queue: str, closed: bool, config: BotConfig, http: BotHttp) -> None:
    bot = RunningBot.of(Config.load(config), http)
    found = bot.post("/api/queues/closed", {"queue": queue, "closed": closed})
    typer.echo(f"{found['queue']}: {_door(found).removesuffix(', ') or 'open'}")


def _door(queue: Mapping[str, Any]) -> str:
    by = ", ".join(f"`{switch}`" for switch in queue.get("closed_by", ()))
    return (f"closed by {by}, " if by else "closed, ") if queue.get("closed") else ""
