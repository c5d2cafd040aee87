"""How many calls are set up on a lossy network: the bot's SIP behind the relay, which loses packets of SIP both ways:

    python -m bench.setup --calls 1000 --loss 20

Real sockets on loopback, no media. A call counts as set up once the caller has the 2xx and the bot its ACK.
"""

import argparse
import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from offhook.sip.commands import Answer, Invite, Ring
from offhook.sip.events import CallAnswered, CallConfirmed, CallEnded, CallRejected, Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.settings import UaSettings
from offhook.sip.transaction.timers import Timers
from offhook.testing.impair import Impairment
from offhook.testing.sip_relay import SipRelay
from offhook.testing.udp_relay import RelaySettings

HOST = "127.0.0.1"
SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
RELAY_PORTS = range(0, 0)  # of media: none


@dataclass
class Calls:
    """What became of each call, at both ends. Its number is the user of the URI that is called."""

    count: int
    answered: dict[str, float] = field(default_factory=dict)
    """At the caller, and after how many seconds."""
    confirmed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def set_up(self) -> set[str]:
        """Both ends agree."""
        return self.answered.keys() & self.confirmed - self.failed.keys()

    def look(self) -> None:
        """Call after every change."""
        if len(self.set_up | self.failed.keys()) == self.count:
            self.over.set()


class Callee:
    """The bot's side: rings and answers at once."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._names: dict[str, str] = {}
        self.endpoint: Endpoint

    def on_event(self, event: Event) -> None:
        """From the endpoint."""
        if isinstance(event, IncomingCall):
            self._names[event.call] = event.request_uri.partition(":")[2].partition("@")[0]
            self.endpoint.do(Ring(event.call))
            self.endpoint.do(Answer(event.call, SDP))
        elif isinstance(event, CallConfirmed):
            self._calls.confirmed.add(self._names[event.call])
            self._calls.look()
        elif isinstance(event, CallEnded) and (name := self._names[event.call]) not in self._calls.confirmed:
            self._calls.failed.setdefault(name, f"callee: {event.cause}")
            self._calls.look()


class Caller:
    """The other side."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.endpoint: Endpoint

    def on_event(self, event: Event) -> None:
        """From the endpoint."""
        calls = self._calls
        if isinstance(event, CallAnswered):
            calls.answered[event.call] = asyncio.get_running_loop().time() - calls.begun[event.call]
        elif isinstance(event, CallRejected):
            calls.failed.setdefault(event.call, f"caller: {event.status}")
        elif isinstance(event, CallEnded) and event.call not in calls.answered:
            calls.failed.setdefault(event.call, f"caller: {event.cause}")
        calls.look()

    async def call(self, relay: tuple[str, int], a_second: float) -> None:
        """Begin them all, evenly."""
        for number in range(self._calls.count):
            name = f"call{number}"
            self._calls.begun[name] = asyncio.get_running_loop().time()
            self.endpoint.do(Invite(f"sip:{name}@{relay[0]}:{relay[1]}", SDP, destination=Address(*relay), call=name))
            await asyncio.sleep(1 / a_second)


async def measure(
    calls: int, loss_percent: float, *, a_second: float = 20.0, seed: int = 1, t1_s: float = 0.5
) -> dict[str, Any]:
    """Set up so many calls; returns how many were, the failures by cause, the times, and what the relay lost.

    All of RFC 3261's timers are in proportion to `t1_s`.
    """
    usual = Timers()
    ratio = t1_s / usual.t1_s
    timers = Timers(t1_s, usual.t2_s * ratio, usual.t4_s * ratio, usual.d_s * ratio, usual.c_s * ratio)
    settings = UaSettings(timers=timers)
    seen = Calls(calls)
    callee, caller = Callee(seen), Caller(seen)
    callee.endpoint = await Endpoint.open(HOST, 0, callee.on_event, settings=settings)
    caller.endpoint = await Endpoint.open(HOST, 0, caller.on_event, settings=settings)
    lossy = RelaySettings(seed, Impairment(loss_percent=loss_percent), Impairment(loss_percent=loss_percent))
    bot = callee.endpoint.address
    relay = SipRelay((HOST, 0), (bot.host, bot.port), sip=lossy, media=RelaySettings(), ports=RELAY_PORTS)
    try:
        await caller.call(relay.address, a_second)
        await seen.over.wait()
        return {**_reported(seen), "relay": relay.report()["sip"]}
    finally:
        relay.close()
        caller.endpoint.close()
        callee.endpoint.close()


def _reported(calls: Calls) -> dict[str, Any]:
    times = sorted(calls.answered[name] for name in calls.set_up)
    return {
        "calls": calls.count,
        "set_up": len(calls.set_up),
        "failed": calls.failed,
        "answered_s": {
            percent: round(times[int(percent / 100 * (len(times) - 1))], 3) for percent in (50, 95, 99, 100)
        },
    }


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m bench.setup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--calls", type=int, default=1_000)
    options.add_argument("--loss", type=float, default=20.0, metavar="PERCENT", help="of SIP, each way")
    options.add_argument("--cps", type=float, default=20.0, help="new calls a second")
    options.add_argument("--seed", type=int, default=1, help="the relay's")
    given = options.parse_args()
    result = asyncio.run(measure(given.calls, given.loss, a_second=given.cps, seed=given.seed))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
