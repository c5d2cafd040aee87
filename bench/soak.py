"""Thousands of calls with faults, and what they leave behind in the bot: memory, descriptors, threads, ports.

    python -m bench.soak --minutes 5

From one seed, short calls of several kinds are placed, well-behaved and not, while the bot's processes are sampled.
Exit status 0: after the warm-up memory grew by no more than the limit, everything else is back at its initial value,
every call has a record, almost none was refused, and no exception was logged. The report goes to reports/soak.json.

Memory is the resident memory of all processes while calls go on; its growth is counted from the end of the warm-up to
the maximum in the last quarter, and has a limit: `later_mib`, its part in the second half, shows whether it levels off.
A run of an hour or more is judged by the straight line through the samples, too. For a shorter one that would be too
strict: a page touched for the first time is MiB an hour.
"""

import argparse
import asyncio
import random
import re
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

from bench.runs import MANY, OTHER_BACKEND, OWN, REPORTS, Bot, Run, save, served_by
from bench.soak_call import KINDS, WANTED_REFUSAL, Phones

CALLS_PER_S = 7.0
SAMPLE_S = 5.0
SETTLE_S = 45.0
"""After the last call: longer than Timer F (32 s) and the quarantine of the ports."""
WARM_UP_SHARE = 0.25
SLOPE_MIB_PER_H = 1.0
GROWTH_MIB = 5.0
SHORT_MINUTES = 60.0
REFUSED_SHARE = 0.01
"""Share of the calls; the load is far below what a core carries."""
ALLOWANCE = 4
"""Threads and descriptors that the first call creates and that stay: a pool's, a database connection's."""
SETTINGS = {"OFFHOOK_RTP__MEDIA_TIMEOUT_S": "3", "OFFHOOK_RTP__FIRST_MEDIA_TIMEOUT_S": "3", **MANY}


@dataclass(frozen=True)
class Sample:
    """The bot and its children at one moment; `udp_ports` are bound ones, `tasks` asyncio's."""

    at_s: float
    rss_mib: float
    fds: int
    threads: int
    processes: int
    udp_ports: int
    tasks: int


