"""Runs recognisers as a call does: through the settings, the adapter and the engine's own processes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.hearing.channels import RATE_HZ, TAIL_S, Samples
from offhook.engines.registry import make_asr
from offhook.pipeline.asr.adapt import adapt
from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, Transcript
from offhook.pipeline.errors import EngineError
from offhook.settings.config import Config
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.resample import Resampler, Upsampler

PACKET = 160
PACKET_S = PACKET / RATE_HZ
FAST, FREE_FAST = 25.0, 2.0
"""Turns that are not timed are fed so much faster than they were said. Free speech costs more, and engines limit what
waits."""


@dataclass(frozen=True)
class Heard:
    """One recognised turn. Times in milliseconds.

    `first_partial_ms` counts from the beginning of the speech, `final_ms` from the end of the audio: both only for
    turns fed at the pace of speech. `error` is the reason if the engine failed.
    """

    transcript: Transcript
    cpu_ms: float
    first_partial_ms: float | None = None
    final_ms: float | None = None
    error: str = ""


@asynccontextmanager
async def started(name: str, config_file: Path | None, options: dict[str, object]) -> AsyncIterator[AsrEngine]:
    """The engine as the settings make it, with these options of its own. Raises UserError, EngineError."""
    config = Config.load(config_file, {"asr": {"engine": name, **({name: options} if options else {})}})
    engine = adapt(name, make_asr(config), Resampler, {"PCMU": PCMU.encode, "PCMA": PCMA.encode})
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def recognise(engine: AsrEngine, line: Samples, request: AsrRequest, *, paced: bool = False) -> Heard:
    """One turn: all of the line's audio; with `paced` at the speed at which it was said."""
    speed = 1.0 if paced else FREE_FAST if request.grammar is None else FAST
    before = cpu_s()
    partials: list[float] = []
    began = time.perf_counter()
    try:
        stream = engine.open(request, lambda text: partials.append(time.perf_counter()) if text else None)
        await _feed(stream.feed, _at_rate(line, engine.capabilities.rate_hz), speed)
        ended = time.perf_counter()
        transcript = await stream.finish()
    except EngineError as error:
        return Heard(Transcript(""), 1_000 * (cpu_s() - before), error=str(error))
    final_ms = 1_000 * (time.perf_counter() - ended)
    first_ms = 1_000 * (partials[0] - began) if partials else None
    return Heard(transcript, 1_000 * (cpu_s() - before), first_ms if paced else None, final_ms if paced else None)


async def together(
    engine: AsrEngine, lines: Sequence[Samples], requests: Sequence[AsrRequest], talkers: int
) -> list[Heard]:
    """All turns at the pace of speech, so many callers at once, who do not begin together."""
    waiting = list(zip(lines, requests, strict=True))

    async def caller(number: int) -> list[Heard]:
        await asyncio.sleep(number * TAIL_S / talkers)
        heard = []
        while waiting:
            line, request = waiting.pop()
            heard.append(await recognise(engine, line, request, paced=True))
        return heard

    return [one for each in await asyncio.gather(*map(caller, range(talkers))) for one in each]


def cpu_s() -> float:
    """CPU seconds of this process and its children so far."""
    own = psutil.Process()
    times = [own.cpu_times(), *(child.cpu_times() for child in own.children(recursive=True))]
    ended = times[0].children_user + times[0].children_system
    return float(ended + sum(each.user + each.system for each in times))


async def _feed(feed: Callable[[bytes], None], pieces: Sequence[bytes], speed: float) -> None:
    begun = time.perf_counter()
    for number, piece in enumerate(pieces):
        # A packet arrives when its last sample has been said.
        due = begun + (number + 1) * PACKET_S / speed
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        feed(piece)


def _at_rate(line: Samples, rate_hz: int) -> list[bytes]:
    packets = [line[at : at + PACKET].tobytes() for at in range(0, len(line), PACKET)]
    if rate_hz == RATE_HZ:
        return packets
    upsampler = Upsampler()
    return [upsampler.push(packet) for packet in packets]
