"""Whether one core carries as many encrypted calls: python -m bench.secure_calls [--calls 300] [--seconds 40]

The whole bot, with one worker, detector and fixed engines, has the first core; callers of this program, with its own
SIP and SRTP, have the last. Each says a sentence when the bot has been silent, after eight seconds at least, and hears
its answer; first all in the clear, then all encrypted (AES_CM_128_HMAC_SHA1_80), and so on. "response" is from the end
of the caller's speech to the first sound of the answer, as the caller's line gets it. Exits with 1 where encrypted
calls are refused, end, get no answer, lose more than one packet in a thousand, or cost more than 1.3 times the CPU.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from statistics import median

import psutil

from bench.runs import ASSETS, BENCH, MANY, Bot, Run, last_core
from bench.sip_rate import percentile
from offhook.carriers.rtp_settings import rtp_config
from offhook.process.event_loop import run_loop
from offhook.sip.commands import Bye, Invite
from offhook.sip.events import CallAnswered, CallEnded, CallRejected, Event
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpCapabilities, SrtpPolicy
from offhook.sip.sdp.negotiate import LocalMedia
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.codec import codec_named
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.pcm import audioop
from offhook.testing.sip_caller import VOICED_PEAK, read_recording

HOST = "127.0.0.1"
PORTS = 44_000, 45_999
TURN_S, QUIET_S = 8.0, 0.5
A_SECOND = 20.0
SETTLE_S = 5.0
MOST_RATIO, MOST_LOST = 1.3, 0.001
CODEC = "PCMA"


@dataclass(frozen=True, slots=True)
class Result:
    """Of one run."""

    up: int
    ended: int
    cpu_ms: float
    """Of the bot, a call and second."""
    share: float
    """Of a core."""
    lost: float
    """Of the packets that the callers expected."""
    response_s: list[float]


@dataclass(slots=True)
class Calls:
    """All callers of a run."""

    endpoint: Endpoint
    bot: Address
    policy: SrtpPolicy
    utterance: bytes
    clock: MediaClock = field(default_factory=MediaClock)
    pool: PortPool = field(default_factory=lambda: PortPool(*PORTS, HOST))
    sessions: dict[str, tuple[OfferAnswer, PortPair]] = field(default_factory=dict)
    callers: dict[str, "Caller"] = field(default_factory=dict)
    ended: int = 0

    def dial(self) -> None:
        """One more call."""
        pair = self.pool.acquire(time.monotonic())
        capabilities = AudioCapabilities((CODEC,), srtp=SrtpCapabilities(self.policy))
        session = OfferAnswer(LocalMedia(HOST, pair.port, 1, 1), capabilities)
        call = self.endpoint.do(Invite(f"sip:bot@{self.bot}", session.offer(), destination=self.bot))
        self.sessions[call] = session, pair

    def caller(self, line: UdpLine) -> "Caller":
        """Who speaks on a line that has been answered."""
        return Caller(line, self.utterance)

    def on_event(self, event: Event) -> None:
        """From the endpoint."""
        if isinstance(event, CallAnswered):
            session, pair = self.sessions[event.call]
            agreed = session.accept(event.sdp or b"")
            if (agreed.srtp is not None) is not (self.policy is not SrtpPolicy.OFF):
                raise SystemExit("the bot has not agreed to the encryption that was offered")
            line = UdpLine(pair, rtp_config(agreed, self.bot.host), agreed.codec, clock=self.clock)
            self.callers[event.call] = self.caller(line)
        elif isinstance(event, (CallRejected, CallEnded)):
            self.ended += 1

    async def end(self) -> None:
        """Hang up all."""
        for call, caller in self.callers.items():
            caller.talking.cancel()
            caller.line.close()
            self.endpoint.do(Bye(call))
        await asyncio.sleep(2.0)
        self.endpoint.close()
        self.clock.close()


class Caller:
    """Says something every few seconds, and hears."""

    def __init__(self, line: UdpLine, utterance: bytes) -> None:
        self.line = line
        self.response_s: list[float] = []
        self._utterance = utterance
        self._waits_since: float | None = None
        self._heard_at = time.monotonic()
        line.add_listener(audio=self._hear)
        line.start()
        self.talking = asyncio.create_task(self._talk())

    async def _talk(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            while (silence_s := time.monotonic() - self._heard_at) < QUIET_S:  # noqa: ASYNC110 - the bot ends no event
                await asyncio.sleep(QUIET_S - silence_s)
            await self.take_turn()
            self._waits_since = time.monotonic()

    async def take_turn(self) -> None:
        """Say something."""
        self.line.play(self._utterance)
        await asyncio.sleep(len(self._utterance) / 8_000)

    def _hear(self, pcm: bytes, _at_tick: int, _at_s: float) -> None:
        if audioop.max(pcm, 2) >= VOICED_PEAK:
            self._heard_at = now = time.monotonic()
            if self._waits_since is not None:
                self.response_s.append(now - self._waits_since)
                self._waits_since = None


async def run(given: argparse.Namespace, bot: Bot, policy: SrtpPolicy) -> Result:
    """So many calls at once."""
    host, _, port = bot.sip.rpartition(":")
    utterance = codec_named(CODEC).encode(read_recording(ASSETS / "caller/check-my-balance.wav"))
    calls: Calls

    def on_event(event: Event) -> None:
        calls.on_event(event)

    calls = Calls(await Endpoint.open(HOST, 0, on_event), Address(host, int(port)), policy, utterance)
    for _ in range(given.calls):
        calls.dial()
        await asyncio.sleep(1 / A_SECOND)
    await asyncio.sleep(SETTLE_S)
    for caller in calls.callers.values():
        caller.response_s.clear()
    cpu_s, began = _cpu_s(bot), time.monotonic()
    await asyncio.sleep(given.seconds)
    share = (_cpu_s(bot) - cpu_s) / (time.monotonic() - began)
    stats = [caller.line.stats() for caller in calls.callers.values()]
    received = sum(each.packets_received for each in stats)
    lost = sum(each.lost + each.srtp_rejected for each in stats)
    response_s = [each for caller in calls.callers.values() for each in caller.response_s]
    up, ended = len(calls.callers), calls.ended
    await calls.end()
    return Result(up, ended, 1_000 * share / max(up, 1), share, lost / max(received, 1), response_s)


def _cpu_s(bot: Bot) -> float:
    main = psutil.Process(bot.pid)
    times = [each.cpu_times() for each in (main, *main.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def measured(given: argparse.Namespace, policy: SrtpPolicy) -> Result:
    """A run with a bot of its own; prints its row."""
    settings = {**MANY, "OFFHOOK_RTP__SRTP": str(policy)}
    with tempfile.TemporaryDirectory() as directory, Bot(Run("", BENCH, (), settings), directory) as bot:
        found = run_loop(run(given, bot, policy))
    name = "in the clear" if policy is SrtpPolicy.OFF else "encrypted"
    times = f"{percentile(found.response_s, 50):6.2f} {percentile(found.response_s, 95):6.2f}"
    print(
        f"{name:14} {found.up:6} {found.ended:6}   {found.cpu_ms:6.2f}   {100 * found.share:5.1f} %"
        f"   {100 * found.lost:7.3f} %   {len(found.response_s):6} {times}",
        flush=True,
    )
    return found


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.secure_calls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--calls", type=int, default=300)
    options.add_argument("--seconds", type=float, default=40.0)
    options.add_argument("--rounds", type=int, default=1)
    given = options.parse_args()
    os.sched_setaffinity(0, {last_core()})
    print("                             CPU ms /    of a    packets    responses")
    print("                   up  ended   call, s    core       lost    count    p50    p95 s")
    clear, secure = [], []
    for _ in range(given.rounds):
        clear.append(measured(given, SrtpPolicy.OFF))
        secure.append(measured(given, SrtpPolicy.PREFERRED))
    ratio = median(each.cpu_ms for each in secure) / median(each.cpu_ms for each in clear)
    print(f"encrypted calls cost {ratio:.2f} times the CPU")
    good = all(
        each.up == given.calls and not each.ended and each.response_s and each.lost <= MOST_LOST for each in secure
    )
    if not good or ratio > MOST_RATIO:
        sys.exit(f"missed: all {given.calls} calls carried, {100 * MOST_LOST} % lost and {MOST_RATIO} times at most")


if __name__ == "__main__":
    main()
