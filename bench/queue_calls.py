"""What callers who wait cost, and whether they are taken in their order: python -m bench.queue_calls [--calls 300]

The whole bot, with one worker, music, announcements and the detector, has the first core; callers and agents of this
program have the last. Every caller sends sound all the time. First all wait, their places are looked at, and the bot's
CPU is counted; then the agents log in, and each talks for a moment with one caller after the other. The bot hangs up
after a talk. The order is that in which the agents' phones were called, by the places that the callers had before; the
bot's records say who each call was for. Exits with 1 where a caller is lost, has a wrong place or is overtaken, a call
to an agent is lost, or a waiting call costs more than 1.2 ms of CPU a second.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from bench.runs import MANY, Bot, Run, last_core
from offhook.carriers.rtp_settings import rtp_config
from offhook.process.event_loop import run_loop
from offhook.sip.commands import Answer, Bye, Invite
from offhook.sip.events import CallAnswered, CallEnded, CallRejected, Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony import tones
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool
from offhook.telephony.net.udp_line import UdpLine

HOST = "127.0.0.1"
PORTS = 44_000, 45_999
A_SECOND = 20.0
SETTLE_S = 5.0
SERVED_S = 300.0
SOUND_S = 10.0
MOST_MS = 1.2
MOST_SWAPPED = 3
"""Calls that come within 50 ms may be answered, and come to the queue, in another order."""
FLOW = """
name: queued
start: wait
steps:
  wait: {queue: bench, otherwise: sorry}
  sorry: {hang_up: I am sorry.}
"""


@dataclass(slots=True)
class Phones:
    """All callers, and all agents, at one address. `began` has the callers in that order, and `rung` the Call-IDs of
    the calls to agents."""

    talk_s: float
    clock: MediaClock = field(default_factory=MediaClock)
    pool: PortPool = field(default_factory=lambda: PortPool(*PORTS, HOST))
    offers: dict[str, tuple[OfferAnswer, PortPair]] = field(default_factory=dict)
    lines: dict[str, UdpLine] = field(default_factory=dict)
    began: list[str] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)
    ended: int = 0
    served: int = 0
    all_ended: asyncio.Event = field(default_factory=asyncio.Event)
    endpoint: Endpoint | None = None

    def dial(self, bot: Address) -> None:
        """One more caller."""
        assert self.endpoint is not None, "it is open"
        own = f"sip:{len(self.began)}@{self.endpoint.address}"
        invite = Invite(f"sip:bot@{bot}", b"", destination=bot)
        offer = self._offers(invite.call).offer()
        self.began.append(invite.call)
        self.endpoint.do(Invite(invite.target, offer, call=invite.call, destination=bot, from_uri=own))

    def on_event(self, event: Event) -> None:
        """From the endpoint."""
        assert self.endpoint is not None, "it is open"
        match event:
            case CallAnswered(call=call, sdp=bytes(sdp)):
                self.offers[call][0].accept(sdp)
                self._talk(call)
            case IncomingCall(call=call, call_id=call_id, sdp=bytes(sdp)):
                self.rung.append(call_id)
                self.endpoint.do(Answer(call, self._offers(call).answer(sdp)))
                self._talk(call)
                asyncio.get_running_loop().call_later(self.talk_s, self._hang_up, call)
            case CallRejected():
                self.ended += 1
                self._check_all_ended()
            case CallEnded(call=call):
                self._end(call)

    def _offers(self, call: str) -> OfferAnswer:
        pair = self.pool.acquire(time.monotonic())
        offers = OfferAnswer(LocalMedia(HOST, pair.port, 1, 1), AudioCapabilities(("PCMU",)))
        self.offers[call] = offers, pair
        return offers

    def _talk(self, call: str) -> None:
        offers, pair = self.offers[call]
        assert offers.agreed is not None, "both have described themselves"
        line = self.lines[call] = UdpLine(pair, rtp_config(offers.agreed, HOST), "PCMU", clock=self.clock)
        line.start()
        self._sound(call, line.encode(tones.tones((300.0,), 1_000 * SOUND_S, level_dbfs=-30)))

    def _sound(self, call: str, payload: bytes) -> None:
        if (line := self.lines.get(call)) is not None:
            line.play(payload)
            asyncio.get_running_loop().call_later(SOUND_S, self._sound, call, payload)

    def _hang_up(self, call: str) -> None:
        assert self.endpoint is not None, "it is open"
        if call in self.lines:
            self.endpoint.do(Bye(call))

    def _end(self, call: str) -> None:
        if (line := self.lines.pop(call, None)) is not None:
            line.close()
        if call in self.began:
            self.ended += 1
            self.served += 1
            self._check_all_ended()

    def _check_all_ended(self) -> None:
        if self.ended == len(self.began):
            self.all_ended.set()


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured: `waiting` are the callers, by their numbers, as they had places, and `given` as they came to
    agents; `ms` of CPU a second is for a caller who waits."""

    up: int
    waiting: Sequence[int]
    served: int
    agent_calls: int
    ms: float
    seconds: float
    given: Sequence[int] = ()

    @property
    def displaced(self) -> int:
        """By how many a place was wrong at most."""
        return max((abs(place - number) for place, number in enumerate(self.waiting)), default=0)

    @property
    def overtaken(self) -> int:
        """How many came to an agent before somebody ahead of them, at most; who came again counts the first time."""
        places = {caller: place for place, caller in enumerate(self.waiting)}
        came = [places[caller] for caller in dict.fromkeys(self.given)]
        return max((sum(before > place for before in came[:at]) for at, place in enumerate(came)), default=0)


