"""Texts spoken by a vendor, each on a connection that belongs to it while it lasts.

A vendor's file derives from `VendorSpeech` and says how its messages read:

    class Speech(VendorSpeech):
        def begin(self): ...            # a connection has been taken: send the text
        def read(self, message): ...    # call self.audio(...), self.complete()
        def stop(self): ...             # what makes the vendor stop, if it can

    async for chunk in speech.chunks(): ...

A connection that breaks before the first audio is replaced, `retries` times; later the speech fails. The texts of an
`Utterance` follow each other in one context of the vendor, so that its intonation goes on.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from copy import copy
from dataclasses import dataclass
from itertools import count

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.pipeline.tts.engine import SpeechChunk, Word
from offhook.vendors.connection import Connection, Message
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.pool import Pool
from offhook.vendors.speech import MAX_SPEECH_BYTES, TOO_LONG
from offhook.vendors.target import Target

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """How an engine handles its texts. `first_s` and `next_s`: how long the first and any other message with audio may
    take. `drain_s`: how long a vendor that was stopped is listened to until it has, if its connection is to be used
    again; 0: what it still sends can be told apart. `on_characters` gets the number of characters of each text: what
    the vendor bills."""

    name: str
    first_s: float = 2.0
    next_s: float = 2.0
    retries: int = 1
    drain_s: float = 0.0
    on_characters: Callable[[int], None] | None = None


class Utterance:
    """One text, or with `continues` several, in one context of the vendor, on one connection.

    A context is lost with its connection; the next text then begins another.
    """

    def __init__(self, pool: Pool, target: Target, *, continues: bool = False) -> None:
        self.pool = pool
        self.target = target
        self.continues = continues
        self.context_id = ""
        self.texts = 0
        """How many the context has had."""
        self.spoken_samples = 0
        """How much audio the context has given."""
        self._connection: Connection | None = None
        self._in_use = False
        self._goodbye: Message | None = None
        self._ended = not continues

    def take(self) -> Connection:
        """For the next text. Texts follow each other."""
        connection = self._connection
        if connection is None or not connection.is_usable:
            if connection is not None:
                self.pool.drop(connection)
            connection = self._connection = self.pool.take(self.target)
            self.context_id, self.texts, self.spoken_samples = f"offhook-{next(_numbers)}", 0, 0
        self._in_use = True
        self.texts += 1
        return connection

    def leave(self, *, clean: bool) -> None:
        """The text is over; `clean`: the connection can be used by others as it is."""
        self._in_use = False
        connection = self._connection
        if connection is None:
            return
        if clean and not self._ended:
            connection.receiver = None
            return
        self._connection = None
        if clean and connection.is_usable:
            if self._goodbye is not None:
                connection.send(self._goodbye)
            self.pool.give_back(connection)
        else:
            self.pool.drop(connection)

    def detach(self) -> None:
        """The context is over, and the connection somebody else's."""
        self._in_use = False
        self._connection = None

    def end(self, goodbye: Message | None) -> None:
        """No text follows. `goodbye` ends the context. Idempotent."""
        self._ended, self._goodbye = True, goodbye
        if not self._in_use:
            self.leave(clean=True)


class VendorSpeech:
    """See the module."""

    def __init__(self, utterance: Utterance, options: SpeechOptions, text: str) -> None:
        self.text = text
        self.options = options
        self.utterance = utterance
        self._retries = options.retries
        self._chunks: deque[SpeechChunk] = deque()
        self._changed = asyncio.Event()
        self._complete = False
        self._error: EngineError | None = None
        self._heard = False
        self._bytes = 0
        self._over = False
        self._stopped = False
        self.connection: Connection

    # For the vendor's file.

    def begin(self) -> None:
        """A connection has been taken."""
        raise NotImplementedError

    def read(self, message: Message) -> None:
        """The vendor's next message."""
        raise NotImplementedError

    def stop(self) -> Message | None:
        """What makes the vendor stop; None if it cannot, so that the connection is closed."""
        return None

    def audio(self, pcm: bytes, words: tuple[Word, ...] = ()) -> None:
        """More speech."""
        self._heard = self._heard or bool(pcm)
        self._bytes += len(pcm)
        if self._bytes > MAX_SPEECH_BYTES:
            self._error = self._error or EngineError(self.options.name, "speaking", TOO_LONG)
            self._changed.set()
            return
        self._chunks.append(SpeechChunk(pcm, words))
        self._changed.set()

    def complete(self) -> None:
        """The text has been spoken."""
        self._complete = True
        self._changed.set()

    def quiet_s(self) -> float | None:
        """So long without audio says that the text has been spoken, as far as is known now; None: only the vendor
        does."""
        return None

    # For the engine.

    async def chunks(self) -> AsyncGenerator[SpeechChunk]:
        """The speech, as it arrives. Raises EngineError, EngineTimeout. To stop early, close the generator."""
        if self.options.on_characters is not None:
            self.options.on_characters(len(self.text))
        self._take()
        try:
            while not self._complete or self._chunks:
                await self._wait()
                while self._chunks:
                    yield self._chunks.popleft()
                if self._error is not None:
                    raise copy(self._error)  # the traceback has us, who keep it
        finally:
            self._leave()

    # Receiver.

    def on_message(self, message: Message) -> None:
        """See Receiver."""
        self.read(message)
        if self._over and self._complete:
            self._release(clean=True)

    def on_lost(self, error: EngineError) -> None:
        """See Receiver."""
        if self._over:
            self._release(clean=False)
        elif self._complete:
            return
        elif (
            self._heard or self._retries <= 0 or self.utterance.pool.is_closed or isinstance(error, VendorRefusedError)
        ):
            self._error = error
            self._changed.set()
        else:
            self._retries -= 1
            self._chunks.clear()
            self._take()

    def _take(self) -> None:
        self.connection = self.utterance.take()
        self.connection.receiver = self
        self.begin()

    async def _wait(self) -> None:
        while not (self._chunks or self._complete or self._error is not None):
            quiet_s = self.quiet_s() if self._heard else None
            limit_s = quiet_s or (self.options.next_s if self._heard else self.options.first_s)
            self._changed.clear()
            try:
                async with asyncio.timeout(limit_s):
                    await self._changed.wait()
            except TimeoutError:
                if quiet_s is not None:
                    self._complete = True
                    return
                self._error = EngineTimeout(self.options.name, "speaking", f"no audio came for {limit_s:g} s")

    def _leave(self) -> None:
        if self._over:
            return
        self._over = True
        if self._complete or self._error is not None:
            self._release(clean=self._complete and self._error is None)
            return
        message = self.stop()
        if message is None or not self.connection.is_usable:
            self._release(clean=False)
            return
        self.connection.send(message)
        self._stopped = True
        self.utterance.detach()
        if self.options.drain_s:
            asyncio.get_running_loop().call_later(self.options.drain_s, self._give_up)
        else:
            self._release(clean=True)

    def _give_up(self) -> None:
        if self.connection.receiver is self:
            self._release(clean=False)

    def _release(self, *, clean: bool) -> None:
        self.connection.receiver = None
        if not self._stopped:
            self.utterance.leave(clean=clean)
        elif clean and self.connection.is_usable:
            self.utterance.pool.give_back(self.connection)
        else:
            self.utterance.pool.drop(self.connection)
