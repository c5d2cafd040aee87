"""The line over a media stream: a WebSocket's messages, a `MediaStream`. It satisfies `telephony.line.MediaLine`.

The far end holds the audio that is about to be played, and gives it back on `clear`. So `sent_samples` here are those
that have been played, or as good as; what waits at the far end still counts as queued.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from telephony import tones
from telephony.codec.g711 import PCMU
from telephony.net.watch import MediaWatch
from telephony.twilio.speaking import Played
from telephony.twilio.stream import Drained, Event, Failed, Heard, Key, MediaStream, Started, Stopped, StreamStats

MEDIA_TIMEOUT_S = 15.0
FIRST_MEDIA_TIMEOUT_S = 30.0

GOING_AWAY = 1001
NORMAL = 1000

_TIMER_GRAIN_S = 0.001


class StreamSocket(Protocol):
    """What the line needs of a WebSocket. The owner of both hands what arrives to the line."""

    @property
    def writable(self) -> bool:
        """Whether the far end reads what is written."""

    def send(self, messages: Sequence[bytes]) -> None:
        """Write text messages, in order. Nothing happens after `close`."""

    def close(self, code: int, reason: str) -> None:
        """Say goodbye (RFC 6455 §7.4) and close. Idempotent."""


class StreamLine:
    """One call's media on a WebSocket. For the handlers and the rest of the interface see `MediaLine`.

    `on_started` is told once which call it is; before that nothing else happens. `on_ended` is told once that the far
    end has stopped (None), or why it is of no use any more. The socket belongs to the line: `close` closes it.
    """

    encoding = PCMU.name

    def __init__(
        self,
        socket: StreamSocket,
        *,
        on_started: Callable[[Started], None],
        on_ended: Callable[[str | None], None],
        loop: asyncio.AbstractEventLoop | None = None,
        media_timeout_s: float = MEDIA_TIMEOUT_S,
        first_media_timeout_s: float = FIRST_MEDIA_TIMEOUT_S,
    ) -> None:
        self.on_audio: Callable[[bytes, int], None] | None = None
        self.on_dtmf: Callable[[str, int], None] | None = None
        self.on_sent: Callable[[bytes, int], None] | None = None
        self.on_drained: Callable[[], None] | None = None
        self.on_silent: Callable[[], None] | None = None
        self.rate_hz, self.tick_octets = PCMU.rate_hz, PCMU.tick_octets
        self._on_started = on_started
        self._on_ended = on_ended
        self._socket = socket
        self._loop = loop or asyncio.get_running_loop()
        self._stream = MediaStream(time.monotonic())
        self._watch = MediaWatch(first_media_timeout_s, media_timeout_s)
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = math.inf
        self._delivering = self._closed = False
        self._arm()

    # From the socket.

    def receive(self, message: bytes) -> None:
        """A text message has arrived."""
        self._stream.receive(message, time.monotonic())
        self._deliver()

    def round_trip(self, seconds: float) -> None:
        """The connection's round trip was measured."""
        self._stream.round_trip(seconds)

    def lost(self, reason: str) -> None:
        """The socket is gone."""
        self._stream.fail(GOING_AWAY, reason)
        self._deliver()

    # The line.

    def start(self) -> None:
        """Watch over the media; it has been received all the time."""
        if not self._closed:
            self._watch.resume(time.monotonic())
            self._arm()

    def encode(self, pcm: bytes) -> bytes:
        """8 kHz 16-bit PCM to mu-law. ValueError if `pcm` is not whole samples."""
        return PCMU.encode(pcm)

    def play(self, payload: bytes) -> None:
        """Append to what is being said. Nothing happens after `close`."""
        if self._closed or not payload:
            return
        self._stream.play(payload, time.monotonic(), writable=self._socket.writable)
        self._send()
        self._arm_earlier()

    def clear(self) -> int:
        """Drop all that has not been played, here and at the far end; the samples dropped."""
        if self._closed:
            return 0
        dropped = self._stream.clear(time.monotonic())
        self._send()
        self._deliver()
        return dropped

    @property
    def queued_samples(self) -> int:
        """Samples that were `play`ed and can still be taken back."""
        return self._stream.queued_samples

    @property
    def sent_samples(self) -> int:
        """Samples of `play`ed audio that can no longer be taken back."""
        return self._stream.sent_samples

    def heard_samples(self) -> int:
        """Of `sent_samples`, those that have been heard: by time, never beyond a mark that is still out."""
        return self._stream.heard_samples(time.monotonic())

    def send_dtmf(self, digits: str) -> None:
        """Play the keys' tones after what is queued: a stream has no other way. They count as `play`ed. ValueError
        for anything but 0-9 * # A-D."""
        self.play(PCMU.encode(tones.dtmf(digits)))

    def stats(self) -> StreamStats:
        """The stream's counters."""
        return self._stream.stats()

    def dump(self) -> dict[str, object]:
        """Live state."""
        return {"encoding": self.encoding, "closed": self._closed, "stream": self._stream.dump()}

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Stop, and close the socket: whoever routes the call goes on with it. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._socket.close(code, reason)

    # Inside.

    def _send(self) -> None:
        messages = self._stream.messages_to_send()
        if messages:
            self._socket.send(messages)

    def _deliver(self) -> None:
        """Hand over the stream's events. A handler may close the line, or come back here: order is kept."""
        if self._delivering:
            return
        self._delivering = True
        next_event = self._stream.next_event
        try:
            while not self._closed and (event := next_event()) is not None:
                self._handle(event)
        finally:
            self._delivering = False

    def _handle(self, event: Event) -> None:
        if isinstance(event, Heard):
            if self.on_audio is not None:
                self.on_audio(event.pcm, event.at_sample)
        elif isinstance(event, Played):
            if self.on_sent is not None:
                self.on_sent(event.payload, event.ordinal)
        elif isinstance(event, Drained):
            if self.on_drained is not None:
                self.on_drained()
        elif isinstance(event, Key):
            if self.on_dtmf is not None:
                self.on_dtmf(event.digit, event.at_sample)
        elif isinstance(event, Started):
            self._on_started(event)
        else:
            self._ended(event)

    def _ended(self, event: Stopped | Failed) -> None:
        if isinstance(event, Failed):
            self.close(event.code, event.reason)
            self._on_ended(event.reason)
        else:
            self._on_ended(None)

    # Time.

    def _due(self) -> float:
        return min(math.inf if due is None else due for due in (self._stream.get_timer(), self._watch.due))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed_for = due = self._due()
        if due < math.inf and not self._closed:
            delay_s = max(0.0, due - time.monotonic())
            self._timer = self._loop.call_later(delay_s, self._timer_fired)

    def _arm_earlier(self) -> None:
        """With each message timers move later; that is seen when the one that is armed fires."""
        if self._due() < self._armed_for - _TIMER_GRAIN_S:
            self._arm()

    def _timer_fired(self) -> None:
        self._timer = None
        now = time.monotonic()
        try:
            # Both event loops count in whole milliseconds, and may be half a one early.
            self._stream.handle_timer(now + _TIMER_GRAIN_S / 2, writable=self._socket.writable)
            self._send()
            self._deliver()
            if self._watch.check(now, self._stream.last_received_at) and self.on_silent is not None:
                self.on_silent()
        finally:
            if not self._closed:
                self._arm()
