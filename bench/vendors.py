"""What our side adds between the conversation and a hosted engine, in both directions, with many calls at once.

    .venv/bin/python -m bench.vendors [--calls 50] [--seconds 10] [--vendor deepgram] [--json]

A vendor that answers at once and the callers run in processes of their own, on the last core; the engines on the
first. Each caller sends 20 ms of PCM every 20 ms in a datagram, and has a text spoken each second, whose audio comes
in 50 messages of 20 ms at once. All read the same monotonic clock, so that each way is measured by itself: the
conversion, the packing, both sides of the WebSocket (or of HTTP) and loopback are in it. So is the machine: a bare
socket between the same two processes, with the time in 16 bytes every 20 ms, shows what that alone takes.
"""

import argparse
import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic_ns, process_time, sleep
from typing import Any

import numpy as np
import uvloop

from bench import stamping_google, stamping_vendors
from bench.stamping_vendors import FRAME_BYTES, RECORD_BYTES, STAMPS
from offhook.engines.registry import make_asr, make_tts, names
from offhook.pipeline.asr.adapt import adapt
from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, AsrStream
from offhook.pipeline.tts.engine import TtsEngine
from offhook.settings.config import Config
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler
from offhook.testing.udp import Address, UdpPort

FRAME_S = 0.02
PCM = (3_000 * np.sin(np.arange(FRAME_BYTES) / 3)).astype("<i2").tobytes()
CALL = struct.Struct("<H")
FIRST_CORE, LAST_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
WAYS = (
    "caller's audio to the vendor",
    "partial to the conversation",
    "text to the vendor",
    "audio to the conversation",
)
BARE = ("a bare socket there", "and back")


Options = dict[str, dict[str, Any]]
"""Of a vendor's recogniser and voice."""

KEY = {"api_key": "bench"}


def _url(port: int, _http: int) -> Options:
    options = KEY | {"base_url": f"ws://127.0.0.1:{port}"}
    return {"asr": options, "tts": dict(options)}


def _amazon_urls(port: int, http: int) -> Options:
    account = {"region": "us-east-1", "access_key_id": "bench", "secret_access_key": "bench"}
    urls = {"asr": f"ws://127.0.0.1:{port}", "tts": f"http://127.0.0.1:{http}"}
    return {kind: account | {"endpoint_url": url} for kind, url in urls.items()}


def _openai_urls(port: int, http: int) -> Options:
    recogniser = {"realtime_url": f"ws://127.0.0.1:{port}", "model": "gpt-realtime-whisper"}
    return {"asr": KEY | recogniser, "tts": KEY | {"base_url": f"http://127.0.0.1:{http}/v1"}}


def _google_url(_port: int, grpc: int) -> Options:
    url = KEY | {"base_url": f"http://127.0.0.1:{grpc}"}
    return {"asr": url | {"project": "bench"}, "tts": url}


VENDORS: dict[str, Callable[[int, int], Options]] = {
    "deepgram": _url,
    "elevenlabs": _url,
    "cartesia": _url,
    "assemblyai": _url,
    "amazon": _amazon_urls,
    "azure": _url,
    "google": _google_url,
    "openai": _openai_urls,
}
"""Where each finds the vendor of this benchmark: at a port for WebSockets, and at one for HTTP or gRPC."""

BY_HTTP = ("amazon", "openai")
"""Their voices have no pool."""


class Caller:
    """One call: its audio is fed as it comes, texts are spoken by themselves."""

    def __init__(self, engine: AsrEngine, ways: dict[str, list[int]]) -> None:
        self._ways = ways
        self._fed_ns = [0]
        self.stream: AsrStream = engine.open(AsrRequest(), self._on_partial)

    def feed(self, pcm: bytes) -> None:
        """A frame has come."""
        self._fed_ns.append(monotonic_ns())
        self.stream.feed(pcm)

    def _on_partial(self, text: str) -> None:
        now_ns = monotonic_ns()
        frames, received_ns, sent_ns = map(int, text.split()[-3:])
        if frames < len(self._fed_ns):
            self._ways[WAYS[0]].append(received_ns - self._fed_ns[frames])
        self._ways[WAYS[1]].append(now_ns - sent_ns)


