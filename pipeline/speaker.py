"""Outbound speech of one call, from voice through ledger to line: appended to, paused, resumed, abandoned."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from offhook.pipeline.clauses import ClauseSplitter
from offhook.pipeline.clock import Clock
from offhook.pipeline.closed import ignore, run_nothing
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Playback, ResumeAt
from offhook.pipeline.playout.ledger import PlayoutLedger, Utterance
from offhook.pipeline.ports import Line
from offhook.pipeline.prepared import PreparedSpeech
from offhook.pipeline.prompt_parts import Part, Pause, Recorded, Span, Words, spans, transcript
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.trace import BargedIn, BotHeard, BotResumed, BotSpoke, EngineFailed, SessionEvent
from offhook.pipeline.transcript_pace import TranscriptPace
from offhook.pipeline.tts.clip import Clip
from offhook.pipeline.tts.gap import gap_ticks
from offhook.pipeline.tts.voice import Voice

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Speaker:
    """Plays one utterance at a time; each is finished, cut or abandoned before the next begins.

    `run` starts a task that ends with the call. `on_queue(line_tick, now)` is called before audio is given to the
    line, with the line position at which it will be played; `on_played(now)` when the line has played the whole
    utterance, `on_clause(now)` when a clause is given to the voice.
    """

    def __init__(
        self,
        line: Line,
        voice: Voice,
        clock: Clock,
        run: Run,
        report: Callable[[SessionEvent], None],
        on_queue: Callable[[int, float], None],
        on_played: Callable[[float], None],
        on_clause: Callable[[float], None],
    ) -> None:
        self.paused = False
        self._line = line
        self._voice = voice.for_call()
        self._clock = clock
        self._run = run
        self._report = report
        self._on_queue = on_queue
        self._on_played = on_played
        self._on_clause = on_clause
        self.prepared = PreparedSpeech(self._voice, line, clock, run, report)
        self._ledger: PlayoutLedger | None = None
        self._resume_at: ResumeAt = "word"
        self._text_complete = False
        self._more = asyncio.Event()  # set when there is more text
        self._language: str | None = None
        self._voice_name: str | None = None
        self._splitter = ClauseSplitter()
        self._clauses: deque[Span] = deque()  # not fully synthesised yet
        self._clause_at_ticks = 0  # where the first of them begins in the audio
        self._goes_on = False  # whether the first of them continues the sentence before
        self._after_voice = True  # whether what is before it was spoken by a voice
        self._synthesis: asyncio.Task[None] | None = None
        self._engines: dict[str, None] = {}  # that have spoken it, in their order
        self._began_at: float | None = None
        self._silent_ms = 0.0  # from the caller's first sound until the bot was silent
        self._cut: Playback | None = None
        self._begun: list[tuple[str, int]] = []  # texts given to the voice, and where each begins in the audio
        self._voice_notified = False
        self._given: TranscriptPace | None = None  # of an utterance whose audio is made elsewhere

    @property
    def open(self) -> bool:
        """Whether an utterance is open."""
        return self._ledger is not None

    def say(
        self,
        text: str,
        resume_at: ResumeAt = "word",
        *,
        complete: bool = True,
        language: str | None = None,
        voice: str | None = None,
        given_by: str = "",
        parts: tuple[Part, ...] = (),
    ) -> None:
        """Synthesise and play as audio arrives; with `complete` false, `append` adds text. `language`, `voice`: see
        Voice. With `given_by`, the engine's name, nothing is synthesised: `append_audio` adds the audio, `append` its
        transcript. `parts`: see Prompt."""
        self._stop_synthesis()
        self.paused, self._cut, self._began_at = False, None, None
        self._resume_at, self._text_complete = resume_at, False
        self._language, self._voice_name = language, voice
        self._splitter = ClauseSplitter(language or self._voice.language, is_written=not complete)
        self._clauses.clear()
        self._engines.clear()
        self._clause_at_ticks, self._goes_on, self._after_voice = 0, False, True
        self._begun.clear()
        self._voice_notified = False
        self._given = TranscriptPace() if given_by else None
        if given_by:
            self._engines[given_by] = None
        utterance = Utterance("", bytes_per_tick=self._line.bytes_per_tick, is_given=bool(given_by))
        self._ledger = PlayoutLedger(utterance)
        if parts:
            utterance.text = transcript(parts)
            self._clauses += spans(parts, language or self._voice.language)
        else:
            self.append(text)
        if complete:
            self.complete()
        self._start_synthesis()

    @property
    def failed(self) -> bool:
        """Whether the voice cannot say the utterance, or its rest."""
        return self._ledger is not None and self._ledger.utterance.failure is not None

    @property
    def waits_for_text(self) -> bool:
        """Whether the voice has said all of the text so far, and more will come."""
        return not self._text_complete and not self._clauses

    def give_up(self, why: str) -> None:
        """The voice stands still: the utterance ends where it is, as failed."""
        ledger = self._ledger
        if ledger is None or ledger.utterance.complete or self.waits_for_text:
            return
        self._stop_synthesis()
        self._fail(ledger.utterance, self._clauses[0].start if self._clauses else 0, self._voice.name, why)
        ledger.utterance.complete = True
        self.check_played()

    def sent_so_far(self) -> Playback:
        """What has been sent of the utterance, though some of it may still be on its way."""
        return Playback() if self._ledger is None else self._cut or self._ledger.playback(self._line.sent_ticks)

    def append(self, text: str) -> None:
        """Add text."""
        if self._ledger is not None and not self._text_complete:
            self._ledger.utterance.text += text
            if self._given is not None:
                self._given.text(self._ledger.utterance, len(text))
                return
            self._clauses += (Span(*clause) for clause in self._splitter.push(text))
            self._more.set()

    def flush(self) -> None:
        """Speak the text so far, though it ends no clause."""
        if self._ledger is not None and not self._text_complete:
            self._clauses += (Span(*clause) for clause in self._splitter.flush(marks=False))
            self._more.set()

    def so_far(self) -> Playback:
        """What has been played of the open utterance; once it was abandoned, up to there."""
        if self._ledger is None:
            return Playback()
        return self._cut or self._ledger.playback(self._line.played_ticks())

    def append_audio(self, payload: bytes) -> None:
        """Add audio of a given utterance, whole ticks in the line's encoding."""
        ledger = self._ledger
        if ledger is None or self._given is None or self._text_complete:
            return
        ledger.utterance.append(payload, ())
        self._given.place(ledger.utterance)
        if not self.paused and self._cut is None:  # otherwise it may still be resumed
            self._queue_from(ledger.queued_to)

    def complete(self) -> None:
        """The text is complete."""
        if not self._text_complete:
            self._text_complete = True
            if self._given is not None:
                self._complete_given(self._given)
                return
            marks = not self._splitter.has_clauses
            self._clauses += (Span(*clause) for clause in self._splitter.flush(marks=marks))
            self._more.set()

    def pause(self, silent_ms: float) -> None:
        """Stop playing at once, `silent_ms` after the start of whatever interrupts."""
        if self.paused or self._ledger is None:
            return
        self.paused = True
        self._silent_ms = silent_ms
        self._line.clear()
        self._ledger.cut(self._line.sent_ticks)

    def resume(self, now: float) -> None:
        """After a pause: continue from the start of the interrupted word or sentence."""
        ledger = self._ledger
        if ledger is None:
            return
        self.paused, self._cut = False, None
        start = ledger.resume_point(self._line.sent_ticks, self._resume_at)
        if ledger.begun:
            self._report(BotResumed(ledger.playback(self._line.sent_ticks).text_unplayed, now))
        self._queue_from(start)
        self._start_synthesis()
        self.check_played()

    def abandon(self, now: float) -> None:
        """After a pause: give up the rest. Only what was played by now counts, and synthesis stops."""
        ledger = self._ledger
        if ledger is None or self._cut is not None:
            return
        self._stop_synthesis()
        self._cut = ledger.playback(self._line.played_ticks())
        self._notify_voice(ledger, self._line.played_ticks(), self._cut)
        if not self._cut.interrupted or not ledger.begun:
            return  # it had already ended, or had not begun to play
        self._report(BargedIn(self._silent_ms, self._cut, now))

    def check_played(self) -> None:
        """Report the end of playout; to be called when the line has run dry."""
        ledger = self._ledger
        if ledger is None or self.paused or self._cut is not None or self._line.queued_ticks:
            return
        if ledger.utterance.complete and ledger.queued_to >= ledger.utterance.ticks:
            self._on_played(self._clock.now())

    def end(self, now: float) -> Playback:
        """Close the utterance, if there is one, and return what was played of it."""
        ledger, self._ledger = self._ledger, None
        if ledger is None:
            return Playback()
        self._stop_synthesis()
        # An utterance that was sent to its end counts as played; one that was cut counts up to what has arrived.
        said = ledger.utterance.complete and not self._line.queued_ticks
        line_tick = self._line.sent_ticks if said else self._line.played_ticks()
        playback = self._cut or ledger.playback(line_tick)
        playback = replace(playback, words=ledger.played_words(playback))
        self._notify_voice(ledger, line_tick, playback)
        engine = ", ".join(self._engines)
        self._report(BotHeard(playback, now, tuple(ledger.utterance.words), self._began_at, engine))
        return playback

    def close(self, now: float) -> None:
        """The call is over: close the utterance and refuse any other."""
        self.end(now)
        self.prepared.close()
        self._voice.close()
        # The callbacks' owner refers to this object.
        self._on_queue = self._on_played = self._on_clause = self._report = ignore
        self._run = run_nothing

    def _notify_voice(self, ledger: PlayoutLedger, line_tick: int, playback: Playback) -> None:
        """Notify the voice, once, how far the utterance was played."""
        if self._voice_notified or self._given is not None:
            return
        self._voice_notified = True
        if not playback.interrupted:
            self._voice.finished()
            return
        position = ledger.position(line_tick)
        begun = [each for each in self._begun if each[1] <= position]
        if not begun and self._clauses:  # cut off before its first audio
            begun = [(self._clauses[0].text, position)]
        if begun:
            text, start = begun[-1]
            self._voice.interrupted(text, position - start, self._language, self._voice_name)

    def _complete_given(self, given: TranscriptPace) -> None:
        if self._ledger is not None:
            self._ledger.utterance.complete = True
            given.place(self._ledger.utterance)
            self.check_played()

    def _start_synthesis(self) -> None:
        ledger = self._ledger
        if ledger is not None and self._given is None and self._synthesis is None and not ledger.utterance.complete:
            self._synthesis = self._run(self._synthesise(ledger.utterance))

    def _stop_synthesis(self) -> None:
        if self._synthesis is not None:
            self._synthesis.cancel()
            self._synthesis = None  # its CancelledError refers to this speaker

    async def _synthesise(self, utterance: Utterance) -> None:
        start = 0
        try:
            while await self._has_clause():
                span = self._clauses[0]
                start = span.start
                self._on_clause(self._clock.now())
                await self._synthesise_clause(utterance, span)
                self._clauses.popleft()
                self._goes_on, self._after_voice = span.ends_softly, span.is_spoken
                self._clause_at_ticks = utterance.ticks
        except EngineError as error:
            self._fail(utterance, start, error.engine, str(error))
        utterance.complete = True
        self._synthesis = None
        self.check_played()

    def _fail(self, utterance: Utterance, start: int, engine: str, why: str) -> None:
        # A word counts once all of its audio is there.
        utterance.failed_at = max(start, utterance.words[-1].char_end if utterance.words else 0)
        utterance.failure = why
        self._report(EngineFailed(engine, why, self._clock.now()))

    async def _has_clause(self) -> bool:
        """Whether there is another clause; waits while more text may come."""
        while not self._clauses and not self._text_complete:
            self._more.clear()
            await self._more.wait()
        return bool(self._clauses)

    async def _synthesise_clause(self, utterance: Utterance, span: Span) -> None:
        had = utterance.ticks - self._clause_at_ticks  # of a clause whose synthesis was cut short
        async with aclosing(self._stream(span)) as pieces:
            async for piece in pieces:
                if utterance.ticks == self._clause_at_ticks:
                    self._begin_clause(utterance, span)
                if piece.engine:
                    self._engines[piece.engine] = None
                new, had = piece.after(had), max(0, had - piece.ticks)
                utterance.append(new.payload, new.words, span.start)
                if not self.paused:
                    self._queue_from(self._ledger.queued_to if self._ledger else 0)

    def _stream(self, span: Span) -> AsyncGenerator[Clip, None]:
        line = self._line
        match span.part:
            case Recorded(text, recording):
                return _one(recording.clip(text, line.encoding, line.encode, line.rate_hz))
            case Pause() as pause:
                return _one(Clip(self._silence(pause.ticks), pause.ticks))
            case Words(_, language) if language is not None:
                # The prompt's voice is one for the prompt's language.
                return self._voice.stream(span.text, line.encoding, line.encode, line.rate_hz, language)
        named = self._language, self._voice_name
        prepared = None if self._begun else self.prepared.take(span.text, *named)
        if prepared is not None:
            return prepared
        return self._voice.stream(span.text, line.encoding, line.encode, line.rate_hz, *named)

    def _begin_clause(self, utterance: Utterance, span: Span) -> None:
        line = self._line
        # No gap if the voice, or the text, was late: the caller has had silence already.
        late = not (line.queued_ticks or self.paused)
        if utterance.words and not late and self._after_voice and span.is_spoken:
            ticks = gap_ticks(utterance.ticks, utterance.words[-1].end_sample, goes_on=self._goes_on)
            utterance.append(self._silence(ticks), ())
            self._clause_at_ticks = utterance.ticks
        if span.is_spoken:
            self._begun.append((span.text, utterance.ticks))
        if not self._goes_on:
            utterance.sentences.append(utterance.ticks)

    def _silence(self, ticks: int) -> bytes:
        return self._line.encode(bytes(2 * ticks * self._line.rate_hz // TICK_HZ))

    def _queue_from(self, utterance_tick: int) -> None:
        ledger, line = self._ledger, self._line
        payload = ledger.utterance.payload_from(utterance_tick) if ledger is not None else b""
        if ledger is None or not payload:
            return
        now = self._clock.now()
        queued_to = line.sent_ticks + line.queued_ticks
        if not ledger.begun:
            self._began_at = now
            self._report(BotSpoke(ledger.utterance.text, now))
        ledger.queue(utterance_tick, len(payload) // line.bytes_per_tick, queued_to)
        self._on_queue(queued_to, now)
        line.play(payload)


async def _one(clip: Clip) -> AsyncGenerator[Clip, None]:
    yield clip
