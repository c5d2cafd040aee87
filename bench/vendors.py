"""What our side adds between the conversation and a hosted engine, in both directions, with many calls at once.

    .venv/bin/python -m bench.vendors [--engine deepgram] [--calls 50] [--seconds 10]

A vendor that answers at once runs in a process of its own, on the last core; the engines (of this project, for Deepgram
or Azure) on the first. Each call feeds 20 ms of PCM every 20 ms, as a line does, and has a text spoken each second.
Vendor and caller read the same monotonic clock, so one way is measured, not there and back: the conversion, the
packing, the WebSocket on both sides and loopback are in it. So is the machine: a bare socket between the same two
processes, with the time in 16 bytes every 20 ms, shows what that alone takes.
"""

import argparse
import asyncio
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from time import monotonic_ns, process_time
from urllib.parse import urlsplit

import numpy as np
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from bench import stamping_azure
from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.adapt import adapt
from offhook.pipeline.asr.engine import AsrEngine, AsrRequest
from offhook.pipeline.tts.engine import TtsEngine
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler
from offhook.vendors import azure_asr, azure_tts, deepgram_asr, deepgram_tts

FRAME_S = 0.02
FRAME = (3_000 * np.sin(np.arange(160) / 3)).astype("<i2").tobytes()
ANSWER_EVERY = 10  # messages of audio
CHUNKS = 50  # of 20 ms, for each text
WAYS = (
    "caller's audio to the vendor",
    "partial to the conversation",
    "text to the vendor",
    "audio to the conversation",
)
BARE = ("a bare socket there", "and back")
ENGINES: dict[str, tuple[Callable[..., AsrEngine], Callable[..., TtsEngine]]] = {
    "azure": (azure_asr.make, azure_tts.make),
    "deepgram": (deepgram_asr.make, deepgram_tts.make),
}
STAMPS = struct.Struct("<qq")


