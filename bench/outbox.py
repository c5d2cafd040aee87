"""Events of calls to a receiver that fails half of the time, by a process that is killed: python -m bench.outbox

One process writes records of calls and delivers their events (`offhook.outbox`) to a receiver here that fails half of
its requests, by a status or by hanging up. It gets SIGKILL three times, spread over the run, and another one goes on
where it was. Exits with 1 where an event of a call whose record was written is missing, comes before an earlier one of
its call, or comes twice with another id or body.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from offhook.observe import log
from offhook.outbox.deliveries import Deliveries
from offhook.outbox.webhook import Webhook
from offhook.records import CallClock, CallRecord, EndedBy, RecordStore
from offhook.records.outbox import ANSWERED, ENDED, STARTED, totals
from offhook.settings.webhooks import WebhookConfig
from offhook.testing.webhook_receiver import Answer, Received, WebhookReceiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OF_A_CALL = (STARTED, ANSWERED, ENDED)
CALLS_AT_ONCE = 20
"""Calls that the process begins together, and ends together."""
AT_ONCE = 16
MOST_S = 600.0
EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen: `repeats` are events that arrived more than once, under the same id."""

    calls: int
    events: int
    requests: int
    repeats: int
    took_s: float
    missed: tuple[str, ...]


async def deliver(folder: str, url: str, calls: int) -> None:
    """In a process of its own: so many calls, then wait until nothing is left. Prints each call whose record is
    written."""
    log.setup("json", "error", sys.stderr)
    hook = Webhook(
        "bench", WebhookConfig(url=url, secret=SECRET, allow_private=True, at_once=AT_ONCE, longest_retry_s=8)
    )
    store = RecordStore.open(f"{folder}/calls.db", subscriptions=[hook.subscription])
    deliveries = Deliveries(store, [hook])
    deliveries.start()
    for first in range(0, calls, CALLS_AT_ONCE):
        clock = CallClock.started(0.0)
        records = [
            CallRecord.begun(clock, src=f"caller {number}", dst="bot", call_id=str(number)).answered(clock, 0.1)
            for number in range(first, min(calls, first + CALLS_AT_ONCE))
        ]
        await asyncio.gather(*(asyncio.wrap_future(store.begin(record)) for record in records))
        records = [replace(record, consent="given") for record in records]  # which is no second answer
        await asyncio.gather(*(asyncio.wrap_future(store.begin(record)) for record in records))
        ended = [
            record.ended(clock, 5.0, answered_now=0.1, ended_by=EndedBy.CALLER, end_reason="caller hung up")
            for record in records
        ]
        await asyncio.gather(*(asyncio.wrap_future(store.finish(record)) for record in ended))
        for record in records:
            print(record.uniqueid, flush=True)
    while any(row["waiting"] for row in await asyncio.to_thread(store.read, totals)):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await deliveries.stop()
    store.close()
    print(EMPTY, flush=True)


async def measure(events: int, kills: int, seed: int = 1) -> Outcome:
    """Run it. Raises TimeoutError where it does not end."""
    rng = random.Random(seed)
    answers = [Answer(500), Answer(429), Answer(fault="hangs_up"), Answer(), Answer(), Answer()]
    wanted_calls = -(-events // len(OF_A_CALL))
    written: set[str] = set()
    began = time.monotonic()
    async with asyncio.timeout(MOST_S), WebhookReceiver(secret=SECRET) as receiver:
        receiver.otherwise = lambda event: rng.choice(answers)
        with tempfile.TemporaryDirectory() as folder:
            for kill in range(1, kills + 1):
                share = kill / (kills + 1)
                # Of the events that have arrived, so that calls are begun and events are on their way.
                await _run(folder, receiver, written, wanted_calls, until=round(share * events))
            await _run(folder, receiver, written, wanted_calls, until=None)
        requests = list(receiver.requests)
    return _judged(requests, written, receiver.unsigned, time.monotonic() - began)


async def _run(folder: str, receiver: WebhookReceiver, written: set[str], calls: int, until: int | None) -> None:
    """A process, killed when so many different events have arrived; None: until it has nothing left."""
    arguments = ["-m", "bench.outbox", "--deliver", folder, receiver.url, str(max(0, calls - len(written)))]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    reading = asyncio.create_task(_read(process.stdout, written))
    try:
        if until is not None:
            await receiver.until(lambda: len({each.id for each in receiver.accepted}) >= until, MOST_S)
            process.send_signal(signal.SIGKILL)
        ended = await reading
        await process.wait()
        if until is None and not ended:
            raise RuntimeError("the process ended before everything was delivered")
    finally:
        reading.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _read(lines: asyncio.StreamReader, written: set[str]) -> bool:
    """Note the calls that were written; whether everything was delivered."""
    while line := (await lines.readline()).decode().strip():
        if line == EMPTY:
            return True
        written.add(line)
    return False


def _judged(requests: Sequence[Received], written: set[str], unsigned: int, took_s: float) -> Outcome:
    accepted = [each for each in requests if each.accepted]
    bodies: dict[str, set[bytes]] = defaultdict(set)
    order: dict[str, list[str]] = defaultdict(list)
    for each in accepted:
        bodies[each.id].add(each.body)
        if each.type not in order[each.call]:
            order[each.call].append(each.type)
    missed = [f"{uniqueid}: {order[uniqueid]}" for uniqueid in written if tuple(order[uniqueid]) != OF_A_CALL]
    # A call that was cut off before its record was reported has its events, too: the next process has ended it.
    missed += [f"{uniqueid}: {types}" for uniqueid, types in order.items() if tuple(types) != OF_A_CALL]
    missed += [f"{id_} with {len(found)} bodies" for id_, found in bodies.items() if len(found) > 1]
    missed += [f"{unsigned} requests without a signature"] if unsigned else []
    missed += [] if len(bodies) == sum(map(len, order.values())) else ["an event has two ids"]
    return Outcome(len(order), len(bodies), len(requests), len(accepted) - len(bodies), took_s, tuple(missed))


def main() -> None:
    """The command."""
    options: Any = argparse.ArgumentParser(
        prog="python -m bench.outbox", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--events", type=int, default=10_000)
    options.add_argument("--kills", type=int, default=3)
    options.add_argument("--deliver", nargs=3, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.deliver is not None:
        folder, url, calls = given.deliver
        asyncio.run(deliver(str(Path(folder)), url, int(calls)))
        return
    found = asyncio.run(measure(given.events, given.kills))
    print(
        f"{found.events} events of {found.calls} calls, in {found.requests} requests within {found.took_s:.0f} s; "
        f"{given.kills} kills; {found.repeats} arrived again, under the same id"
    )
    if found.missed:
        sys.exit(f"missed: {len(found.missed)}, such as {found.missed[0]}")


if __name__ == "__main__":
    main()
