"""The first call: a bot and a caller in one process, over real SIP and RTP on loopback."""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import typer

from offhook.api.call import Dialog
from offhook.api.flow_dialog import flow_dialog
from offhook.pipeline.events import Answer, AnswerKind
from offhook.pipeline.trace import (
    BargedIn,
    BotHeard,
    BotResumed,
    BotSpoke,
    CallerAnswered,
    EngineFailed,
    SessionEvent,
    ToolRan,
    TurnTraced,
)
from offhook.process.lifespan import Lifespan
from offhook.process.local_bot import LocalBot
from offhook.process.serve import Signalled, Stopping, ready_line
from offhook.records import CallRecord
from offhook.settings.config import Config
from offhook.settings.flow_file import load_flow
from offhook.telephony.net.ports import PortsExhaustedError
from offhook.testing.sip_caller import Caller, CallFailedError, read_recording

HOST = "127.0.0.1"
ACCOUNT_DIGITS = "4711"
CALL_LIMIT_S = 90.0
BARGE_IN_AFTER_S = 3.5
"""Into the balance: after the figure, but before the end."""


@dataclass(slots=True)
class Minutes:
    """The events of the demo's call, printed as they happen."""

    quiet: bool
    turns: list[dict[str, Any]] = field(default_factory=list)
    transcript: list[dict[str, str]] = field(default_factory=list)
    barge_ins: list[BargedIn] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    streams: bool = False
    """The bot's words come one by one, and are printed when they were heard."""
    call_id: str = ""

    def on_event(self, call_id: str, event: SessionEvent) -> None:
        """Print an event of the bot's session."""
        self.call_id = call_id
        match event:
            case BotSpoke(text) if not self.streams:
                self._say("bot", text)
            case BotResumed(text):
                self._say("bot", f"… {text}")
            case BargedIn():
                self.barge_ins.append(event)
                self._print(f"           (the caller interrupts: the bot is silent after {event.silent_ms:.0f} ms)")
            case CallerAnswered(answer):
                self.answers.append(answer)
                self._say("caller", _in_words(answer))
            case TurnTraced(trace):
                self.turns.append({"response_ms": trace.response_ms, "stages_ms": trace.stages_ms()})
            case ToolRan(name, arguments, result):
                self.tools.append(name)
                self._print(f"           (tool {name} {arguments}: {result})")
            case BotHeard(playback) if self.streams and playback.text_played:
                self._say("bot", f"{playback.text_played}{' —' if playback.interrupted else ''}")
            case EngineFailed(error=error):
                self._print(f"           ({error})")

    def _say(self, who: str, text: str) -> None:
        self.transcript.append({"who": who, "text": text})
        self._print(f"{who:>9}: {text}")

    def _print(self, line: str) -> None:
        if not self.quiet:
            typer.echo(line)
            sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Play:
    """What a demo shows: who answers, what the caller does, and what must have come of it (None, or what is wrong).
    `on_event` is called with the session's events, too, `caller` is who calls."""

    dialog: Dialog
    talk: Callable[[Caller], Awaitable[None]]
    check: Callable[[Minutes], str | None]
    lifespan: Lifespan | None = None
    streams: bool = False
    on_event: Callable[[str, SessionEvent], None] | None = None
    caller: str = "caller"


def _check(minutes: Minutes) -> str | None:
    """What went wrong in the call of the flow, if anything."""
    kinds = [answer.kind for answer in minutes.answers]
    if AnswerKind.SPEECH not in kinds:
        return "nothing the caller said was understood"
    if AnswerKind.DTMF not in kinds:
        return "the DTMF digits did not arrive"
    if len(minutes.barge_ins) != 1:
        return f"the caller interrupted once, and the bot noticed {len(minutes.barge_ins)} times"
    return None


def _in_words(answer: Answer) -> str:
    if answer.kind is AnswerKind.DTMF:
        return f"[{len(answer.digits)} keys]"
    return answer.text if answer.text else f"[{answer.kind}]"


async def demo(config: Config, *, stay: bool, as_json: bool, play: Play | None = None) -> int:
    """Run the demo (None: of the sample flow); with `stay` the bot stays up for a softphone until a signal. Returns the
    exit status."""
    config = _for_demo(config)
    play = play or Play(flow_dialog(load_flow()), _talk, _check)
    stopping = Stopping()
    bot = LocalBot(config, play.dialog, lifespan=play.lifespan)
    try:
        problem = await stopping.unless_signalled(_show(bot, play, as_json))
        if stay and problem is None:
            _invite(bot)
            await stopping.first.wait()
        return 0 if problem is None else 1
    except Signalled:
        return 1
    finally:
        await bot.stop()


