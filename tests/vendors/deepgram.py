"""Deepgram's engines on the test server, and callers for them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import AsrRequest, AsrStream, EndpointReport
from offhook.telephony.codec import PCMU
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.tone_speech import speak
from offhook.vendors import deepgram_tts
from offhook.vendors.deepgram_asr import AsrOptions, DeepgramAsr, DeepgramTurn
from offhook.vendors.deepgram_voice import DeepgramVoice
from offhook.vendors.limits import Limits

RATE_HZ = 8_000
FRAME_BYTES = 160
QUIET = PCMU.encode(bytes(2 * RATE_HZ))
"""A second of silence."""


def loud(text: str, seconds: float = 0.5) -> bytes:
    """`text` as the test server can read it, in mu-law, with a pause behind it."""
    return PCMU.encode(speak(text, RATE_HZ)) + QUIET[: int(seconds * RATE_HZ)]


def frames(audio: bytes) -> Iterator[bytes]:
    for start in range(0, len(audio), FRAME_BYTES):
        yield audio[start : start + FRAME_BYTES]


@asynccontextmanager
async def recogniser(
    server: DeepgramServer, limits: Limits | None = None, **options: object
) -> AsyncIterator[DeepgramAsr]:
    given = {"base_url": server.url, "api_key": server.api_key, **options}
    context = EngineContext("asr", "deepgram")
    engine = DeepgramAsr(read_options(AsrOptions, given, context), context, limits)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def voice(server: DeepgramServer, **options: object) -> AsyncIterator[DeepgramVoice]:
    given = {"base_url": server.url, "api_key": server.api_key, **options}
    engine = deepgram_tts.make(given, EngineContext("tts", "deepgram"))
    assert isinstance(engine, DeepgramVoice)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


class Caller:
    """Speaks to a recogniser, and notes what it reports."""

    def __init__(self, engine: DeepgramAsr, language: str | None = None) -> None:
        self.partials: list[str] = []
        self.endpoints: list[EndpointReport] = []
        self.stream: AsrStream = engine.open(AsrRequest(language=language), self.partials.append, self.endpoints.append)

    @property
    def turn(self) -> DeepgramTurn:
        assert isinstance(self.stream, DeepgramTurn)
        return self.stream

    async def says(self, audio: bytes, pause_s: float = 0.0) -> None:
        """Frame by frame, as fast as the server takes them, or with a pause between two."""
        for frame in frames(audio):
            self.stream.feed(frame)
            await asyncio.sleep(pause_s)

    async def until(self, text: str) -> None:
        """Wait for a partial."""
        async with asyncio.timeout(2):
            while text not in self.partials:  # noqa: ASYNC110 - partials come from the vendor
                await asyncio.sleep(0.005)
