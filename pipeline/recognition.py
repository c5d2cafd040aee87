"""The recogniser of one call: a stream for the turn that goes on, and the audio of turns not asked for yet."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, AsrStream, Transcript
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.bands import Bands
from offhook.pipeline.caller_audio import CallerAudio
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Question

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Makes a task that ends with the call."""


class Listener(Protocol):
    """What is called on the event loop's thread, for the turn that was opened last and for no earlier one."""

    def on_partial(self, text: str) -> None:
        """The words so far."""

    def on_transcript(self, transcript: Transcript) -> None:
        """The answer of `finish`."""

    def on_asr_failed(self, error: EngineError | None) -> None:
        """There will be no answer; None: `open` has reported why."""

    def on_asr_unavailable(self, error: EngineError) -> None:
        """No stream could be opened: `finish` will fail."""


class Recognition:
    """Opens, feeds and ends streams; decides nothing."""

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
        self._stream: AsrStream | None = None
        self._turn = 0  # what comes of an earlier one comes too late
        self._transcription: asyncio.Task[None] | None = None
        self._kept: deque[bytes] = deque()

    @property
    def active(self) -> bool:
        """Whether audio is wanted."""
        return self._stream is not None

    def feed(self, kept: bytes) -> None:
        """The caller's next audio, as CallerAudio would keep it."""
        if self._stream is not None:
            self._stream.feed(self._bands.for_recogniser(kept))

    def open(self, request: AsrRequest) -> None:
        """Begin with what the caller has said so far of the turn that goes on."""
        self._open(request, self._caller.take_kept())

    def open_kept(self, request: AsrRequest) -> None:
        """Begin with the turn that was kept first: that is all of it."""
        self._open(request, self._kept.popleft())

    def keep(self) -> None:
        """Put the audio of the turn that is over aside."""
        self._kept.append(self._caller.take_kept())

    def drop(self) -> None:
        """Forget the turn that was kept first."""
        self._kept.popleft()

    def finish(self) -> None:
        """No more audio of the turn comes: ask for the answer."""
        stream, self._stream = self._stream, None
        if stream is None:
            self._listener.on_asr_failed(None)  # it could not be opened
        else:
            self._transcription = self._run(self._transcribe(stream, self._turn))

    def cancel(self) -> None:
        """Drop the turn."""
        self._turn += 1
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
        if self._transcription is not None:
            self._transcription.cancel()
            self._transcription = None

    def close(self) -> None:
        """The call is over: nothing is recognised any more."""
        self.cancel()
        self._kept.clear()
        # They hold us, too.
        self._listener = _NULL_LISTENER
        self._run = asyncio.ensure_future

    def _open(self, request: AsrRequest, audio: bytes) -> None:
        self.cancel()
        turn = self._turn
        try:
            self._stream = self._asr.open(request, lambda text: self._on_partial(turn, text))
        except EngineError as error:
            self._listener.on_asr_unavailable(error)
            return
        self._bands.begin_turn()
        self._stream.feed(self._bands.for_recogniser(audio))

    def _on_partial(self, turn: int, text: str) -> None:
        if turn == self._turn:
            self._listener.on_partial(text)

    async def _transcribe(self, stream: AsrStream, turn: int) -> None:
        try:
            transcript = await stream.finish()
        except EngineError as error:
            if turn == self._turn:
                self._listener.on_asr_failed(error)
            return
        except asyncio.CancelledError:
            stream.cancel()
            raise
        if turn == self._turn:
            self._listener.on_transcript(transcript)


def request_for(question: Question | None) -> AsrRequest:
    """What a recogniser is asked for. Raises GrammarError."""
    if question is None:
        return AsrRequest()
    phrases = tuple(phrase for choice in question.choices for phrase in choice.phrases)
    return AsrRequest(question_grammar(question), phrases)


class _NullListener:
    """Listens when the call is over."""

    def on_partial(self, text: str) -> None: ...

    def on_transcript(self, transcript: Transcript) -> None: ...

    def on_asr_failed(self, error: EngineError | None) -> None: ...

    def on_asr_unavailable(self, error: EngineError) -> None: ...


_NULL_LISTENER = _NullListener()
