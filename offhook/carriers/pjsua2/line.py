"""The line over PJSIP: a port of its conference bridge. It satisfies `telephony.line.MediaLine`.

Theory of operation. PJSIP's media clock takes a frame of 20 ms from the port, and gives it one, at each of its ticks,
in a thread that never waits for this one. `poll` collects what it has done, within a few milliseconds:

- In: frames become the caller's audio. Each has an ordinal, so frames that were lost while the event loop stood still
  are known, and are silence.
- Out: what is played is cut into frames, the last one of a talk spurt filled up with silence, and about a second of
  them is lent to the port; the rest waits here. `sent` are those that the clock has taken, which counts no silence;
  `clear` takes back every other, so the bot is silent with the next frame.
- `played` is what was taken, less the time until the far end has it: half the round trip that RTCP has measured.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from offhook.telephony.codec.base import Codec
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.codec.linear import LINEAR16
from offhook.telephony.dtmf_keys import KeyPath
from offhook.telephony.listeners import LineListeners
from offhook.telephony.net.line_keys import DtmfPaths, LineKeys
from offhook.telephony.net.playout import PlayoutRecord
from offhook.telephony.net.watch import MediaWatch
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.rtp import RtpConfig
from offhook.telephony.rtp.dtmf_sender import parse_digits

if TYPE_CHECKING:
    from offhook.telephony.native._frames import FramePort

FRAME_TICKS = 160
FRAME_S = FRAME_TICKS / RATE_HZ
LENT_FRAMES = 50
"""What the port has, at most: a second, so that a loop that stands still that long is not heard."""

_NOWHERE = ("0.0.0.0", 0)
_DTMF_PAYLOAD_TYPE = 101


@dataclass(frozen=True, slots=True)
class FrameStats:
    """What PJSIP reports of a call's media, in the words of `RtpStats`; `stalls` are frames that came while nobody
    collected them, and `srtp` is the line's."""

    packets_sent: int = 0
    octets_sent: int = 0
    packets_received: int = 0
    octets_received: int = 0
    lost: int = 0
    fraction_lost: float = 0.0
    late: int = 0
    duplicate: int = 0
    reordered: int = 0
    jitter_ms: float = 0.0
    rtt_ms: float | None = None
    jitter_buffer_ms: float = 0.0
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None
    r_factor: float | None = None
    mos: float | None = None
    srtp: int = 0
    telephone_event: int = 0
    stalls: int = 0
    last_received_at: float | None = None


