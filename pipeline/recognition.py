"""Speech recognition in one call: a stream for the current turn, and buffered audio of turns not yet asked for."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol

from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, AsrStream, EndpointReport, Transcript, open_stream
from offhook.pipeline.asr.forced import ForcibleTurn
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.bands import Bands
from offhook.pipeline.caller_audio import CallerAudio
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Question

MAX_FORCED_S = 15
"""A longer turn is not forced: its audio would have to be recognised once more."""

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Starts a task that ends with the call."""


class Listener(Protocol):
    """Called on the event loop's thread, for the latest turn only."""

    def on_partial(self, text: str) -> None:
        """The words so far."""

    def on_endpoint(self, endpoint: EndpointReport) -> None:
        """What an engine that ends turns thinks of this one's end."""

    def on_transcript(self, transcript: Transcript) -> None:
        """The result of `finish`."""

    def on_forced(self, transcript: Transcript | None) -> None:
        """The result of `force`; None: it cannot be had."""

    def on_late(self, transcript: Transcript) -> None:
        """The final of the turn whose result was reported last, without it."""

    def on_asr_failed(self, error: EngineError | None) -> None:
        """No result is coming; with None, `open` has already reported why."""

    def on_asr_unavailable(self, error: EngineError) -> None:
        """No stream could be opened: `finish` will fail."""


