"""The asyncio driver of one conversation: it joins the line, the engines and the turn core, and decides nothing.

`step` runs one prompt and question and returns the answer. Everything that happens meanwhile is told to the core, whose
commands are carried out at once, on the event loop's thread.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, AsrStream
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.bands import Bands
from offhook.pipeline.caller_audio import CallerAudio
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Answer, AnswerKind, Prompt, Question
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.ports import Line
from offhook.pipeline.speaker import Speaker
from offhook.pipeline.trace import (
    CallerAnswered,
    CallerPartial,
    CallerSpeech,
    EngineFailed,
    KeyPressed,
    Mark,
    SessionEvent,
    TurnTrace,
    TurnTraced,
)
from offhook.pipeline.tts.voice import Voice
from offhook.pipeline.turn.core import Command, TurnCore
from offhook.pipeline.turn.tables import Action, Floor
from offhook.pipeline.vad.batch import Events, VadBatcher
from offhook.pipeline.vad.gate import GateEvent, SpeechConfirmed, SpeechStarted, SpeechStopped


@dataclass(frozen=True, slots=True)
class Engines:
    """What a session needs. `upsampler()` makes a stateful 8 kHz to 16 kHz converter, `downsampler()` one back.

    `ears(encoding)` makes the ears of one call on a line of that encoding; without it, all that is heard is believed.
    """

    vad: VadBatcher
    asr: AsrEngine
    voice: Voice
    upsampler: Callable[[], Callable[[bytes], bytes]]
    downsampler: Callable[[], Callable[[bytes], bytes]]
    ears: Callable[[str], AudioFrontEnd] | None = None


class Session:
    """One conversation on one line.

    `on_event` is told what happens, at once. The session takes the line's handlers for audio, keys, sent and drained.
    """

    def __init__(
        self,
        line: Line,
        engines: Engines,
        core: TurnCore,
        on_event: Callable[[SessionEvent], None],
    ) -> None:
        self._line = line
        self._engines = engines
        self._core = core
        self._tell = on_event
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due: float | None = None
        self._step: asyncio.Future[Answer] | None = None
        self._ears = engines.ears(line.encoding) if engines.ears is not None else None
        self._pause_before = True  # what is sent next does not follow what was sent before it
        weigh = self._ears.weigh if self._ears is not None else None
        self._bands = Bands(line.rate_hz, engines.asr.capabilities.rate_hz, engines.upsampler, engines.downsampler)
        self._caller = CallerAudio(
            engines.vad, self._on_speech, self._is_eager, self._on_deaf, weigh, self._bands.kept_bytes
        )
        self._deaf = False
        # The recogniser.
        self._prompt: Prompt | None = None
        self._question: Question | None = None
        self._grammar: str | None = None
        self._stream: AsrStream | None = None
        self._turn = 0  # what comes of an earlier one comes too late
        self._transcription: asyncio.Task[None] | None = None
        # The bot's words.
        self._speaker = Speaker(line, engines.voice, on_event, self._on_queue, self._on_spoken)
        self._interrupted_at = 0.0  # the caller's first sound, or key
        self._trace: TurnTrace | None = None
        self._answer_at = 0  # the line's sample with which the answer that is traced begins
        line.on_audio, line.on_dtmf = self._on_audio, self._on_key
        line.on_drained, line.on_sent = self._on_drained, self._on_sent

    async def step(self, prompt: Prompt | None, question: Question | None) -> Answer:
        """Say `prompt`, listen for the answer to `question`; either may be None, one step at a time.

        Returns when the question is answered or given up, or, without one, when the prompt is over. Who stops waiting
        (is cancelled) ends it. Raises GrammarError for phrases that no recogniser can listen for, RuntimeError while
        another step is open, ValueError for one with neither prompt nor question and after `close`.
        """
        if self._step is not None:
            raise RuntimeError("the bot is already speaking or asking: await one `say` or `ask` before the next")
        grammar = question_grammar(question) if question is not None else None
        now = monotonic()
        self._core.begin(prompt, question, now)
        self._prompt, self._question, self._grammar = prompt, question, grammar
        step: asyncio.Future[Answer] = self._loop.create_future()
        self._step = step
        if prompt is None:
            self._trace = None  # nothing is said to this turn, so there is no response to time
        elif self._trace is not None:
            self._trace.mark(Mark.ANSWERED, now)
        try:
            self._settle(now)
            if step.done():
                # Over before it began: a dialog that only speaks must not keep the loop to itself.
                await asyncio.sleep(0)
            return await step
        finally:
            self._step = None
            self._abandon()

    async def drained(self) -> None:
        """Wait until the caller has heard all that was said."""
        # What was heard is asked of the line: no event tells when the last packet has arrived.
        while self._line.queued_ticks or self._line.played_ticks() < self._line.sent_ticks:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def close(self) -> None:
        """End everything; a step that is open is cancelled. Idempotent."""
        now = monotonic()
        self._caller.close()
        self._speaker.close(now)
        self._core.close(now)
        self._settle(now)
        for task in list(self._tasks):
            task.cancel()
        if self._step is not None and not self._step.done():
            self._step.cancel()

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {"turn": self._core.dump(), "recogniser": self._stream is not None, "paused": self._speaker.paused}

    # From the line.

    def _on_audio(self, pcm: bytes, at_sample: int, at_s: float) -> None:
        bands, stream = self._bands, self._stream
        heard = narrow = bands.narrow(pcm)
        if self._ears is not None:
            heard = self._ears.heard(narrow, at_sample, at_s)
        kept = heard if bands.is_narrow else bands.wide(pcm, narrow, heard)
        if stream is not None:
            stream.feed(bands.for_recogniser(kept))
        self._caller.push(heard, at_sample, at_s, keep=b"" if stream is not None else kept)

    def _is_eager(self) -> bool:
        return self._core.floor is Floor.SPEAKING

    def _on_speech(self, events: Events) -> None:
        now = monotonic()
        self._deaf = False
        for event in events:
            self._on_speech_event(event, now)
        self._settle(now)

    def _on_deaf(self, error: EngineError) -> None:
        # Told once, not for each frame. The questions' timers and the keys carry the call on.
        if not self._deaf:
            self._deaf = True
            self._tell(EngineFailed(error.engine, str(error), monotonic()))

    def _on_speech_event(self, event: GateEvent, now: float) -> None:
        if isinstance(event, SpeechStarted):
            self._interrupted_at = self._caller.time_of(event.at_sample)
            self._tell(CallerSpeech(True, self._interrupted_at))
            self._core.speech_started(self._interrupted_at, now)
        elif isinstance(event, SpeechConfirmed):
            self._core.speech_confirmed(now)
        elif isinstance(event, SpeechStopped):
            stopped_at = self._caller.time_of(event.at_sample)
            self._tell(CallerSpeech(False, stopped_at))
            self._core.speech_stopped(stopped_at, event.confirmed, now)

    def _on_key(self, digit: str, at_sample: int) -> None:
        if self._core.floor is Floor.CLOSED:
            return
        now = self._interrupted_at = monotonic()
        self._tell(KeyPressed(now))
        self._core.key(digit, now)
        self._settle(now)

    def _on_sent(self, payload: bytes, ordinal: int, at_s: float) -> None:
        if self._ears is not None:
            self._ears.sent(payload, at_s, first=self._pause_before)
            self._pause_before = False
        trace = self._trace
        if trace is None or Mark.SYNTHESISED not in trace.marks:
            return
        # What was queued before it is reported a little later.
        if ordinal + len(payload) // self._line.tick_octets > self._answer_at:
            trace.mark(Mark.SENT, at_s)
            self._trace = None
            if trace.complete:
                self._tell(TurnTraced(trace, monotonic()))

    def _on_drained(self) -> None:
        self._speaker.check_spoken()

    # From the speaker.

    def _on_queue(self, line_sample: int, now: float) -> None:
        self._pause_before = self._pause_before or not self._line.queued_ticks
        if self._trace is not None and Mark.SYNTHESISED not in self._trace.marks:
            self._trace.mark(Mark.SYNTHESISED, now)
            self._answer_at = line_sample

    def _on_spoken(self, now: float) -> None:
        self._core.spoken(now)
        self._settle(now)

    # To the core and back.

    def _settle(self, now: float) -> None:
        while (command := self._core.next_command()) is not None:
            self._obey(command, now)
        due = self._core.get_timer()
        if due != self._timer_due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_due = due
            self._timer = None if due is None else self._loop.call_later(max(0.0, due - now), self._on_timer)

    def _on_timer(self) -> None:
        now = monotonic()
        self._timer = self._timer_due = None
        self._core.handle_timer(now)
        self._settle(now)

    def _obey(self, command: Command, now: float) -> None:
        match command.action:
            case Action.PLAY:
                assert self._prompt is not None, "PLAY is the command of a step with a prompt"
                self._speaker.say(self._prompt.text, self._run)
            case Action.PAUSE:
                self._speaker.pause(1000 * max(0.0, now - self._interrupted_at))
            case Action.GO_ON:
                self._trace = None
                self._speaker.go_on(now)
            case Action.DROP:
                self._speaker.drop(now)
            case Action.RECOGNISE:
                self._recognise(now)
            case Action.END_SPEECH:
                self._end_speech(now)
            case Action.FORGET:
                self._forget()
            case Action.FINISH:
                self._finish(command.answer or Answer(AnswerKind.NO_INPUT), now)
            case Action.STOP:
                self._line.clear()

    def _abandon(self) -> None:
        """A step that nobody waits for any more leaves the floor; without effect on one that has ended."""
        if self._core.floor in (Floor.IDLE, Floor.CLOSED):
            return
        now = monotonic()
        self._core.abandon(now)
        self._settle(now)
        self._speaker.finish(now)
        self._trace = None

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ran)
        return task

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        step = self._step
        if step is not None and not step.done() and not task.cancelled() and (error := task.exception()) is not None:
            # Nothing but EngineErrors is expected of engines. Whatever this is, the dialog must not wait for ever.
            step.set_exception(error)

    # The caller's words.

    def _recognise(self, now: float) -> None:
        self._forget()
        asr, turn = self._engines.asr, self._turn
        try:
            self._stream = asr.open(AsrRequest(self._grammar), lambda text: self._on_partial(turn, text))
        except EngineError as error:
            # The caller is speaking, and is told when they have ended.
            self._tell(EngineFailed(error.engine, str(error), now))
            return
        self._bands.begin_turn()
        self._stream.feed(self._bands.for_recogniser(self._caller.take_kept()))

    def _on_partial(self, turn: int, text: str) -> None:
        if turn == self._turn:
            self._core.partial(text)
            self._tell(CallerPartial(text, monotonic()))

    def _end_speech(self, now: float) -> None:
        self._trace = TurnTrace()
        self._trace.mark(Mark.SPEECH_ENDED, min(now, self._core.speech_ended_at))
        self._trace.mark(Mark.TURN_ENDED, now)
        stream, self._stream = self._stream, None
        if stream is None:
            self._core.failed(now)  # it could not be opened
        else:
            self._transcription = self._run(self._transcribe(stream, self._turn))

    async def _transcribe(self, stream: AsrStream, turn: int) -> None:
        try:
            transcript = await stream.finish()
        except EngineError as error:
            now = monotonic()
            if turn == self._turn:
                self._tell(EngineFailed(error.engine, str(error), now))
                self._core.failed(now)
                self._settle(now)
            return
        except asyncio.CancelledError:
            stream.cancel()
            raise
        if turn == self._turn:
            now = monotonic()
            self._core.transcript(transcript.text, transcript.confidence, now)
            self._settle(now)

    def _forget(self) -> None:
        self._turn += 1
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
        if self._transcription is not None:
            self._transcription.cancel()
            self._transcription = None

    def _finish(self, answer: Answer, now: float) -> None:
        answer = replace(answer, prompt=self._speaker.finish(now))
        if answer.digits:
            self._trace = TurnTrace()
            self._trace.mark(Mark.SPEECH_ENDED, now)
        elif self._trace is not None:
            self._trace.mark(Mark.TRANSCRIBED, now)
        if self._question is not None:
            self._tell(CallerAnswered(answer, now))
        if self._step is not None and not self._step.done():
            self._step.set_result(answer)