class Calls:
    """All calls; `ways` has the nanoseconds of each way."""

    def __init__(self, seconds: float) -> None:
        self.ways: dict[str, list[int]] = {way: [] for way in (*WAYS, *BARE)}
        self._seconds = seconds
        self._callers: list[Caller] = []
        self._begun = asyncio.Event()

    async def listen(self, engine: AsrEngine, calls: int) -> None:
        """Feed what the callers send."""
        self._callers = [Caller(engine, self.ways) for _ in range(calls)]
        port = UdpPort(("127.0.0.1", 0), self._on_datagram)
        options = ("--callers", str(port.address[1]), "--calls", str(calls), "--seconds", str(self._seconds))
        process = await asyncio.create_subprocess_exec(*on_last_core(*options), stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        await process.stdout.readline()
        self._begun.set()
        await process.wait()
        port.close()
        await asyncio.gather(*(caller.stream.finish() for caller in self._callers))

    def _on_datagram(self, data: bytes, _source: Address, _now: float) -> None:
        (call,) = CALL.unpack_from(data)
        self._callers[call].feed(data[CALL.size :])

    async def speak(self, engine: TtsEngine, record_bytes: int, after_s: float) -> None:
        """A text each second."""
        await self._begun.wait()
        await asyncio.sleep(after_s)
        for _ in range(int(self._seconds)):
            rest = b""
            async for chunk in engine.synthesize(f"{monotonic_ns()} "):
                now_ns = monotonic_ns()
                rest += chunk.pcm
                while len(rest) >= record_bytes:
                    there_ns, sent_ns = STAMPS.unpack_from(rest)
                    rest = rest[record_bytes:]
                    self.ways[WAYS[2]].append(there_ns)
                    self.ways[WAYS[3]].append(now_ns - sent_ns)
            await asyncio.sleep(1.0)

    async def bare(self, port: int) -> None:
        """A socket alone."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await self._begun.wait()
        for _ in range(int(self._seconds / FRAME_S)):
            writer.write(STAMPS.pack(monotonic_ns(), 0))
            there_ns, sent_ns = STAMPS.unpack(await reader.readexactly(STAMPS.size))
            self.ways[BARE[1]].append(monotonic_ns() - sent_ns)
            self.ways[BARE[0]].append(there_ns)
            await asyncio.sleep(FRAME_S)
        writer.close()


@asynccontextmanager
async def started(vendor: str, port: int, http: int, spare: int) -> AsyncIterator[tuple[AsrEngine, TtsEngine | None]]:
    """The vendor's engines, connected, the recogniser as a line with PCM uses it."""
    options = VENDORS[vendor](port, http)
    options["asr"]["spare"] = spare
    if vendor not in BY_HTTP:
        options["tts"]["spare"] = spare
    has_voice = vendor in names("tts")
    sections = ("asr", "tts") if has_voice else ("asr",)
    config = Config.model_validate({kind: {"engine": vendor, vendor: options[kind]} for kind in sections})
    asr = adapt(vendor, make_asr(config), Resampler, {"PCMU": PCMU.encode, "PCMA": PCMA.encode})
    tts = make_tts(config) if has_voice else None
    await asyncio.gather(*(each.start() for each in (asr, tts) if each is not None))
    await asyncio.sleep(1.0)  # the spare connections
    try:
        yield asr, tts
    finally:
        await asyncio.gather(*(each.close() for each in (asr, tts) if each is not None))


async def serve() -> None:
    """All vendors; their ports are printed, Google's first."""
    print(await stamping_google.serve(), end=" ")
    await stamping_vendors.serve_all()


async def measure(vendor: str, ports: tuple[int, int, int, int], calls: int, seconds: float) -> dict[str, list[int]]:
    """The nanoseconds of each way."""
    grpc, port, http, bare = ports
    async with started(vendor, port, grpc if vendor == "google" else http, min(calls, 64)) as (asr, tts):
        running = Calls(seconds)
        work = [running.bare(bare), running.listen(asr, calls)]
        if tts is not None:
            size = RECORD_BYTES.get(vendor, FRAME_BYTES)
            work += [running.speak(tts, size, number / calls) for number in range(calls)]
        await asyncio.gather(*work)
    return running.ways


def send_audio(port: int, calls: int, seconds: float) -> None:
    """The callers: each sends a datagram every 20 ms, at its own moment of them."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    print("ready", flush=True)
    began_ns = monotonic_ns()
    for number in range(round(seconds / FRAME_S) * calls):
        due_ns = began_ns + int(number * 1e9 * FRAME_S / calls)
        while (left_ns := due_ns - monotonic_ns()) > 0:
            sleep(left_ns / 1e9)
        line.sendto(CALL.pack(number % calls) + PCM, ("127.0.0.1", port))


def on_last_core(*options: str) -> list[str]:
    """This module in another process."""
    return ["taskset", "-c", str(LAST_CORE), sys.executable, "-m", "bench.vendors", *options]


@contextmanager
def vendor_process() -> Iterator[tuple[int, int, int, int]]:
    """The vendor; its ports."""
    with subprocess.Popen(on_last_core("--serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        grpc, port, http, bare = map(int, process.stdout.readline().split())
        yield grpc, port, http, bare
        process.terminate()


def percentiles(found_ns: list[int]) -> dict[str, float]:
    """In milliseconds."""
    values = np.percentile(found_ns, (50, 95, 99)) / 1e6
    return {"n": len(found_ns)} | {
        f"p{each}_ms": round(float(v), 2) for each, v in zip((50, 95, 99), values, strict=True)
    }


def report(vendor: str, calls: int, seconds: float) -> dict[str, Any]:
    """Measure one vendor."""
    with vendor_process() as ports:
        began_s = process_time()
        ways = uvloop.run(measure(vendor, ports, calls, seconds))
        cpu = (process_time() - began_s) / seconds
    return {
        "vendor": vendor,
        "cpu": round(cpu, 2),
        "ways": {way: percentiles(each) for way, each in ways.items() if each},
    }


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--vendor", choices=sorted(VENDORS), action="append", help="one of them; may be repeated")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--callers", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        uvloop.run(serve())
        return
    if given.callers:
        send_audio(given.callers, given.calls, given.seconds)
        return
    os.sched_setaffinity(0, {FIRST_CORE})
    for vendor in given.vendor or VENDORS:
        found = report(vendor, given.calls, given.seconds)
        if given.json:
            print(json.dumps(found))
            continue
        print(f"\n{vendor}: {given.calls} calls, {given.seconds:g} s, {found['cpu']:.0%} of a core on our side\n")
        print("| way | n | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|")
        for way, figures in found["ways"].items():
            print(f"| {way} | {' | '.join(str(each) for each in figures.values())} |")


if __name__ == "__main__":
    main()
