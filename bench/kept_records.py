"""What is kept of calls while the bot's processes are killed: python -m bench.kept_records [--kills 200]

Callers call all the time, over SIP and RTP, say something and hang up. At random moments SIGKILL goes to a worker, to
the supervisor, or to the supervisor while it writes to the database (the log file of SQLite has just grown); a
supervisor is started again at once, on the same ports and records. Exits with 1 where an answered call has no record or
two, a record has no end, the webhook's events of a record are not all there, once each and in their order, or a process
outlives its supervisor.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.flood import HOST, Held, said
from bench.runs import BENCH, MANY, Bot, Run, last_core
from bench.soak_call import Refused
from offhook.records.outbox import ANSWERED, ENDED, STARTED
from offhook.testing.webhook_receiver import Received, WebhookReceiver

WORKER, SUPERVISOR, WRITER = "worker", "supervisor", "writer"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAUSE_S = 0.1, 2.0
"""Between the moment when the bot can be called and the next kill."""
TALK_S = 0.2, 3.0
REFUSED_S = 0.2
WRITES_S = 5.0
"""Within so long something is written, under load."""
GONE_S = 15.0
"""Workers of a killed supervisor end their calls first."""
SETTLED_S = 60.0
PORTS = range(30_000, 32_000)
"""Below those that the kernel chooses: nothing takes one while the bot is started again."""


@dataclass(slots=True)
class Callers:
    """Those who call a bot at `target`, and the Call-IDs of the calls that were answered."""

    target: tuple[str, int]
    rng: random.Random
    frames: Sequence[bytes] = field(default_factory=said)
    answered: list[str] = field(default_factory=list)
    placed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    over: bool = False

    async def run(self) -> None:
        """One caller, with one call after the other, until it is over."""
        while not self.over:
            self.placed += 1
            one = Held(self.target, self.placed, self.frames)
            try:
                await one.begin()
                self.answered.append(one.dialog.call_id)
                await asyncio.sleep(self.rng.uniform(*TALK_S))
            except Refused as refused:
                self.refused[str(refused)] += 1
                await asyncio.sleep(REFUSED_S)
            except TimeoutError:  # nobody was there for so long
                pass
            finally:
                await _end(one)


async def _end(one: Held) -> None:
    try:
        await one.end()
    except TimeoutError:  # killed, and not followed by another one in time
        one.fall_silent()
        await one.end()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bot is, whichever process it is: addresses, records, events."""

    directory: str
    events: str
    sip: str
    http: str

    def start(self) -> Bot:
        """Start one there; returns once it can be called."""
        server = (*BENCH, "--workers", "2", "--sip", self.sip, "--http", self.http)
        hook = {"URL": self.events, "SECRET": SECRET, "ALLOW_PRIVATE": "true"}
        settings = MANY | {f"OFFHOOK_WEBHOOKS__BENCH__{key}": value for key, value in hook.items()}
        return Bot(Run("", server, (), {**settings, "OFFHOOK_LOG__LEVEL": "error"}), self.directory).__enter__()

    @property
    def database(self) -> Path:
        """Of the records."""
        return Path(self.directory) / "calls.db"


@dataclass(slots=True)
class Killer:
    """Has a bot at a place, kills what it is to, and starts it again. `left` are processes that stayed."""

    place: Place
    bot: Bot
    rng: random.Random
    left: list[int] = field(default_factory=list)

    def kill(self, what: str) -> None:
        """One of `WORKER`, `SUPERVISOR`, `WRITER`; returns once the bot can be called again."""
        time.sleep(self.rng.uniform(*PAUSE_S))
        if what == WORKER:
            self._kill_worker()
            return
        children = psutil.Process(self.bot.pid).children(recursive=True)
        if what == WRITER:
            _until_it_writes(self.place.database)
        os.kill(self.bot.pid, signal.SIGKILL)
        self.bot.__exit__(None, None, None)
        self.bot = self.place.start()
        _, alive = psutil.wait_procs(children, GONE_S)
        self.left += [each.pid for each in alive]

    def _kill_worker(self) -> None:
        for _ in range(round(GONE_S / REFUSED_S)):
            with suppress(OSError):  # the bot does not answer yet, or that worker is gone already
                if workers := self._workers():
                    os.kill(self.rng.choice(workers), signal.SIGKILL)
                    return
            time.sleep(REFUSED_S)
        raise RuntimeError("the bot has no worker")

    def _workers(self) -> list[int]:
        """Their processes, without those that are being started. Raises OSError."""
        with urllib.request.urlopen(f"http://{self.place.http}/api/status", timeout=5) as answer:
            return [each["pid"] for each in json.load(answer)["workers"] if each["pid"] is not None]


def free_address() -> str:
    """An address of this machine with a port that nothing uses, over UDP or TCP."""
    for port in random.sample(PORTS, len(PORTS)):
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as tried:
                    tried.bind((HOST, port))
        except OSError:
            continue
        return f"{HOST}:{port}"
    raise RuntimeError("no port is free")


