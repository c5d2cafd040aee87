"""Whether a long conversation with a language model takes more and more memory.

    .venv/bin/python -m bench.long_call [--calls 4] [--turns 200]

The bot and the model are those of bench.agent_calls with bench engines. Each caller hears 4 s of a reply and says the
next sentence; memory is what the worker has for itself, which keeps a call's timeline until its end. A line in KiB a
turn is fitted to all but the first quarter.
"""

import argparse
import asyncio
import json
import tempfile
import time
from importlib.resources import files

import numpy as np
import psutil

from bench.agent_calls import agent_run
from bench.runs import Bot
from offhook.observe.log import setup
from offhook.process.event_loop import run_loop
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller, read_recording

SAMPLES = 20
HEARD_S = 4.0


def memory_kib(pid: int) -> float:
    """What the worker has for itself."""
    children = psutil.Process(pid).children(recursive=True)
    worker = next(each for each in children if each.name().startswith("offhook-work"))
    return float(worker.memory_full_info().uss) / 1024


async def converse(target: Address, turns: int, done: list[int]) -> None:
    """One call."""
    sentence = read_recording(files("offhook") / "assets" / "caller" / "check-my-balance.wav")
    caller = await Caller.dial("127.0.0.1", target)
    try:
        for _ in range(turns):
            await caller.listen_for(HEARD_S)
            await caller.say(sentence)
            done[0] += 1
    finally:
        caller.close()


async def measure(bot: Bot, calls: int, turns: int) -> dict[str, object]:
    """The memory over the turns."""
    host, _, port = bot.sip.rpartition(":")
    done, began, found = [0], time.monotonic(), list[tuple[float, float]]()
    talks = asyncio.gather(*(converse(Address(host, int(port)), turns, done) for _ in range(calls)))
    each = calls * turns / SAMPLES
    while not talks.done():
        await asyncio.wait([talks], timeout=1.0)
        if done[0] >= len(found) * each:
            found.append((done[0] / calls, memory_kib(bot.pid)))
    await talks
    later = np.array(found[len(found) // 4 :])
    slope = float(np.polyfit(later[:, 0], later[:, 1], 1)[0])
    return {
        "calls": calls,
        "turns_of_a_call": turns,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "kib": [round(kib) for _, kib in found],
        "kib_a_turn": round(slope / calls, 2),
    }


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=4)
    options.add_argument("--turns", type=int, default=200)
    args = options.parse_args()
    setup(level="error")

    async def run() -> None:
        with agent_run("bench", args.calls) as how, tempfile.TemporaryDirectory() as folder, Bot(how, folder) as bot:
            print(json.dumps(await measure(bot, args.calls, args.turns)))

    run_loop(run())


if __name__ == "__main__":
    main()
