"""The caller's audio: through the audio front end to the detector, and to the recogniser while it listens."""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.bands import Bands
from offhook.pipeline.caller_audio import CallerAudio
from offhook.pipeline.errors import EngineError
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.ports import Line
from offhook.pipeline.recognition import Listener, Recognition, Run
from offhook.pipeline.tts.voice import Voice
from offhook.pipeline.vad.batch import Events, VadBatcher


@dataclass(frozen=True, slots=True)
class Engines:
    """What a session needs. `upsampler()` makes a stateful 8 kHz to 16 kHz converter, `downsampler()` one back.

    `ears(encoding)` makes one call's audio front end for a line of that encoding; without it, detections are accepted.
    """

    vad: VadBatcher
    asr: AsrEngine
    voice: Voice
    upsampler: Callable[[], Callable[[bytes], bytes]]
    downsampler: Callable[[], Callable[[bytes], bytes]]
    ears: Callable[[str], AudioFrontEnd] | None = None


class InboundAudio:
    """What of the line's audio is the caller's, and where it goes. `recognition` takes what is a turn."""

    def __init__(
        self,
        line: Line,
        engines: Engines,
        on_speech: Callable[[Events], None],
        is_eager: Callable[[], bool],
        on_failed: Callable[[EngineError], None],
        kept_ticks: int,
    ) -> None:
        self.held = False
        """While the far end holds the call: silence stands for what it sends."""
        self._ears = engines.ears(line.encoding) if engines.ears is not None else None
        self._pause_before = True  # what is sent next does not follow what was sent before it
        self._bands = Bands(line.rate_hz, engines.asr.capabilities.rate_hz, engines.upsampler, engines.downsampler)
        score = self._ears.score if self._ears is not None else None
        self.caller = CallerAudio(
            engines.vad, on_speech, is_eager, on_failed, score, self._bands.kept_bytes, kept_ticks
        )
        self._asr = engines.asr
        self._recognition: Recognition | None = None

    def recogniser_for(self, listener: Listener, run: Run) -> Recognition:
        """The recogniser that the audio goes to."""
        self._recognition = Recognition(self._asr, self._bands, self.caller, listener, run)
        return self._recognition

    def receive(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        """The line's next audio, see Line."""
        if self.held:
            pcm = bytes(len(pcm))  # music, or somebody who talks to a waiting room
        bands, recognition = self._bands, self._recognition
        heard = narrow = bands.narrow(pcm)
        if self._ears is not None:
            heard = self._ears.on_audio(narrow, at_tick, at_s)
        kept = heard if bands.is_narrow else bands.wide(pcm, narrow, heard)
        active = recognition is not None and recognition.active
        if recognition is not None and active:
            recognition.feed(kept)
        self.caller.push(heard, at_tick, at_s, keep=b"" if active else kept)

    def sent(self, payload: bytes, at_s: float) -> None:
        """What the bot says has left: its echo may come back."""
        if self._ears is not None:
            self._ears.sent(payload, at_s, first=self._pause_before)
            self._pause_before = False

    def pause_follows(self) -> None:
        """The line has run dry: what is sent next does not follow what was sent before it."""
        self._pause_before = True
