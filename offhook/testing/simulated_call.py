"""A call without a phone, a network or a model, for tests of bots: a caller who speaks, keys, types, listens, hangs up.

```python
async def conversation() -> None:
    async with SimulatedCall(my_dialog) as caller:
        await caller.hears("Balance or opening hours?")
        await caller.says("opening hours")
        await caller.hears("nine to five")

def test_opening_hours() -> None:
    run(conversation())
```
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

from offhook.api.agent import CallAgent, as_agent
from offhook.api.call import Call, Dialog
from offhook.api.message import Message
from offhook.api.queued import Queued, QueueRequest
from offhook.api.queueing import Waiting
from offhook.api.taken import TakeEnd, Taken, TakeRequest
from offhook.api.turns import Said
from offhook.calls.dialog_task import EndsWithCall, is_call_ended
from offhook.calls.early_media import EarlyMedia
from offhook.calls.privacy import Privacy
from offhook.calls.shield import shielded
from offhook.engines.languages import EngineLanguages
from offhook.flight.event_log import EventLog
from offhook.flight.recording_core import RecordingCore
from offhook.flight.rows import header_of
from offhook.llm.model import LanguageModel
from offhook.pipeline.closed import ignore
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import EndpointPolicy
from offhook.pipeline.inbound_audio import Engines
from offhook.pipeline.rates import Resampler
from offhook.pipeline.session import Session
from offhook.pipeline.trace import BotHeard, BotSpoke, ConsentNoted, DialogState, SessionEvent
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.voice import Voice
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.vad.batch import VadBatcher
from offhook.pipeline.vad.gate import GateSettings
from offhook.settings.queues import QueueConfig
from offhook.testing.simulated_engines import SimulatedAsr, SimulatedVad, SimulatedVoice, SpokenTexts
from offhook.testing.simulated_line import SimulatedLine
from offhook.testing.simulated_queue import TALK_S, SimulatedQueue
from offhook.testing.virtual_time import loop_clock
from offhook.transfer.outcome import TransferError, TransferFailure, Transferred, worst_of
from offhook.transfer.request import TransferRequest

HEARS_WITHIN_S = 8.0


class SimulatedCall:
    """One call of an agent or dialog, which begins with `async with` and ends with it.

    The bot's and the caller's speech takes 60 ms a character. `events` has all events of the session; an exception of
    the bot is raised when the call ends. `language` is the call's at first, `languages` those of the engines (none:
    any), `line` a line with other properties; `voice` and `asr` show which were used. With `transfers` the call can be
    transferred: `transferred_to` says where, and `transfer_ends` what becomes of it, or `transfer_ends_of`, for each
    target (None: it is taken); it rings for `rings_s` first. `queue_ends_of` does so for the queues, after `rings_s`
    where a dialog has something for `while_waiting`, and a talk takes TALK_S; `taken_of` says who is taken from them
    (not given: nobody comes). Without `shields` no secret is asked for. With `early_media` the dialog begins before the
    answer; `early` has whether it answered, and what it refused the call with. `sent_keys` are the keys that the bot
    has pressed. With `recorded`, `event_log` gets what the turn core is given and decides. `model` is for agents that
    have none of their own; `switches` are set to these values.
    """

    def __init__(  # noqa: PLR0913  # each is a property of a call
        self,
        talks: Dialog | CallAgent,
        *,
        caller: str = "sip:caller@example.com",
        called: str = "sip:bot@example.com",
        headers: Iterable[tuple[str, str]] = (),
        variables: Mapping[str, str] = MappingProxyType({}),
        settings: TurnSettings | None = None,
        endpoint: EndpointPolicy | None = None,
        silence_ms: int = 500,
        no_input_ms: int = 5_000,
        language: str = "en-US",
        languages: tuple[str, ...] = (),
        transfers: bool = False,
        transfer_ends: Transferred | TransferError | None = None,
        transfer_ends_of: Callable[[str], Transferred | TransferError | None] | None = None,
        rings_s: float = 0.0,
        queue_ends_of: Callable[[str], Queued | None] | None = None,
        taken_of: Callable[[str], Taken] | None = None,
        shields: bool = True,
        early_media: bool = False,
        recorded: bool = False,
        line: SimulatedLine | None = None,
        model: LanguageModel | None = None,
        on_message: Callable[[Message], Awaitable[Path]] | None = None,
        mailboxes: Collection[str] | None = None,
        switches: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.transferred_to: str | None = None
        self.transfer: TransferRequest | None = None
        self._transfer_ends = transfer_ends
        self._transfer_ends_of = transfer_ends_of
        self._rings_s = rings_s
        self._queue_ends_of = queue_ends_of
        self._taken_of = taken_of
        self.early: EarlyMedia | None = EarlyMedia(self._confirm) if early_media else None
        self.sent_keys = ""
        self.recorded_from_here: bool | None = None
        """What the bot has said last of recording the call; None: nothing."""
        self.events: list[SessionEvent] = []
        self.on_event: Callable[[SessionEvent], None] = ignore
        """Called with each event, when it happens."""
        self.voice = SimulatedVoice(languages)
        self.bot_hung_up = False
        self.queue: SimulatedQueue | None = None
        """In which the caller waits, or has waited, where a dialog says what they hear meanwhile."""
        self.over = asyncio.Event()
        self._texts = SpokenTexts()
        self._changed = asyncio.Event()
        self._spoken: list[str] = []  # played utterances that `hears` has not returned yet
        self._clock = loop_clock()
        self.line = line or SimulatedLine()
        vad = VadBatcher(SimulatedVad(), GateSettings(), spacing_s=0.0, now=self._clock.now)
        voice = Voice("simulated", self.voice, ClipCache(0), _unresampled, language=language)
        self.asr = SimulatedAsr(self._texts, languages)
        engines = Engines(vad, self.asr, voice, lambda: _as_it_is, lambda: _as_it_is)
        turn, policy = settings or TurnSettings(ignore_back_channels=True), endpoint or SilencePolicy()
        self.event_log: EventLog | None = None
        core = TurnCore(turn, policy)
        if recorded:
            header = header_of("simulated", began=self.now, turn=turn, gate=GateSettings(), policy=policy)
            self.event_log = EventLog(header)
            core = RecordingCore(turn, policy, self.event_log)
        core.cover_dialog(True, self.now)
        core.owe_greeting(self.now)
        self.session = Session(self.line, engines, core, self._on_event, self._clock)
        if self.event_log is not None:
            self.session.watch_detector(self.event_log.on_frame)
        self.call = Call(
            self.session,
            call_id="simulated",
            caller=caller,
            called=called,
            headers=headers,
            variables=variables,
            silence_ms=silence_ms,
            no_input_ms=no_input_ms,
            language=language,
            languages=EngineLanguages("simulated", languages, "simulated", languages),
            on_hangup=self._on_hangup,
            on_state=lambda name, by: self._on_event(DialogState(name, self.now, by)),
            on_transfer=self._on_transfer if transfers else None,
            on_record_call=self._on_record_call,
            on_queue=self._on_queue if transfers or queue_ends_of is not None else None,
            on_take=self._on_take if transfers or taken_of is not None else None,
            on_dtmf=self._on_dtmf,
            on_shield=(lambda keys: shielded(self.line, Privacy(), keys, alone=True)) if shields else None,
            model=None if model is None else lambda: model,
            early_media=self.early,
            on_message=on_message,
            mailboxes=mailboxes,
            switches=lambda: switches,
        )
        self.call.keep_history()
        self._agent = as_agent(talks)
        self._dialog: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "SimulatedCall":
        self._dialog = asyncio.ensure_future(self._talk())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.hangs_up()

    @property
    def now(self) -> float:
        """Seconds on the loop's clock."""
        return self._clock.now()

    @property
    def transcript(self) -> tuple[Said, ...]:
        """What has been said so far, as in `Call.history`."""
        return self.call.history

    async def says(
        self, text: str, *, seconds: float | None = None, misheard: str | None = None, corrected_after_s: float = 0.5
    ) -> None:
        """The caller says the text; returns at the end of it. `misheard` is what the recogniser takes it for, until its
        final comes so long after that."""
        if misheard is not None:
            self._texts.late[text] = misheard, corrected_after_s
        await asyncio.sleep(self.line.speak(self._texts.pcm_of(text, seconds)))

    async def presses(self, keys: str, *, every_s: float = 0.2) -> None:
        """The caller presses keys, one after the other."""
        for key in keys:
            self.line.press(key)
            await asyncio.sleep(every_s)

    async def types(self, line: str) -> None:
        """The caller types a line instead of speaking, and presses Enter."""
        self.line.type(line)
        await asyncio.sleep(0)

    async def waits(self, seconds: float) -> None:
        """The caller does nothing."""
        await asyncio.sleep(seconds)

    async def hears(self, text: str, *, within_s: float = HEARS_WITHIN_S) -> str:
        """Wait until the bot has said something with `text` in it, whole or cut short; returns what was played.

        What was said before that is skipped. AssertionError, with what was said instead, when it does not come in time
        or the call ends.
        """
        missed: list[str] = []
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while self._spoken:
                        spoken = self._spoken.pop(0)
                        if text.lower() in spoken.lower():
                            return spoken
                        missed.append(spoken)
                    if self.over.is_set():
                        break
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        raise AssertionError(f"the bot did not say {text!r}, but {missed or 'nothing'}")

    async def begins_to_hear(self, text: str, *, within_s: float = HEARS_WITHIN_S) -> None:
        """Wait until the bot begins an utterance that starts with `text`.

        AssertionError, with what it began to say instead, when it does not in time or the call ends.
        """
        try:
            async with asyncio.timeout(within_s):
                while not any(begun.startswith(text) for begun in self._begun()) and not self.over.is_set():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        if not any(begun.startswith(text) for begun in self._begun()):
            raise AssertionError(f"the bot did not begin to say {text!r}, but {self._begun() or 'nothing'}")

    def _begun(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, BotSpoke)]

    async def hangs_up(self) -> None:
        """The caller hangs up; returns when the bot has cleaned up. Idempotent."""
        self._end()
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.cancel()
            await dialog

    async def _talk(self) -> None:
        try:
            await EndsWithCall(self._run(), self.over.is_set)
        except Exception as error:
            if not is_call_ended(error):
                raise
        finally:
            self._end()

    async def _run(self) -> None:
        await self._agent.run(self.call)
        await self.call.hangup()

    async def _on_transfer(self, request: TransferRequest) -> Transferred:
        await self.session.drained()
        targets, self.transfer = (request.target, *request.also), request
        ends = {each: self._end_of_transfer(each) for each in targets}
        taken = next((each for each, end in ends.items() if end is None), None)
        self.transferred_to = ", ".join(targets) if self._transfer_ends_of is None else taken
        for each, end in ends.items():
            is_refused = isinstance(end, TransferError) and end.reason is TransferFailure.NOT_ALLOWED
            if request.on_call is not None and not is_refused:
                request.on_call(each)
            is_silent = isinstance(end, TransferError) and end.reason is not TransferFailure.NO_ANSWER
            if request.on_ringing is not None and not is_silent:
                request.on_ringing(each)
        if self._rings_s:
            await self.call.until_ended(asyncio.sleep(self._rings_s))
        failed = {each: end for each, end in ends.items() if isinstance(end, TransferError)}
        for each, error in failed.items():
            if request.on_failure is not None:
                request.on_failure(each, error)
        if len(failed) == len(ends):
            raise worst_of(list(failed.values()))
        first = next(each for each in ends if each not in failed)
        return await self._talked(request, ends[first] or Transferred(first, "refer"))

    def _end_of_transfer(self, target: str) -> Transferred | TransferError | None:
        return self._transfer_ends if self._transfer_ends_of is None else self._transfer_ends_of(target)

    async def _talked(self, request: TransferRequest, end: Transferred | TransferError) -> Transferred:
        assert isinstance(end, Transferred), "the others have failed"
        if end.by == "bridge" and request.on_answer is not None:
            request.on_answer(end.target)
        if end.talked_s:
            await self._is_with_another(end.talked_s)
        return end

    async def _is_with_another(self, seconds: float) -> None:
        """The one in the call talks to somebody else, and the bot hears nothing."""
        self.session.hold(True)
        try:
            await self.call.until_ended(asyncio.sleep(seconds))
        finally:
            self.session.hold(False)

    def _confirm(self) -> None:
        assert self.early is not None, "it answers"
        self.early.confirm()

    def _on_record_call(self, kept: bool, consent: str | None) -> None:
        self.recorded_from_here = kept
        if consent is not None:
            self._on_event(ConsentNoted(consent, self.now))

    async def _on_queue(self, call: Call, request: QueueRequest) -> Queued:
        await self.session.drained()
        ends = None if self._queue_ends_of is None else self._queue_ends_of(request.queue)
        if request.while_waiting is not None:
            return await self._wait(call, request, ends or Queued("simulated"))
        if ends is not None:
            if ends.agent:
                request.on_agent(ends.agent)
                await self._is_with_another(TALK_S)
            return ends
        self.transferred_to = request.queue
        call.hung_up = True
        return Queued(request.queue)

    async def _wait(self, call: Call, request: QueueRequest, ends: Queued) -> Queued:
        self.queue = SimulatedQueue(self.session, self._rings_s, ends.agent, ends.end)
        config = QueueConfig(agents=("simulated",))
        return await Waiting(call, self.queue, config, request, offers_call_back=False).run()

    async def _on_take(self, call: Call, request: TakeRequest) -> Taken:
        await self.session.drained()
        taken = Taken(end=TakeEnd.TIMEOUT) if self._taken_of is None else self._taken_of(request.queue)
        if taken.end is TakeEnd.TIMEOUT:
            await call.until_ended(asyncio.sleep(TALK_S if request.wait_s is None else request.wait_s))
        if taken.end is None:
            request.on_caller(taken.caller)
            await self._is_with_another(taken.talked_s)
        return taken

    def _on_dtmf(self, digits: str) -> None:
        self.sent_keys += digits

    def _on_hangup(self) -> None:
        self.bot_hung_up = True
        self._end()

    def _end(self) -> None:
        if not self.over.is_set():
            self.over.set()
            self.call.end()
            self.session.close()
            self.line.close()
            self._changed.set()
            if self.event_log is not None:
                self.event_log.close()

    def _on_event(self, event: SessionEvent) -> None:
        self.events.append(event)
        self.on_event(event)
        if self.event_log is not None:
            self.event_log.on_event(event)
        if isinstance(event, BotHeard) and event.playback.text_played:
            self._spoken.append(event.playback.text_played)
        self._changed.set()


def _as_it_is(pcm: bytes) -> bytes:
    return pcm


def _unresampled(from_hz: int, to_hz: int) -> Resampler:
    raise AssertionError(f"a voice of {from_hz} Hz on a line of {to_hz} Hz")
