"""Two lines on loopback, and what they report."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from offhook.telephony import tones
from offhook.telephony.codec import codec_named
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp import RtpConfig

HOST = "127.0.0.1"
TIMEOUT_S = 5.0
PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "OPUS": 111}


class Listener:
    """Notes what a line reports, and lets tests wait for it."""

    def __init__(self, line: UdpLine) -> None:
        self.audio: list[tuple[int, bytes]] = []
        self.digits: list[str] = []
        self.sent: list[tuple[int, bytes]] = []
        self.drained = 0
        self.silent = 0
        self._wake = asyncio.Event()
        line.add_listener(
            audio=self._on_audio,
            dtmf=self._on_dtmf,
            sent=self._on_sent,
            drained=self._on_drained,
            silent=self._on_silent,
        )

    @property
    def pcm(self) -> bytes:
        return b"".join(chunk for _, chunk in self.audio)

    async def until(self, condition: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._wake.clear()
                await self._wake.wait()

    def _on_audio(self, chunk: bytes, at_tick: int, at_s: float) -> None:
        self.audio.append((at_tick, chunk))
        self._wake.set()

    def _on_dtmf(self, digit: str, at_tick: int) -> None:
        self.digits.append(digit)
        self._wake.set()

    def _on_sent(self, payload: bytes, ordinal: int, at_s: float) -> None:
        self.sent.append((ordinal, payload))
        self._wake.set()

    def _on_drained(self) -> None:
        self.drained += 1
        self._wake.set()

    def _on_silent(self) -> None:
        self.silent += 1
        self._wake.set()


class Side:
    """One end of a call on loopback."""

    def __init__(self, line: UdpLine) -> None:
        self.line = line
        self.ear = Listener(line)


def config_to(
    host: str, port: int, codec: str = "PCMU", *, send: bool = True, receive: bool = True, ptime_ms: int = 20
) -> RtpConfig:
    return RtpConfig(
        payload_type=PAYLOAD_TYPES[codec],
        receive_payload_types=frozenset({PAYLOAD_TYPES[codec]}),
        dtmf_payload_type=101,
        receive_dtmf_payload_type=101,
        remote=(host, port),
        remote_rtcp=(host, port + 1),
        signalling_host=None,
        ptime_ms=ptime_ms,
        send=send,
        receive=receive,
        silence=codec_named(codec).silence,
        dtmf_clock_hz=48_000 if codec == "OPUS" else 8_000,
    )


def acquire(pool: PortPool) -> PortPair:
    return pool.acquire(time.monotonic())


@contextmanager
def peer_of(pool: PortPool) -> Iterator[PortPair]:
    """Bare sockets for the other end."""
    pair = acquire(pool)
    try:
        yield pair
    finally:
        pair.release(time.monotonic())


@asynccontextmanager
async def call(pool: PortPool, codec: str = "PCMU", ptime_ms: int = 20) -> AsyncIterator[tuple[Side, Side]]:
    clock = MediaClock()
    ports = acquire(pool), acquire(pool)
    lines = [
        UdpLine(mine, config_to(HOST, other.port, codec, ptime_ms=ptime_ms), codec, clock=clock)
        for mine, other in (ports, ports[::-1])
    ]
    sides = Side(lines[0]), Side(lines[1])
    for line in lines:
        line.start()
    try:
        yield sides
    finally:
        for line in lines:
            line.close()
        clock.close()


def speech(ms: int, codec: str = "PCMU") -> bytes:
    return codec_named(codec).encode(tones.noise(ms, level_dbfs=-20, seed=ms))
