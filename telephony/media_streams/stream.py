"""One media stream: WebSocket messages to the call's audio and DTMF, and back.

Pure: `receive` a message, `next_event` until None, `messages_to_send`, `get_timer`, `handle_timer`; `now` is monotonic
seconds. It is `connecting` until `start` has come, then `open`, then `over`.
"""

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

from offhook.telephony.errors import WireError
from offhook.telephony.media_streams import limits, messages
from offhook.telephony.media_streams.dialect import Audio, Binary, Dialect
from offhook.telephony.media_streams.dialects import TWILIO
from offhook.telephony.media_streams.inbound_stream import InboundStream
from offhook.telephony.media_streams.messages import Connected, Dtmf, Mark, Media, Message, Start, Stop, Typed
from offhook.telephony.media_streams.numbering import Numbering, Order
from offhook.telephony.media_streams.playout_buffer import Played, PlayoutBuffer

# RFC 6455 §7.4.1
UNSUPPORTED_DATA = 1003
POLICY_VIOLATION = 1008

KEYS_REMEMBERED = 32
"""The latest keys, of which one that comes twice is found."""


@dataclass(frozen=True, slots=True)
class Started:
    """Identifies the call. `parameters` are the far end's, and as untrusted as a caller's number. `encoding` is the
    codec of what is `play`ed."""

    call_sid: str
    stream_sid: str
    account_sid: str
    parameters: tuple[tuple[str, str], ...]
    encoding: str = "PCMU"


class AudioReceived(NamedTuple):
    """The caller's audio: 16-bit PCM at 8 kHz, in order and without holes."""

    pcm: bytes
    at_tick: int


class Key(NamedTuple):
    """The caller sent a DTMF digit."""

    digit: str
    at_tick: int


class Line(NamedTuple):
    """The caller typed a line instead of speaking. Printable, at most `limits.TEXT_CHARS`."""

    text: str


class Drained(NamedTuple):
    """Everything queued has been played."""


class Stopped(NamedTuple):
    """The far end has ended the stream."""


class Failed(NamedTuple):
    """The far end breaks the protocol: close the WebSocket with this code and reason."""

    code: int
    reason: str


Event: TypeAlias = Started | AudioReceived | Key | Line | Played | Drained | Stopped | Failed


@dataclass(frozen=True, slots=True)
class StreamStats:
    """One stream's counters.

    `packets` are media messages. `late` are duplicate or late pieces, `rate_limited` those faster than real time;
    `gaps` counts the runs of concealed audio, `concealed_ticks` their ticks. `skipped_ticks` were not sent because
    the far end did not read; `underruns` are the times its buffer ran dry within a talk spurt. `marks_returned` came
    back by a `clear`, `marks_lost` never.
    """

    packets_sent: int
    octets_sent: int
    packets_received: int
    late: int
    gaps: int
    concealed_ticks: int
    rate_limited: int
    out_of_order: int
    ignored: int
    skipped_ticks: int
    underruns: int
    marks_echoed: int
    marks_returned: int
    marks_lost: int
    marks_unknown: int
    rtt_ms: float | None
    last_received_at: float | None


