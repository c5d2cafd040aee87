"""What the bot says in one call: from the voice through the ledger to the line; paused, resumed and dropped."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from time import monotonic
from typing import Any

from offhook.pipeline.clauses import clauses
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Heard
from offhook.pipeline.playout.ledger import PlayoutLedger, Utterance
from offhook.pipeline.ports import Line
from offhook.pipeline.trace import BargedIn, BotHeard, BotResumed, BotSpoke, EngineFailed, SessionEvent
from offhook.pipeline.tts.voice import Voice

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Speaker:
    """One prompt after the other, each whole, cut or given up before the next begins.

    `on_queue(line_sample, now)` is told before the line is given audio, to be played from that sample of it on;
    `on_spoken(now)` that the line has played all of the prompt.
    """

    def __init__(
        self,
        line: Line,
        voice: Voice,
        tell: Callable[[SessionEvent], None],
        on_queue: Callable[[int, float], None],
        on_spoken: Callable[[float], None],
    ) -> None:
        self.paused = False
        self._line = line
        self._voice = voice
        self._tell = tell
        self._on_queue = on_queue
        self._on_spoken = on_spoken
        self._books: PlayoutLedger | None = None
        self._synthesis: asyncio.Task[None] | None = None
        self._run: Run | None = None
        self._clauses_done = 0  # of the utterance, and where the next one begins in its audio
        self._clause_at_ticks = 0
        self._silent_ms = 0.0  # from the caller's first sound to our silence
        self._cut: Heard | None = None

    def say(self, text: str, run: Run) -> None:
        """Begin to synthesise and to play it as it comes. `run` makes a task that ends with the call."""
        self._stop_synthesis()
        self.paused, self._cut = False, None
        self._books = PlayoutLedger(Utterance(text, tick_octets=self._line.tick_octets))
        self._clauses_done = self._clause_at_ticks = 0
        self._run = run
        self._synthesis = run(self._synthesise(self._books.utterance))

    def pause(self, silent_ms: float) -> None:
        """Be silent at once, `silent_ms` after whatever interrupts."""
        if self.paused or self._books is None:
            return
        self.paused = True
        self._silent_ms = silent_ms
        self._line.clear()
        self._books.cut(self._line.sent_ticks)

    def go_on(self, now: float) -> None:
        """After a pause: from the beginning of the word that was cut into."""
        books = self._books
        if books is None:
            return
        self.paused, self._cut = False, None
        start = books.resume_point(self._line.sent_ticks)
        if books.begun:
            self._tell(BotResumed(books.heard(self._line.sent_ticks).unheard, now))
        self._queue_from(start)
        if self._synthesis is None and self._run is not None and not books.utterance.complete:
            self._synthesis = self._run(self._synthesise(books.utterance))  # it was dropped
        self.check_spoken()

    def drop(self, now: float) -> None:
        """After a pause: no more of it. What was heard by now is what counts."""
        books = self._books
        if books is None or self._cut is not None:
            return
        self._stop_synthesis()
        self._cut = books.heard(self._line.played_ticks())
        if not self._cut.interrupted or not books.begun:
            return  # it was over already, or nobody has heard anything of it
        self._tell(BargedIn(self._silent_ms, self._cut, now))

    def check_spoken(self) -> None:
        """Tell it if all is spoken: to be called when the line has run dry."""
        books = self._books
        if books is None or self.paused or self._cut is not None or self._line.queued_ticks:
            return
        if books.utterance.complete and books.queued_to >= books.utterance.samples:
            self._on_spoken(monotonic())

    def finish(self, now: float) -> Heard:
        """The prompt is over, if there was one: what was heard of it."""
        books, self._books = self._books, None
        if books is None:
            return Heard()
        self._stop_synthesis()
        # Said to its end it is as good as heard; what is cut off is counted by what has arrived.
        said = books.utterance.complete and not self._line.queued_ticks
        line_sample = self._line.sent_ticks if said else self._line.played_ticks()
        heard = self._cut or books.heard(line_sample)
        self._tell(BotHeard(heard, now, tuple(books.utterance.words)))
        return heard

    def close(self, now: float) -> None:
        """The call is over: nothing is said any more."""
        self.finish(now)
        # Whoever listened holds us, too.
        self._on_queue = self._on_spoken = self._tell = _unheard
        self._run = None

    def _stop_synthesis(self) -> None:
        if self._synthesis is not None:
            self._synthesis.cancel()
            self._synthesis = None  # its CancelledError refers to this speaker

    async def _synthesise(self, utterance: Utterance) -> None:
        line = self._line
        start = 0
        try:
            for start, text in clauses(utterance.text)[self._clauses_done :]:
                had = utterance.samples - self._clause_at_ticks  # of a clause that was dropped while it came
                async with aclosing(self._voice.stream(text, line.encoding, line.encode, line.rate_hz)) as pieces:
                    async for piece in pieces:
                        new, had = piece.after(had), max(0, had - piece.ticks)
                        utterance.append(new.payload, new.words, start)
                        if not self.paused:
                            self._queue_from(self._books.queued_to if self._books else 0)
                self._clauses_done += 1
                self._clause_at_ticks = utterance.samples
        except EngineError as error:
            # A word is known when all of its audio has come.
            utterance.failed_at = max(start, utterance.words[-1].char_end if utterance.words else 0)
            self._tell(EngineFailed(error.engine, str(error), monotonic()))
        utterance.complete = True
        self.check_spoken()

    def _queue_from(self, utterance_sample: int) -> None:
        books, line = self._books, self._line
        payload = books.utterance.payload_from(utterance_sample) if books is not None else b""
        if books is None or not payload:
            return
        now = monotonic()
        queued_to = line.sent_ticks + line.queued_ticks
        if not books.begun:
            self._tell(BotSpoke(books.utterance.text, now))
        books.queue(utterance_sample, len(payload) // line.tick_octets, queued_to)
        self._on_queue(queued_to, now)
        line.play(payload)


def _unheard(*_what: object) -> None:
    """Nobody listens any more."""
