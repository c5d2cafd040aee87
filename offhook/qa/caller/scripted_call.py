"""One call by a script: joins the interpreter, the signalling and the media, and notes what happened.

What the far end says is identified behind the media (prompts in a thread, words by a recogniser), in order; what has to
be in time, its first sound above all, goes to the interpreter at once.
"""

import asyncio
import time
from array import array
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from offhook.pipeline.errors import EngineError
from offhook.qa.caller.incoming import Piece, ReceivedAudio
from offhook.qa.caller.media import MediaLoop
from offhook.qa.caller.outgoing import CallerAudio
from offhook.qa.caller.recorder import LineRecorder
from offhook.qa.caller.sip_call import Signalling, SipCall
from offhook.qa.caller.sip_message import SipMessage
from offhook.qa.caller.tone_meter import ToneMeter
from offhook.qa.caller.turns import Turn, TurnMeter
from offhook.qa.persona.asked import PersonaError
from offhook.qa.persona.prepared import PreparedPersona
from offhook.qa.script.events import (
    Ask,
    Background,
    BotBegan,
    BotSpoke,
    BreakOff,
    Command,
    EndCall,
    Ended,
    Event,
    HeardPrompt,
    KeyHeard,
    Play,
    PressKeys,
    Said,
    SetHold,
    ToneHeard,
)
from offhook.qa.script.runner import Failure, Runner, ScriptRunner
from offhook.qa.script.script import Script
from offhook.qa.script.steps import Speech, WaitFor
from offhook.qa.verdict.fingerprint import Frames, find, frames_of
from offhook.telephony.net.ports import PortPair
from offhook.telephony.pcm import RATE_HZ

LEAD_TICKS = RATE_HZ // 5
"""What is looked at before a turn's first loud sample: quiet sounds precede it."""

UNHEARD = "recogniser"
"""The kind of failure where the recogniser fails."""

UNDECIDED = "persona_model"
"""Where a persona's model fails."""

Transcribe = Callable[[bytes], Awaitable[str]]


class Leg(Protocol):
    """What carries a call."""

    call_id: str
    signalling: Signalling
    messages: list[SipMessage]

    @property
    def is_up(self) -> bool:
        """Whether it is answered, and not over."""

    def hold(self, on: bool) -> None:
        """Put it on hold, or take it back."""

    def press(self, key: str) -> None:
        """Press a key by signalling (`dtmf: info`)."""

    def hang_up(self) -> None:
        """End it."""

    async def drained(self) -> None:
        """Wait for the answers to what was sent last."""

    def close(self) -> None:
        """Free everything."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a script needs besides itself: what the caller says, what prompts sound like, a recogniser, and who calls if
    the script has no steps."""

    clips: Mapping[Speech, bytes]
    prompts: Mapping[str, Frames]
    transcribe: Transcribe | None = None
    persona: PreparedPersona | None = None


