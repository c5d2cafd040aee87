"""Aligns both sides of a call in time for its recording."""

from concurrent.futures import Future
from time import monotonic

from offhook.records import RecordingResult, RecordingWriter
from offhook.telephony.codec.base import codec_named
from offhook.telephony.codec.convert import pcm_decoder, rate_converter
from offhook.telephony.line import MediaLine

RATE_HZ = 8_000
SLACK_SAMPLES = 800  # a packet within 100 ms of the last one's end follows it directly


class CallRecorder:
    """Listens on a line beside the session. `uniqueid` names the file. Wideband lines are recorded at 8 kHz, too."""

    def __init__(self, writer: RecordingWriter, uniqueid: str, line: MediaLine) -> None:
        self._recorder = writer.record(uniqueid)
        self._bytes_per_tick = line.bytes_per_tick
        self._narrow = rate_converter(line.rate_hz, RATE_HZ)
        self._decode = pcm_decoder(codec_named(line.encoding), RATE_HZ)
        self._began = monotonic()
        self._caller_offset: int | None = None
        self._bot_next = 0
        self._paused = False
        self._resumed_at_s = 0.0
        line.add_listener(audio=self._caller, sent=self._bot)

    @property
    def paused(self) -> bool:
        """While true both sides are recorded as silence."""
        return self._paused

    @paused.setter
    def paused(self, paused: bool) -> None:
        if self._paused and not paused:
            self._resumed_at_s = monotonic()
        self._paused = paused

    def close(self) -> "Future[RecordingResult]":
        """End the recording; the future is done when the file is complete."""
        return self._recorder.close()

    def discard(self) -> None:
        """Remove what has been recorded so far; what follows is recorded still."""
        self._recorder.discard()

    def _caller(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        pcm = self._narrow(pcm)
        if self._caller_offset is None:
            # Audio time is continuous from the first packet on: only its start must be aligned.
            self._caller_offset = max(0, self._since_began(at_s) - len(pcm) // 2) - at_tick
        if self._is_kept(at_s):
            self._recorder.caller(pcm, at_tick + self._caller_offset)

    def _bot(self, payload: bytes, ordinal: int, at_s: float) -> None:
        now = self._since_began(at_s)
        # A line may report several packets at once, when the last of them has been played.
        samples = len(payload) // self._bytes_per_tick
        if abs(now - self._bot_next) > SLACK_SAMPLES + samples:
            self._bot_next = now
        if self._is_kept(at_s):
            self._recorder.bot(self._decode(payload), self._bot_next)
        self._bot_next += samples

    def _is_kept(self, at_s: float) -> bool:
        """What was said before the recording was resumed may be reported behind it."""
        return not self._paused and at_s >= self._resumed_at_s

    def _since_began(self, at_s: float) -> int:
        return int((at_s - self._began) * RATE_HZ)
