"""The silence that a caller hears when a vendor fails, and the next engine of the chain takes over.

    .venv/bin/python -m bench.stalls [--rounds 10] [--seed 1] [--part recogniser] [--vendor openai] [--fault mute]

Every row is kept in reports/stalls.json as soon as it is measured. The last lines are one sum for the recognisers and
one for the voices, over all that the report has, rows of earlier runs included.

Each round is a turn of a caller, or a sentence of the bot, in real time: chains of two vendors' engines, over sockets
to their test servers, of which the first has one of the faults of `offhook.testing.vendors`, from the start or from a
random moment on. Added silence is what it takes longer than without a fault, on the median. Breakers are new in each
round, as an open one would hide the fault.
"""

import argparse
import asyncio
import json
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any, NamedTuple, cast, get_args

import uvloop

from bench.runs import REPORTS, save, saved
from bench.stalls_report import HEADINGS, PARTS, Row, sums
from bench.table import line as table_row
from offhook.pipeline.asr.adapt import Encode
from offhook.pipeline.asr.adapt import adapt as adapt_asr
from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, Encoding
from offhook.pipeline.chain.asr import ChainAsr
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import Limits
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.adapt import adapt as adapt_tts
from offhook.pipeline.tts.engine import TtsEngine
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.server import Fault
from offhook.testing.vendors.tone_speech import speak
from offhook.vendors import deepgram_asr, deepgram_tts
from tests.vendors.hosted import RECOGNISERS, TEXT, VOICES, Vendor, said

REPORT = REPORTS / "stalls.json"
SENTENCE = "Your appointment is on Monday, the third, at half past four."
FAULTS: tuple[Fault, ...] = get_args(Fault)
FRAME_S = 0.02
PACE = 4.0
"""Voices speak so many times as fast as they are heard."""

ASR_LIMITS, TTS_LIMITS = Limits(0.5), Limits(0.4)
ALL_RECOGNISERS = [Vendor("deepgram", DeepgramServer, deepgram_asr.make), *RECOGNISERS]
ALL_VOICES = [Vendor("deepgram", DeepgramServer, deepgram_tts.make), *VOICES]


class Round(NamedTuple):
    """How long the caller waited in silence, and whether all words came."""

    silent_s: float
    complete: bool


async def engines(
    stack: AsyncExitStack, vendors: tuple[Vendor, Vendor], kind: Any, fault: Fault | None, rng: random.Random, text: str
) -> tuple[list[Any], Callable[[float], None]]:
    """Both engines, started, and what lets the first one's server fail, at once or within so many seconds."""
    servers = [await stack.enter_async_context(each.server([text], realtime_factor=PACE)) for each in vendors]
    early = rng.random() < 0.5
    servers[0].fault = fault if early else None
    made = [vendor.engine(server, kind=kind) for vendor, server in zip(vendors, servers, strict=True)]
    await asyncio.gather(*(each.start() for each in made))
    for each in made:
        stack.push_async_callback(each.close)
    await asyncio.sleep(0.3)  # spare connections

    def fail_within(seconds: float) -> None:
        if fault is not None and not early:
            asyncio.get_running_loop().call_later(rng.uniform(0.0, seconds), setattr, servers[0], "fault", fault)

    return made, fail_within


async def asr_round(vendors: tuple[Vendor, Vendor], fault: Fault | None, rng: random.Random) -> Round:
    """A turn."""
    said_text = " ".join(TEXT.split()[: rng.randint(2, 11)])
    async with AsyncExitStack() as stack:
        made, fail_within = await engines(stack, vendors, "asr", fault, rng, said_text)
        laws: dict[Encoding, Encode] = {"PCMU": PCMU.encode, "PCMA": PCMA.encode}
        adapted = [adapt_asr(each.name, each, Resampler, laws) for each in made]
        members = [Member[AsrEngine](str(at), each, "asr", ASR_LIMITS) for at, each in enumerate(adapted)]
        pcm = PCMU.decode(said(said_text))
        turn = ChainAsr(members, Resampler).open(AsrRequest(), lambda text: None)
        fail_within(len(pcm) / 16_000)
        due = monotonic()
        for at in range(0, len(pcm), 320):
            turn.feed(pcm[at : at + 320])
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - monotonic()))
        began = monotonic()
        try:
            text = (await turn.finish()).text
        except EngineError:
            text = ""
        return Round(monotonic() - began, text == said_text)