class Recognition:
    """Opens, feeds and ends streams; makes no decisions."""

    def __init__(
        self,
        asr: AsrEngine,
        bands: Bands,
        caller: CallerAudio,
        listener: Listener,
        run: Run,
    ) -> None:
        self._asr = asr
        self._bands = bands
        self._caller = caller
        self._listener: Listener = listener
        self._run = run
        self.stream: ForcibleTurn | None = None
        """The current turn's, while it wants audio."""
        self.recent = bytearray()
        """The end of the current turn's audio, at the recogniser's rate."""
        self.recent_bytes = 0
        """Length of `recent`, at the most."""
        self._streams = 0  # streams of all turns: what one says that is not the latest is discarded
        self._partial = ""  # the latest
        self._turn = 0  # turns are numbered: results of earlier ones are discarded
        self._reported = -1  # the turn whose result was reported last
        self._transcription: asyncio.Task[None] | None = None
        self._kept: deque[bytes] = deque()

    def replace(self, asr: AsrEngine) -> AsrEngine:
        """Another recogniser for the turns that begin from now on. Returns the one before."""
        before, self._asr = self._asr, asr
        return before

    def feed(self, kept: bytes) -> None:
        """Feed the caller's next audio, in CallerAudio's format."""
        if self.stream is not None:
            self._give(self._bands.for_recogniser(kept))

    def open(self, request: AsrRequest) -> None:
        """Open a stream and feed it the current turn so far."""
        self._open(request, self._caller.take_kept())

    def open_kept(self, request: AsrRequest) -> None:
        """Open a stream and feed it the oldest kept turn, which is complete."""
        self._open(request, self._kept.popleft())

    def keep(self) -> None:
        """Set aside the audio of a turn that has ended."""
        self._kept.append(self._caller.take_kept())

    def drop(self) -> None:
        """Drop the oldest kept turn."""
        self._kept.popleft()

    def finish(self) -> None:
        """The turn's audio is complete: request the result."""
        stream, self.stream = self.stream, None
        if stream is None:
            self._listener.on_asr_failed(None)  # opening it failed
        else:
            self._transcription = self._run(self._transcribe(stream, self._turn))

    def force(self) -> None:
        """Request the result of the turn so far, which may go on."""
        if self.stream is None:
            self._run(self._cannot_force(self._turn))
        else:
            turn = self._turn
            self.stream.force(lambda transcript: self._on_forced(turn, transcript))

    def void(self) -> None:
        """The turn goes on: what `force` brings is void."""
        if self.stream is None:
            return
        try:
            self.stream.void()
        except EngineError as error:
            self.stream = None
            self._listener.on_asr_unavailable(error)

    def cancel(self) -> None:
        """Cancel recognition of the turn."""
        self._turn += 1
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.cancel()
        if self._transcription is not None:
            self._transcription.cancel()
            self._transcription = None

    def close(self) -> None:
        """The call is over: cancel and drop everything."""
        self.cancel()
        self._kept.clear()
        # The callbacks' owner refers to this object.
        self._listener = _NULL_LISTENER
        self._run = asyncio.ensure_future

    def _open(self, request: AsrRequest, audio: bytes) -> None:
        self.cancel()
        turn, self._partial = self._turn, ""
        request = request.known_to(self._asr.capabilities)
        try:
            self.stream = ForcibleTurn(lambda: self._open_stream(request, turn), self._run, self._kept_bytes(request))
        except EngineError as error:
            self._listener.on_asr_unavailable(error)
            return
        self._bands.begin_turn()
        self.recent.clear()
        self._give(self._bands.for_recogniser(audio))

    def _give(self, pcm: bytes) -> None:
        assert self.stream is not None, "there is a turn"
        self.stream.feed(pcm)
        if self.recent_bytes:
            self.recent += pcm
            del self.recent[: -self.recent_bytes]

    def _open_stream(self, request: AsrRequest, turn: int) -> AsrStream:
        self._streams += 1
        number = self._streams

        def on_late(transcript: Transcript) -> None:
            if number == self._streams:
                self._on_late(turn, transcript)

        return open_stream(
            self._asr,
            replace(request, on_late=on_late),
            lambda text: self._on_partial(turn, number, text),
            lambda endpoint: self._on_endpoint(turn, endpoint),
        )

    def _kept_bytes(self, request: AsrRequest) -> int:
        """The audio of a turn that can be forced; 0 for one that cannot."""
        has = self._asr.capabilities
        closed = request.grammar is not None
        can_force = not has.ends_turns and (has.forces == "always" or (has.forces == "grammar" and closed))
        return 2 * has.rate_hz * MAX_FORCED_S if can_force else 0

    async def _cannot_force(self, turn: int) -> None:
        self._on_forced(turn, None)

    def _on_forced(self, turn: int, transcript: Transcript | None) -> None:
        if turn == self._turn:
            self._listener.on_forced(transcript)

    def _on_partial(self, turn: int, number: int, text: str) -> None:
        if turn != self._turn or number != self._streams:
            return
        if len(text) < len(self._partial) and self._partial.startswith(text):
            return  # another stream has not caught up yet
        self._partial = text
        self._listener.on_partial(text)

    def _on_endpoint(self, turn: int, endpoint: EndpointReport) -> None:
        if turn == self._turn and self.stream is not None:  # not after `finish`: the turn is over already
            self._listener.on_endpoint(endpoint)

    def _on_late(self, turn: int, transcript: Transcript) -> None:
        if turn == self._reported:
            self._listener.on_late(transcript)

    async def _transcribe(self, stream: AsrStream, turn: int) -> None:
        try:
            transcript = await stream.finish()
        except EngineError as error:
            if turn == self._turn:
                self._reported = turn
                self._listener.on_asr_failed(error)
            return
        except asyncio.CancelledError:
            stream.cancel()
            raise
        if turn == self._turn:
            self._reported = turn
            self._listener.on_transcript(transcript)


def request_for(question: Question | None) -> AsrRequest:
    """What to ask of the recogniser for a question. Raises GrammarError."""
    if question is None:
        return AsrRequest()
    listed = (question.choices, *(choices for _, choices in question.others))
    phrases = dict.fromkeys(phrase for choices in listed for choice in choices for phrase in choice.phrases)
    others = tuple(language for language, _ in question.others)
    return AsrRequest(question_grammar(question), tuple(phrases), question.language, others=others)


class _NullListener:
    """The listener after the call's end."""

    def on_partial(self, text: str) -> None: ...

    def on_endpoint(self, endpoint: EndpointReport) -> None: ...

    def on_transcript(self, transcript: Transcript) -> None: ...

    def on_forced(self, transcript: Transcript | None) -> None: ...

    def on_late(self, transcript: Transcript) -> None: ...

    def on_asr_failed(self, error: EngineError | None) -> None: ...

    def on_asr_unavailable(self, error: EngineError) -> None: ...


_NULL_LISTENER = _NullListener()
