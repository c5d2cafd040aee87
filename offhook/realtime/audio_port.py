"""Audio between a line and a model: G.711 as it is where the model takes it, otherwise PCM at the model's rate."""

from dataclasses import dataclass
from typing import Protocol

from offhook.pipeline.rates import TICK_HZ
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler

LAWS = {"PCMU": PCMU, "PCMA": PCMA}


class LineAudio(Protocol):
    """What a port needs to know of a line, see CallAudio."""

    encoding: str
    line_rate_hz: int

    def encode(self, pcm: bytes, /) -> bytes:
        """PCM at the line's rate to payload."""
        ...


@dataclass(frozen=True, slots=True)
class ModelAudio:
    """What a model takes and gives: rates of its PCM, and whether it has the G.711 laws."""

    in_hz: int
    out_hz: int
    laws: bool


class AudioPort:
    """The conversions of one session. `law` is PCMU or PCMA where nothing is converted, "" for PCM.

    A law's samples are the line's own: decoding and encoding them again changes none.
    """

    def __init__(self, line: LineAudio, model: ModelAudio) -> None:
        self.law = line.encoding if model.laws and line.encoding in LAWS else ""
        self._line = line
        self._model = model
        self._inbound: dict[int, Resampler] = {}
        self._outbound: Resampler | None = None
        self._rest = b""

    def to_model(self, pcm: bytes, rate_hz: int) -> bytes:
        """The caller's audio, 16-bit PCM at `rate_hz`, as the model takes it."""
        if self.law:
            return LAWS[self.law].encode(pcm)
        if rate_hz == self._model.in_hz:
            return pcm
        if rate_hz not in self._inbound:
            self._inbound[rate_hz] = Resampler(rate_hz, self._model.in_hz)
        return self._inbound[rate_hz].push(pcm)

    def to_line(self, audio: bytes) -> bytes:
        """The model's audio as payload for the line, in whole ticks."""
        if self.law:
            return audio
        if self._outbound is None and self._model.out_hz != self._line.line_rate_hz:
            self._outbound = Resampler(self._model.out_hz, self._line.line_rate_hz)
        audio = self._rest + audio
        whole = len(audio) // 2 * 2
        audio, self._rest = audio[:whole], audio[whole:]
        return self._encoded(audio if self._outbound is None else self._outbound.push(audio))

    def end_item(self) -> bytes:
        """The rest of a reply whose last audio has come."""
        self._rest = b""
        return self._encoded(self._outbound.flush()) if self._outbound is not None else b""

    def _encoded(self, pcm: bytes) -> bytes:
        tick_bytes = 2 * self._line.line_rate_hz // TICK_HZ
        pcm += bytes(-len(pcm) % tick_bytes)
        return self._line.encode(pcm) if pcm else b""
