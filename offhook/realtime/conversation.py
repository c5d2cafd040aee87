"""One call with a speech-to-speech model. The floor decides who speaks; this connects it with the model's session."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any

from offhook.agents.keyed import Keyed
from offhook.agents.policy import Policy
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.call_audio import CallAudio
from offhook.api.call_ended import CallEnded
from offhook.llm.model import ToolCall, Usage
from offhook.pipeline.asr.engine import OnEndpoint
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.pipeline.events import Answer, DigitRule, Interruption, Question
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.trace import EngineFailed, SessionEvent
from offhook.pipeline.turn.events import Interrupted, TurnEvent, TurnOver, TurnStarted, UtterancePlayed
from offhook.realtime.link import Link
from offhook.realtime.model_log import NO_USAGE, ModelLog
from offhook.realtime.owed_reply import SAY_AGAIN, OwedReply
from offhook.realtime.recogniser import ModelRecogniser
from offhook.realtime.replies import Replies
from offhook.realtime.sessions import Sessions
from offhook.realtime.speech import Speech
from offhook.realtime.tool_results import ToolResults
from offhook.realtime.tools import CallTools

MAX_KEYS = 32
LIVENESS_S = 0.25

GO_ON = "Your last message was cut off by a fault on the line. Go on where it ends."


class Conversation:
    """See the module. Implements TakesTurns for the floor, Receiver for the model, and Talk for its tools."""

    def __init__(self, call: Call, speech: Speech) -> None:
        self._call = call
        self._audio = call.audio
        self._speech = speech
        self._vendor_decides = speech.setup.turn_detection == "vendor"
        self._keyed = Keyed()
        report = partial(_report, self._audio, self._keyed)  # no method of ours, who have what gets it
        self._model = ModelLog(speech.setup.model, report)
        policy = speech.policy or Policy({}, {}, dtmf=False)
        self._tools = CallTools(call, speech.tools, policy, speech.limits, report)
        interruption = Interruption(by="nobody", waits=False) if self._vendor_decides else speech.interruption
        self._sessions = Sessions(call, speech, self._tools.specs if speech.policy is not None else ())
        self._replies = Replies(self._audio, speech.name, interruption, self._sessions.played)
        self._results = ToolResults(self._tools, self._sessions, self._replies)
        self._greeted = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._in_turn = False
        self._on_endpoint: OnEndpoint | None = None
        self._turn_audio: list[bytes] = []  # of the caller's turn that has no reply yet, to be sent again
        self._awaits_reply = False
        self._asked_at = 0.0
        self._instructions = ""  # with which the awaited reply was asked for
        self._owed = OwedReply()  # by a model that decides alone when to talk
        self._turn_times: list[tuple[float, float]] = []  # of this session's turns
        self._turn_began_at = 0.0
        self._texts: list[str] = []  # the caller's, until there is a session to write to
        self._caller_speaks = False

    async def run(self) -> Outcome:
        """Talk until the call is over, the model ends it, or it fails for good."""
        with self._call.covering(self._call.covers_silence):  # it changes as the model owes words
            outcome = await self._talked()
        if outcome.reason == "the model failed" and self._speech.sorry:
            await self._replies.silence()
            await self._call.say(self._speech.sorry)
        return outcome

    async def _talked(self) -> Outcome:
        unsubscribe = self._audio.subscribe(self._on_turn_event)
        call = self._call
        if self._vendor_decides:
            give_back = self._audio.listen(self._on_line_audio)
            self._cover()
        else:
            advised = self._speech.setup.turn_detection == "advise"
            give_back = self._audio.recognise_by(ModelRecogniser(self, self._audio.turn_rate_hz, advised=advised))
            keys = DigitRule(1, MAX_KEYS)
            call.expect(Question(digits=keys, any_words=True, silence_ms=call.silence_ms, no_input_ms=call.no_input_ms))
        try:
            self._open()
            self.spawn(self._watch())
            return await call.until_ended(self._over)
        finally:
            unsubscribe()
            give_back()
            self._close()
            with suppress(CallEnded):
                call.expect(None)

    @property
    def _live(self) -> Link | None:
        """The session, if it is ready. What happens before that is taken up by `_resume`."""
        return self._sessions.live

    # TakesTurns: the floor has given the caller's turn to the model.

    def turn_began(self, on_endpoint: OnEndpoint | None) -> None:
        """See TakesTurns."""
        self._in_turn, self._on_endpoint = True, on_endpoint
        self._turn_audio.clear()
        self._replies.may_begin = False
        if (link := self._live) is not None:
            link.begin_turn()

    def turn_audio(self, pcm: bytes) -> None:
        """See TakesTurns."""
        audio = self._sessions.port.to_model(pcm, self._audio.turn_rate_hz)
        self._turn_audio.append(audio)
        if audio and (link := self._live) is not None:
            link.send_audio(audio)

    def turn_over(self) -> None:
        """See TakesTurns."""
        self._end_turn()
        self._tools.interrupt()
        self._waits()
        if (link := self._live) is not None:
            self._turn_times.append((self._turn_began_at, monotonic()))
            link.end_turn()

    def turn_dropped(self) -> None:
        """See TakesTurns."""
        if not self._in_turn:
            return
        self._turn_audio.clear()
        if (link := self._live) is not None:
            link.drop_turn()
        self._end_turn()

    def _end_turn(self) -> None:
        self._in_turn, self._on_endpoint = False, None
        self._replies.may_begin = True

    # The floor's events.

    def _on_turn_event(self, event: TurnEvent) -> None:
        match event:
            case TurnStarted(began_at, asked):
                self._turn_began_at = began_at
                self._owed.caller_spoke(began_at, monotonic())
                if asked and not self._vendor_decides:
                    # Not from within the floor's own move.
                    asyncio.get_running_loop().call_soon(self._give_up)
            case TurnOver(answer):
                self._on_answer(answer)
            case Interrupted(number, playback):
                if self._sessions.link is not None and self._replies.playing is not None:
                    self._sessions.link.stop()
                self._replies.ended(number, playback)
                self._results.interrupted(self)
            case UtterancePlayed(number, playback):
                reply = self._replies.ended(number, playback)
                if reply is not None and reply.broken:
                    # Whoever has heard none of it has only their own words, which the next session may not have.
                    has_heard = playback.text_played or not self._vendor_decides
                    self._ask(GO_ON if has_heard else SAY_AGAIN)
                self._results.maybe_end(self)
                self._maybe_renew()
            case _:
                pass

    def _give_up(self) -> None:
        """The caller has the floor: whatever the model says or is about to say will not be heard."""
        self._awaits_reply = False
        self._cover()
        self._model.over(error="the caller spoke")
        if self._sessions.link is not None:
            self._sessions.link.stop()
        self._replies.cut()

    def _on_answer(self, answer: Answer) -> None:
        """Keys and typed lines: to the model they are text."""
        text = self._keyed.words(answer)
        if (answer.digits or answer.typed) and text:
            self._tools.interrupt()
            self.write(text)

    def write(self, text: str) -> None:
        """See Talk: to the session, or to the next one."""
        self._waits(text)
        self._owed.caller_spoke(now := monotonic(), now)
        if (link := self._live) is not None:
            link.send_text(text)
        else:
            self._texts.append(text)

    def _on_line_audio(self, pcm: bytes) -> None:
        audio = self._sessions.port.to_model(pcm, self._audio.line_rate_hz)
        if audio and (link := self._live) is not None:
            link.send_audio(audio)

    # Receiver: the model.

    @property
    def behind_ms(self) -> float:
        """See Receiver."""
        return 1000 * self._audio.queued_ticks / TICK_HZ

    def on_ready(self) -> None:
        """See Receiver."""
        self._sessions.ready()
        self._cover()
        self._resume()

    def on_audio(self, item: str, payload: bytes) -> None:
        """See Receiver."""
        self._answered()
        self._model.began()
        self._owed.model_spoke(monotonic())
        self._replies.add_audio(item, payload)

    def on_text(self, item: str, delta: str) -> None:
        """See Receiver."""
        self._model.text(delta)
        self._replies.add_text(item, delta)

    def on_item_over(self, item: str) -> None:
        """See Receiver."""
        self._replies.end(item)

    def on_response_over(self, usage: Usage = NO_USAGE) -> None:
        """See Receiver."""
        self._answered()
        self._owed.model_spoke(monotonic())
        self._model.over(usage)
        self._results.maybe_end(self)

    def on_response_failed(self, error: EngineError) -> None:
        """See Receiver."""
        self._fail(error, self._ask_again)

    def on_tool_call(self, call_id: str, name: str, arguments: str) -> None:
        """See Receiver."""
        self._answered()
        self._model.began()
        self._owed.model_spoke(monotonic())
        self.spawn(self._results.run(self, ToolCall(call_id, name, arguments)))

    def on_caller_text(self, turn: int, text: str) -> None:
        """See Receiver."""
        now = monotonic()
        times = self._turn_times[turn] if turn < len(self._turn_times) else (now, now)
        self._audio.transcribed(text, *times)

    def on_caller_speech(self, speaks: bool) -> None:
        """See Receiver."""
        if self._vendor_decides:
            now = monotonic()
            if speaks:
                self._turn_began_at = now
            else:
                self._turn_times.append((self._turn_began_at, now))
                self._waits()
        elif self._on_endpoint is not None and speaks is not self._caller_speaks:
            self._on_endpoint("resumed" if speaks else "over")
        self._caller_speaks = speaks

    def on_interrupted(self) -> None:
        """See Receiver."""
        self._give_up()

    def on_lost(self, error: EngineError) -> None:
        """See Receiver."""
        (self._model.over if self._sessions.is_ready else self._model.failed)(error=str(error))
        self._sessions.lost()
        self._replies.lost()
        self._fail(error, self._reopen)

    # Sessions.

    def _open(self) -> None:
        self._caller_speaks = False
        self._turn_times.clear()
        self._sessions.open(self, self._replies.to_come)

    def _resume(self) -> None:
        """The session is ready: take up the conversation where it was."""
        link = self._sessions.link
        awaited, turn = self._awaits_reply, list(self._turn_audio)
        if link is None:
            return
        self._owed.opened(now := monotonic(), awaited=awaited)
        if turn and (self._in_turn or awaited):
            link.begin_turn()
            for audio in turn:
                link.send_audio(audio)
        texts, self._texts = self._texts, []
        for text in texts:
            link.send_text(text)
            self._owed.caller_spoke(now, now)
        if awaited and turn and not self._in_turn:
            self._turn_times.append((self._turn_began_at, now))
            self._waits()
            link.end_turn()
        elif awaited and not self._in_turn and not texts and not self._vendor_decides:
            self.respond(self._instructions)
        elif not self._greeted and not self._in_turn and self._speech.greet:
            self._ask(self._speech.greet)
        self._greeted = True
        self._ask_owed()

    def _reopen(self) -> None:
        if not self._over.done():
            self._open()

    def _ask_again(self) -> None:
        if not self._in_turn:
            self.respond(self._instructions)

    def _ask(self, instructions: str) -> None:
        """Have the model speak, when it is its turn, in this session or the next."""
        if self._vendor_decides:
            self._owed.want(instructions)
            self._ask_owed()
        else:
            self.respond(instructions)

    def _ask_owed(self) -> None:
        """Ask a model that decides alone when to talk for what is due by now."""
        if self._vendor_decides and self._live is not None:
            instructions = self._owed.due(monotonic(), caller_talks=self._audio.caller_talks)
            if instructions is not None:
                self.respond(instructions)

    def respond(self, instructions: str) -> None:
        """See Talk."""
        self._waits(instructions)
        self._instructions = instructions
        if (link := self._live) is not None and not self._over.done():
            link.respond(instructions)

    def _waits(self, said: str = "") -> None:
        self._awaits_reply, self._asked_at = not self._speech.full_duplex, monotonic()
        self._instructions = ""
        if self._awaits_reply:
            self._model.asked(said)
        self._cover()

    def _cover(self) -> None:
        """Where the vendor decides about turns, only this knows who has to speak; otherwise the floor does. Without a
        session nobody could answer the caller."""
        if self._vendor_decides and not self._over.done():
            link = self._live
            self._call.covers_silence = (
                self._awaits_reply or self._owed.owed(monotonic()) or link is None or link.stalls
            )

    def _answered(self) -> None:
        self._sessions.answered()
        self._awaits_reply = False
        self._cover()
        if not self._in_turn:
            self._turn_audio.clear()

    def _maybe_renew(self) -> None:
        """Before the vendor's own limit, when nobody would notice."""
        now = monotonic()
        may_answer = self._vendor_decides and self._owed.may_come(now, self._speech.reply_within_s)
        quiet = self._replies.idle and not self._in_turn and not self._awaits_reply and not may_answer
        if quiet and self._sessions.is_old:
            self._owed.model_spoke(now)  # by silence, where it has not
            self._caller_speaks = False
            self._turn_times.clear()
            self._sessions.renew(self)

    async def _watch(self) -> None:
        """A session that is mute is as good as lost."""
        while True:
            await asyncio.sleep(LIVENESS_S)
            self._maybe_renew()
            self._ask_owed()
            self._cover()
            within_s, sessions, link = self._speech.reply_within_s, self._sessions, self._sessions.link
            since = sessions.opened_at if not sessions.is_ready else self._asked_at if self._awaits_reply else None
            if link is not None and since is not None and monotonic() - since > within_s:
                link.close()
                what = "answering" if sessions.is_ready else "opening a session"
                self.on_lost(EngineTimeout(self._speech.name, what, f"nothing has come for {within_s:g} s"))

    def _fail(self, error: EngineError, then: Callable[[], None]) -> None:
        self._model.over(error=str(error))
        self._audio.report(EngineFailed(error.engine, str(error), monotonic()))
        works = self._sessions.failed(error)
        if self._over.done():
            return
        if works:
            self._sessions.later(then)
        else:
            self._awaits_reply = False
            self._over.set_result(Outcome("the model failed"))

    @property
    def in_turn(self) -> bool:
        """See Talk."""
        return self._in_turn

    def end(self, outcome: Outcome) -> None:
        """See Talk."""
        if not self._over.done():
            self._over.set_result(replace(outcome, reason=self._keyed.masked(outcome.reason)))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """See Talk."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _close(self) -> None:
        self._sessions.close()
        self._tools.close()
        for task in self._tasks:
            task.cancel()


def _report(audio: CallAudio, keyed: Keyed, event: SessionEvent) -> None:
    audio.report(keyed.masked_event(event))
