"""What a flood of INVITEs does to the calls that are there: python -m bench.flood [--rate 2000] [--seconds 60]

The bot, with one worker, has the first core; the flood and the callers share the last. Callers hold their calls, send
20 ms packets and say a sentence every eight seconds, which the bot answers; `--sources` is how many hosts (of
127.0.1.0/24) the flood comes from, each INVITE another call's and without a password. Pacing is |arrival spacing - time
stamp spacing| of the bot's packets that follow each other in sequence, by the kernel's time stamps. Exits with 1 where
the goals are missed: 99 of 100 packets within 5 ms during the flood, no held call lost, at most 20 MiB more memory, and
within 5 s after it the bot is ready and takes new callers.
"""

import argparse
import asyncio
import multiprocessing
import os
import secrets
import socket
import struct
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.synchronize import Event

import psutil

from bench.runs import ASSETS, BENCH, MANY, Bot, Run, last_core
from bench.sip_rate import percentile
from bench.soak import metric
from bench.soak_call import Dialog, Refused, sdp
from offhook.telephony.codec import codec_named
from offhook.testing.sip_caller import read_recording

HOST = "127.0.0.1"
FRAME_S, TICKS = 0.02, 160
TURN_S, SILENCE = 8.0, b"\xff"
MOST_PACING_MS, MOST_GROWTH_MIB, BACK_S = 5.0, 20.0, 5.0
GIVE_UP_S = 30.0
SETTLE_S, BEFORE_S = 5.0, 5.0
SO_TIMESTAMPNS = 35  # Linux; not in Python's socket module


@dataclass(slots=True)
class Pacing:
    """Of one call's packets."""

    last: tuple[int, int, float] | None = None
    """Sequence number, time stamp, arrival."""
    deviations_ms: list[float] = field(default_factory=list)
    packets: int = 0

    def take(self, data: bytes, at_s: float) -> None:
        """A packet of the bot."""
        if len(data) < 12 or data[0] >> 6 != 2:
            return
        sequence, stamp = struct.unpack_from("!HI", data, 2)
        if self.last is not None and sequence == (self.last[0] + 1) & 0xFFFF:
            spacing_s = ((stamp - self.last[1]) & 0xFFFFFFFF) / 8_000
            self.deviations_ms.append(1_000 * abs(at_s - self.last[2] - spacing_s))
        self.last = sequence, stamp, at_s
        self.packets += 1


class Held:
    """A call that is held."""

    def __init__(self, bot: tuple[str, int], number: int, frames: Sequence[bytes]) -> None:
        self.dialog = Dialog(bot, number)
        self._frames = frames
        self.pacing = Pacing()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sending: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Call. Raises Refused, TimeoutError."""
        target = await self.dialog.invite(self._socket.getsockname()[1])
        self.dialog.acknowledge()
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)
        self._sending = asyncio.create_task(self._send(target))

    async def _send(self, target: tuple[str, int]) -> None:
        due, sequence, ssrc = time.monotonic(), 0, secrets.randbits(32)
        while True:
            header = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, sequence * TICKS & 0xFFFFFFFF, ssrc)
            self._socket.sendto(header + self._frames[sequence % len(self._frames)], target)
            sequence += 1
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _readable(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(2_048, 64)
            except BlockingIOError:
                return
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    seconds, ns = struct.unpack("qq", value[:16])
                    self.pacing.take(data, seconds + ns / 1e9)

    def fall_silent(self) -> None:
        """Leave without a word: `end` then sends no BYE."""
        self.dialog.ended.set()

    async def end(self) -> None:
        """Hang up."""
        if self._sending is not None:
            self._sending.cancel()
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            if not self.dialog.ended.is_set():
                await self.dialog.bye()
        self.dialog.close()
        self._socket.close()


def flood(bot: tuple[str, int], rate: int, sources: int, ready: Event, over: Event) -> None:
    """In a process of its own: INVITEs at that rate until it is over."""
    os.sched_setaffinity(0, {last_core()})
    sockets = []
    for number in range(sources):
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind((f"127.0.1.{1 + number % 250}", 0))
    body = sdp(9)
    ready.set()
    began, sent = time.monotonic(), 0
    while not over.is_set():
        for _ in range(int((time.monotonic() - began) * rate) - sent):
            sock = sockets[sent % sources]
            host, port = sock.getsockname()
            name = secrets.token_hex(8)
            lines = (
                f"INVITE sip:bot@{bot[0]} SIP/2.0",
                f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{name}",
                "Max-Forwards: 70",
                f"From: <sip:x@{host}>;tag={name}",
                "To: <sip:bot@example.com>",
                f"Call-ID: {name}",
                "CSeq: 1 INVITE",
                f"Contact: <sip:x@{host}:{port}>",
                "Content-Type: application/sdp",
                f"Content-Length: {len(body)}",
                "",
                body,
            )
            sock.sendto("\r\n".join(lines).encode(), bot)
            sent += 1
        time.sleep(0.001)
    print(f"the flood: {sent} INVITEs, {sent / (time.monotonic() - began):.0f} a second, from {sources} hosts")


def said() -> list[bytes]:
    """A sentence and silence in turn, in mu-law packets: the bot has something to answer all the time."""
    speech = codec_named("PCMU").encode(read_recording(ASSETS / "caller/check-my-balance.wav"))
    sound = speech.ljust(int(TURN_S * 8_000), SILENCE)
    return [sound[at : at + TICKS] for at in range(0, len(sound), TICKS)]


def memory_mib(bot: Bot) -> float:
    """Of all the bot's processes."""
    main = psutil.Process(bot.pid)
    return float(sum(each.memory_info().rss for each in (main, *main.children(recursive=True)))) / 2**20