async def _show(bot: LocalBot, play: Play, as_json: bool) -> str | None:
    """Start the bot, call it, and report. Returns what went wrong, if anything did."""
    minutes = Minutes(quiet=as_json, streams=play.streams)
    bot.listeners.append(minutes.on_event)
    if play.on_event is not None:
        bot.listeners.append(play.on_event)
    await bot.start()
    if not as_json:
        typer.echo(f"{ready_line(bot)}\n")
    problem = await _place_call(bot, play)
    record = await _record(bot, minutes.call_id)
    problem = problem or play.check(minutes)
    _report(bot, minutes, record, problem, as_json)
    return problem


async def _place_call(bot: LocalBot, play: Play) -> str | None:
    """Make the caller's call. Returns what went wrong, if anything did."""
    caller: Caller | None = None
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            caller = await Caller.dial(HOST, bot.sip_address, user=play.caller)
            await play.talk(caller)
            caller.hang_up()
            await bot.idle()
    except (CallFailedError, PortsExhaustedError) as error:
        return str(error)
    except TimeoutError:
        return f"the call was not over after {CALL_LIMIT_S:g} s"
    finally:
        if caller is not None:
            caller.close()
    return None


async def _talk(caller: Caller) -> None:
    """The caller's part: speech, DTMF, an interruption, and the end."""
    await caller.listen()  # the greeting
    await caller.say(recording("check-my-balance"))
    await caller.listen()
    caller.press(ACCOUNT_DIGITS)
    await caller.listen_for(BARGE_IN_AFTER_S)
    await caller.say(recording("goodbye"))
    await caller.listen_for(1.0)


def recording(name: str) -> bytes:
    """A recording of the demo's caller."""
    return read_recording(files("offhook").joinpath("assets", "caller", f"{name}.wav"))


async def _record(bot: LocalBot, call_id: str) -> CallRecord | None:
    await asyncio.to_thread(bot.store.flush)
    return await asyncio.to_thread(bot.store.call, call_id)


def _report(bot: LocalBot, minutes: Minutes, record: CallRecord | None, problem: str | None, as_json: bool) -> None:
    database = str((bot.records_dir / "calls.db").resolve())
    if as_json:
        barge_in = minutes.barge_ins[0] if minutes.barge_ins else None
        result = {
            "ok": problem is None,
            "problem": problem,
            "transcript": minutes.transcript,
            "turns": minutes.turns,
            "barge_in": barge_in
            and {
                "silent_ms": barge_in.silent_ms,
                "heard": barge_in.playback.text_played,
                "unheard": barge_in.playback.text_unplayed,
            },
            "record": record.to_dict() if record is not None else None,
            "database": database,
        }
        typer.echo(json.dumps(result, indent=2))
        return
    typer.echo("")
    for number, turn in enumerate(minutes.turns, 1):
        stages = " + ".join(f"{name} {ms:.0f}" for name, ms in turn["stages_ms"].items())
        typer.echo(f"turn {number}: answered after {turn['response_ms']:.0f} ms = {stages}")
    for barge_in in minutes.barge_ins:
        typer.echo(f"barge-in: silent {barge_in.silent_ms:.0f} ms after the caller's first sound")
        typer.echo(f"  heard:   {barge_in.playback.text_played}")
        typer.echo(f"  unheard: {barge_in.playback.text_unplayed}")
    if record is not None:
        typer.echo(f"recording: {record.recording}")
        typer.echo(f"record:    {record.uniqueid} in {database}")
        typer.echo(f"ended:     {record.end_reason} after {record.duration:.1f} s")
    typer.echo("ok" if problem is None else f"failed: {problem}", err=problem is not None)


def _invite(bot: LocalBot) -> None:
    address = bot.sip_address
    typer.echo(
        f"\nThe bot stays up: dial sip:bot@{address.host}:{address.port} with a softphone on this machine.\n"
        "For phones on your network: offhook serve --sip YOUR-ADDRESS:5060. Ctrl-C ends it."
    )


def _for_demo(config: Config) -> Config:
    """The defaults, on loopback, recorded, on the usual ports if they are free."""
    sip = config.sip.model_copy(update={"host": HOST, "port": _free(config.sip.port, socket.SOCK_DGRAM)})
    http = config.http.model_copy(update={"host": HOST, "port": _free(config.http.port, socket.SOCK_STREAM)})
    records = config.records.model_copy(update={"record_audio": True})
    return config.model_copy(update={"sip": sip, "http": http, "records": records})


def _free(port: int, kind: int) -> int:
    """`port` if it is free, else 0 for any other."""
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return 0
    return port
