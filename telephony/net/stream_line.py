"""The line over a media stream: a WebSocket's messages, a `MediaStream`. It satisfies `telephony.line.MediaLine`.

The far end buffers the audio that is about to be played, and drops it on `clear`. So `sent_ticks` here are those
played, or too late to take back; what waits at the far end still counts as queued.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from offhook.telephony import tones
from offhook.telephony.codec.base import codec_named
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.listeners import LineListeners
from offhook.telephony.media_streams.dialect import Dialect
from offhook.telephony.media_streams.dialects import TWILIO
from offhook.telephony.media_streams.playout_buffer import Played
from offhook.telephony.media_streams.stream import (
    AudioReceived,
    Drained,
    Event,
    Failed,
    Key,
    Line,
    MediaStream,
    Started,
    Stopped,
    StreamStats,
)
from offhook.telephony.net.stream_clock import PERIOD_S, StreamClock
from offhook.telephony.net.watch import MediaWatch
from offhook.telephony.pcm import RATE_HZ

MEDIA_TIMEOUT_S = 15.0
FIRST_MEDIA_TIMEOUT_S = 30.0

GOING_AWAY = 1001
NORMAL = 1000

_EARLY_S = 0.002
"""What is due within this time is done now: the clock is not that exact, and its next point is far off."""


class StreamSocket(Protocol):
    """What the line needs of a WebSocket. The owner of both hands what arrives to the line."""

    @property
    def writable(self) -> bool:
        """Whether the far end reads what is written."""

    def read(self) -> None:
        """Deliver what has arrived."""

    def send(self, messages: Sequence[bytes]) -> None:
        """Write messages, in order: text, or `Binary`. No effect after `close`."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame (RFC 6455 §7.4) and close. Idempotent."""

    def hand_to(self, line: "StreamLine") -> None:
        """Deliver to `line` from now on."""


class _NoSocket:
    """In place of a lost socket, until another one comes."""

    writable = False

    def read(self) -> None:
        """Nothing arrives."""

    def send(self, messages: Sequence[bytes]) -> None:
        """No effect."""

    def close(self, code: int, reason: str) -> None:
        """No effect."""

    def hand_to(self, line: "StreamLine") -> None:
        """Nothing arrives."""


