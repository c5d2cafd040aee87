"""The silence that a stalled first engine adds: scripted chains in real time, `python -m bench.chains`.

Each round is a turn (or a sentence) whose first engine stalls at a random moment: at once, in the middle, at the end.
Breakers are kept from opening, as they would hide the stalls.
"""

import argparse
import asyncio
import json
import random
import time
from dataclasses import replace

from offhook.pipeline.asr.engine import AsrEngine, AsrRequest
from offhook.pipeline.chain.asr import ChainAsr
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import Limits
from offhook.pipeline.chain.table import EngineRows, private_cells
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.tts.engine import TtsEngine
from offhook.records.cdr import percentile
from offhook.telephony.resample import Resampler
from tests.pipeline.chain.scripted import FOREVER_S, PACKET, ScriptedAsr, ScriptedTts

TEXT = "Your appointment is on Monday, the third, at half past four, and you may cancel it until Friday."
ASR_SECOND_S = 0.2
"""What the second recogniser takes for its answer: whisper, for a turn of five seconds."""
TTS_SECOND_S = 0.06
"""What the second voice takes for its first audio."""


async def asr_round(rng: random.Random) -> float:
    """One turn: how long the caller waits more than without the stall, in seconds."""
    seconds = rng.uniform(0.6, 4.0)
    first = ScriptedAsr(
        "first", "a b c", answer_s=FOREVER_S, partials_end_s=rng.choice((0.0, rng.uniform(0, seconds), 60.0))
    )
    second = ScriptedAsr("second", "a b c", answer_s=ASR_SECOND_S)
    members = [Member[AsrEngine](each.name, each, "asr", Limits(0.5)) for each in (first, second)]
    stream = ChainAsr(members, Resampler).open(AsrRequest(), lambda text: None)
    for _ in range(round(seconds / 0.02)):
        stream.feed(PACKET)
        await asyncio.sleep(0.02)
    began = time.monotonic()
    await stream.finish()
    return time.monotonic() - began


async def tts_round(rng: random.Random) -> float:
    """One sentence: the silence that the caller hears more than without the stall, in seconds."""
    after, pace_s = rng.choice((0, rng.randrange(1, 18))), rng.choice((0.0, 0.1, 0.24))
    first = ScriptedTts("first", stalls_after=after, word_s=pace_s, half_word=rng.random() < 0.5 and after > 0)
    members = [
        Member[TtsEngine](each.name, each, "tts", Limits(0.4))
        for each in (first, replace(ScriptedTts("second", 2), first_s=TTS_SECOND_S))
    ]
    await asyncio.sleep(rng.uniform(0.0, 10.0))  # else all begin at once, and wait for each other
    heard_to = time.monotonic()
    silent_s = 0.0
    async for chunk in ChainTts(members, Resampler).synthesize(TEXT):
        now = time.monotonic()
        silent_s += max(0.0, now - heard_to)
        heard_to = max(now, heard_to) + len(chunk.pcm) / 16_000
    return silent_s - 0.05  # the first voice's own


async def measure(rounds: int, seed: int) -> dict[str, dict[str, float]]:
    """Percentiles in milliseconds; all rounds at once."""
    found = {}
    for name, one in (("recogniser", asr_round), ("voice", tts_round)):
        added = await asyncio.gather(*(one(random.Random(f"{seed} {number}")) for number in range(rounds)))
        found[name] = {f"p{each}_ms": round(1000 * (percentile(added, each) or 0.0), 1) for each in (50, 95, 99)}
        found[name]["max_ms"] = round(1000 * max(added), 1)
    return found


async def shared_table(processes: int, engines: int) -> float:
    """What choosing an engine costs, in microseconds, with so many workers."""
    cells = private_cells(processes, engines)
    member = Member[AsrEngine]("one", ScriptedAsr("one"), "asr")
    member.share(EngineRows(cells, engines=engines))
    began = time.perf_counter()
    for _ in range(1_000):
        member.breaker.state(100.0)
    return round(1_000 * (time.perf_counter() - began), 1)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found: dict[str, object] = {**asyncio.run(measure(given.rounds, given.seed))}
    found["breaker_us_8_workers"] = asyncio.run(shared_table(8, 4))
    print(json.dumps({"rounds": given.rounds, "seed": given.seed} | found, indent=2))


if __name__ == "__main__":
    main()
