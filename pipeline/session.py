"""The asyncio driver of one conversation: connects the line, the engines and the turn core, and decides nothing.

The dialog's requests (`say`, `append`, `expect`, or `step`, which is one utterance and its question) and everything
that happens meanwhile are passed to the core; its commands are executed at once, on the event loop's thread. The turn
events that the core reports go to the subscribers. `CallerInput` is the caller's side of it, `Utterances` the bot's.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from offhook.pipeline.asr.engine import AsrEngine, AsrRequest
from offhook.pipeline.bot_silence import BotSilence
from offhook.pipeline.caller_input import CallerInput
from offhook.pipeline.clock import MONOTONIC, Clock
from offhook.pipeline.events import ANYTHING, Answer, AnswerKind, Interruption, Playback, Prompt, Question
from offhook.pipeline.inbound_audio import Engines
from offhook.pipeline.overlap_hook import OnOverlap, OverlapHook
from offhook.pipeline.ports import Line
from offhook.pipeline.prompt_parts import Part
from offhook.pipeline.recognition import request_for
from offhook.pipeline.stopgap import Stopgap
from offhook.pipeline.trace import CallerAnswered, Mark, SessionEvent
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.events import TurnEvent
from offhook.pipeline.turn.machine import Command
from offhook.pipeline.turn.tables import Action, Floor
from offhook.pipeline.turn_reports import TurnReports
from offhook.pipeline.turn_timing import TurnTiming
from offhook.pipeline.utterances import Utterances
from offhook.pipeline.vad.batch import Probe


class Session:
    """One conversation on one line.

    `on_event` is called at once with everything that happens; subscribers get turn events. `fillers` are the words, by
    language, with which the bot ends a silence of its own, in place of the usual ones; TurnSettings say when.
    """

    def __init__(
        self,
        line: Line,
        engines: Engines,
        core: TurnCore,
        on_event: Callable[[SessionEvent], None],
        clock: Clock = MONOTONIC,
        fillers: Mapping[str, str] | None = None,
    ) -> None:
        self._line = line
        self._core = core
        self._on_event = on_event
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due: float | None = None
        self._step: asyncio.Future[Answer] | None = None
        self._timing = TurnTiming(line, core, clock, on_event)
        self._reports = TurnReports(on_event, self._timing)
        self._caller = CallerInput(line, engines, core, clock, self._run, on_event, self._settle)
        self._utterances = Utterances(
            line,
            engines.voice,
            clock,
            self._run,
            on_event,
            self._reports.publish,
            self._on_queue,
            self._on_played,
            partial(self._timing.mark, Mark.FIRST_CLAUSE),
        )
        self._overlap = core.overlap = OverlapHook(self._utterances.sent_so_far, clock, on_event)
        self._question: Question | None = None
        self._request = AsrRequest()
        self._standing: Question | None = None  # asked again each time it is answered
        self._stopgap = Stopgap(line, engines.voice, clock, self._run, on_event, self._on_stopgap, fillers or {})
        self.silence = BotSilence(core, self._stopgap, self._utterances, clock, self._settle)
        """The silences that the bot owes to end."""
        self._fills = core.settings.filler_ms > 0
        if self._fills:
            self._stopgap.prepare()
            self._loop.call_soon(self._on_timer)  # the dialog may be silent from the start
        line.add_listener(drained=self._on_drained)

    # For the dialog.

    async def step(self, prompt: Prompt | None, question: Question | None) -> Answer:
        """Say `prompt` and listen for the answer to `question`; either may be None. One step at a time.

        Returns when the question is answered or given up, or, without one, when the prompt is over. Cancelling the wait
        ends the step. Raises GrammarError for phrases that no recogniser can listen for, RuntimeError while another
        step or utterance is open, ValueError after `close` or without both prompt and question.
        """
        if self._step is not None or self._utterances.open:
            raise RuntimeError("the bot is already speaking or asking: await one `say` or `ask` before the next")
        if prompt is None and question is None:
            raise ValueError("a step needs a prompt, a question or both")
        standing, self._standing = self._standing, None  # suspended until this step is over
        step: asyncio.Future[Answer] = self._loop.create_future()
        self._step = step
        try:
            if prompt is not None:
                self._begin(prompt, question)
            else:
                self._ask(question)
                self._timing.end()  # no prompt follows this turn, so there is no response to time
            if step.done():
                # The step ended before it began: yield, so that a dialog that only speaks cannot monopolise the loop.
                await asyncio.sleep(0)
            return await step
        finally:
            self._step = None
            self._abandon()
            if standing is not None and self._core.floor is not Floor.CLOSED:
                self.expect(standing)

    def say(
        self,
        text: str,
        interruption: Interruption = ANYTHING,
        *,
        complete: bool = True,
        language: str | None = None,
        voice: str | None = None,
        given_by: str = "",
        parts: tuple[Part, ...] = (),
    ) -> int:
        """Begin an utterance and return its id; with `complete` false, `append` adds text and `finish` ends it.

        With `given_by`, the name of who speaks, its audio comes by `append_audio` and `append` adds to the transcript.
        `parts`: see Prompt.

        Raises RuntimeError while another one is open, ValueError after `close`.
        """
        if self._step is not None or self._utterances.open:
            raise RuntimeError("the bot is already speaking: await one utterance before the next")
        prompt = Prompt(text, interruption=interruption, language=language, voice=voice, parts=parts)
        self._begin(prompt, None, complete=complete, given_by=given_by)
        return self._utterances.latest

    def append(self, utterance: int, text: str) -> None:
        """Add text to an utterance; does nothing if it is over."""
        self._utterances.append(utterance, text)

    def flush(self, utterance: int) -> None:
        """Speak the utterance's text so far, though it ends no clause; more may follow."""
        self._utterances.flush(utterance)

    def played(self, utterance: int) -> Playback:
        """What has been played of the latest utterance so far."""
        return self._utterances.so_far(utterance)

    @property
    def is_audible(self) -> bool:
        """Whether speech of the bot is on its way to the caller."""
        return self._line.queued_ticks > 0

    @property
    def correct_within_s(self) -> float:
        """How long behind an answer a late final may correct it."""
        return self._core.settings.correct_within_ms / 1000

    @property
    def caller_talks(self) -> bool:
        """Whether the caller speaks, for certain."""
        return self._core.caller_talks

    def report(self, event: SessionEvent) -> None:
        """Pass on an event of the dialog's own."""
        self._on_event(event)

    def append_audio(self, utterance: int, payload: bytes) -> None:
        """Add audio, in the line's encoding, to an utterance that is given; does nothing if it is over."""
        self._utterances.append_audio(utterance, payload)

    def finish(self, utterance: int) -> None:
        """The text of the utterance is complete."""
        self._utterances.finish(utterance)

    def prepare(self, text: str, language: str | None = None, voice: str | None = None) -> None:
        """Synthesise the first clause of `text`, so that an utterance that begins with it starts at once. "" drops it.

        Nothing else happens: it is not in the history or the record until it is said. Another one takes its place.
        """
        if self._core.floor is not Floor.CLOSED:
            self._utterances.prepare(text, language, voice)

    @property
    def on_overlap(self) -> OnOverlap | None:
        """Judges what the caller says over the bot while a question is open: see OverlapHook."""
        return self._overlap.on_overlap

    @on_overlap.setter
    def on_overlap(self, on_overlap: OnOverlap | None) -> None:
        self._overlap.on_overlap = on_overlap

    def cancel(self, utterance: int) -> None:
        """Withdraw the utterance; does nothing if it is over."""
        if self._utterances.is_open(utterance):
            now = self._clock.now()
            self._core.cancel(now)
            self._settle(now)

    def said(self, utterance: int) -> "asyncio.Future[Playback]":
        """The playback of the latest utterance, once it is over. ValueError for any other."""
        return self._utterances.said(utterance)

    def expect(self, question: Question | None) -> None:
        """Listen for answers to `question` repeatedly, until called with another one or None.

        Answers arrive as TurnOver and NoInput. A step suspends it. Raises GrammarError; RuntimeError while a step is
        open.
        """
        if self._step is not None:
            raise RuntimeError("the bot is already asking: await one `ask` before the next")
        request = request_for(question)
        now = self._clock.now()
        self._standing = self._question = question
        self._request = request
        self._core.expect(question, now)
        self._settle(now)

    @property
    def expecting(self) -> bool:
        """Whether a question set by `expect` is active."""
        return self._standing is not None

    @property
    def in_step(self) -> bool:
        """Whether a step is open. The turn that answers it is reported to subscribers as well."""
        return self._step is not None

    def mark(self, mark: Mark, at: float | None = None) -> None:
        """Something happened on the way to the answer, such as the first token of a model's reply: it is in the turn's
        latency ledger. The first of each kind counts. `at` is when (None: now)."""
        self._timing.mark(mark, self._clock.now() if at is None else at)

    def subscribe(self, subscriber: Callable[[TurnEvent], None]) -> Callable[[], None]:
        """Report turn events to `subscriber`, which must return at once. Returns a function that unsubscribes."""
        return self._reports.subscribe(subscriber)

    def watch_detector(self, probe: Probe) -> None:
        """Report every frame of the caller's audio as the speech gate gets it."""
        self._caller.watch_detector(probe)

    @property
    def held(self) -> bool:
        """Whether the far end holds the call."""
        return self._caller.held

    @property
    def line(self) -> Line:
        """The call's line."""
        return self._line

    def recognise_by(self, asr: AsrEngine) -> Callable[[], None]:
        """Replace the recogniser for the turns that begin from now on. It takes PCM at `caller_rate_hz`. Returns a
        function that brings back the one before."""
        return self._caller.recognise_by(asr)

    @property
    def caller_rate_hz(self) -> int:
        """8000, or 16000 on a wideband line whose recogniser is wideband as well."""
        return self._caller.rate_hz

    def transcribed(self, text: str, began_at: float, ended_at: float) -> None:
        """The words of a turn that its TurnOver did not have, however late."""
        if self._core.floor is not Floor.CLOSED:
            self._reports.transcribed(text, began_at, ended_at, self._clock.now())

    def hold(self, held: bool) -> None:
        """The far end puts the call on hold or resumes it. On hold its audio is ignored and nothing times out; what the
        caller has said before is recognised."""
        if held is self._caller.held or self._core.floor is Floor.CLOSED:
            return
        self._caller.held = held
        now = self._clock.now()
        if held:
            self._core.hold(now)
        else:
            self._core.unhold(now)
        self._settle(now)

    def forget_unasked(self) -> None:
        """Drop what the caller has said and typed that nothing has asked for."""
        now = self._clock.now()
        self._core.forget_unasked(now)
        self._settle(now)

    async def drained(self) -> None:
        """Wait until the caller has heard everything that was said."""
        # Polled: no event says when the last packet has arrived at the far end.
        while self._line.queued_ticks or self._line.played_ticks() < self._line.sent_ticks:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def said_to_the_end(self, within_s: float) -> None:
        """Wait until the caller has heard what is being said; what takes longer than `within_s` is withdrawn."""
        try:
            async with asyncio.timeout(within_s):
                while self._utterances.open:  # noqa: ASYNC110  # as in `drained`
                    await asyncio.sleep(0.02)
                await self.drained()
        except TimeoutError:
            self.cancel(self._utterances.latest)

    def close(self) -> None:
        """End everything, cancelling an open step. Idempotent."""
        now = self._clock.now()
        self._standing = None
        self._timing.end()
        self._caller.stop_audio()
        self._utterances.close(now)
        self._core.close(now)
        self._settle(now)
        self._caller.close()
        self._overlap.close()
        self._stopgap.close()
        self.silence.close()
        self._reports.close()
        for task in list(self._tasks):
            task.cancel()
        if self._step is not None and not self._step.done():
            self._step.cancel()

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {"turn": self._core.dump(), "recogniser": self._caller.recognising, "paused": self._utterances.paused}

    # From the line and the speaker.

    def _on_drained(self) -> None:
        now = self._clock.now()
        self._core.fell_quiet(now)
        self._utterances.check_played()
        if self._fills:
            self._settle(now)

    def _on_stopgap(self) -> None:
        if not self._line.queued_ticks:
            self._caller.bot_pauses()

    def _on_queue(self, line_tick: int, now: float) -> None:
        if not self._line.queued_ticks:
            self._caller.bot_pauses()
        self._timing.queued(line_tick, now)
        self._core.sounding(now)
        self._stopgap.rest()

    def _on_played(self, now: float) -> None:
        self._core.played(now, failed=self._utterances.failed)
        self._settle(now)
        self._timing.played()

    # Exchange with the core.

    def _begin(self, prompt: Prompt, question: Question | None, *, complete: bool = True, given_by: str = "") -> None:
        request = request_for(question)
        now = self._clock.now()
        self._core.say(self._utterances.latest + 1, prompt.policy, now, question)
        self._utterances.begin(prompt, complete=complete, given_by=given_by)
        if self._fills:
            self._stopgap.prepare(prompt.language)
        if question is not None:
            self._question, self._request = question, request
        self._timing.mark(Mark.ANSWERED, now)
        self._settle(now)

    def _ask(self, question: Question | None) -> None:
        request = request_for(question)
        now = self._clock.now()
        self._core.expect(question, now, awaited=True)
        self._question, self._request, self._utterances.playback = question, request, Playback()
        self._settle(now)

    def _settle(self, now: float) -> None:
        core = self._core
        while (output := core.next_output()) is not None:
            if isinstance(output, Command):
                self._execute(output, now)
                continue
            self._reports.report(output, now, waits_for_text=self._utterances.waits_for_text)
        if self._utterances.open and core.utterance is None:
            self._utterances.end(now)
        self._caller.follow_core()
        if self._fills:
            core.watch(now)
            if core.caller_talks:
                self._stopgap.stop()
        due = core.get_timer()
        if due != self._timer_due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_due = due
            self._timer = None if due is None else self._loop.call_later(max(0.0, due - now), self._on_timer)

    def _on_timer(self) -> None:
        now = self._clock.now()
        self._timer = self._timer_due = None
        self._core.handle_timer(now)
        self._settle(now)

    def _execute(self, command: Command, now: float) -> None:
        match command.action:
            case Action.PLAY | Action.PAUSE | Action.RESUME | Action.ABANDON_PROMPT as action:
                if action is Action.RESUME:
                    self._timing.end()
                self._utterances.execute(action, now, self._caller.interrupted_at)
            case Action.FINISH | Action.ANSWER:
                self._finish(command.answer, now)
            case Action.STOP:
                self._line.clear()
            case Action.FILL | Action.STALL as action:
                self.silence.end(action)
            case action:
                if action is Action.END_SPEECH:
                    self._timing.speech_over(now)
                self._caller.execute(action, self._request)

    def _abandon(self) -> None:
        """Abandon a step that nobody awaits any more; does nothing if it has ended."""
        if self._core.floor in (Floor.IDLE, Floor.CLOSED):
            return
        # What silences the bot is the dialog, and nothing that the caller did before.
        now = self._caller.interrupted_at = self._clock.now()
        self._core.abandon(now)
        self._settle(now)
        self._timing.end()

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ran)
        return task

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        # Engines should only raise EngineErrors. For anything else, fail the dialog rather than leave it waiting.
        if self._step is not None and not self._step.done():
            self._step.set_exception(error)
        else:
            self._utterances.fail(error)

    def _finish(self, answer: Answer | None, now: float) -> None:
        if self._utterances.open and self._core.utterance is None:
            self._utterances.end(now)
        answer = self._reports.answer = replace(answer or Answer(AnswerKind.NO_INPUT), prompt=self._utterances.playback)
        self._timing.answered(answer, now)
        if self._question is not None:
            began_at = None if answer.kind is AnswerKind.NO_INPUT else self._core.turn_began_at
            words = self._core.transcript_words if answer.text else ()
            self._on_event(CallerAnswered(answer, now, began_at, words))
            self._question = None
        if self._step is not None and not self._step.done():
            self._step.set_result(answer)
        if self._standing is not None:
            # Ask again at once: whatever the caller says next is another turn.
            self._question = self._standing
            self._core.expect(self._standing, now, again=True)
