"""Connects two lines: each hears the other, and gets the other's keys."""

from collections.abc import Callable
from typing import Protocol

from offhook.calls.line import CallLine
from offhook.telephony.codec.convert import rate_converter
from offhook.telephony.listeners import AudioHandler, DtmfHandler, Handler
from offhook.telephony.pcm import RATE_HZ

PREBUFFER_TICKS = RATE_HZ * 60 // 1000
"""Collected before a talk spurt begins: audio arrives in pieces of 20 to 60 ms, and should leave without gaps."""

MAX_QUEUED_TICKS = RATE_HZ * 300 // 1000
"""What may wait to be sent: beyond it the far end's clock is faster than ours, and a piece is left out."""


class Source(Protocol):
    """What is heard: a line, or what stands for one."""

    rate_hz: int

    def add_listener(self, *, audio: AudioHandler, dtmf: DtmfHandler) -> Handler:
        """Call these with audio and keys. Returns a function that removes them."""


class Bridge:
    """Forwards until `close`. `on_key(key)` sees each key of either side first, and says whether it is used up."""

    def __init__(self, one: CallLine, other: CallLine, on_key: Callable[[str], bool] = lambda key: False) -> None:
        one.clear()
        other.clear()
        self._directions = (OneWay(one, other, on_key), OneWay(other, one, on_key))

    def close(self) -> None:
        """Stop, and drop what has not been sent. Idempotent."""
        for direction in self._directions:
            direction.close()


class OneWay:
    """One direction of it: from `source` to `sink`, with the keys that `on_key` does not use up. `on_first()` is called
    before the first audio is forwarded."""

    def __init__(
        self,
        source: Source,
        sink: CallLine,
        on_key: Callable[[str], bool] = lambda key: False,
        on_first: Callable[[], None] | None = None,
    ) -> None:
        self._sink = sink
        self._convert = rate_converter(source.rate_hz, sink.rate_hz)
        self._on_key = on_key
        self._on_first = on_first
        self._pending = b""
        self._bytes_per_tick = 2 * sink.rate_hz // RATE_HZ
        self._remove: Callable[[], None] | None = source.add_listener(audio=self._audio, dtmf=self._key)

    def close(self) -> None:
        """Stop, and drop what has not been sent. Idempotent."""
        if self._remove is not None:
            self._remove()
            self._remove = None
            self._sink.clear()

    def _audio(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        if self._on_first is not None:
            on_first, self._on_first = self._on_first, None
            on_first()
        self._pending += self._convert(pcm)
        queued = self._sink.queued_ticks
        if queued > MAX_QUEUED_TICKS:
            self._pending = b""
        elif queued or len(self._pending) >= PREBUFFER_TICKS * self._bytes_per_tick:
            self._sink.play(self._sink.encode(self._pending))
            self._pending = b""

    def _key(self, key: str, at_tick: int) -> None:
        if not self._on_key(key):
            self._sink.send_dtmf(key)