async def tts_round(vendors: tuple[Vendor, Vendor], fault: Fault | None, rng: random.Random) -> Round:
    """A sentence."""
    async with AsyncExitStack() as stack:
        made, fail_within = await engines(stack, vendors, "tts", fault, rng, SENTENCE)
        laws = {"PCMU": PCMU.decode, "PCMA": PCMA.decode}
        adapted = [adapt_tts(each.name, each, laws) for each in made]
        members = [Member[TtsEngine](str(at), each, "tts", TTS_LIMITS) for at, each in enumerate(adapted)]
        chain = ChainTts(members, Resampler)
        rate_hz = chain.capabilities.rate_hz
        fail_within(len(speak(SENTENCE, 8_000)) / 16_000 / PACE)
        heard_to, silent_s, samples = monotonic(), 0.0, 0
        try:
            async with aclosing(cast(Any, chain.synthesize(SENTENCE))) as chunks:
                async for chunk in chunks:
                    now = monotonic()
                    silent_s += max(0.0, now - heard_to)
                    heard_to = max(now, heard_to) + len(chunk.pcm) / 2 / rate_hz
                    samples += len(chunk.pcm) // 2
        except EngineError:
            return Round(silent_s, complete=False)
        whole = len(speak(SENTENCE, 8_000)) / 16_000
        return Round(silent_s, abs(samples / rate_hz - whole) < 1.0)


async def measure(given: argparse.Namespace, part: str, done: Callable[[str, Row], None]) -> None:
    """One row a vendor and fault, given to `done` when it is there; the rounds of a row at the same time."""
    one, vendors = (asr_round, ALL_RECOGNISERS) if part == "recogniser" else (tts_round, ALL_VOICES)
    for at, vendor in enumerate(vendors):
        if given.vendor and vendor.name not in given.vendor:
            continue
        pair = (vendor, vendors[(at + 2) % 3])
        well = await asyncio.gather(*(one(pair, None, random.Random(number)) for number in range(5)))
        usual = median(each.silent_s for each in well)
        for fault in given.fault or FAULTS:
            seeds = (random.Random(f"{given.seed} {part} {vendor} {fault} {number}") for number in range(given.rounds))
            found = await asyncio.gather(*(one(pair, fault, rng) for rng in seeds))
            added = [round(each.silent_s - usual, 3) for each in found]
            row = Row(part, vendor.name, fault, added, sum(not each.complete for each in found))
            done(f"{part} | {vendor.name} | {fault}", row)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(dict.fromkeys(vendor.name for vendor in (*ALL_RECOGNISERS, *ALL_VOICES)))
    parser.add_argument("--rounds", type=int, default=10, help="of each vendor and fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=PARTS, action="append", help="one of the two; both")
    parser.add_argument("--vendor", choices=names, action="append", help="several may be given; all")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="likewise")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    report = saved(given.report)

    def show(row: Row) -> None:
        print(json.dumps(row.shown()) if given.json else table_row(row.shown().values()), flush=True)

    def done(name: str, row: Row) -> None:
        report[name] = row._asdict()
        save(given.report, report)
        show(row)

    if not given.json:
        print(table_row(HEADINGS) + "\n|" + "---|" * len(HEADINGS))
    for part in given.part or PARTS:
        uvloop.run(measure(given, part, done))
    for row in sums(report):
        show(row)


if __name__ == "__main__":
    main()
