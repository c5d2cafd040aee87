"""A turn whose recogniser can be asked for its final in a pause, and which goes on if the caller does.

No engine needs to know: the engine's stream is finished, and another one, which gets all of the turn's audio, is opened
if the caller continues. Nothing is lost or doubled.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from offhook.pipeline.asr.engine import AsrStream, ForcibleAsrStream, ObservableAsrStream, Transcript
from offhook.pipeline.errors import EngineError

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
OnForced = Callable[[Transcript | None], None]


class ForcibleTurn:
    """`AsrStream` over the streams that `open_stream` makes, which may raise EngineError.

    The turn's audio is kept for another stream up to `max_bytes`; a longer turn cannot be forced.
    """

    def __init__(self, open_stream: Callable[[], AsrStream], run: Run, max_bytes: int) -> None:
        self._open = open_stream
        self._run = run
        self._max_bytes = max_bytes
        self._audio = bytearray()
        self._stream: AsrStream | None = open_stream()
        self._forced: Transcript | None = None
        self._finishing: AsrStream | None = None  # the stream that is asked for its final
        self._forcing: asyncio.Task[None] | None = None

    @property
    def error(self) -> EngineError | None:
        """See ObservableAsrStream."""
        return self._stream.error if isinstance(self._stream, ObservableAsrStream) else None

    def feed(self, pcm: bytes) -> None:
        """See AsrStream."""
        if self._max_bytes:
            self._audio += pcm
        if self._stream is None:
            return
        self._stream.feed(pcm)
        if len(self._audio) > self._max_bytes:
            self._max_bytes = 0
            self._audio.clear()

    def force(self, on_forced: OnForced) -> None:
        """Ask for the final of the audio so far; `on_forced` gets it, or None, unless `void` comes first."""
        if self._max_bytes:
            self._finishing, self._stream = self._stream, None
        self._forcing = self._run(self._get(self._finishing, on_forced))

    def void(self) -> None:
        """The caller goes on: the final is void. Raises EngineError if no other stream can be opened."""
        self._drop_forced()
        if self._stream is None:
            self._stream = self._open()
            self._stream.feed(bytes(self._audio))

    async def finish(self) -> Transcript:
        """See AsrStream: the forced final, if there is one."""
        if self._forcing is not None:
            if isinstance(self._finishing, ForcibleAsrStream):
                self._finishing.concluded()
            await asyncio.wait([self._forcing])
        if self._forced is not None:
            return self._forced
        self.void()
        assert self._stream is not None, "`void` opens one"
        return await self._stream.finish()

    def cancel(self) -> None:
        """See AsrStream."""
        self._drop_forced()
        if self._stream is not None:
            self._stream.cancel()

    def _drop_forced(self) -> None:
        stream, self._finishing = self._finishing, None
        if self._forcing is not None:
            self._forcing.cancel()
        if stream is not None and self._forced is None:
            stream.cancel()  # a task that is cancelled before its first step does nothing
        self._forced = self._forcing = None

    async def _get(self, stream: AsrStream | None, on_forced: OnForced) -> None:
        if stream is None:
            on_forced(None)
            return
        try:
            transcript = await (stream.force() if isinstance(stream, ForcibleAsrStream) else stream.finish())
        except EngineError:
            # Whatever ails it, the turn is not over: `finish` tries again with all of the audio.
            transcript = None
        if self._finishing is stream:
            self._forced = transcript
            on_forced(transcript if transcript is not None and transcript.is_final else None)
