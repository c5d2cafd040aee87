"""The cost of the detector: microseconds of CPU per frame of a call, everything from the packet to the decision.

    .venv/bin/python -m bench.vad [--seconds 4] [--repeats 3] [--calls 1,10,64,300] [--share 0,0.5,1]

Calls are simulated without sockets: packets of 20 ms, those of a fifth of the calls every 4 ms, as the media plane
delivers them. `share` is how much of the time the caller speaks; in between there is comfort noise at -60 dBFS, or
digital silence. The columns are ways to do the same work in the same run; the minimum over all repeats counts, because
other programs only add to it.
"""

import argparse
import asyncio
import wave
from collections.abc import Callable, Iterator
from importlib.resources import files
from time import process_time

import numpy as np

from offhook.pipeline.caller_audio import CallerAudio
from offhook.pipeline.errors import EngineError
from offhook.pipeline.vad.batch import Events, VadBatcher
from offhook.pipeline.vad.engine import VadCapabilities, VadStream
from offhook.pipeline.vad.gate import GateSettings
from offhook.pipeline.vad.silero import SileroVad

PACKET_SAMPLES = 160
TICKS = 5  # a packet
NOISE_DBFS = -60.0
VOICES = 20  # different callers; further calls repeat them


class Singles:
    """Silero without batches: one run of the model per frame."""

    capabilities: VadCapabilities = SileroVad.capabilities

    def __init__(self) -> None:
        self._engine = SileroVad()

    def stream(self) -> VadStream:
        return self._engine.stream()


WAYS: dict[str, tuple[Callable[[], VadBatcher], float | None]] = {
    "one by one": (lambda: VadBatcher(Singles(), GateSettings(), max_batch=1, spacing_s=0.0), NOISE_DBFS),
    "in batches": (lambda: VadBatcher(SileroVad(), GateSettings(), spacing_s=0.0), NOISE_DBFS),
    "in batches, digital silence": (lambda: VadBatcher(SileroVad(), GateSettings(), spacing_s=0.0), None),
}


def sentences() -> list[np.ndarray]:
    found = []
    for path in sorted(files("offhook").joinpath("assets", "caller").iterdir(), key=lambda path: path.name):
        with path.open("rb") as file, wave.open(file) as reader:
            pcm = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
            found.append(pcm[:: reader.getframerate() // 8_000])
    return found


def voice(share: float, packets: int, seed: int, noise_dbfs: float | None) -> list[bytes]:
    rng = np.random.default_rng(seed)
    samples = packets * PACKET_SAMPLES
    level = 0.0 if noise_dbfs is None else 32_768 * 10 ** (noise_dbfs / 20)
    audio = rng.normal(0, level, 2 * samples)
    spoken = sentences()
    at = int(rng.integers(0, 8_000)) if share < 1 else 0
    while share and at < len(audio):
        sentence = spoken[int(rng.integers(len(spoken)))][: len(audio) - at]
        audio[at : at + len(sentence)] += sentence
        at += int(len(sentence) / share)
    pcm = audio[samples // 2 : samples // 2 + samples].clip(-32_768, 32_767).astype("<i2")
    return [part.tobytes() for part in pcm.reshape(-1, PACKET_SAMPLES)]


def ignore(what: Events | EngineError) -> None:
    if isinstance(what, EngineError):
        raise what


async def run(batcher: VadBatcher, voices: list[list[bytes]], calls: int) -> tuple[float, float]:
    """Microseconds per frame in all, and per packet until its frames are submitted."""
    lines = [CallerAudio(batcher, ignore, ignore) for _ in range(calls)]
    packets = len(voices[0])
    pushing = 0.0
    began = process_time()
    for tick in range(TICKS * packets):
        number, phase = divmod(tick, TICKS)
        since = process_time()
        for index in range(phase, calls, TICKS):
            packet = voices[index % VOICES][number]
            lines[index].push(packet, number * PACKET_SAMPLES, 0.02 * number, keep=packet)
        pushing += process_time() - since
        while batcher.waiting_frames:  # noqa: ASYNC110 - a run without events is not reported
            await asyncio.sleep(0)
    spent = process_time() - began
    for line in lines:
        line.close()
    frames = calls * (packets * PACKET_SAMPLES // batcher.frame_samples)
    return 1e6 * spent / frames, 1e6 * pushing / (calls * packets)


def rows(arguments: argparse.Namespace) -> Iterator[tuple[int, float, dict[str, float], float]]:
    for calls in map(int, arguments.calls.split(",")):
        for share in map(float, arguments.share.split(",")):
            packets = int(50 * arguments.seconds) * (10 if calls == 1 else 1)
            voices = {
                noise: [voice(share, packets, seed, noise) for seed in range(min(calls, VOICES))]
                for noise in (NOISE_DBFS, None)
            }
            best = dict.fromkeys(WAYS, float("inf"))
            pushing = float("inf")
            for _ in range(arguments.repeats):
                for name, (make, noise) in WAYS.items():
                    spent, pushed = asyncio.run(run(make(), voices[noise], calls))
                    best[name], pushing = min(best[name], spent), min(pushing, pushed)
            yield calls, share, best, pushing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each call")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--calls", default="1,10,64,300")
    parser.add_argument("--share", default="0,0.5,1")
    print("| calls | speech | " + " | ".join(f"{name}, µs a frame" for name in WAYS) + " | framing, µs a packet |")
    print("|---|---|" + "---|" * (len(WAYS) + 1))
    for calls, share, best, pushing in rows(parser.parse_args()):
        figures = " | ".join(f"{value:.1f}" for value in best.values())
        print(f"| {calls} | {share:.0%} | {figures} | {pushing:.2f} |", flush=True)


if __name__ == "__main__":
    main()