class StreamLine:
    """One call's media on a WebSocket. For the handlers and the rest of the interface see `MediaLine`.

    `clock` is shared by all lines of the event loop: at its points sockets are read and timers run. The line takes all
    times from it.

    `on_started` is called once with the call, before anything else. `on_ended` is called once when the far end has
    stopped (None), or with the reason why it is unusable. The socket belongs to the line: `close` closes it.

    With `on_suspended` a line that loses its connection is not ended but suspended, and `on_suspended` gets the reason:
    it is silent until it takes over the socket of another line for the same call (`take_over`), or is closed.
    """

    def __init__(
        self,
        socket: StreamSocket,
        *,
        on_started: Callable[[Started], None],
        on_ended: Callable[[str | None], None],
        on_suspended: Callable[[str], None] | None = None,
        clock: StreamClock,
        dialect: Dialect = TWILIO,
        media_timeout_s: float = MEDIA_TIMEOUT_S,
        first_media_timeout_s: float = FIRST_MEDIA_TIMEOUT_S,
    ) -> None:
        self._listeners = LineListeners()
        self.add_listener = self._listeners.add
        self.shield = self._listeners.shield
        self.rate_hz, self.bytes_per_tick = PCMU.rate_hz, PCMU.bytes_per_tick
        self._on_started = on_started
        self._on_ended = on_ended
        self._on_suspended = on_suspended
        self.encoding = PCMU.name
        """The encoding of played audio; final once `on_started` has been called."""
        self._socket: StreamSocket = socket
        self._clock = clock
        self._stream = MediaStream(clock.now(), dialect)
        self._may_swap = dialect.may_swap
        self._watch = MediaWatch(first_media_timeout_s, media_timeout_s)
        self._due = math.inf  # when there is something to do
        self._delivering = self._closed = False
        self._zero_at = math.inf  # when the first sample came, by the least delayed message
        self._reschedule()
        clock.join(self._tick)

    # From the socket.

    def receive(self, message: bytes) -> None:
        """A message has arrived: text, or `Binary`."""
        self._stream.receive(message, self._clock.now())
        self._deliver()
        if self._may_swap:  # a piece that waits for the one before it is due sooner than anything else
            self._reschedule()

    def round_trip(self, seconds: float) -> None:
        """The connection's round trip was measured."""
        self._stream.round_trip(seconds)

    def lost(self, reason: str) -> None:
        """The connection is lost."""
        if self._on_suspended is not None and not self._closed and self._stream.suspend(self._clock.now()):
            self._socket = _NoSocket()
            self._watch.pause()
            self._deliver()
            self._reschedule()
            self._on_suspended(reason)
            return
        self._stream.fail(GOING_AWAY, reason)
        self._deliver()

    def peer_closed(self, reason: str) -> None:
        """The far end has closed the WebSocket in good order."""
        if self._on_suspended is not None:
            self.lost(reason)
            return
        self._stream.closed(GOING_AWAY, reason)
        self._deliver()

    def take_over(self, other: "StreamLine", stream_sid: str) -> None:
        """Go on with the socket of `other`, a line just started for the same call; `other` is unusable then."""
        self._socket = other.give_away()
        self._socket.hand_to(self)
        now = self._clock.now()
        self._stream.resume(stream_sid, now)
        self._watch.resume(now)
        self._send()
        self._reschedule()

    def break_off(self, reason: str) -> None:
        """Detach an unusable socket, as if the connection had been lost."""
        socket, self._socket = self._socket, _NoSocket()
        socket.close(GOING_AWAY, reason)
        self.lost(reason)

    def give_away(self) -> StreamSocket:
        """End without closing the socket."""
        socket, self._socket = self._socket, _NoSocket()
        self.close()
        return socket

    # The line.

    def start(self) -> None:
        """Start the media time-out; media has been received all along."""
        if not self._closed:
            self._watch.resume(self._clock.now())
            self._reschedule()

    def encode(self, pcm: bytes) -> bytes:
        """8 kHz 16-bit PCM to payload. ValueError if `pcm` is not whole samples."""
        return codec_named(self.encoding).encode(pcm)

    def play(self, payload: bytes) -> None:
        """Append to the playout queue. No effect after `close`."""
        if self._closed or not payload:
            return
        self._stream.play(payload, self._clock.now(), writable=self._socket.writable)
        self._send()
        self._reschedule()

    def clear(self) -> int:
        """Drop all that has not been played, here and at the far end; returns the ticks dropped."""
        if self._closed:
            return 0
        dropped = self._stream.clear(self._clock.now())
        self._send()
        self._deliver()
        return dropped

    @property
    def queued_ticks(self) -> int:
        """Ticks `play`ed that can still be taken back."""
        return self._stream.queued_ticks

    @property
    def sent_ticks(self) -> int:
        """Ticks of `play`ed audio that can no longer be taken back."""
        return self._stream.sent_ticks

    def played_ticks(self) -> int:
        """How many of `sent_ticks` have been played by now: by time, never beyond a mark without its echo."""
        return self._stream.played_ticks(self._clock.now())

    def send_dtmf(self, digits: str) -> None:
        """Play DTMF tones after what is queued: streams have no other way. They count as `play`ed. ValueError
        for anything but 0-9 * # A-D."""
        self.play(self.encode(tones.dtmf(digits)))

    @property
    def awaits_media(self) -> bool:
        """Whether the far end is expected to send: not before it has begun, while suspended, or after `close`."""
        return self._watch.due is not None and not self._closed

    def stats(self) -> StreamStats:
        """The stream's counters."""
        return self._stream.stats()

    def dump(self) -> dict[str, object]:
        """Live state."""
        return {"encoding": self.encoding, "closed": self._closed, "stream": self._stream.dump()}

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Stop, and close the socket: the call's routing continues after the stream. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._clock.leave(self._tick)
        self._socket.close(code, reason)
        self._listeners.clear()
        self._on_started = self._on_ended = _nothing  # they are of the owner, who has us
        self._on_suspended = None

    # Inside.

    def _send(self) -> None:
        messages = self._stream.messages_to_send()
        if messages:
            self._socket.send(messages)

    def _deliver(self) -> None:
        """Dispatch the stream's events. A handler may close the line, or re-enter this: order is kept."""
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
        if isinstance(event, AudioReceived):
            came_at = self._came_at(event.at_tick + len(event.pcm) // 2)
            for on_audio in self._listeners.audio:
                on_audio(event.pcm, event.at_tick, came_at)
        elif isinstance(event, Played):
            now = self._clock.now()
            for on_sent in self._listeners.sent:
                on_sent(event.payload, event.ordinal, now)
        elif isinstance(event, Drained):
            for on_drained in self._listeners.drained:
                on_drained()
        elif isinstance(event, Key | Line):
            self._handle_input(event)
        elif isinstance(event, Started):
            self.encoding = event.encoding
            self._on_started(event)
        else:
            self._ended(event)

    def _handle_input(self, event: Key | Line) -> None:
        if isinstance(event, Line):
            for on_text in self._listeners.text:
                on_text(event.text)
            return
        for on_dtmf in self._listeners.dtmf:
            on_dtmf(event.digit, event.at_tick)

    def _came_at(self, end_tick: int) -> float:
        """About when the message with the audio before this tick came: it waited for a point of the clock, so at most a
        period ago. Some are read at once; after those, the audio itself measures time.
        """
        now = self._clock.now()
        self._zero_at = min(self._zero_at, now - end_tick / RATE_HZ)
        return max(self._zero_at + end_tick / RATE_HZ, now - PERIOD_S)

    def _ended(self, event: Stopped | Failed) -> None:
        on_ended = self._on_ended
        if isinstance(event, Failed):
            self.close(event.code, event.reason)
            on_ended(event.reason)
        else:
            on_ended(None)

    # Time.

    def _reschedule(self) -> None:
        """Compute when something is due. Each message moves that later, which is noticed when the old time comes."""
        timer, watch = self._stream.get_timer(), self._watch.due
        self._due = min(math.inf if timer is None else timer, math.inf if watch is None else watch)

    def _tick(self, now: float) -> None:
        self._socket.read()
        if self._due > now + _EARLY_S or self._closed:
            return
        try:
            self._stream.handle_timer(max(now, self._due), writable=self._socket.writable)
            self._send()
            self._deliver()
            if self._watch.check(now, self._stream.last_received_at):
                for on_silent in self._listeners.silent:
                    on_silent()
        finally:
            self._reschedule()


def _nothing(what: object) -> None:
    """Callback of a closed line."""