def _is_ready(bot: Bot) -> bool:
    try:
        with urllib.request.urlopen(f"http://{bot.http}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False


async def until_back_s(bot: Bot, target: tuple[str, int], frames: Sequence[bytes]) -> float:
    """After how many seconds the bot is ready and takes a new caller."""
    began = time.monotonic()
    for number in count(10_000):
        if time.monotonic() - began > GIVE_UP_S:
            break
        one = Held(target, number, frames)
        try:
            if await asyncio.to_thread(_is_ready, bot):
                await one.begin()
                return time.monotonic() - began
        except (Refused, TimeoutError):
            pass
        finally:
            await one.end()
        await asyncio.sleep(0.1)
    return time.monotonic() - began


def _report(name: str, held: list[Held]) -> list[float]:
    """Prints the pacing since the last time, and forgets it."""
    found = [each for one in held for each in one.pacing.deviations_ms]
    packets = sum(one.pacing.packets for one in held)
    for one in held:
        one.pacing.deviations_ms, one.pacing.packets = [], 0
    print(f"{name:7} {packets:7} packets, pacing p50 {percentile(found, 50):.2f} p99 {percentile(found, 99):.2f} ms")
    return found


async def measure(given: argparse.Namespace, bot: Bot) -> list[str]:
    """What is missed."""
    host, _, port = bot.sip.rpartition(":")
    target = host, int(port)
    frames = said()
    held = [Held(target, number, frames) for number in range(given.calls)]
    for one in held:
        await one.begin()
    await asyncio.sleep(SETTLE_S)
    _report("settle", held)
    await asyncio.sleep(BEFORE_S)
    _report("before", held)
    before_mib, most_mib = memory_mib(bot), 0.0
    context = multiprocessing.get_context("spawn")
    ready, over = context.Event(), context.Event()
    process = context.Process(target=flood, args=(target, given.rate, given.sources, ready, over))
    process.start()
    await asyncio.to_thread(ready.wait)
    end = time.monotonic() + given.seconds
    while time.monotonic() < end:
        await asyncio.sleep(1.0)
        most_mib = max(most_mib, memory_mib(bot))
    over.set()
    during = _report("during", held)
    await asyncio.to_thread(process.join)
    back_s = await until_back_s(bot, target, frames)
    lost = sum(one.dialog.ended.is_set() for one in held)
    _report("after", held)
    print(f"memory {before_mib:.0f} MiB, at most {most_mib - before_mib:+.1f} during the flood")
    print(f"ready, and a new caller answered, {back_s:.1f} s after it; {lost} of {len(held)} held calls lost")
    unread = await asyncio.to_thread(metric, bot, "offhook_sip_unread_total")
    print(f"{unread:.0f} INVITEs were not read")
    for one in held:
        await one.end()
    goals = {
        "pacing": bool(during) and percentile(during, 99) <= MOST_PACING_MS,
        "memory": most_mib - before_mib <= MOST_GROWTH_MIB,
        "normal again": back_s <= BACK_S,
        "held calls": not lost,
    }
    return [name for name, met in goals.items() if not met]


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.flood", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rate", type=int, default=2_000, help="INVITEs a second")
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--calls", type=int, default=20, help="held meanwhile")
    options.add_argument("--sources", type=int, default=1)
    given = options.parse_args()
    os.sched_setaffinity(0, {last_core()})
    with tempfile.TemporaryDirectory() as directory, Bot(Run("", BENCH, (), MANY), directory) as bot:
        missed = asyncio.run(measure(given, bot))
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
