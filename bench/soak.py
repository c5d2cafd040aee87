"""Calls with faults, by the thousand, and what is left of them in the bot: memory, descriptors, threads, ports.

    python -m bench.soak --minutes 5

A generator of our own places short calls of several kinds, proper ones and broken ones, from one seed; the bot's
processes are sampled beside it. Exit status 0: memory grew by no more than the limit an hour once warm, everything
else is back to where it began, every call has a record and nothing was thrown. The report goes to reports/soak.json.
"""

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.runs import BENCH, MANY, REPORTS, Bot, Run, save
from bench.soak_call import KINDS, Phones

CALLS_PER_S = 7.0
SAMPLE_S = 5.0
SETTLE_S = 45.0
"""After the last call: longer than Timer F (32 s) and the quarantine of the ports."""
WARM_UP_SHARE = 0.25
SLOPE_MIB_PER_H = 1.0
SHORT_GROWTH_MIB = 5.0
"""A run of minutes cannot tell a slope of an hour: there the growth after the warm-up counts."""
SHORT_MINUTES = 60.0
ALLOWANCE = 4
"""Threads and descriptors that are made with the first call and kept: a pool's, a database connection's."""
SETTINGS = {"OFFHOOK_RTP__MEDIA_TIMEOUT_S": "3", "OFFHOOK_RTP__FIRST_MEDIA_TIMEOUT_S": "3", **MANY}


@dataclass(frozen=True)
class Sample:
    """The bot and its children at one moment; `udp_ports` are bound ones."""

    at_s: float
    rss_mib: float
    fds: int
    threads: int
    processes: int
    udp_ports: int


def sample(pid: int, began: float) -> Sample:
    """Now. psutil.NoSuchProcess: the bot is gone."""
    root = psutil.Process(pid)
    rss = fds = threads = ports = count = 0
    for process in (root, *root.children(recursive=True)):
        try:
            with process.oneshot():
                rss += process.memory_info().rss
                fds += process.num_fds()
                threads += process.num_threads()
                ports += len(process.net_connections("udp"))
                count += 1
        except psutil.NoSuchProcess:
            continue
    return Sample(round(time.monotonic() - began, 1), round(rss / 2**20, 2), fds, threads, count, ports)


def slope_mib_per_h(samples: list[Sample]) -> float:
    """The straight line through the memory, least squares; 0 for fewer than two samples."""
    if len(samples) < 2:
        return 0.0
    mean_t = sum(one.at_s for one in samples) / len(samples)
    mean_m = sum(one.rss_mib for one in samples) / len(samples)
    spread = sum((one.at_s - mean_t) ** 2 for one in samples)
    return 3_600 * sum((one.at_s - mean_t) * (one.rss_mib - mean_m) for one in samples) / spread


async def load(bot: Bot, minutes: float, calls_per_s: float, seed: int, samples: list[Sample]) -> Counter[str]:
    """Place calls for so long, sampling beside it; how they ended."""
    outcomes: Counter[str] = Counter()
    chooser = random.Random(seed)
    phones = Phones(bot.sip, seed)
    began = time.monotonic()
    # The processes as they are before the first call.
    samples.append(sample(bot.pid, began))
    tasks: set[asyncio.Task[str]] = set()
    next_sample, number = began + SAMPLE_S, 0

    def done(task: asyncio.Task[str]) -> None:
        tasks.discard(task)
        outcomes[task.result()] += 1

    while (now := time.monotonic()) < began + 60 * minutes:
        kind = chooser.choices(list(KINDS), [share for share, _ in KINDS.values()])[0]
        task = asyncio.create_task(phones.call(kind, number))
        tasks.add(task)
        task.add_done_callback(done)
        number += 1
        if now >= next_sample:
            samples.append(sample(bot.pid, began))
            next_sample += SAMPLE_S
        await asyncio.sleep(max(0.0, began + number / calls_per_s - time.monotonic()))
    await asyncio.gather(*tasks)
    await asyncio.sleep(SETTLE_S)
    samples.append(sample(bot.pid, began))
    phones.close()
    return outcomes


def verdict(samples: list[Sample], minutes: float, records: dict[str, Any], errors: int) -> list[str]:
    """What is wrong; empty when nothing is."""
    first, last = samples[0], samples[-1]
    warm = [one for one in samples if one.at_s >= WARM_UP_SHARE * 60 * minutes]
    wrong = []
    if minutes >= SHORT_MINUTES:
        if (slope := slope_mib_per_h(warm)) > SLOPE_MIB_PER_H:
            wrong.append(f"memory grows by {slope:.2f} MiB an hour")
    elif (growth := last.rss_mib - warm[0].rss_mib) > SHORT_GROWTH_MIB:
        wrong.append(f"memory grew by {growth:.1f} MiB after the warm-up")
    # Threads and descriptors of pools come with the first call: what must not be is more than after the warm-up.
    for name in ("fds", "threads", "processes", "udp_ports"):
        before = max(getattr(first, name), 0)
        after = getattr(last, name)
        if after > before + (ALLOWANCE if name in ("fds", "threads") else 0):
            wrong.append(f"{name}: {before} before, {after} after")
    if records["open"]:
        wrong.append(f"{records['open']} calls have a record without an end")
    if records["active"]:
        wrong.append(f"{records['active']:.0f} calls are still active")
    if errors:
        wrong.append(f"{errors} errors or tracebacks in the log")
    return wrong


def records_of(directory: str, bot: Bot) -> dict[str, Any]:
    """The calls' rows by their ends, and what the bot says is going on."""
    with closing(sqlite3.connect(f"file:{directory}/calls.db?mode=ro", uri=True)) as database:
        ends = dict(database.execute("SELECT coalesce(end_reason, '-'), count(*) FROM calls GROUP BY 1").fetchall())
        (left,) = database.execute("SELECT count(*) FROM calls WHERE end IS NULL").fetchone()
    with urllib.request.urlopen(f"http://{bot.http}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    active = sum(float(line.split()[-1]) for line in lines if line.startswith("offhook_calls_active"))
    return {"ends": ends, "open": left, "active": active}


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    options.add_argument("--minutes", type=float, default=480.0)
    options.add_argument("--calls-per-s", type=float, default=CALLS_PER_S)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--json", type=Path, default=REPORTS / "soak.json")
    given = options.parse_args()
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile("w+") as log:
        with Bot(Run("soak", BENCH, (), SETTINGS), directory, log) as bot:
            outcomes = asyncio.run(load(bot, given.minutes, given.calls_per_s, given.seed, samples))
            records = records_of(directory, bot)
        log.seek(0)
        errors = [line for line in log if "Traceback" in line or " error " in line]
    wrong = verdict(samples, given.minutes, records, len(errors))
    warm = [one for one in samples if one.at_s >= WARM_UP_SHARE * 60 * given.minutes]
    report = {
        "minutes": given.minutes,
        "seed": given.seed,
        "calls": sum(outcomes.values()),
        "outcomes": dict(outcomes),
        "records": records,
        "slope_mib_per_h": round(slope_mib_per_h(warm), 2),
        "before": asdict(samples[0]),
        "warm": asdict(warm[0]),
        "after": asdict(samples[-1]),
        "errors": errors[:20],
        "wrong": wrong,
        "samples": [asdict(one) for one in samples],
    }
    save(given.json, report)
    for name in ("calls", "outcomes", "records", "slope_mib_per_h", "before", "warm", "after", "errors"):
        print(f"{name}: {report[name]}")
    print("\n".join(wrong) or "all is well")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
