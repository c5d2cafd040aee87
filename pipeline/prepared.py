"""Speech that may be said soon: the first clause of a text, synthesised before it is certain that it will be said."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from offhook.pipeline.clauses import clauses
from offhook.pipeline.clock import Clock
from offhook.pipeline.closed import ignore, run_nothing
from offhook.pipeline.errors import EngineError
from offhook.pipeline.ports import Line
from offhook.pipeline.recognition import Run
from offhook.pipeline.trace import SessionEvent, SpeechPrepared
from offhook.pipeline.tts.clip import Clip
from offhook.pipeline.tts.voice import CallVoice


@dataclass(slots=True)
class _Synthesis:
    """A clause in progress: who says it, and the pieces so far."""

    text: str
    language: str | None
    voice: str | None
    pieces: list[Clip] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None
    over: bool = False
    error: EngineError | None = None


class PreparedSpeech:
    """At most one prepared clause of a call. Nothing of it is heard until `take` returns it."""

    def __init__(
        self, voice: CallVoice, line: Line, clock: Clock, run: Run, report: Callable[[SessionEvent], None]
    ) -> None:
        self._voice = voice
        self._line = line
        self._clock = clock
        self._run = run
        self._report = report
        self._synthesis: _Synthesis | None = None

    def prepare(self, text: str, language: str | None, voice: str | None) -> None:
        """Synthesise the first clause of `text` in place of what was prepared before; "" only drops that.

        `language` and `voice` are those of Voice. An engine that keeps a context within a call is not given the text in
        that context, which must only have what is said.
        """
        first = next(iter(clauses(text, language or self._voice.language)), None)
        if first is not None and self._matches(first.text, language, voice):
            return
        self.discard()
        if first is not None:
            synthesis = self._synthesis = _Synthesis(first.text, language, voice)
            synthesis.task = self._run(self._synthesise(synthesis))

    def take(self, text: str, language: str | None, voice: str | None) -> AsyncGenerator[Clip, None] | None:
        """The clause, as `Voice.stream` gives it, if it is what was prepared."""
        synthesis = self._synthesis
        if synthesis is None or synthesis.error is not None or not self._matches(text, language, voice):
            return None
        self._synthesis = None
        self._report(SpeechPrepared(len(synthesis.text), used=True, at=self._clock.now()))
        return _pieces(synthesis)

    def discard(self) -> None:
        """Drop what was prepared. Idempotent."""
        synthesis, self._synthesis = self._synthesis, None
        if synthesis is not None:
            _stop(synthesis)
            self._report(SpeechPrepared(len(synthesis.text), used=False, at=self._clock.now()))

    def close(self) -> None:
        """The call is over."""
        self.discard()
        # The callbacks' owner refers to this object.
        self._report = ignore
        self._run = run_nothing

    def _matches(self, text: str, language: str | None, voice: str | None) -> bool:
        synthesis = self._synthesis
        return synthesis is not None and (synthesis.text, synthesis.language, synthesis.voice) == (
            text,
            language,
            voice,
        )

    async def _synthesise(self, synthesis: _Synthesis) -> None:
        line = self._line
        named = synthesis.language, synthesis.voice
        stream = self._voice.stream(synthesis.text, line.encoding, line.encode, line.rate_hz, *named, apart=True)
        try:
            async with aclosing(stream) as pieces:
                async for piece in pieces:
                    synthesis.pieces.append(piece)
                    synthesis.changed.set()
        except EngineError as error:
            synthesis.error = error  # `_pieces` raises it to the utterance that says the text
        finally:
            synthesis.over = True
            synthesis.changed.set()


async def _pieces(synthesis: _Synthesis) -> AsyncGenerator[Clip, None]:
    taken = 0
    try:
        while True:
            while taken < len(synthesis.pieces):
                taken += 1
                yield synthesis.pieces[taken - 1]
            if synthesis.over:
                break
            synthesis.changed.clear()
            await synthesis.changed.wait()
    finally:
        _stop(synthesis)
    if synthesis.error is not None:
        raise synthesis.error


def _stop(synthesis: _Synthesis) -> None:
    if synthesis.task is not None:
        synthesis.task.cancel()
        synthesis.task = None  # its CancelledError refers to the synthesis