class ScriptedCall:
    """Runs a script once; afterwards the parts have what was seen and heard, and `recorder`, if there is one, what went
    over the line."""

    def __init__(self, script: Script, prepared: Prepared, recorder: LineRecorder | None = None) -> None:
        self.script = script
        self.recorder = recorder
        self._prepared = prepared
        self.runner: Runner = ScriptRunner(script) if prepared.persona is None else prepared.persona.runner()
        line, dtmf = script.line, script.call.dtmf
        self.outgoing = CallerAudio(
            seed=script.seed,
            noise_dbfs=line.noise_dbfs,
            echo_db=line.echo_db,
            inband=dtmf == "inband",
            on_key=self._press if dtmf == "info" else None,
        )
        self.received = ReceivedAudio({}, None)
        self.meter = TurnMeter(script.call.pause_ms / 1_000)
        self.spoken: list[BotSpoke] = []
        self.media: MediaLoop | None = None
        self.late_ms = array("d")
        """How late each packet of the caller's left."""
        self._tones = ToneMeter(
            {each.what for each in script.steps if isinstance(each, WaitFor) and each.awaited == "tone"}
        )
        self._leg: Leg | None = None
        self._started = False
        self._saying = False
        self._unheard: Failure | None = None
        self._deciding: asyncio.Task[None] | None = None
        self._keys_seen = 0
        self._timer: asyncio.TimerHandle | None = None
        self._pending: asyncio.Queue[Turn | Ended | None] = asyncio.Queue()
        self._done = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def by_sip(self, target: str, authorities: Path | None = None) -> SipCall:
        """Place the call over SIP, and run the script in it. Raises UserError."""
        leg = SipCall(self.script.call, self.over, self.key_refused)
        await self.run(leg, leg.dial(target, authorities, self._make_media))
        return leg

    @property
    def failure(self) -> Failure | None:
        """Why the script was not done, or cannot be judged."""
        return self.runner.failure or self._unheard

    def give_up(self, what: str, why: str, kind: str) -> None:
        """End the call: at once, or when it is answered; `failure` says why."""
        self.runner.give_up(what, why, kind)
        if self._started:
            self._carry_on()

    async def run(self, leg: Leg, dial: Awaitable[None]) -> None:
        """Run the script over any leg; `dial` returns when it is answered or refused, and raises UserError."""
        self._leg = leg
        worker = asyncio.create_task(self._identify())
        worker.add_done_callback(lambda _: self._done.set())  # a mistake in it does not wait for `max_s`
        try:
            await dial
            if leg.signalling.answered_s is not None:
                await self._talk()
            self._flush()
            self._pending.put_nowait(None)
            await worker
            if leg.signalling.answered_s is None:
                self.runner.unanswered(time.monotonic())
            await leg.drained()
            if self._deciding is not None and self._deciding.done() and not self._deciding.cancelled():
                self._deciding.result()
        finally:
            worker.cancel()
            if self._deciding is not None:
                self._deciding.cancel()
            if self._timer is not None:
                self._timer.cancel()
            if leg.is_up:  # the run was stopped
                leg.hang_up()
            leg.close()

    async def _talk(self) -> None:
        self._flush()  # what is heard now goes on after the answer
        self._started = True
        self.runner.start(time.monotonic())
        self._carry_on()
        try:
            await asyncio.wait_for(self._done.wait(), self.script.call.max_s)
        except TimeoutError:
            why = f"step {self.runner.step + 1} was still running; `max_s` of `call` allows more"
            self.runner.give_up(f"the call took over {self.script.call.max_s:g} s", why)
            self._carry_on()

    # ---- what happens in the call (HearsMedia)

    def on_heard(self, piece: Piece, at_s: float) -> None:
        """Audio has come."""
        for name in self._tones.hear(piece.pcm):
            self._notify(ToneHeard(name, at_s))
        over, began = self.meter.hear(piece.pcm, piece.at_tick, at_s)
        if over is not None:
            self._pending.put_nowait(over)
        if began is not None:
            self._notify(BotBegan(began.number, began.began_s))
            self._arm()

    def on_sound(self) -> None:
        """The caller begins to speak, or to press keys."""
        sound = self.outgoing.sounds[-1]
        self.meter.caller_speaks(sound.began_s, by_keys=sound.kind == "keys")

    def on_frame(self) -> None:
        """A packet has been sent."""
        for at_s, key in self.received.keys[self._keys_seen :]:
            self._keys_seen += 1
            self._notify(KeyHeard(key, at_s))
        if self._saying and not self.outgoing.busy:
            self._saying = False
            self._notify(Said())

    def over(self) -> None:
        """The far end has ended the call."""
        self._flush()
        leg = self._leg
        if leg is not None:
            self._pending.put_nowait(Ended(leg.signalling.ended_by, leg.signalling.why))

    def key_refused(self, why: str) -> None:
        """The far end has not taken a key."""
        self.runner.give_up("a key was not taken", f"{why}; `call: {{dtmf: …}}` has other ways", "key_refused")
        self._carry_on()

    def _press(self, key: str) -> None:
        if self._leg is not None:
            self._leg.press(key)

    def _flush(self) -> None:
        over = self.meter.flush()
        if over is not None:
            self._pending.put_nowait(over)

    # ---- the interpreter

    def _notify(self, event: Event) -> None:
        self.runner.receive(event, time.monotonic())
        if self._started:
            self._carry_on()

    def _carry_on(self) -> None:
        while (command := self.runner.next_command()) is not None:
            self._do(command)
        if self.runner.over:
            self._done.set()
        self._arm()

    def _do(self, command: Command) -> None:
        match command:
            case Play(speech):
                kind = "mumble" if speech.mumble_ms else "speech"
                self.outgoing.say(self._prepared.clips[speech], speech.text or str(speech), kind)
                self._saying = True
            case PressKeys() if self._takes_no_events:
                why = "its session description has no telephone-event (RFC 4733)"
                todo = "press them by `call: {dtmf: inband}`, or `info`"
                self.runner.give_up("the far end takes no keys", f"{why}; {todo}", "no_events")
            case PressKeys(keys):
                self.outgoing.press(keys)
                self._saying = True
            case BreakOff():
                self.outgoing.break_off()
                self._saying = False
            case Background(level_dbfs):
                self.outgoing.set_noise(level_dbfs)
            case SetHold(on) if self._leg is not None:
                self._leg.hold(on)
            case EndCall() if self._leg is not None:
                self._leg.hang_up()
            case Ask():
                if self._deciding is not None:
                    self._deciding.cancel()
                self._deciding = asyncio.create_task(self._decide(command))
                self._deciding.add_done_callback(self._decided)
            case _:
                pass

    async def _decide(self, ask: Ask) -> None:
        persona = self._prepared.persona
        assert persona is not None, "who asks is one"
        try:
            self._notify(await persona.decide(ask))
        except PersonaError as error:
            self.runner.give_up(error.what, error.why, UNDECIDED)
            self._carry_on()

    def _decided(self, deciding: asyncio.Task[None]) -> None:
        if not deciding.cancelled() and deciding.exception() is not None:
            self._done.set()  # a mistake in it does not wait for `max_s`

    @property
    def _takes_no_events(self) -> bool:
        agreed = None if self.media is None else self.media.agreed
        by_event = self.script.call.dtmf == "rfc4733"
        return by_event and agreed is not None and agreed.dtmf_payload_type is None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [each for each in (self.runner.get_timer(), self.meter.get_timer()) if each is not None]
        if due and not self._done.is_set():
            self._timer = self._loop.call_later(max(0.001, min(due) - time.monotonic()), self._timer_fired)

    def _timer_fired(self) -> None:
        now = time.monotonic()
        over = self.meter.handle_timer(now)
        if over is not None:
            self._pending.put_nowait(over)
        self.runner.handle_timer(now)
        self._carry_on()

    # ---- what was said

    async def _identify(self) -> None:
        while (item := await self._pending.get()) is not None:
            try:
                event: Event = await self._spoke(item) if isinstance(item, Turn) else item
            except EngineError as error:
                what = "what the far end says cannot be identified"
                self._unheard = Failure(self.runner.step, what, str(error), UNHEARD)
                self.runner.give_up(what, str(error), UNHEARD)
                if self._started:
                    self._carry_on()
                return
            self._notify(event)

    async def _spoke(self, turn: Turn) -> BotSpoke:
        pcm = self.received.between(turn.began_tick - LEAD_TICKS, turn.ended_tick)
        lead = min(LEAD_TICKS, turn.began_tick)
        found = await asyncio.to_thread(self._prompts_in, pcm, turn.began_s - lead / RATE_HZ)
        text = None
        if self._prepared.transcribe is not None:
            text = await self._prepared.transcribe(pcm)
        spoke = BotSpoke(turn.number, turn.began_s, turn.ended_s, tuple(found), text)
        self.spoken.append(spoke)
        return spoke

    def _prompts_in(self, pcm: bytes, began_s: float) -> list[HeardPrompt]:
        if not self._prepared.prompts:
            return []
        heard = frames_of(pcm)
        found = []
        for name, reference in self._prepared.prompts.items():
            match = find(reference, heard)
            if match is not None:
                at_s = began_s + match.at_ms / 1_000
                found.append(HeardPrompt(name, at_s, match.missing_ms, match.likeness))
        return sorted(found, key=lambda each: each.at_s)

    def _make_media(self, pair: PortPair) -> MediaLoop:
        self.media = MediaLoop(
            pair, self.outgoing, self.received, self.script.line, self.script.seed, self, self.recorder
        )
        self.late_ms = self.media.late_ms
        return self.media
