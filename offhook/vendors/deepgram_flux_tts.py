"""Deepgram's Flux voices by /v2/speak: one connection a call, which keeps its tone from text to text.

Each text is a turn: `Speak` and `Flush`, audio between `SpeechStarted` and `SpeechMetadata`. When the caller
interrupts, Deepgram gets the position at which they stopped hearing, and says which words that were.

Positions count milliseconds that were *played*, from the start of the connection: a turn begins where the one before
was played to, which is its end, or where an Interrupt cut it. Each Interrupt must be further than the one before; where
it cannot be, and where nothing is known, it goes without a position.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import structlog

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsConversation
from offhook.pipeline.tts.voice import closing
from offhook.vendors import deepgram_wire as wire
from offhook.vendors.connection import Connection, Message
from offhook.vendors.deepgram_voice import DeepgramVoice
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.pool import Pool

ACK_S = 0.5
"""For the answer to an Interrupt; without one the call gets another connection."""

KEPT_TURNS = 16
"""Texts that may still be interrupted."""

_log = structlog.get_logger("offhook.vendors")


class FluxTts(DeepgramVoice):
    """`TtsEngine`, `LineTtsEngine`, `MultilingualTtsEngine` and `ConversationalTtsEngine` over /v2/speak."""

    path = "/v2/speak"

    def make_pool(self) -> Pool:
        """See DeepgramVoice. A connection is used for one call."""
        return Pool(self.limits, None, wire.CLOSE)

    def conversation(self) -> TtsConversation:
        """For a call that begins."""
        return FluxConversation(self)

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`, in no call. Raises EngineError while iterated."""
        return self._synthesize(text)

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        conversation = FluxConversation(self)
        try:
            async with closing(conversation.synthesize(text)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            conversation.close()


@dataclass(frozen=True, slots=True)
class SpeechSplit:
    """What Deepgram says the caller has heard of a text, and what not; None where it did not say."""

    played_ms: int
    spoken: str | None
    remaining: str | None


class _Turn:
    """One text."""

    def __init__(self, voice: FluxTts, text: str) -> None:
        self.text = text
        self.speech = voice.speech()
        self.began_ms: int | None = None
        """Its position on the connection, once it has begun."""
        self.cut_samples: int | None = None
        """Where the caller stopped hearing it."""
        self.speech_id = ""
        self.is_unwanted = False
        self.retried = False


class FluxConversation:
    """`TtsConversation`, and the Receiver of its connection. Texts are spoken one after the other."""

    def __init__(self, voice: FluxTts) -> None:
        self.split: SpeechSplit | None = None
        """Deepgram's answer to the latest interruption."""
        self._voice = voice
        self._connection: Connection | None = None  # opened with the first text
        self._turn: _Turn | None = None  # whose audio is coming, or will
        self._spoken: deque[_Turn] = deque(maxlen=KEPT_TURNS)
        self._cut: _Turn | None = None  # to be interrupted, once nobody waits for audio
        self._is_answered = True  # the latest Interrupt
        self._next_ms = 0  # where the next turn begins
        self._told_ms = 0  # of the latest Interrupt
        self._one_at_a_time = asyncio.Lock()
        self._free = asyncio.Event()
        self._free.set()
        self._texts = 0  # that are being spoken, or wait for it
        self._closed = False

    # TtsConversation.

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return self._synthesize(text)

    def finished(self) -> None:
        """See TtsConversation."""

    def interrupted(self, text: str, played_samples: int) -> None:
        """See TtsConversation."""
        turn = next((each for each in reversed(self._spoken) if each.text == text and each.cut_samples is None), None)
        if turn is not None:
            turn.cut_samples = played_samples
            self._cut = turn
            self._interrupt()

    def close(self) -> None:
        """See TtsConversation."""
        self._closed = True
        if self._connection is not None and not self._texts:
            self._drop()

    async def _synthesize(self, text: str) -> AsyncGenerator[SpeechChunk]:
        self._voice.count(text)
        self._texts += 1
        try:
            async with self._one_at_a_time:
                await self._wait_for_answer()
                turn = self._turn = _Turn(self._voice, text)
                self._spoken.append(turn)
                self._settle()
                self._send(turn)
                try:
                    while (audio := await turn.speech.next()) is not None:
                        yield SpeechChunk(audio)
                finally:
                    self._leave(turn)
        finally:
            self._texts -= 1
            if self._closed:
                self.close()

    async def _wait_for_answer(self) -> None:
        try:
            async with asyncio.timeout(ACK_S):
                await self._free.wait()
        except TimeoutError:
            _log.warning("interrupt_unanswered", engine=self._voice.name)
            self._drop()

    def _leave(self, turn: _Turn) -> None:
        turn.is_unwanted = True
        if turn.speech.is_complete or turn is not self._turn:
            return
        if turn.speech.is_over:
            self._drop()  # it stalled
        else:
            self._cut = self._cut or turn
            self._interrupt()

    def _send(self, turn: _Turn) -> None:
        connection = self._connection
        if connection is None or not connection.is_usable or connection.age_s > self._voice.limits.max_age_s:
            self._drop()
            self._turn = turn
            self._spoken.append(turn)
            connection = self._connection = self._voice.pool.take(self._voice.target())
            connection.receiver = self
        connection.send(wire.speak(turn.text))
        connection.send(wire.FLUSH)

    def _drop(self) -> None:
        """The connection is of no use any more, and its positions with it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._voice.pool.drop(connection)
        self._turn = self._cut = None
        self._spoken.clear()
        self._is_answered = True
        self._next_ms = self._told_ms = 0
        self._settle()

    def _interrupt(self) -> None:
        """Send the Interrupt that is due, unless another call waits for the audio that is coming."""
        cut, connection = self._cut, self._connection
        if cut is None or connection is None or (self._turn is not None and not self._turn.is_unwanted):
            return
        self._cut = None
        position_ms = None
        if cut.began_ms is not None and cut.cut_samples is not None:
            position_ms = cut.began_ms + 1000 * cut.cut_samples // self._voice.form.rate_hz
        if position_ms is not None and position_ms <= self._told_ms:
            position_ms = None
        self._told_ms = position_ms or self._told_ms
        self._is_answered = False
        self._settle()
        connection.send(wire.interrupt(position_ms))

    def _settle(self) -> None:
        if self._turn is None and self._is_answered:
            self._free.set()
        else:
            self._free.clear()

    # Receiver.

    def on_message(self, message: Message) -> None:
        """See Receiver."""
        turn = self._turn
        if isinstance(message, bytes):
            # What comes before a turn's SpeechStarted belongs to one that was cut.
            if turn is not None and turn.began_ms is not None and not turn.is_unwanted:
                turn.speech.add(message)
            return
        match wire.read(wire.SPEAK2, message):
            case wire.SpeechStarted(speech_id=speech_id) if turn is not None:
                turn.began_ms, turn.speech_id = self._next_ms, speech_id
            case wire.SpeechMetadata(speech_id=speech_id) if turn is not None and speech_id in (turn.speech_id, ""):
                self._next_ms += 1000 * turn.speech.received_bytes // self._voice.form.bytes_per_s
                turn.speech.end()
                self._turn = None
                self._interrupt()
                self._settle()
            case wire.SpeechInterrupted() as answer:
                self._on_interrupted(answer)
            case wire.Warning(code=code) if code in wire.INTERRUPT_IGNORED:
                self._is_answered = True
                self._settle()
            case wire.Error(code=code, description=description, message=text) if self._connection is not None:
                why = " ".join(filter(None, (code, description or text)))
                self._connection.fail(EngineError(self._voice.name, "speaking", f"Deepgram failed: {why}"))

    def on_lost(self, error: EngineError) -> None:
        """See Receiver. Before a text's first audio, another connection may do better."""
        turn = self._turn
        self._drop()
        if turn is None or turn.is_unwanted:
            return
        if turn.retried or turn.speech.received_bytes or isinstance(error, VendorRefusedError):
            turn.speech.fail(error)
            return
        turn.retried = True
        self._send(turn)
        self._settle()

    def _on_interrupted(self, answer: wire.SpeechInterrupted) -> None:
        self.split = SpeechSplit(answer.audio_played_ms, answer.text_spoken, answer.text_remaining)
        self._next_ms = answer.audio_played_ms
        self._is_answered = True
        if self._turn is not None and self._turn.is_unwanted:
            self._turn = None
        self._settle()