async def run(given: argparse.Namespace, bot: Bot, phones: Phones) -> Found:
    """Have all wait, then all served."""
    host, _, port = bot.sip.rpartition(":")
    address = Address(host, int(port))
    for _ in range(given.calls):
        phones.dial(address)
        await asyncio.sleep(1 / A_SECOND)
    await asyncio.sleep(SETTLE_S)
    up = len(phones.lines)
    listed = await asyncio.to_thread(_waiting, bot)
    cpu_s, began = _cpu_s(bot), time.monotonic()
    await asyncio.sleep(given.seconds)
    share = (_cpu_s(bot) - cpu_s) / (time.monotonic() - began)
    began = time.monotonic()
    for number in range(given.agents):
        await asyncio.to_thread(_log_in, bot, f"agent{number}")
    try:
        await asyncio.wait_for(phones.all_ended.wait(), SERVED_S)
    except TimeoutError:
        print(f"not all were served within {SERVED_S:.0f} s", flush=True)
    seconds = time.monotonic() - began
    return Found(up, listed, phones.served, len(phones.rung), 1_000 * share / max(up, 1), seconds)


def _waiting(bot: Bot) -> list[int]:
    """The callers by their numbers, as they have places."""
    with urllib.request.urlopen(f"http://{bot.http}/api/queues", timeout=10) as answer:
        callers = json.load(answer)["queues"]["bench"]["callers"]
    return [_number(each["caller"]) for each in callers]


def _callers(database: Path) -> Mapping[str, int]:
    """Who was called for, by their numbers, in each call to an agent, by its Call-ID. The bot has ended."""
    legs = "SELECT legs.call_id, callers.src FROM calls legs JOIN calls callers ON legs.part_of = callers.uniqueid"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        return {call_id: _number(caller) for call_id, caller in opened.execute(legs)}


def _number(caller: str) -> int:
    return int(caller.removeprefix("sip:").partition("@")[0])


def _log_in(bot: Bot, agent: str) -> None:
    body = json.dumps({"agent": agent, "action": "login"}).encode()
    request = urllib.request.Request(f"http://{bot.http}/api/queues/agents", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def _cpu_s(bot: Bot) -> float:
    main = psutil.Process(bot.pid)
    times = [each.cpu_times() for each in (main, *main.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


async def measured(given: argparse.Namespace) -> Found:
    """A run with a bot of its own, whose agents are this program."""
    phones = Phones(given.talk_s)
    phones.endpoint = await Endpoint.open(HOST, 0, phones.on_event)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        agents = [f"agent{number}" for number in range(given.agents)]
        lines = ["[transfer.targets]", *(f'{name} = "sip:{name}@{phones.endpoint.address}"' for name in agents)]
        lines += ["[queues.bench]", f"agents = {json.dumps(agents)}", f"max_length = {given.calls}", 'empty = "wait"']
        lines += ["wrap_up_s = 0", f"announce_s = {given.announce_s:g}"]
        (directory / "offhook.toml").write_text("\n".join(lines) + "\n")
        (directory / "flow.yaml").write_text(FLOW)
        server = ("--config", str(directory / "offhook.toml"), "--flow", str(directory / "flow.yaml"))
        settings = {**MANY, "OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded"}
        bot = await asyncio.to_thread(Bot(Run("", server, (), settings), folder).__enter__)
        try:
            found = await run(given, bot, phones)
        finally:
            await asyncio.to_thread(bot.__exit__, None, None, None)
            phones.endpoint.close()
            phones.clock.close()
        callers = _callers(directory / "calls.db")
        return replace(found, given=[callers[call_id] for call_id in phones.rung])


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.queue_calls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--calls", type=int, default=300)
    options.add_argument("--agents", type=int, default=20)
    options.add_argument("--seconds", type=float, default=40.0)
    options.add_argument("--talk-s", type=float, default=3.0)
    options.add_argument("--announce-s", type=float, default=60.0)
    given = options.parse_args()
    os.sched_setaffinity(0, {last_core()})
    found = run_loop(measured(given))
    print(
        f"{found.up} waited, {len(found.waiting)} of them with a place that was right to {found.displaced},"
        f" {found.served} were served by {given.agents} agents in {found.seconds:.0f} s with"
        f" {found.agent_calls} calls to them; {found.overtaken} at most were called for before somebody ahead of them\n"
        f"a waiting call costs {found.ms:.2f} ms of CPU a second"
    )
    good = found.up == len(found.waiting) == found.served == found.agent_calls == given.calls
    good = good and not found.overtaken and found.displaced <= MOST_SWAPPED
    if not good or found.ms > MOST_MS:
        sys.exit(f"missed: all {given.calls} served in their order, and {MOST_MS} ms at most")


if __name__ == "__main__":
    main()
