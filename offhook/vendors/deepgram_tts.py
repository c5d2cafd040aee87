"""Deepgram's voices: Aura by /v1/speak, over a WebSocket or as one HTTP request a text. Flux is in deepgram_flux_tts.

A text is sent as `Speak` and `Flush`; its audio is complete at `Flushed`. One that is no longer wanted is cut by
`Clear`, and its connection closed: audio carries no name, so what still came would be taken for the next text's.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsEngine
from offhook.vendors import deepgram_wire as wire
from offhook.vendors.connection import Connection, Message
from offhook.vendors.deepgram_flux_tts import FluxTts
from offhook.vendors.deepgram_voice import DeepgramVoice, TtsOptions
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.http import HttpClient
from offhook.vendors.limits import Limits
from offhook.vendors.pool import Pool
from offhook.vendors.target import Target

MAX_SPEAK_CHARS = 1_800
"""Of one `Speak`; Deepgram takes 2000."""

MAX_FLUSHES = 18
FLUSH_WINDOW_S = 60.0
"""Deepgram takes 20 Flushes a minute on a connection; a little before that it gets a rest."""


class AuraTts(DeepgramVoice):
    """`TtsEngine`, `LineTtsEngine` and `MultilingualTtsEngine` over /v1/speak, by WebSocket."""

    def __init__(self, options: TtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self._flushes: WeakKeyDictionary[Connection, deque[float]] = WeakKeyDictionary()
        super().__init__(options, context, limits)

    def make_pool(self) -> Pool:
        """See DeepgramVoice."""
        return Pool(self.limits, None, wire.CLOSE)

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return self._synthesize(text)

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        self.count(text)
        request = _AuraRequest(self, text)
        try:
            while (audio := await request.speech.next()) is not None:
                yield SpeechChunk(audio)
        finally:
            request.leave()

    def may_be_reused(self, connection: Connection) -> bool:
        """Whether the connection may be flushed once more."""
        flushes = self._flushes.get(connection, deque())
        while flushes and monotonic() - flushes[0] > FLUSH_WINDOW_S:
            flushes.popleft()
        return len(flushes) < MAX_FLUSHES

    def note_flush(self, connection: Connection) -> None:
        """The connection has been flushed."""
        self._flushes.setdefault(connection, deque()).append(monotonic())


class _AuraRequest:
    """One text on a connection: its Receiver."""

    def __init__(self, voice: AuraTts, text: str) -> None:
        self.speech = voice.speech()
        self._voice = voice
        self._text = text
        self._retried = False
        self._send()

    def on_message(self, message: Message) -> None:
        """See Receiver."""
        if isinstance(message, bytes):
            self.speech.add(message)
            return
        match wire.read(wire.SPEAK1, message):
            case wire.Flushed():
                self.speech.end()
            case wire.Error(code=code, description=description, message=text):
                why = " ".join(filter(None, (code, description or text)))
                self._connection.fail(EngineError(self._voice.name, "speaking", f"Deepgram failed: {why}"))

    def on_lost(self, error: EngineError) -> None:
        """See Receiver. Before the first audio, another connection may do better."""
        self._voice.pool.drop(self._connection)
        if self._retried or self.speech.received_bytes or isinstance(error, VendorRefusedError):
            self.speech.fail(error)
        else:
            self._retried = True
            self._send()

    def leave(self) -> None:
        """Nobody wants more."""
        connection, pool = self._connection, self._voice.pool
        if self.speech.is_complete and self._voice.may_be_reused(connection):
            pool.give_back(connection)
            return
        if not self.speech.is_complete:
            connection.send(wire.CLEAR)
        pool.drop(connection)

    def _send(self) -> None:
        connection = self._connection = self._voice.pool.take(self._voice.target())
        connection.receiver = self
        for start in range(0, len(self._text), MAX_SPEAK_CHARS):
            connection.send(wire.speak(self._text[start : start + MAX_SPEAK_CHARS]))
        connection.send(wire.FLUSH)
        self._voice.note_flush(connection)


class AuraHttpTts(DeepgramVoice):
    """The same by HTTP: one request a text, cut by closing its connection."""

    def __init__(self, options: TtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        super().__init__(options, context, limits)
        self._unreached: EngineError | None = None
        self._client = HttpClient(self.limits)

    def make_pool(self) -> Pool:
        """See DeepgramVoice. It stays empty."""
        return Pool(self.limits)

    @property
    def unreached(self) -> EngineError | None:
        """See DeepgramVoice."""
        return self._unreached

    async def start(self) -> None:
        """Ask for a word, so that a wrong key is found. Raises VendorRefusedError."""
        try:
            async for _ in self.synthesize("Hello."):
                break
        except VendorRefusedError:
            raise
        except EngineError as error:
            self._unreached = error  # an outage is no reason not to start

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._client.close()

    def target(self) -> Target:
        """Where to send requests."""
        found = super().target()
        scheme, _, rest = found.url.partition("://")
        scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        return replace(found, url=f"{scheme}://{rest}&container=none")

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return self._synthesize(text)

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        self.count(text)
        body = msgspec.json.encode({"text": text})
        first_s = self.options.first_audio_ms / 1000
        pieces = self._client.post(self.target(), body, "application/json", first_s)
        try:
            async for audio in pieces:
                yield SpeechChunk(audio)
        finally:
            await pieces.aclose()


def make(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """The factory of `tts.engine = "deepgram"`."""
    own = read_options(TtsOptions, options, context)
    if own.is_flux:
        return FluxTts(own, context)
    return AuraHttpTts(own, context) if own.transport == "http" else AuraTts(own, context)
