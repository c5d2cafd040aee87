"""A worker that is killed again and again under calls: python -m bench.kills [--times 20] [--sip-backend pjsua2]

Each time callers hold their calls, the one worker gets SIGKILL, and as soon as another one is ready a new caller calls;
the next kill comes when that worker has lived for `--life` seconds. Exits with 1 where the goals are missed: every
answered call has one record, whose end is the crash for those that were held, and the new caller is answered within
three seconds of the kill.
"""

import argparse
import asyncio
import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import closing

from bench.flood import Held, said, until_back_s
from bench.runs import MANY, OTHER_BACKEND, OWN, Bot, Run, last_core, served_by
from bench.sip_rate import percentile

MOST_BACK_S = 3.0
LOOKS, LOOK_S = 200, 0.05


def _worker(bot: Bot) -> int | None:
    """Its process; None while it starts."""
    with urllib.request.urlopen(f"http://{bot.http}/api/status", timeout=5) as answer:
        (worker,) = json.load(answer)["workers"]
    return int(worker["pid"]) if worker["pid"] is not None else None


def _ends(directory: str) -> Counter[str]:
    """The records by their end."""
    with closing(sqlite3.connect(f"file:{directory}/calls.db?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT coalesce(end_reason, 'none'), count(*) FROM calls GROUP BY 1").fetchall()
    return Counter(dict(rows))


async def _killed(bot: Bot, calls: int) -> float:
    """Kill the worker under so many calls; after how many seconds a new caller is answered."""
    host, _, port = bot.sip.rpartition(":")
    target, frames = (host, int(port)), said()
    held = [Held(target, number, frames) for number in range(calls)]
    for one in held:
        await one.begin()
    await asyncio.sleep(1.0)  # of conversation
    worker = await asyncio.to_thread(_worker, bot)
    for one in held:
        one.fall_silent()
    assert worker is not None, "it has answered"
    os.kill(worker, signal.SIGKILL)
    killed_at = time.monotonic()
    for _ in range(LOOKS):
        if await asyncio.to_thread(_worker, bot) not in (None, worker):
            break
        await asyncio.sleep(LOOK_S)
    # `until_back_s` waits until that one is ready.
    await until_back_s(bot, target, frames)
    took_s = time.monotonic() - killed_at
    for one in held:
        await one.end()
    return took_s


async def measure(given: argparse.Namespace, bot: Bot, directory: str) -> list[str]:
    """What is missed."""
    took_s = []
    for _ in range(given.times):
        began = time.monotonic()
        took_s.append(await _killed(bot, given.calls))
        await asyncio.sleep(max(0.0, began + given.life - time.monotonic()))
    wanted = Counter({"crash": given.times * given.calls, "caller hung up": given.times})
    for _ in range(LOOKS):
        if (ends := _ends(directory)) == wanted:
            break
        await asyncio.sleep(LOOK_S)
    print(f"{given.times} kills under {given.calls} calls each; records by their end: {dict(ends)}")
    print(f"a new caller is answered after p50 {percentile(took_s, 50):.2f} s, at most {max(took_s):.2f} s")
    goals = {"records": ends == wanted, "back": max(took_s) <= MOST_BACK_S}
    return [name for name, met in goals.items() if not met]


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.kills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--times", type=int, default=20)
    options.add_argument("--calls", type=int, default=8, help="held when the worker is killed")
    options.add_argument("--life", type=float, default=7.0, help="seconds from one kill to the next")
    options.add_argument("--sip-backend", choices=(OWN, OTHER_BACKEND), default=OWN)
    given = options.parse_args()
    os.sched_setaffinity(0, {last_core()})
    with (
        tempfile.TemporaryDirectory() as directory,
        Bot(Run("", served_by(given.sip_backend), (), MANY), directory) as bot,
    ):
        missed = asyncio.run(measure(given, bot, directory))
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