def _until_it_writes(database: Path) -> None:
    """Return in the middle of a transaction, or right behind it. Raises TimeoutError."""
    path, until = Path(f"{database}-wal"), time.monotonic() + WRITES_S
    before = path.stat().st_mtime_ns
    while path.stat().st_mtime_ns == before:
        if time.monotonic() > until:
            raise TimeoutError(f"{path} does not change")
        time.sleep(0.0002)


@dataclass(frozen=True, slots=True)
class Row:
    """Of a record, what is judged."""

    uniqueid: str
    call_id: str
    answered: bool
    has_ended: bool
    end: str


def rows_of(database: Path) -> tuple[list[Row], int]:
    """All records, and how many events wait for the receiver."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        query = "SELECT uniqueid, call_id, answer IS NOT NULL, NOT is_open, coalesce(end_reason, 'none') FROM calls"
        found = [Row(str(a), str(b), bool(c), bool(d), str(e)) for a, b, c, d, e in opened.execute(query)]
        ((waiting,),) = opened.execute("SELECT count(*) FROM outbox").fetchall()
    return found, int(waiting)


def judged(rows: Iterable[Row], answered: Iterable[str], accepted: Iterable[Received]) -> list[str]:
    """What is wrong with records and events."""
    by_call: Counter[str] = Counter(row.call_id for row in rows if row.answered)
    missed = [f"{call}: {by_call[call]} records" for call in answered if by_call[call] != 1]
    missed += [f"{row.uniqueid} has no end" for row in rows if not row.has_ended]
    order: dict[str, list[str]] = defaultdict(list)
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for each in accepted:
        if each.id not in bodies:
            order[each.call].append(each.type)
        bodies[each.id].add(each.body)
    for row in rows:
        came = order.pop(row.uniqueid, [])
        # An answer is notified of before it is sent, and it may be that it never was.
        if came != [STARTED, ANSWERED, ENDED] and (row.answered or came != [STARTED, ENDED]):
            missed.append(f"{row.uniqueid}: events {came}")
    missed += [f"{uniqueid}: events {came} without a record" for uniqueid, came in order.items()]
    missed += [f"{id_} with {len(found)} bodies" for id_, found in bodies.items() if len(found) > 1]
    return missed


async def _settled(place: Place) -> None:
    """Wait until all records have their ends, and all events are delivered, or it has taken too long."""
    until = time.monotonic() + SETTLED_S
    while time.monotonic() < until:
        rows, waiting = await asyncio.to_thread(rows_of, place.database)
        if not waiting and all(row.has_ended for row in rows):
            return
        await asyncio.sleep(0.5)


async def measure(given: argparse.Namespace, directory: str) -> list[str]:
    """What is missed."""
    rng = random.Random(given.seed)
    async with WebhookReceiver(secret=SECRET) as receiver:
        place = Place(directory, receiver.url, free_address(), free_address())
        killer = Killer(place, await asyncio.to_thread(place.start), rng)
        kills = [(WORKER, SUPERVISOR, WRITER)[number % 3] for number in range(given.kills)]
        rng.shuffle(kills)
        host, _, port = place.sip.rpartition(":")
        callers = Callers((host, int(port)), random.Random(given.seed))
        began = time.monotonic()
        try:
            calling = [asyncio.create_task(callers.run()) for _ in range(given.calls)]
            for number, what in enumerate(kills, 1):
                await asyncio.to_thread(killer.kill, what)
                if number % 20 == 0:
                    print(f"{number} kills, {len(callers.answered)} calls answered", flush=True)
            callers.over = True
            await asyncio.gather(*calling)
            took_s = time.monotonic() - began
            await _settled(place)
        finally:
            await asyncio.to_thread(killer.bot.__exit__, None, None, None)
        rows, _ = rows_of(place.database)
        accepted = receiver.accepted
    different = len({each.id for each in accepted})
    ends = dict(Counter(row.end for row in rows))
    print(
        f"{dict(Counter(kills))} killed within {took_s:.0f} s\n"
        f"{callers.placed} calls placed, {len(callers.answered)} answered, refused {dict(callers.refused)}\n"
        f"{len(rows)} records, by their end {ends}\n"
        f"{different} events; {len(accepted) - different} came again, under the same id"
    )
    missed = judged(rows, callers.answered, accepted)
    return missed + ([f"processes {killer.left} outlived their supervisor"] if killer.left else [])


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.kept_records", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--calls", type=int, default=12, help="at a time")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    os.sched_setaffinity(0, {last_core()})
    with tempfile.TemporaryDirectory() as directory:
        missed = asyncio.run(measure(given, directory))
    for each in missed:
        print(f"  {each}")
    if missed:
        sys.exit(f"missed: {len(missed)}")


if __name__ == "__main__":
    main()
