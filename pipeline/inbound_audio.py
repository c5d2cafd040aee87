"""The caller's audio: through the audio front end to the detector, and to the recogniser during a turn."""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.pipeline.advice import Advice
from offhook.pipeline.asr.engine import AsrEngine, LineAsrEngine
from offhook.pipeline.bands import Bands
from offhook.pipeline.caller_audio import CallerAudio
from offhook.pipeline.endpoint.adviser import ADVISED_S
from offhook.pipeline.errors import EngineError
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.ports import Line
from offhook.pipeline.rates import NARROW_HZ
from offhook.pipeline.recognition import Listener, Recognition, Run
from offhook.pipeline.tts.voice import Voice
from offhook.pipeline.vad.batch import Events, VadBatcher

SETTLED_SAMPLES = 8_000
"""1 s of silence ends all that the caller was saying when the call was held."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What a session needs. `upsampler()` makes a stateful 8 kHz to 16 kHz converter, `downsampler()` one back.

    `front_end(encoding)` makes the audio front end of one call, for a line with that encoding; without it, the
    detector's probabilities are used as they are. `advice` is an adviser's on the ends of turns.
    """

    vad: VadBatcher
    asr: AsrEngine
    voice: Voice
    upsampler: Callable[[], Callable[[bytes], bytes]]
    downsampler: Callable[[], Callable[[bytes], bytes]]
    front_end: Callable[[str], AudioFrontEnd] | None = None
    advice: Advice | None = None


class InboundAudio:
    """Routes the line's audio. `recogniser_for` adds the recogniser that gets the caller's turns."""

    def __init__(
        self,
        line: Line,
        engines: Engines,
        on_speech: Callable[[Events], None],
        on_failed: Callable[[EngineError], None],
        kept_ticks: int,
    ) -> None:
        self.held = False
        """Set while the far end holds the call: its audio is replaced by silence, and soon by nothing."""
        self._held_at: int | None = None  # the sample from which on it has been silence
        self._front_end = engines.front_end(line.encoding) if engines.front_end is not None else None
        self._pause_before = True  # whether a pause precedes what is sent next
        asr = engines.asr
        self._asr = asr.for_line(line.encoding, line.rate_hz) if isinstance(asr, LineAsrEngine) else asr
        self.bands = Bands(line.rate_hz, self._asr.capabilities.rate_hz, engines.upsampler, engines.downsampler)
        score = self._front_end.score if self._front_end is not None else None
        self.caller = CallerAudio(engines.vad, on_speech, on_failed, score, self.bands.kept_bytes, kept_ticks)
        self._recognition: Recognition | None = None
        self._advice, self._upsampler = engines.advice, engines.upsampler

    def recogniser_for(self, listener: Listener, run: Run) -> Recognition:
        """Create the recogniser that gets the audio."""
        self._recognition = Recognition(self._asr, self.bands, self.caller, listener, run)
        if self._advice is not None:
            self._recognition.recent_bytes = 2 * self._asr.capabilities.rate_hz * ADVISED_S
        return self._recognition

    def ask_adviser(self, on_score: Callable[[float], None]) -> None:
        """Ask the adviser, if there is one, about the turn so far."""
        if self._advice is None or self._recognition is None:
            return
        recent = bytes(self._recognition.recent)
        if self._asr.capabilities.rate_hz == NARROW_HZ:
            recent = self._upsampler()(recent)
        self._advice.ask(recent, on_score)

    def receive(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        """Take the line's next audio, see Line."""
        if self.held:
            if self._has_settled(at_tick):
                return
            pcm = bytes(len(pcm))  # music on hold, or somebody else's voice
        elif self._held_at is not None:
            self._held_at = None
        bands, recognition = self.bands, self._recognition
        processed = narrow = pcm if bands.narrow is None else bands.narrow(pcm)
        if self._front_end is not None:
            processed = self._front_end.on_audio(narrow, at_tick, at_s)
        kept = processed if bands.is_narrow else bands.wide(pcm, narrow, processed)
        if recognition is not None and recognition.stream is not None:
            recognition.feed(kept)
            kept = b""
        self.caller.push(processed, at_tick, at_s, keep=kept)

    def _has_settled(self, at_tick: int) -> bool:
        """Whether more silence would change nothing: callers who wait for an hour cost next to nothing."""
        if self._held_at is None:
            self._held_at = at_tick
        if at_tick - self._held_at < SETTLED_SAMPLES or self.caller.in_speech:
            return False
        return self._recognition is None or self._recognition.stream is None

    def sent(self, payload: bytes, _ordinal: int, at_s: float) -> None:
        """The bot's audio has left, see Line: its echo may come back."""
        if self._front_end is not None:
            sent = self._front_end.sent  # a local, for a call by an attribute of the instance is slow
            sent(payload, at_s, first=self._pause_before)
            self._pause_before = False

    def pause_follows(self) -> None:
        """The line has run dry: a pause precedes what is sent next."""
        self._pause_before = True
