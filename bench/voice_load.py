"""How many sentences the default voice can speak at once on one core, and how soon a new one can be heard.

    .venv/bin/python -m bench.voice_load [--engine hibari] [--at-once 1,10,20,40,60,80] [--seconds 20]

Every speaker says one sentence after the other, each asked for when the one before has been played, as calls do, in
real time; the sentences are all different. "late" are the sentences whose audio ran out before its next piece came.
The engine's child is kept on the last core (this program on the first, where there are two).
"""

import argparse
import asyncio
import json
import os
from itertools import count
from time import monotonic
from typing import Any

import numpy as np
import psutil

from offhook.engines.registry import make_tts
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.tts.voice import closing
from offhook.process.event_loop import run_loop
from offhook.settings.config import Config, TtsConfig

SENTENCES = (
    "Your appointment number {} is on Monday the third at half past four.",
    "I have found order {}, it was sent yesterday and should arrive tomorrow.",
    "Please hold the line, you are number {} in the queue.",
    "Thank you. The balance of account {} is two thousand four hundred and thirty dollars.",
)


async def speaker(
    engine: TtsEngine, numbers: "count[int]", until: float, firsts: list[float], late: list[bool]
) -> None:
    """Says sentences until then."""
    while monotonic() < until:
        number = next(numbers)
        began = monotonic()
        ends_at, is_late = 0.0, False
        async with closing(engine.synthesize(SENTENCES[number % len(SENTENCES)].format(number))) as chunks:
            async for chunk in chunks:
                now = monotonic()
                if not ends_at:
                    firsts.append(1_000 * (now - began))
                is_late |= bool(ends_at) and now > ends_at
                ends_at = max(now, ends_at) + len(chunk.pcm) / 2 / engine.capabilities.rate_hz
        late.append(is_late)
        await asyncio.sleep(max(0.0, ends_at - monotonic()))


async def point(args: argparse.Namespace, at_once: int) -> dict[str, Any]:
    """One row."""
    engine = make_tts(Config(tts=TtsConfig(engine=args.engine, voice=args.voice)))
    await engine.start()
    cores = sorted(os.sched_getaffinity(0))
    (child,) = psutil.Process().children()
    child.cpu_affinity([cores[-1]])
    firsts: list[float] = []
    late: list[bool] = []
    numbers = count(1)
    cpu, began = sum(child.cpu_times()[:2]), monotonic()
    until = began + args.seconds
    try:
        # They begin at random times, as calls do.
        starts = np.random.default_rng(1).uniform(0.0, 4.0, at_once)

        async def begin(at: float) -> None:
            await asyncio.sleep(at)
            await speaker(engine, numbers, until, firsts, late)

        await asyncio.gather(*map(begin, starts))
        busy = (sum(child.cpu_times()[:2]) - cpu) / (monotonic() - began)
        memory = child.memory_full_info()
    finally:
        await engine.close()
    p50, p95, p99 = np.percentile(firsts, (50, 95, 99))
    return {
        "engine": args.engine,
        "at_once": at_once,
        "sentences": len(late),
        "first_ms": {"p50": round(p50, 1), "p95": round(p95, 1), "p99": round(p99, 1), "max": round(max(firsts), 1)},
        "late": sum(late),
        "core": round(busy, 3),
        "rss_mib": memory.rss // 2**20,
        "uss_mib": memory.uss // 2**20,
    }


async def measure(args: argparse.Namespace) -> None:
    """All rows."""
    for at_once in map(int, args.at_once.split(",")):
        print(json.dumps(await point(args, at_once)), flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="hibari")
    parser.add_argument("--voice")
    parser.add_argument("--at-once", default="1,10,20,40,60,80")
    parser.add_argument("--seconds", type=float, default=20.0)
    run_loop(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