class Vendor:
    """Answers at once, with the time."""

    async def serve(self) -> None:
        """Print the port, and serve until the parent is gone."""
        voices = stamping_azure.voices
        async with serve(self._run, "127.0.0.1", 0, process_request=voices, compression=None) as server:
            bare = await asyncio.start_server(self._bare, "127.0.0.1", 0)
            print(next(iter(server.sockets)).getsockname()[1], bare.sockets[0].getsockname()[1], flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    async def _bare(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(STAMPS.size):
            there_ns = monotonic_ns() - STAMPS.unpack(data)[0]
            writer.write(STAMPS.pack(there_ns, monotonic_ns()))
        writer.close()

    async def _run(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        path = urlsplit(connection.request.path).path
        if path == azure_asr.PATH:
            await stamping_azure.listen(connection, ANSWER_EVERY)
            return
        if path == azure_tts.PATH:
            await stamping_azure.speak(connection, _chunk, CHUNKS)
            return
        listens = path == "/v1/listen"
        count, known_s = 0, 0.0
        async for message in connection:
            now_ns = monotonic_ns()
            if isinstance(message, bytes):
                count, known_s = count + 1, known_s + len(message) / 8_000
                if count % ANSWER_EVERY == 0:
                    await connection.send(_results(f"{count} {now_ns} {monotonic_ns()}", known_s))
            elif listens:
                if "Finalize" in message:
                    await connection.send(_results("", known_s, final=True))
            elif "Speak" in message:
                sent_ns = int(json.loads(message)["text"])
                for _ in range(CHUNKS):
                    await connection.send(_chunk(now_ns - sent_ns))
                await connection.send('{"type":"Flushed"}')


def _chunk(there_ns: int) -> bytes:
    """20 ms of mu-law, with how long the text took, and the time."""
    return there_ns.to_bytes(8) + monotonic_ns().to_bytes(8) + bytes(144)


def _results(text: str, known_s: float, *, final: bool = False) -> str:
    channel = {"alternatives": [{"transcript": text, "confidence": 1.0, "words": []}]}
    about = {"start": 0.0, "duration": known_s, "is_final": final, "from_finalize": final}
    return json.dumps({"type": "Results", "channel": channel, **about})


class Calls:
    """All calls; `ways` has the nanoseconds of each way."""

    def __init__(self, asr: AsrEngine, tts: TtsEngine, seconds: float) -> None:
        self.ways: dict[str, list[int]] = {way: [] for way in (*WAYS, *BARE)}
        self._asr = asr
        self._tts = tts
        self._seconds = seconds

    async def call(self, number: int, calls: int) -> None:
        """One call, which begins at its own moment of the 20 ms."""
        await asyncio.sleep(FRAME_S * number / calls)
        await asyncio.gather(self._listen(), self._speak(number / calls))

    async def _listen(self) -> None:
        fed_ns = [0]

        def on_partial(text: str) -> None:
            now_ns = monotonic_ns()
            index, received_ns, sent_ns = map(int, text.split())
            self.ways[WAYS[0]].append(received_ns - fed_ns[index])
            self.ways[WAYS[1]].append(now_ns - sent_ns)

        stream = self._asr.open(AsrRequest(), on_partial)
        loop = asyncio.get_running_loop()
        due = loop.time()
        for _ in range(int(self._seconds / FRAME_S)):
            fed_ns.append(monotonic_ns())
            stream.feed(FRAME)
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))
        await stream.finish()

    async def _speak(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        for _ in range(int(self._seconds)):
            async for chunk in self._tts.synthesize(str(monotonic_ns())):
                now_ns = monotonic_ns()
                there, sent = (int.from_bytes(chunk.pcm[at : at + 8]) for at in (0, 8))
                self.ways[WAYS[2]].append(there)
                self.ways[WAYS[3]].append(now_ns - sent)
            await asyncio.sleep(1.0)

    async def bare(self, port: int) -> None:
        """A socket alone."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(int(self._seconds / FRAME_S)):
            writer.write(STAMPS.pack(monotonic_ns(), 0))
            there_ns, sent_ns = STAMPS.unpack(await reader.readexactly(STAMPS.size))
            self.ways[BARE[1]].append(monotonic_ns() - sent_ns)
            self.ways[BARE[0]].append(there_ns)
            await asyncio.sleep(FRAME_S)
        writer.close()


async def measure(engine: str, port: int, bare_port: int, calls: int, seconds: float) -> dict[str, list[int]]:
    """The nanoseconds of each way."""
    options = {"base_url": f"ws://127.0.0.1:{port}", "api_key": "bench", "spare": calls}
    make_asr, make_tts = ENGINES[engine]
    asr = make_asr(options, EngineContext("asr", engine))
    tts = make_tts(options, EngineContext("tts", engine))
    adapted = adapt(engine, asr, Resampler, {"PCMU": PCMU.encode, "PCMA": PCMA.encode})
    await asyncio.gather(adapted.start(), tts.start())
    await asyncio.sleep(1.0)  # the spare connections
    running = Calls(adapted, tts, seconds)
    await asyncio.gather(running.bare(bare_port), *(running.call(number, calls) for number in range(calls)))
    await asyncio.gather(adapted.close(), tts.close())
    return running.ways


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, default="deepgram")
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--vendor", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1] if given.vendor else cores[0]})
    if given.vendor:
        uvloop.run(Vendor().serve())
        return
    command = [sys.executable, "-m", "bench.vendors", "--vendor"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as vendor:
        assert vendor.stdout is not None
        began_s = process_time()
        port, bare_port = map(int, vendor.stdout.readline().split())
        ways = uvloop.run(measure(given.engine, port, bare_port, given.calls, given.seconds))
        vendor.terminate()
    cpu = (process_time() - began_s) / given.seconds
    print(f"{given.engine}, {given.calls} calls, {given.seconds:g} s, {cpu:.0%} of a core on our side\n")
    print("| way | n | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|")
    for way, found_ns in ways.items():
        percentiles = " | ".join(f"{each / 1e6:.2f}" for each in np.percentile(found_ns, (50, 95, 99)))
        print(f"| {way} | {len(found_ns)} | {percentiles} |")


if __name__ == "__main__":
    main()
