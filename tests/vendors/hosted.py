"""The vendors that have the same tests: how their servers and engines are made."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

from offhook.engines.factory import EngineContext, Kind
from offhook.pipeline.asr.engine import AsrRequest, AsrStream, Transcript
from offhook.pipeline.tts.engine import SpeechChunk, Word
from offhook.telephony.codec import PCMU
from offhook.testing.vendors.amazon import AmazonServer
from offhook.testing.vendors.assemblyai import AssemblyAiServer
from offhook.testing.vendors.azure import AzureServer
from offhook.testing.vendors.cartesia import CartesiaServer
from offhook.testing.vendors.elevenlabs import ElevenLabsServer
from offhook.testing.vendors.google import PROJECT, GoogleServer
from offhook.testing.vendors.openai import OpenAiServer
from offhook.testing.vendors.script import MS_PER_WORD
from offhook.testing.vendors.server import FaultyServer
from offhook.testing.vendors.tone_speech import speak
from offhook.vendors import (
    amazon_asr,
    amazon_tts,
    assemblyai_asr,
    azure_asr,
    azure_tts,
    cartesia_asr,
    cartesia_tts,
    elevenlabs_asr,
    elevenlabs_tts,
    google_asr,
    google_tts,
    openai_asr,
    openai_tts,
)

FRAME = 160
TEXT = "i would like to check the balance of my account please"
"""More words than the recognisers make final before the end."""


@dataclass(frozen=True)
class Vendor:
    """A vendor's server and engine in one direction. `url_option` is where the engine takes the server's address,
    `key_option` the key; `busy` is what an error about too many requests has."""

    name: str
    server: Callable[..., FaultyServer]
    make: Callable[..., Any]
    url_option: str = "base_url"
    url: str = "url"
    options: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    key_option: str = "api_key"
    busy: str = "429"

    @property
    def key_variable(self) -> str:
        """The environment's variable with the key."""
        return self.key or f"{self.name.upper()}_API_KEY"

    def engine(self, server: FaultyServer, *, kind: Kind, **options: Any) -> Any:
        """An engine that reaches `server`."""
        if "api_key" in options:
            options[self.key_option] = options.pop("api_key")
        given = {self.url_option: getattr(server, self.url), self.key_option: server.api_key, **self.options, **options}
        return self.make(given, EngineContext(kind, self.name))

    def __repr__(self) -> str:
        return self.name


POOLED = [
    Vendor("elevenlabs", ElevenLabsServer, elevenlabs_asr.make),
    Vendor("cartesia", CartesiaServer, cartesia_asr.make),
    Vendor("assemblyai", AssemblyAiServer, assemblyai_asr.make),
    Vendor("azure", AzureServer, azure_asr.make, options={"text": "lexical"}, key="AZURE_SPEECH_KEY"),
    Vendor("openai", OpenAiServer, openai_asr.make, "realtime_url", options={"model": "gpt-realtime-whisper"}),
]
ELEVENLABS, CARTESIA, ASSEMBLYAI, AZURE, OPENAI = POOLED
GOOGLE = Vendor("google", GoogleServer, google_asr.make, options={"project": PROJECT})
AMAZON = Vendor(
    "amazon",
    AmazonServer,
    amazon_asr.make,
    url_option="endpoint_url",
    options={"region": "us-east-1", "access_key_id": "test-key-id"},
    key="AWS_SECRET_ACCESS_KEY",
    key_option="secret_access_key",
)
RECOGNISERS = [*POOLED, GOOGLE]
DETECTORS = [ELEVENLABS, CARTESIA, ASSEMBLYAI, AZURE, GOOGLE]
"""Those that can end turns."""

VOICES = [
    Vendor("elevenlabs", ElevenLabsServer, elevenlabs_tts.make),
    Vendor("cartesia", CartesiaServer, cartesia_tts.make),
    Vendor("azure", AzureServer, azure_tts.make, key="AZURE_SPEECH_KEY"),
    Vendor("openai", OpenAiServer, openai_tts.make, url="http_url"),
    replace(AMAZON, make=amazon_tts.make, url="http_url", busy="ThrottlingException"),
    Vendor("google", GoogleServer, google_tts.make),
]
ELEVENLABS_VOICE, CARTESIA_VOICE, AZURE_VOICE, OPENAI_VOICE, AMAZON_VOICE, GOOGLE_VOICE = VOICES
CONTEXTS = [ELEVENLABS_VOICE, CARTESIA_VOICE]
"""Voices whose utterances are contexts."""

SOCKETS = [*CONTEXTS, AZURE_VOICE]
"""Voices that speak by WebSocket, with word times."""


def said(text: str = TEXT) -> bytes:
    """A caller's audio in mu-law: as long as the servers take for so many words, and 200 ms of silence."""
    tone = speak("m" * (len(text.split()) * MS_PER_WORD // 60 + 1), 8_000)
    return PCMU.encode(tone) + PCMU.silence * 1_600


async def feed(stream: AsrStream, audio: bytes) -> None:
    """Feed audio in frames of 20 ms, twenty times as fast as a call at most."""
    for at in range(0, len(audio), FRAME):
        stream.feed(audio[at : at + FRAME])
        await asyncio.sleep(0.001)


async def recognise(engine: Any, audio: bytes, partials: list[str] | None = None) -> Transcript:
    """One turn."""
    stream = engine.open(AsrRequest(), (partials if partials is not None else []).append)
    await feed(stream, audio)
    return cast(Transcript, await stream.finish())


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait for something that another task does. TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def spoken(chunks: AsyncIterator[SpeechChunk]) -> tuple[bytes, list[Word]]:
    """All audio and words of a text."""
    audio, words = bytearray(), []
    async with aclosing(cast(Any, chunks)) as pieces:
        async for chunk in pieces:
            audio += chunk.pcm
            words += chunk.words
    return bytes(audio), words
