"""Speech that may be said soon: the first clause of a text, synthesised before it is certain that it will be said."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from offhook.pipeline.clauses import clauses
from offhook.pipeline.clock import Clock
from offhook.pipeline.closed import ignore, run_nothing
from offhook.pipeline.ports import Line
from offhook.pipeline.recognition import Run
from offhook.pipeline.trace import SessionEvent, SpeechPrepared
from offhook.pipeline.tts.clip import Clip
from offhook.pipeline.tts.synthesis import Pieces, Synthesis
from offhook.pipeline.tts.voice import CallVoice


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A clause in progress, and who says it."""

    text: str
    language: str | None
    voice: str | None
    synthesis: Synthesis

    async def said(self) -> Pieces:
        """Its pieces. It ends with the iterator."""
        try:
            async with aclosing(self.synthesis.read()) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self.synthesis.stop()


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
        self._prepared: _Prepared | None = None

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
            line = self._line
            stream = self._voice.stream(
                first.text, line.encoding, line.encode, line.rate_hz, language, voice, apart=True
            )
            self._prepared = _Prepared(first.text, language, voice, Synthesis(stream, self._run))

    def take(self, text: str, language: str | None, voice: str | None) -> AsyncGenerator[Clip, None] | None:
        """The clause, as `Voice.stream` gives it, if it is what was prepared."""
        prepared = self._prepared
        if prepared is None or prepared.synthesis.error is not None or not self._matches(text, language, voice):
            return None
        self._prepared = None
        self._report(SpeechPrepared(len(prepared.text), used=True, at=self._clock.now()))
        return prepared.said()

    def discard(self) -> None:
        """Drop what was prepared. Idempotent."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            prepared.synthesis.stop()
            self._report(SpeechPrepared(len(prepared.text), used=False, at=self._clock.now()))

    def close(self) -> None:
        """The call is over."""
        self.discard()
        # The callbacks' owner refers to this object.
        self._report = ignore
        self._run = run_nothing

    def _matches(self, text: str, language: str | None, voice: str | None) -> bool:
        prepared = self._prepared
        wanted = (text, language, voice)
        return prepared is not None and (prepared.text, prepared.language, prepared.voice) == wanted