def metric(bot: Bot, name: str) -> float:
    """The sum of a metric over its labels. OSError when the bot does not answer."""
    with urllib.request.urlopen(f"http://{bot.http}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if re.match(rf"{name}[ {{]", line))


def sample(bot: Bot, began: float) -> Sample:
    """A sample. Raises psutil.NoSuchProcess or OSError if the bot is gone."""
    root = psutil.Process(bot.pid)
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
    at_s, rss_mib, tasks = round(time.monotonic() - began, 1), round(rss / 2**20, 2), int(metric(bot, "offhook_tasks"))
    return Sample(at_s, rss_mib, fds, threads, count, ports, tasks)


def slope_mib_per_h(samples: list[Sample]) -> float:
    """The slope of the straight line through the memory (least squares); 0 for fewer than two samples."""
    if len(samples) < 2:
        return 0.0
    mean_t = sum(one.at_s for one in samples) / len(samples)
    mean_m = sum(one.rss_mib for one in samples) / len(samples)
    spread = sum((one.at_s - mean_t) ** 2 for one in samples)
    return 3_600 * sum((one.at_s - mean_t) * (one.rss_mib - mean_m) for one in samples) / spread


async def load(bot: Bot, minutes: float, calls_per_s: float, seed: int, samples: list[Sample]) -> Counter[str]:
    """Place calls for so long, and take samples meanwhile. Returns how the calls ended."""
    outcomes: Counter[str] = Counter()
    chooser = random.Random(seed)
    phones = Phones(bot.sip, seed)
    began = time.monotonic()
    # The processes as they are before the first call.
    samples.append(await asyncio.to_thread(sample, bot, began))
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
            samples.append(await asyncio.to_thread(sample, bot, began))
            next_sample += SAMPLE_S
        await asyncio.sleep(max(0.0, began + number / calls_per_s - time.monotonic()))
    await asyncio.gather(*tasks)
    await asyncio.sleep(SETTLE_S)
    samples.append(await asyncio.to_thread(sample, bot, began))
    return outcomes


@dataclass(frozen=True)
class Memory:
    """Memory after the warm-up, with calls in progress: slope, growth, and the growth in the second half."""

    slope_mib_per_h: float
    growth_mib: float
    later_mib: float


def memory(samples: list[Sample], minutes: float) -> Memory:
    """From the samples of a whole run, without the last one, which is taken after all calls."""
    busy = samples[1:-1]
    warm = [one for one in busy if one.at_s >= WARM_UP_SHARE * 60 * minutes]
    half = warm[len(warm) // 2 :]
    most = max(one.rss_mib for one in half[len(half) // 2 :])
    return Memory(round(slope_mib_per_h(warm), 2), round(most - warm[0].rss_mib, 2), round(most - half[0].rss_mib, 2))


def refused_share(outcomes: Counter[str]) -> float:
    """The share of refused calls, without those refused because the caller cancelled."""
    refused = sum(n for what, n in outcomes.items() if "refused" in what and not what.endswith(WANTED_REFUSAL))
    return refused / max(1, outcomes.total())


def verdict(
    samples: list[Sample], minutes: float, outcomes: Counter[str], records: dict[str, Any], errors: int
) -> list[str]:
    """The faults found; empty if there are none."""
    first, last, grown = samples[0], samples[-1], memory(samples, minutes)
    wrong = []
    if minutes >= SHORT_MINUTES and grown.slope_mib_per_h > SLOPE_MIB_PER_H:
        wrong.append(f"memory grows by {grown.slope_mib_per_h} MiB an hour")
    if grown.growth_mib > GROWTH_MIB:
        wrong.append(f"memory grew by {grown.growth_mib} MiB after the warm-up")
    if (refused := refused_share(outcomes)) > REFUSED_SHARE:
        wrong.append(f"{refused:.1%} of the calls were refused")
    # Pools open threads and descriptors at the first call: there must be no more than after the warm-up.
    for name in ("fds", "threads", "processes", "udp_ports", "tasks"):
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
    """The calls' rows by end reason, those without an end, and the calls that the bot counts as active."""
    with closing(sqlite3.connect(f"file:{directory}/calls.db?mode=ro", uri=True)) as database:
        ends = dict(database.execute("SELECT coalesce(end_reason, '-'), count(*) FROM calls GROUP BY 1").fetchall())
        (left,) = database.execute("SELECT count(*) FROM calls WHERE end IS NULL").fetchone()
    return {"ends": ends, "open": left, "active": metric(bot, "offhook_calls_active")}


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    options.add_argument("--minutes", type=float, default=480.0)
    options.add_argument("--calls-per-s", type=float, default=CALLS_PER_S)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--sip-backend", choices=(OWN, OTHER_BACKEND), default=OWN)
    options.add_argument("--json", type=Path, default=REPORTS / "soak.json")
    report = run(given := options.parse_args())
    save(given.json, report)
    for name in PRINTED:
        print(f"{name}: {report[name]}")
    print("\n".join(report["wrong"]) or "no faults")
    return 1 if report["wrong"] else 0


PRINTED = (
    *("calls", "outcomes", "records", "memory", "refused_share"),
    *("before", "warm", "after", "errors", "refusals"),
)


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Place the calls; returns the report."""
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile("w+") as log:
        with Bot(Run("soak", served_by(given.sip_backend), (), SETTINGS), directory, log) as bot:
            outcomes = asyncio.run(load(bot, given.minutes, given.calls_per_s, given.seed, samples))
            records = records_of(directory, bot)
        log.seek(0)
        lines = [line.strip() for line in log]
    errors = [line for line in lines if "Traceback" in line or " error " in line]
    warm = [one for one in samples if one.at_s >= WARM_UP_SHARE * 60 * given.minutes]
    return {
        "minutes": given.minutes,
        "seed": given.seed,
        "calls": sum(outcomes.values()),
        "outcomes": dict(outcomes),
        "records": records,
        "memory": asdict(memory(samples, given.minutes)),
        "refused_share": round(refused_share(outcomes), 4),
        "before": asdict(samples[0]),
        "warm": asdict(warm[0]),
        "after": asdict(samples[-1]),
        "errors": errors[:20],
        "refusals": [line for line in lines if "call refused" in line][:20],
        "wrong": verdict(samples, given.minutes, outcomes, records, len(errors)),
        "samples": [asdict(one) for one in samples],
    }


if __name__ == "__main__":
    sys.exit(main())
