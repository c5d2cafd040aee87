"""Calls on lines that echo, through real sockets: does the bot mistake its own voice for a caller, or miss a caller?

    python -m bench.echo --calls 100 --at-once 15

Half of the callers let the bot speak to the end of each prompt, then answer; the others speak over it at a random time.
Everything is measured on the wire. A false barge-in is a prompt that was cut or paused before anybody spoke, or an
answer to the bot's own words. Exit status 0: at most 1 % of the prompts were falsely interrupted, and 95 % of the
callers who spoke over a prompt silenced the bot within 350 ms of their first audible sample. The report goes to
reports/echo.json.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from bench.echo_call import CallReport, EchoCall
from bench.runs import BENCH, MANY, REPORTS, Bot, Run, last_core, save
from offhook.api.dialogs import BENCH_SENTENCE
from offhook.pipeline.clauses import clauses
from offhook.testing.sip_caller import read_recording

WITHIN_MS = 350.0
SHARE = 0.95
FALSE_RATE = 0.01
STAGGER_S = 0.23
TURNS = 2
RETRIES = 6
RETRY_S = 5.0
RECORDING = Path(__file__).resolve().parent.parent / "offhook" / "assets" / "bench" / "reply.wav"


def prompt_samples() -> int:
    """The length of each prompt of the bot's bench engines."""
    return len(clauses(BENCH_SENTENCE)) * len(read_recording(RECORDING)) // 2


async def place(
    target: tuple[str, int], calls: int, at_once: int, seed: int, turns: int = TURNS, *, echo: bool = True
) -> list[CallReport]:
    """The calls; every other one speaks over the bot. Without `echo` nothing comes back on their lines."""
    room = asyncio.Semaphore(at_once)
    samples = prompt_samples()

    async def one(number: int) -> CallReport:
        async with room:
            if number < at_once:
                await asyncio.sleep(number * STAGGER_S)
            for _ in range(RETRIES):
                report = await EchoCall(target, number, seed, samples, echo=echo).run(turns, over=bool(number % 2))
                if not report.refused:
                    break
                await asyncio.sleep(RETRY_S)  # the bot is full for now
            return report

    return await asyncio.gather(*map(one, range(calls)))


def figures(reports: list[CallReport]) -> dict[str, Any]:
    """The figures of all reports."""
    turns = [turn for report in reports for turn in report.turns]
    over = [turn for turn in turns if turn.spoke_s is not None and not turn.false]
    times = sorted(turn.cut_ms for turn in over if turn.cut_ms is not None)
    within = sum(each <= WITHIN_MS for each in times)
    return {
        "calls": len(reports),
        "failed": sum(bool(report.error) for report in reports),
        "prompts": len(turns),
        "false": sum(bool(turn.false) for turn in turns),
        "spoken_over": len(over),
        "cut": len(times),
        "within": within,
        "within_share": round(within / len(over), 4) if over else None,
        "cut_p50_ms": round(float(np.percentile(times, 50))) if times else None,
        "cut_p95_ms": round(float(np.percentile(times, 95))) if times else None,
        "caller_late_ms": round(max(report.late_ms for report in reports)),
    }


def line(of: dict[str, Any]) -> str:
    """A summary of the figures."""
    return (
        f"{of['calls']} calls, {of['failed']} failed; {of['prompts']} prompts, {of['false']} falsely interrupted; "
        f"spoken over {of['spoken_over']}: {of['within']} cut within {WITHIN_MS:.0f} ms, "
        f"p50 {of['cut_p50_ms']} ms, p95 {of['cut_p95_ms']} ms; "
        f"the caller's own packets were up to {of['caller_late_ms']} ms late"
    )


def meets_targets(of: dict[str, Any]) -> bool:
    """Whether the figures meet the targets."""
    return (
        not of["failed"]
        and of["false"] <= FALSE_RATE * of["prompts"]
        and bool(of["spoken_over"])
        and of["within"] >= SHARE * of["spoken_over"]
    )


def media_counters(bot: Bot) -> dict[str, float]:
    """The bot's pacing counters: a stall interrupts a prompt as well."""
    with urllib.request.urlopen(f"http://{bot.http}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    names = ("offhook_media_stalls_total", "offhook_media_underruns_total", "offhook_bargein_resumed_total")
    return {
        name: sum(float(one.split()[-1]) for one in lines if one.split("{")[0].split()[0] == name) for name in names
    }


def main() -> int:
    options = argparse.ArgumentParser(
        prog="python -m bench.echo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--calls", type=int, default=100)
    options.add_argument("--at-once", type=int, default=15)
    options.add_argument("--turns", type=int, default=TURNS, help="prompts a call")
    options.add_argument("--no-echo", action="store_true", help="lines without echo, to measure what the guard costs")
    options.add_argument("--unguarded", action="store_true", help="without the echo guard, for comparison")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--rtp-ports", default="10000-13999", metavar="LOW-HIGH", help="the bot's")
    options.add_argument("--json", type=Path, default=REPORTS / "echo.json")
    given = options.parse_args()
    settings = {**MANY, "OFFHOOK_AUDIO__ECHO_GUARD": "false" if given.unguarded else "true"}
    run = Run("echo", (*BENCH, "--rtp-ports", given.rtp_ports), (), settings)
    with tempfile.TemporaryDirectory() as directory, Bot(run, directory) as bot:
        os.sched_setaffinity(0, {last_core()})
        host, _, port = bot.sip.rpartition(":")
        calls = place((host, int(port)), given.calls, given.at_once, given.seed, given.turns, echo=not given.no_echo)
        reports = uvloop.run(calls)
        counters = media_counters(bot)
    result = figures(reports)
    save(
        given.json,
        {
            "seed": given.seed,
            "echo": not given.no_echo,
            "guarded": not given.unguarded,
            **result,
            "bot": counters,
            "each": [one.to_dict() for one in reports],
        },
    )
    print(line(result))
    for report in reports:
        late = [turn for turn in report.turns if turn.false or (turn.spoke_s and (turn.cut_ms or 1e9) > WITHIN_MS)]
        if report.error or late:
            print(report.to_dict())
    return 0 if meets_targets(result) else 1


if __name__ == "__main__":
    sys.exit(main())
