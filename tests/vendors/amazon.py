"""Amazon's engines on the test server, and callers for them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import AsrRequest, EndpointReport, Transcript
from offhook.testing.vendors.amazon import AmazonServer
from offhook.testing.vendors.tone_speech import speak
from offhook.vendors.amazon_asr import AmazonAsr, AmazonAsrOptions
from offhook.vendors.amazon_tts import AmazonTts, make
from offhook.vendors.limits import Limits

RATE_HZ = 8_000
FRAME_BYTES = 320


def loud(text: str, seconds: float = 0.3) -> bytes:
    """`text` as the test server can read it, in PCM, with a pause behind it."""
    return speak(text, RATE_HZ) + quiet(seconds)


def quiet(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE_HZ))


def recogniser_of(server: AmazonServer, limits: Limits | None = None, **options: Any) -> AmazonAsr:
    context = EngineContext("asr", "amazon")
    given = {"endpoint_url": server.url, **server.credentials, **options}
    return AmazonAsr(read_options(AmazonAsrOptions, given, context), context, limits)


@asynccontextmanager
async def recogniser(server: AmazonServer, limits: Limits | None = None, **options: Any) -> AsyncIterator[AmazonAsr]:
    engine = recogniser_of(server, limits, **options)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


def voice_of(server: AmazonServer, *, language: str = "en", **options: Any) -> AmazonTts:
    given = {"endpoint_url": server.http_url, **server.credentials, **options}
    return make(given, EngineContext("tts", "amazon", language))


class Caller:
    """Speaks to a recogniser, and notes what it reports."""

    def __init__(self, engine: AmazonAsr, language: str | None = None) -> None:
        self.partials: list[str] = []
        self.endpoints: list[EndpointReport] = []
        self.stream = engine.open(AsrRequest(language=language), self.partials.append, self.endpoints.append)

    async def says(self, audio: bytes, pause_s: float = 0.0) -> None:
        """Frame by frame, as fast as the server takes them, or with a pause between two."""
        for at in range(0, len(audio), FRAME_BYTES):
            self.stream.feed(audio[at : at + FRAME_BYTES])
            await asyncio.sleep(pause_s)

    async def ends(self) -> Transcript:
        return await self.stream.finish()


async def turn(engine: AmazonAsr, text: str) -> Transcript:
    """One turn."""
    caller = Caller(engine)
    await caller.says(loud(text))
    return await caller.ends()


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait for something that another task does. TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
