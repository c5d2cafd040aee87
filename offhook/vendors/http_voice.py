"""What voices have in common whose texts are HTTP requests: a client, a trial at the start, and whole samples.

A vendor's file derives from `HttpTts`, and says what a text's request is (`audio`).
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.http import HttpClient
from offhook.vendors.limits import Limits


class HttpTts:
    """A part of a `TtsEngine` and `RemoteEngine`. `characters` have been given to the vendor so far."""

    sample_bytes = 2

    def __init__(self, name: str, limits: Limits | None = None) -> None:
        self.name = name
        self.characters = 0
        self.unreached: EngineError | None = None
        """Why the vendor could not be reached at the start."""
        self._client = HttpClient(limits or Limits())
        self._whole = self  # copies, for a line, a language or a voice, share everything

    def audio(self, text: str) -> AsyncGenerator[bytes]:
        """The vendor's answer to a text, in pieces of any size; `text` is counted by `count`. Raises EngineError while
        iterated."""
        raise NotImplementedError

    def count(self, text: str) -> None:
        """The vendor bills it."""
        self._whole.characters += len(text)

    async def start(self) -> None:
        """Ask for a word, so that a wrong key is found. Raises VendorRefusedError."""
        try:
            async with aclosing(self.audio("Hello.")) as pieces:
                await anext(pieces, b"")
        except VendorRefusedError:
            raise
        except EngineError as error:
            self.unreached = error  # an outage is no reason not to start

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._client.close()

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return self._synthesize(text)

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {"characters": self._whole.characters}

    async def samples(self, text: str) -> AsyncGenerator[bytes]:
        """The answer to a text in whole samples."""
        rest = b""
        async with aclosing(self.audio(text)) as pieces:
            async for piece in pieces:
                received = rest + piece
                whole = len(received) // self.sample_bytes * self.sample_bytes
                rest = received[whole:]
                if whole:
                    yield received[:whole]

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        async with aclosing(self.samples(text)) as pieces:
            async for piece in pieces:
                yield SpeechChunk(piece)