class MediaStream:
    """One stream. Calls on a stream that is not open have no effect."""

    def __init__(self, now: float, dialect: Dialect = TWILIO) -> None:
        self._dialect = dialect
        self._audio: Audio | None = None
        self._suspended = False
        self._events: deque[Event] = deque()
        self._inbound = InboundStream(partial(_received, self._events))
        self._playout: PlayoutBuffer | None = None
        self._stream_sid = ""
        self._over = False
        self._began = now
        self._credit = float(limits.MESSAGES_BURST)
        self._credit_at = now
        self._numbering = Numbering()
        self._keys = deque[Dtmf](maxlen=KEYS_REMEMBERED)
        self._out_of_order = self._ignored = 0

    # In.

    def receive(self, data: bytes, now: float) -> None:
        """One message of the WebSocket: text, or `Binary`."""
        if self._over:
            self._ignored += 1
            return
        if not self._afford(now):
            self._fail(POLICY_VIOLATION, "too many messages")
            return
        try:
            message = self._dialect.parse(data)
        except WireError as error:
            self._fail(UNSUPPORTED_DATA if isinstance(data, Binary) else POLICY_VIOLATION, str(error))
            return
        if self._playout is None:
            self._connecting(message, now)
        else:
            self._open(message, self._playout, now)

    def next_event(self) -> Event | None:
        """The next event; None when there is none."""
        return self._events.popleft() if self._events else None

    def fail(self, code: int, reason: str) -> None:
        """The stream is unusable, for a reason found elsewhere."""
        self._fail(code, reason)

    def closed(self, code: int, reason: str) -> None:
        """The far end has closed the WebSocket: with some dialects that ends the call."""
        if self._over:
            return
        if self._dialect.ends_by_closing and self._playout is not None:
            self._stop()
        else:
            self._fail(code, reason)

    def suspend(self, now: float) -> bool:
        """The far end is gone, and may come back: until `resume` nothing is sent, and silence is received. False if the
        stream is not open."""
        if self._playout is None or self._over or self._suspended:
            return False
        self._suspended = True
        self._playout.suspend(now)
        self._emit_played(self._playout)
        return True

    def resume(self, stream_sid: str, now: float) -> None:
        """The far end is back, with a new stream for the same call."""
        if self._playout is None or self._audio is None or not self._suspended:
            return
        self._suspended = False
        self._stream_sid = stream_sid
        self._numbering.restart()
        self._keys.clear()
        self._inbound.restart()
        self._playout.resume(self._dialect.writer(stream_sid, self._audio), now)

    # Out.

    def play(self, payload: bytes, now: float, *, writable: bool = True) -> None:
        """Append to the playout queue: 8 kHz, in the encoding of `Started`. For `writable` see
        `handle_timer`."""
        if self._playout is not None and not self._over:
            self._playout.play(payload, now, writable=writable)

    def clear(self, now: float) -> int:
        """Drop what has not been played; returns the ticks dropped."""
        if self._playout is None:
            return 0
        dropped = self._playout.clear(now)
        self._emit_played(self._playout)
        return dropped

    def messages_to_send(self) -> list[bytes]:
        """Messages for the WebSocket, in order; each is returned once."""
        if self._playout is None or not self._playout.messages:
            return []
        found, self._playout.messages = self._playout.messages, []
        return found

    @property
    def sent_ticks(self) -> int:
        """Ticks played, or too late to take back."""
        return self._playout.sent_ticks if self._playout is not None else 0

    @property
    def queued_ticks(self) -> int:
        """Ticks that can still be taken back, here or at the far end."""
        return self._playout.queued_ticks if self._playout is not None else 0

    def played_ticks(self, now: float) -> int:
        """Ticks that the caller has heard: by time, and never beyond a mark without its echo."""
        return self._playout.played_ticks(now) if self._playout is not None else 0

    def round_trip(self, seconds: float) -> None:
        """The connection's round trip was measured."""
        if self._playout is not None:
            self._playout.round_trip_s = seconds

    # Time.

    def get_timer(self) -> float | None:
        """When `handle_timer` is due."""
        if self._over:
            return None
        if self._playout is None:
            return self._began + limits.START_S
        due, other = self._playout.get_timer(), self._inbound.get_timer()
        if due is None or (other is not None and other < due):
            return other
        return due

    def handle_timer(self, now: float, *, writable: bool = True) -> None:
        """Do what is due. Not `writable`: the far end isn't reading, so what is due is dropped and counted."""
        if self._over:
            return
        if self._playout is None:
            if now >= self._began + limits.START_S:
                self._fail(POLICY_VIOLATION, f"no start within {limits.START_S:g} s")
            return
        self._playout.handle_timer(now, writable=writable)
        self._emit_played(self._playout)
        self._inbound.handle_timer(now)

    @property
    def last_received_at(self) -> float | None:
        """When the last media arrived."""
        return self._inbound.last_received_at

    def stats(self) -> StreamStats:
        """The counters so far."""
        inbound, playout = self._inbound, self._playout
        round_trip_s = playout.round_trip_s if playout is not None else None
        return StreamStats(
            packets_sent=playout.messages_sent if playout is not None else 0,
            octets_sent=playout.octets_sent if playout is not None else 0,
            packets_received=inbound.received,
            late=inbound.duplicate,
            gaps=inbound.gaps,
            concealed_ticks=inbound.concealed_ticks,
            rate_limited=inbound.rate_limited,
            out_of_order=self._out_of_order,
            ignored=self._ignored,
            skipped_ticks=playout.skipped_ticks if playout is not None else 0,
            underruns=playout.underruns if playout is not None else 0,
            marks_echoed=playout.marks_echoed if playout is not None else 0,
            marks_returned=playout.marks_returned if playout is not None else 0,
            marks_lost=playout.marks_lost if playout is not None else 0,
            marks_unknown=playout.marks_unknown if playout is not None else 0,
            rtt_ms=None if round_trip_s is None else 1_000 * round_trip_s,
            last_received_at=inbound.last_received_at,
        )

    def dump(self) -> dict[str, object]:
        """Live state."""
        return {
            "stream": self._stream_sid,
            "state": self._state(),
            "received_ticks": self._inbound.position,
            "sent_ticks": self.sent_ticks,
            "queued_ticks": self.queued_ticks,
        }

    # Inside.

    def _state(self) -> str:
        if self._over:
            return "over"
        if self._playout is None:
            return "connecting"
        return "suspended" if self._suspended else "open"

    def _afford(self, now: float) -> bool:
        earned = (now - self._credit_at) * limits.MESSAGES_PER_S
        self._credit_at = now
        self._credit = min(limits.MESSAGES_BURST, self._credit + earned) - 1.0
        return self._credit >= 0.0

    def _connecting(self, message: Message, now: float) -> None:
        if isinstance(message, Start):
            self._start(message)
        elif isinstance(message, Stop):
            self._stop()
        elif not isinstance(message, Connected):
            self._ignored += 1  # ignored before the stream has a call

    def _start(self, message: Start) -> None:
        details = message.start
        audio = details.media_format
        stream_sid = message.stream_sid or details.stream_sid
        known = self._dialect.encodings.get((audio.encoding.lower().replace(" ", ""), audio.sample_rate))
        if known is None or audio.channels != 1:
            what = f"{audio.encoding} at {audio.sample_rate} Hz, {audio.channels} channels"
            better = " or ".join(f"{name} at {rate_hz} Hz" for name, rate_hz in self._dialect.encodings)
            self._fail(UNSUPPORTED_DATA, f"the audio is {what}; only mono {better} is understood")
        elif stream_sid is None or details.stream_sid not in (None, stream_sid):
            self._fail(POLICY_VIOLATION, "start names no stream, or two")
        else:
            self._stream_sid = stream_sid
            self._audio = known
            self._inbound = InboundStream(
                partial(_received, self._events),
                known.decoder(),
                clock_stamps=self._dialect.clock_stamps,
                may_swap=self._dialect.may_swap,
            )
            self._playout = PlayoutBuffer(self._dialect.writer(stream_sid, known))
            parameters = tuple(details.custom_parameters.items())
            self._events.append(Started(details.call_sid, stream_sid, details.account_sid, parameters, known.line))

    def _open(self, message: Message, playout: PlayoutBuffer, now: float) -> None:
        if isinstance(message, Connected | messages.Unknown):
            self._ignored += 1
            return
        if isinstance(message, Start):
            self._fail(POLICY_VIOLATION, "a second start")
            return
        if message.stream_sid is not None and message.stream_sid != self._stream_sid:
            if isinstance(message, Media):
                self._fail(POLICY_VIOLATION, "audio of another stream")
            else:
                self._ignored += 1
            return
        if self._is_new(message):
            self._take(message, playout, now)

    def _take(self, message: Media | Mark | Dtmf | Typed | Stop, playout: PlayoutBuffer, now: float) -> None:
        if isinstance(message, Media):
            if message.media.track.startswith("inbound"):
                self._inbound.media(message.media, now)
            else:
                self._ignored += 1  # the bot's own voice
        elif isinstance(message, Mark):
            playout.echo(message.mark.name, now)
        elif isinstance(message, Dtmf):
            self._events.append(Key(message.dtmf.digit, self._inbound.position))
        elif isinstance(message, Typed):
            self._events.append(Line(message.text))
        else:
            self._stop()

    def _is_new(self, message: Media | Mark | Dtmf | Typed | Stop) -> bool:
        """Whether the message isn't a duplicate. Late audio with its own numbers is checked by those. Far ends may give
        one number to audio and what comes with it: a key is a duplicate of the same key alone, and what may come twice
        without harm is none."""
        if message.sequence_number is None:
            return True
        order = self._numbering.judge(message.sequence_number)
        is_old = order is Order.LATE or order is Order.AGAIN
        self._out_of_order += is_old
        if isinstance(message, Media):
            return not is_old or message.media.chunk is not None
        if not isinstance(message, Dtmf):
            return True
        has_come = message in self._keys
        self._keys.append(message)
        return order is not Order.AGAIN or not has_come

    def _stop(self) -> None:
        self._over = True
        self._events.append(Stopped())

    def _fail(self, code: int, reason: str) -> None:
        if not self._over:
            self._over = True
            self._events.append(Failed(code, reason))

    def _emit_played(self, playout: PlayoutBuffer) -> None:
        if playout.played:
            self._events += playout.played
            playout.played.clear()
        if playout.drained:
            playout.drained = False
            self._events.append(Drained())


def _received(events: deque[Event], pcm: bytes, at_tick: int) -> None:
    events.append(AudioReceived(pcm, at_tick))
