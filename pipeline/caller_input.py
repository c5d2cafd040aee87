"""The caller's side of a session: their audio, speech, words, keys and typed lines, on the way to the turn core."""

from collections.abc import Callable

from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, EndpointReport, Transcript
from offhook.pipeline.clock import Clock
from offhook.pipeline.closed import ignore
from offhook.pipeline.errors import EngineError
from offhook.pipeline.inbound_audio import Engines, InboundAudio
from offhook.pipeline.ports import Line
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.recognition import Run
from offhook.pipeline.trace import (
    CallerPartial,
    CallerSpeech,
    CallerTyped,
    EngineFailed,
    KeyPressed,
    SessionEvent,
)
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.keypad import is_keys
from offhook.pipeline.turn.tables import Action, Floor
from offhook.pipeline.vad.batch import Events, Probe
from offhook.pipeline.vad.gate import GateEvent, SpeechConfirmed, SpeechStarted, SpeechStopped


class CallerInput:
    """Reports what the caller does, passes it to the core, and runs the recogniser as the core decides.

    `settle(now)` is called after every input: it executes what the core has decided.
    """

    def __init__(
        self,
        line: Line,
        engines: Engines,
        core: TurnCore,
        clock: Clock,
        run: Run,
        report: Callable[[SessionEvent], None],
        settle: Callable[[float], None],
    ) -> None:
        self.interrupted_at = 0.0
        """The caller's latest first sound, key or line: what silences the bot."""
        self._core = core
        self._clock = clock
        self._report = report
        self._settle = settle
        kept_ticks = 8 * core.settings.max_turn_ms
        self._inbound = InboundAudio(line, engines, self._on_speech, self._on_vad_failed, kept_ticks)
        self._audio = self._inbound.caller
        self._recognition = self._inbound.recogniser_for(self, run)
        self._vad_failed = False
        self._pauses = 0  # of the caller's speech, so far
        self._audio.on_blind = self._on_blind
        line.add_listener(audio=self._inbound.receive, sent=self._inbound.sent, dtmf=self._on_key, text=self._on_typed)

    # For the session.

    @property
    def held(self) -> bool:
        """Whether the far end holds the call: its audio is not the caller's."""
        return self._inbound.held

    @held.setter
    def held(self, held: bool) -> None:
        self._inbound.held = held
        self.interrupted_at = self._clock.now()

    def watch_detector(self, probe: Probe) -> None:
        """Report every frame of the caller's audio as the speech gate gets it."""
        self._audio.watch_detector(probe)

    @property
    def recognising(self) -> bool:
        """Whether the recogniser gets the caller's audio."""
        return self._recognition.stream is not None

    def recognise_by(self, asr: AsrEngine) -> Callable[[], None]:
        """See Session."""
        stretch = self._inbound.bands.unstretched()
        own = self._recognition.replace(asr)

        def give_back() -> None:
            stretch()
            self._recognition.replace(own)

        return give_back

    @property
    def rate_hz(self) -> int:
        """The rate of the audio that is kept for the recogniser."""
        return TICK_HZ * self._inbound.bands.kept_bytes // 2

    def follow_core(self) -> None:
        """The core has moved: what it wants of the caller's audio, and of the detector."""
        core, audio = self._core, self._audio
        audio.keeping = core.keeps_audio
        audio.use_low_threshold(core.floor is Floor.SPEAKING)

    def bot_pauses(self) -> None:
        """The line has run dry: a pause precedes what the bot says next."""
        self._inbound.pause_follows()

    def execute(self, action: Action, request: AsrRequest) -> None:
        """Execute a command of the core that concerns the recogniser."""
        match action:
            case Action.RECOGNISE:
                self._recognition.open(request)
            case Action.RECOGNISE_KEPT:
                self._recognition.open_kept(request)
            case Action.KEEP_TURN:
                self._recognition.keep()
            case Action.DROP_TURN:
                self._recognition.drop()
            case Action.END_SPEECH:
                self._recognition.finish()
            case Action.FORCE_FINAL:
                self._recognition.force()
            case Action.VOID_FINAL:
                self._recognition.void()
            case Action.CANCEL_ASR:
                self._recognition.cancel()

    def stop_audio(self) -> None:
        """The call is over: no more speech is detected."""
        self._audio.close()

    def close(self) -> None:
        """Drop everything, the recogniser included."""
        self._recognition.close()
        # The callbacks' owner refers to this object.
        self._report = self._settle = ignore

    # From the detector.

    def _on_speech(self, events: Events) -> None:
        now = self._clock.now()
        self._vad_failed = False
        for event in events:
            self._on_speech_event(event, now)
        self._settle(now)

    def _on_speech_event(self, event: GateEvent, now: float) -> None:
        if isinstance(event, SpeechStarted):
            self._pauses += 1
            self.interrupted_at = self._audio.time_of(event.at_tick)
            self._report(CallerSpeech(True, self.interrupted_at))
            self._core.speech_started(self.interrupted_at, now)
        elif isinstance(event, SpeechConfirmed):
            self._core.speech_confirmed(now)
        elif isinstance(event, SpeechStopped):
            stopped_at = self._audio.time_of(event.at_tick)
            self._report(CallerSpeech(False, stopped_at))
            self._core.speech_stopped(stopped_at, event.confirmed, now)
            if self._core.floor is Floor.PAUSING:
                self._ask_adviser()

    def _ask_adviser(self) -> None:
        pause = self._pauses

        def on_score(probability: float) -> None:
            if pause == self._pauses:  # the caller has not spoken since
                now = self._clock.now()
                self._core.advised(probability, now)
                self._settle(now)

        self._inbound.ask_adviser(on_score)

    def _on_vad_failed(self, error: EngineError) -> None:
        # Report once, not for every frame. Question timers and keys carry the call on.
        if not self._vad_failed:
            self._vad_failed = True
            self._report(EngineFailed(error.engine, str(error), self._clock.now()))

    def _on_blind(self, blind: bool) -> None:
        now = self._clock.now()
        if blind and not self._vad_failed:
            self._vad_failed = True
            self._report(EngineFailed("vad", "it has judged none of the last second's audio", now))
        self._core.detector(not blind, now)
        self._settle(now)

    # From the line.

    def _on_key(self, digit: str, at_tick: int) -> None:
        if self._core.floor is Floor.CLOSED:
            return
        now = self.interrupted_at = self._clock.now()
        self._report(KeyPressed(now))
        self._core.key(digit, now)
        self._settle(now)

    def _on_typed(self, line: str) -> None:
        line = line.strip()
        if not line or self._core.ignores_caller:
            return
        now = self.interrupted_at = self._clock.now()
        if not is_keys(line):
            self._report(CallerTyped(line, now))
        self._core.typed(line, now)
        self._settle(now)

    # From the recogniser.

    def on_partial(self, text: str) -> None:
        """See recognition.Listener."""
        now = self._clock.now()
        self._report(CallerPartial(text, now))
        self._core.partial(text, now)
        self._settle(now)

    def on_endpoint(self, endpoint: EndpointReport) -> None:
        """See recognition.Listener."""
        now = self._clock.now()
        self._core.endpoint(endpoint, now)
        self._settle(now)

    def on_transcript(self, transcript: Transcript) -> None:
        """See recognition.Listener."""
        now = self._clock.now()
        self._core.transcript(transcript, now)
        self._settle(now)

    def on_forced(self, transcript: Transcript | None) -> None:
        """See recognition.Listener."""
        now = self._clock.now()
        self._core.forced(transcript, now)
        self._settle(now)

    def on_late(self, transcript: Transcript) -> None:
        """See recognition.Listener."""
        now = self._clock.now()
        self._core.late(transcript, now)
        self._settle(now)

    def on_asr_failed(self, error: EngineError | None) -> None:
        """See recognition.Listener."""
        now = self._clock.now()
        if error is not None:
            self._report(EngineFailed(error.engine, str(error), now))
        self._core.failed(now)
        self._settle(now)

    def on_asr_unavailable(self, error: EngineError) -> None:
        """See recognition.Listener. The caller is still speaking: the question fails when they stop."""
        self._report(EngineFailed(error.engine, str(error), self._clock.now()))