class FrameLine:
    """One call's media. `port` belongs to the line: `close` closes it.

    `call` is the handle of its call. `rate_hz` is the port's: 8000, played G.711, or 16000, played linear PCM.
    `dial(call, digits)` sends keys by RFC 4733; `measure(call)` returns PJSIP's figures as they are now, which it loses
    with the call, or None. For the handlers and the rest of the interface see `MediaLine`.
    """

    def __init__(
        self,
        port: "FramePort",
        call: str,
        *,
        rate_hz: int = RATE_HZ,
        dial: Callable[[str, str], None],
        measure: Callable[[str], FrameStats | None],
        media_timeout_s: float,
        first_media_timeout_s: float,
    ) -> None:
        self.call = call
        """Changes when another call takes the place of this one."""
        self.on_hold: Callable[[bool], None] = _nothing
        """Called when the far end holds the call, and when it goes on."""
        self.on_encrypted: Callable[[], None] = _no_news
        """Called when its media begins to be encrypted."""
        self.on_closed: Callable[[FrameLine], None] = _nothing
        """Called once it is closed."""
        self._listeners = LineListeners()
        self.add_listener = self._listeners.add
        self._played: Codec = PCMU if rate_hz == RATE_HZ else LINEAR16
        self.encoding = self._played.name
        self.rate_hz = self._played.rate_hz
        self.bytes_per_tick = self._played.bytes_per_tick
        self._frame_octets = FRAME_TICKS * self.bytes_per_tick
        self._port = port
        self._dial = dial
        self._measure = measure
        self._config = _config(True)
        self._keys = LineKeys(DtmfPaths(), self._listeners, self._config, self.rate_hz)
        self._watch = MediaWatch(first_media_timeout_s, media_timeout_s)
        self._playout = PlayoutRecord(self.bytes_per_tick)
        self._waiting = bytearray()  # not lent to the port yet
        self._lent: deque[bytes] = deque()  # frame by frame, without the silence that fills the last one
        self._lent_ticks = 0
        self._taken = 0  # frames
        self._sent_ticks = 0
        self._busy = False  # something was queued, and `drained` is owed
        self._held_digits = ""
        self._first: int | None = None  # ordinal of the first frame of the call
        self._next = 0
        self._lost = 0
        self._started = self._confirmed = self._held = self._closed = self._connected = self._encrypted = False
        self._slot: int | None = None
        self._stats = FrameStats()

    # --- from PJSIP's side

    def connect(self, slot: int | None, *, events: bool = True, encrypted: bool = False) -> None:
        """The call's media is there, as that slot of the bridge, or (None) has stopped. `events`: whether
        telephone-event was negotiated (RFC 4733); `encrypted`: whether it is SRTP."""
        if self._closed:
            return
        if self._connected and slot != self._slot and self._slot is not None:
            self._port.disconnect(self._slot)
        # The same slot may be a new stream's: connecting what is connected changes nothing.
        self._connected = False
        self._slot = slot
        self._config = _config(events)
        self._keys.configure(self._config)
        self._join()
        if slot is not None:
            begins, self._encrypted = encrypted and not self._encrypted, encrypted
            if begins:
                self.on_encrypted()

    def hold(self, held: bool) -> None:
        """The far end holds the call, and is not expected to send; or no longer."""
        if self._closed:
            return
        self._held = held
        if held:
            self._watch.pause()
        elif self._confirmed:
            self._watch.resume(monotonic())
        self.on_hold(held)

    def poll(self, now: float) -> None:
        """Collect what the clock has done, soon after each of its ticks."""
        if self._closed:
            return
        self._collect()
        if not self._closed:
            self._collect_sent()
        if not self._closed:
            self._lend(rest=True)
            self._check_media(now)

    def receive_event(self, digit: str, path: KeyPath, duration_ms: int) -> None:
        """A key has come."""
        if not self._closed:
            self._keys.report(digit, path, duration_ms, (self._next - (self._first or 0)) * FRAME_TICKS, monotonic())

    # --- the line

    def start(self, *, confirmed: bool = True) -> None:
        """Begin to receive, and to send what is queued: once it is `confirmed`, by a second call, or with the first
        packet received. From `confirmed` on the far end's media is waited for."""
        if self._closed:
            return
        self._started = True
        if confirmed:
            self._confirmed = True
            self._watch.pause()
            if not self._held:
                self._watch.resume(monotonic())
        self._join()
        self._lend()

    def encode(self, pcm: bytes) -> bytes:
        """16-bit PCM at `rate_hz` to payload. ValueError if `pcm` is not whole samples."""
        return self._played.encode(pcm)

    def play(self, payload: bytes) -> None:
        """Append to the playout queue. No effect after `close`."""
        if self._closed or not payload:
            return
        self._waiting += payload
        self._busy = True
        self._lend()

    def clear(self) -> int:
        """Drop all that the clock has not taken; returns the ticks dropped."""
        if self._closed:
            return 0
        lent = sum(self._ticks(self._lent.pop()) for _ in range(self._port.clear()))
        dropped = lent + self._ticks(self._waiting)
        self._lent_ticks -= lent
        self._waiting.clear()
        self._busy = False
        self._collect_sent()
        self._send_digits()
        return dropped

    @property
    def queued_ticks(self) -> int:
        """Ticks of `play`ed audio neither sent nor dropped, as of the last `poll`."""
        return self._ticks(self._waiting) + self._lent_ticks

    @property
    def sent_ticks(self) -> int:
        """Ticks of `play`ed audio that the clock has taken since `start`."""
        return self._sent_ticks

    def played_ticks(self) -> int:
        """How many of `sent_ticks` have reached the far end by now, by half the measured round trip."""
        return self._playout.arrived(monotonic() - (self._stats.rtt_ms or 0.0) / 2_000)

    def send_dtmf(self, digits: str) -> None:
        """Send DTMF after what is queued. ValueError for anything but 0-9 * # A-D."""
        if not self._closed:
            self._keys.send(
                digits, by_event=self._hold_digits, play=lambda pcm: self.play(self.encode(pcm)), rate_hz=self.rate_hz
            )

    def use_dtmf(self, paths: DtmfPaths) -> None:
        """Receive and send keys by these ways. Before `start`."""
        self._keys = LineKeys(paths, self._listeners, self._config, self.rate_hz)

    def receive_key(self, digit: str, duration_ms: int) -> None:
        """A key has come by SIP INFO."""
        self.receive_event(digit, KeyPath.INFO, duration_ms)

    def reconfigure(self, config: RtpConfig, codec_name: str, receive_codecs: Mapping[int, str] | None = None) -> None:
        """PJSIP has applied it already."""

    @property
    def hears_tones(self) -> bool:
        """Whether keys are found in the audio."""
        return self._keys.listens

    @property
    def awaits_media(self) -> bool:
        """Whether the far end is expected to send: not before `start`, on hold, or after `close`."""
        return self._watch.due is not None and not self._closed

    @property
    def closed(self) -> bool:
        """Whether it is."""
        return self._closed

    def measure(self, now: float | None = None) -> None:
        """Ask for PJSIP's figures, about once a second: it forgets them with the call."""
        before, found = self._stats, self._measure(self.call)
        if found is None:
            return  # the media is not there yet, or has gone already
        last = before.last_received_at
        if found.packets_received > before.packets_received:
            last = monotonic() if now is None else now
        self._stats = replace(found, stalls=self._lost, last_received_at=last)

    def stats(self) -> FrameStats:
        """PJSIP's figures, as last measured; of a call that has lasted for less than a second, as they are now."""
        if not self._stats.packets_sent:
            self.measure()
        return replace(self._stats, srtp=int(self._encrypted))

    def dump(self) -> dict[str, object]:
        """Live state."""
        port: dict[str, object] = {} if self._closed else {**self._port.counters()}
        return {"encoding": self.encoding, "closed": self._closed, "queued_ticks": self.queued_ticks, "port": port}

    def close(self) -> None:
        """Stop, and leave the bridge. No handler is called afterwards. Idempotent."""
        if self._closed:
            return
        self.measure()
        self._closed = True
        self._watch.pause()
        self.on_hold, self.on_encrypted = _nothing, _no_news
        self._port.close()
        self._listeners.clear()
        self.on_closed(self)
        self.on_closed = _nothing

    # --- inside

    def _join(self) -> None:
        # Not before `start`: what comes before is nobody's, and what is played would be lost.
        if self._started and self._slot is not None and not self._connected:
            self._connected = self._port.connect(self._slot)

    def _collect(self) -> None:
        read = self._port.read
        while not self._closed and (frame := read()) is not None:
            ordinal, pcm, at = frame
            if self._first is None:
                if not self._connected:
                    continue
                self._first = self._next = ordinal
            if (missing := ordinal - self._next) > 0:
                self._lost += missing
                self._report(bytes(len(pcm) * missing), self._next, at - FRAME_S)
            self._next = ordinal + 1
            self._report(pcm, ordinal, at)

    def _report(self, pcm: bytes, ordinal: int, at: float) -> None:
        at_tick = (ordinal - (self._first or 0)) * FRAME_TICKS
        if self._keys.listens:
            pcm = self._keys.hear(pcm, at_tick, at)
        for on_audio in self._listeners.audio:
            on_audio(pcm, at_tick, at)

    def _collect_sent(self) -> None:
        taken, last_at = self._port.taken()
        while self._taken < taken and not self._closed:
            self._taken += 1
            payload = self._lent.popleft()
            ordinal, at = self._sent_ticks, last_at - FRAME_S * (taken - self._taken)
            self._lent_ticks -= self._ticks(payload)
            self._sent_ticks += self._ticks(payload)
            self._playout.sent(payload, ordinal, at)
            for on_sent in self._listeners.sent:
                on_sent(payload, ordinal, at)
        if self._busy and not self._closed and not self._waiting and not self._lent:
            self._busy = False
            self._send_digits()
            for on_drained in self._listeners.drained:
                on_drained()

    def _lend(self, *, rest: bool = False) -> None:
        """Cut what waits into frames. With `rest` the last, short one, too, if the port would run dry without it: what
        is played in one go may come in pieces."""
        if not self._confirmed and not self._stats.packets_received:
            return
        while self._waiting and len(self._lent) < LENT_FRAMES:
            if len(self._waiting) < self._frame_octets and not (rest and self._port.waiting() <= 1):
                return
            payload = bytes(self._waiting[: self._frame_octets])
            ticks = self._ticks(payload)
            if not self._port.write(self._played.decode(payload + self._played.silence * (FRAME_TICKS - ticks))):
                return
            del self._waiting[: self._frame_octets]
            self._lent.append(payload)
            self._lent_ticks += ticks

    def _ticks(self, payload: bytes | bytearray) -> int:
        return len(payload) // self.bytes_per_tick

    def _check_media(self, now: float) -> None:
        if self._watch.due is None or self._watch.due > now:
            return
        self.measure(now)
        if self._watch.check(now, self._stats.last_received_at):
            for on_silent in self._listeners.silent:
                on_silent()

    def _hold_digits(self, digits: str) -> None:
        list(parse_digits(digits))  # raises
        self._held_digits += digits.upper()
        if not self._busy:
            self._send_digits()

    def _send_digits(self) -> None:
        digits, self._held_digits = self._held_digits, ""
        if digits:
            self._dial(self.call, digits)


def _config(events: bool) -> RtpConfig:
    """What `LineKeys` has to know."""
    event = _DTMF_PAYLOAD_TYPE if events else None
    return RtpConfig(0, frozenset({0}), event, event, _NOWHERE, _NOWHERE, None)


def _nothing(_: object) -> None:
    """Nobody asks."""


def _no_news() -> None:
    """Nobody listens."""
