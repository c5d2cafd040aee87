"""What a step of a flow takes by itself under 300 calls: python -m bench.step_cost [--calls 300] [--seconds 60]

The whole bot, with one worker, the detector and fixed engines, has the first core; callers of this program have the
last. Each answers a menu of a flow, by a key and by words in turn; the answer leads through `set`, `switch` and `if` to
the next question, whose text has values in it.

`own` is what the flow takes for all of that: the CPU time of its coroutine between its waits (bench.timed_steps), from
the answer until it waits for the next one. `whole` is what callers feel of it, by the bot's latency ledger
(docs/records.md): from the key, or the recogniser's final, until the flow has begun its next utterance. The wait for
the bot's event loop, which has the media of all calls, is in it; engines and playout are not. Exits with 1 where calls
end early, or 95 of 100 turns take more than 1 ms of their own.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.runs import ASSETS, MANY, Bot, Run, last_core
from bench.secure_calls import A_SECOND, CODEC, HOST, SETTLE_S, Caller, Calls
from bench.sip_rate import percentile
from offhook.pipeline.trace import Mark
from offhook.process.event_loop import run_loop
from offhook.sip.events import Event
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.crypto import SrtpPolicy
from offhook.telephony.codec import codec_named
from offhook.telephony.net.udp_line import UdpLine
from offhook.testing.sip_caller import read_recording

MOST_MS = 1.0
OWN = "own"
SAYS = "check my balance"
FLOW = """
name: steps
start: begin
no_input: {then: bye}
no_match: {then: bye}
steps:
  begin: {set: {asked: 0, wanted: '"nothing"'}, next: menu}
  menu:
    ask: "Question {asked + 1}, after {upper(first(wanted, 7))}. Your balance, or a transfer?"
    choices:
      balance: {phrases: [check my balance, my balance], key: 1, next: balance}
      transfer: {phrases: [make a transfer, a transfer], key: 2, next: transfer}
  balance: {set: {asked: asked + 1, wanted: '"balance"'}, next: kind}
  transfer: {set: {asked: asked + 1, wanted: '"transfer"'}, next: kind}
  kind: {switch: wanted, cases: {balance: often, transfer: menu}, otherwise: menu}
  often: {if: asked > 1000, then: bye, else: menu}
  bye: {hang_up: Goodbye.}
"""
SETTINGS = {
    "OFFHOOK_ASR__ENGINE": "fixed",
    "OFFHOOK_ASR__FIXED__TEXT": SAYS,
    "OFFHOOK_TTS__ENGINE": "recorded",
    **MANY,
}


class Chooser(Caller):
    """Answers by a key, by words, by a key …"""

    def __init__(self, line: UdpLine, utterance: bytes) -> None:
        self._turns = 0
        super().__init__(line, utterance)

    async def take_turn(self) -> None:
        """Press a key, or say something."""
        self._turns += 1
        if self._turns % 2:
            self.line.send_dtmf("1")
        else:
            await super().take_turn()


class Choosers(Calls):
    """Calls of those."""

    def caller(self, line: UdpLine) -> Caller:
        """See Calls."""
        return Chooser(line, self.utterance)


async def talk(calls: int, seconds: float, bot: Bot) -> tuple[int, int]:
    """Hold so many calls for so long; how many there were, and how many ended by themselves."""
    host, _, port = bot.sip.rpartition(":")
    utterance = codec_named(CODEC).encode(read_recording(ASSETS / "caller/check-my-balance.wav"))
    choosers: Choosers

    def on_event(event: Event) -> None:
        choosers.on_event(event)

    endpoint = await Endpoint.open(HOST, 0, on_event)
    choosers = Choosers(endpoint, Address(host, int(port)), SrtpPolicy.OFF, utterance)
    for _ in range(calls):
        choosers.dial()
        await asyncio.sleep(1 / A_SECOND)
    await asyncio.sleep(SETTLE_S + seconds)
    up, ended = len(choosers.callers), choosers.ended
    await choosers.end()
    return up, ended


def timelines(database: Path) -> Iterator[list[dict[str, Any]]]:
    """The events of all calls."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        for (events,) in opened.execute("SELECT events FROM timelines"):
            yield json.loads(events)


def steps_ms(turn: Mapping[str, Any]) -> tuple[str, float] | None:
    """How it was answered, and how long the flow took; None for a turn that has not led to anything."""
    marks = turn["marks_ms"]
    if Mark.ANSWERED not in marks:
        return None
    if Mark.TURN_ENDED not in marks:
        return "keys", float(marks[Mark.ANSWERED])
    if Mark.TRANSCRIBED not in marks:
        return None
    return "words", float(marks[Mark.ANSWERED]) - float(marks[Mark.TRANSCRIBED])


def own_ms(file: Path) -> list[float]:
    """What each turn of each call took by itself."""
    return [ms for line in file.read_text().splitlines() for ms in json.loads(line)]


def measured(calls: int, seconds: float) -> tuple[int, int, dict[str, list[float]]]:
    """A run with a bot of its own: calls, those that ended by themselves, and the turns: what they took by themselves,
    and as a whole by how they were answered."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "flow.yaml").write_text(FLOW)
        run, timed = Run("", ("--flow", str(folder / "flow.yaml")), (), SETTINGS), folder / "timed.jsonl"
        with Bot(run, name, program=("bench.timed_steps", str(timed))) as bot:
            up, ended = run_loop(talk(calls, seconds, bot))
        found: dict[str, list[float]] = {OWN: own_ms(timed), "keys": [], "words": []}
        for events in timelines(folder / "calls.db"):
            for each in (steps_ms(event) for event in events if event["kind"] == "turn"):
                if each is not None:
                    found[each[0]].append(each[1])
    return up, ended, found


def row(name: str, ms: list[float]) -> str:
    """A row of the table."""
    times = " ".join(f"{percentile(ms, share):8.2f}" for share in (50, 95, 99))
    return f"{name:12} {len(ms):7} {times} {max(ms):8.2f}"


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.step_cost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--calls", type=int, default=300)
    options.add_argument("--seconds", type=float, default=60.0)
    given = options.parse_args()
    os.sched_setaffinity(0, {last_core()})
    up, ended, found = measured(given.calls, given.seconds)
    print(f"{up} calls, {ended} ended by themselves")
    if not all(found.values()):
        sys.exit(
            f"missed: turns {', '.join(f'{name} {len(each)}' for name, each in found.items())}; some of each are needed"
        )
    print("             turns   p50 ms   p95 ms   p99 ms     most")
    for name, ms in found.items():
        print(row(name if name == OWN else f"whole, {name}", ms))
    if up < given.calls or ended or percentile(found[OWN], 95) > MOST_MS:
        sys.exit(f"missed: {given.calls} calls, and {MOST_MS} ms of their own at 95 %")


if __name__ == "__main__":
    main()
