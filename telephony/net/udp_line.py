"""The line over UDP: two sockets, an RTP session, a codec. It satisfies `telephony.line.MediaLine`.

Theory of operation. `RtpSession` decides everything about RTP and knows no socket; an `RtpIo` moves its packets: the
event loop alone (`LoopIo`), or the media pump's thread (`PumpIo`). The line joins them, and adds codecs and listeners.

- Inbound, `deliver` takes the session's events after a packet: payload is decoded, gaps are concealed (by the
  codec where it can), and listeners get PCM without holes. Plain audio that the pump has decoded comes by `on_audio`.
- Outbound, `play` appends to the queue of the RtpIo, which reports by `sent` what has left; `played_ticks` follows half
  a round trip behind. The queue is also kept as it was played, because a re-INVITE may change the codec on the wire.
- One timer serves the session, the watch for missing media, and the doubt about a far end that has never sent. Packets
  that have arrived are read before it acts, so that a stalled loop does not turn them into losses.
- `reconfigure` first recalls from the pump what it was lent, and lends it again at the end (`settle`).
"""

import asyncio
import base64
import math
import secrets
import time
from collections.abc import Mapping

from offhook.telephony.dtmf_keys import KeyPath
from offhook.telephony.listeners import LineListeners
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.line_codecs import negotiated
from offhook.telephony.net.line_decoder import LineDecoder
from offhook.telephony.net.line_keys import DtmfPaths, LineKeys
from offhook.telephony.net.loop_io import DATAGRAMS_PER_WAKEUP, LoopIo
from offhook.telephony.net.playout import PlayoutRecord
from offhook.telephony.net.ports import PortPair
from offhook.telephony.net.pump_io import PumpIo
from offhook.telephony.net.rtp_io import RtpIo
from offhook.telephony.net.watch import MediaWatch
from offhook.telephony.rtp import (
    AudioGap,
    AudioPayload,
    DigitReceived,
    RtpConfig,
    RtpEvent,
    RtpLimits,
    RtpSession,
    RtpStats,
)

MEDIA_TIMEOUT_S = 15.0
FIRST_MEDIA_TIMEOUT_S = 30.0

_TIMER_GRAIN_S = 0.001

DOUBT_S = 2.0
"""How long RTP is sent to a third-party host from which nothing has come: a hundred packets that it may not want. Media
gateways send at once; one that only listens is heard of with its first RTCP report, half of 5 s times 0.5 to 1.5 later
(RFC 3550 §6.2), and is sent RTP again from then on."""


class UdpLine:
    """One call's media on a pair of UDP ports. For the handlers and the rest of the interface see
    `MediaLine`.

    `config` and `codec_name` are what was negotiated; `receive_codecs` names the codecs of payload types that
    are not static. The pair belongs to the line: `close` releases it. `encoding` and `rate_hz` follow from the
    first `codec_name` and stay: after `reconfigure` to another codec the line converts. A line whose first codec is
    wideband is played linear PCM. Raises LocalError for an unknown codec or one that is not installed, a
    packet time that is not whole slots of the clock, and a remote host that is a name: resolving it would block.
    """

    def __init__(
        self,
        pair: PortPair,
        config: RtpConfig,
        codec_name: str,
        *,
        clock: MediaClock,
        loop: asyncio.AbstractEventLoop | None = None,
        media_timeout_s: float = MEDIA_TIMEOUT_S,
        first_media_timeout_s: float = FIRST_MEDIA_TIMEOUT_S,
        receive_codecs: Mapping[int, str] | None = None,
    ) -> None:
        self._listeners = LineListeners()
        self.add_listener = self._listeners.add
        self.shield = self._listeners.shield
        self.pair = pair
        self._codecs = codecs = negotiated(config, codec_name, receive_codecs or {})
        self.encoding = codecs.played.name
        self.rate_hz = codecs.played.rate_hz
        self.bytes_per_tick = codecs.played.bytes_per_tick
        self._clock = clock
        self._loop = loop or asyncio.get_running_loop()
        limits = RtpLimits()
        self._read_octets = limits.datagram_octets + 1
        self._session = RtpSession(
            codecs.config,
            time.monotonic(),
            ssrc=secrets.randbits(32),
            sequence=secrets.randbits(16),
            timestamp=secrets.randbits(32),
            cname=_cname(),
            limits=limits,
        )
        self._io = self._new_io(limits)
        self._keys = LineKeys(DtmfPaths(), self._listeners, codecs.config, self.rate_hz)
        self._decoder = LineDecoder(codecs, self.rate_hz)
        self._doubt_at = math.inf
        self._watch = MediaWatch(first_media_timeout_s, media_timeout_s)
        self._playout = PlayoutRecord(self.bytes_per_tick)
        self._started = self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = math.inf
        self._send_errors = 0
        self._receive_errors = 0

    def _new_io(self, limits: RtpLimits) -> RtpIo:
        pump = self._clock.pump
        # Only Python can feed a packet tap, and only its sockets know the scope of a link-local address.
        if pump is None or self.pair.tapped or "%" in self.pair.host + self._codecs.config.remote[0]:
            return LoopIo(self._session, self.pair.rtp, self._clock, self._loop, self, limits)
        return PumpIo(self._session, self.pair.rtp, self._clock, pump, self, limits)

    def start(self, *, confirmed: bool = True) -> None:
        """Begin to receive, and to send what is queued. Until it is `confirmed` (the ACK came), by a second call, the
        first packet received starts sending."""
        if self._closed:
            return
        if self._started:
            self._confirm()
            return
        if not confirmed:
            self._session.hold_sending()
        self._started = True
        self._loop.add_reader(self.pair.rtcp.fileno(), self._rtcp_readable)
        if _awaits_media(self._codecs.config):
            self._watch.resume(time.monotonic())
        self._doubt_at = time.monotonic() + DOUBT_S
        self._io.start()
        self._arm()

    def _confirm(self) -> None:
        now = time.monotonic()
        self._session.release_sending()
        if self._watch.due is not None:
            # What was silent before, as a call out that rings, has all the time from here.
            self._watch.pause()
            self._watch.resume(now)
        self._doubt_at = now + DOUBT_S
        self._io.settle(now)
        self._arm()

    def encode(self, pcm: bytes) -> bytes:
        """16-bit PCM at `rate_hz` to payload in `encoding`. ValueError if `pcm` is not whole samples."""
        return self._codecs.played.encode(pcm)

    def play(self, payload: bytes) -> None:
        """Append to the playout queue. No effect after `close`."""
        if self._closed or not payload:
            return
        self._playout.play(payload, self._io.queued_ticks)
        self._io.play(self._codecs.for_queue(payload), time.monotonic())

    def clear(self) -> int:
        """Drop all that has not been sent; returns the ticks dropped."""
        self._playout.clear()
        return self._io.clear(time.monotonic())

    @property
    def queued_ticks(self) -> int:
        """Ticks of `play`ed audio neither sent nor dropped."""
        return self._io.queued_ticks

    @property
    def sent_ticks(self) -> int:
        """Ticks of `play`ed audio sent since `start`."""
        return self._io.sent_ticks

    def played_ticks(self) -> int:
        """How many of `sent_ticks` have reached the far end by now, by half the measured round trip."""
        return self._playout.arrived(time.monotonic() - self._session.one_way_delay_s)

    def send_dtmf(self, digits: str) -> None:
        """Send DTMF after what is queued. Tones, where there is no better way, count as `play`ed. ValueError for
        anything but 0-9 * # A-D."""
        if not self._closed:
            self._keys.send(
                digits,
                by_event=lambda digits: self._io.send_dtmf(digits, time.monotonic()),
                play=lambda pcm: self.play(self.encode(pcm)),
                rate_hz=self.rate_hz,
            )

    def use_dtmf(self, paths: DtmfPaths) -> None:
        """Receive and send keys by these ways. Before `start`."""
        self._keys = LineKeys(paths, self._listeners, self._codecs.config, self.rate_hz)

    def receive_key(self, digit: str, duration_ms: int) -> None:
        """A key has come by SIP INFO."""
        if not self._closed:
            self._io.sync()
            position = self._session.position_ticks
            self._keys.report(digit, KeyPath.INFO, duration_ms, position, time.monotonic())

    def reconfigure(self, config: RtpConfig, codec_name: str, receive_codecs: Mapping[int, str] | None = None) -> None:
        """Apply what a re-INVITE changed. The queue stays. LocalError as for the class."""
        if self._closed:
            return
        before = self._codecs
        codecs = negotiated(config, codec_name, receive_codecs or {}, before)
        now = time.monotonic()
        self._io.recall()
        queued = self._playout.unsent(self._io.queued_ticks) if codecs.queued is not before.queued else b""
        if queued:
            self._session.clear(now)
        self._session.reconfigure(codecs.config, now)
        if queued:
            self._session.play(codecs.for_queue(queued), now)
        if self._started and codecs.config.remote != before.config.remote:
            self._doubt_at = now + DOUBT_S
        self._codecs = codecs
        self._decoder.use(codecs)
        self._keys.configure(codecs.config)
        if not _awaits_media(config):
            self._watch.pause()
        elif self._started:
            self._watch.resume(now)
        self._io.settle(now)
        self.deliver(now)
        self._arm()

    @property
    def hears_tones(self) -> bool:
        """Whether keys are found in the audio."""
        return self._keys.listens

    @property
    def awaits_media(self) -> bool:
        """Whether the far end is expected to send: not before `start`, on hold, or after `close`."""
        return self._watch.due is not None and not self._closed

    def stats(self) -> RtpStats:
        """The session's counters."""
        self._io.sync()
        return self._session.stats()

    def dump(self) -> dict[str, object]:
        """Live state."""
        self._io.sync()
        send_errors, receive_errors = self._io.errors()
        return {
            "port": self.pair.port,
            "encoding": self.encoding,
            "wire_encoding": self._codecs.wire.name,
            "speaking": self._io.ticking,
            "closed": self._closed,
            "send_errors": self._send_errors + send_errors,
            "receive_errors": self._receive_errors + receive_errors,
            "session": self._session.dump(),
        }

    def close(self) -> None:
        """Stop, say RTCP BYE, free the ports. No handler is called afterwards. Idempotent."""
        if self._closed:
            return
        self._closed = True
        now = time.monotonic()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._io.stop()
        self._session.close(now)
        if self._started:
            self._loop.remove_reader(self.pair.rtcp.fileno())
            self._send_rtcp()
        stats = self._session.stats()
        # What never came cannot come late, and calls without media must not use up the pool.
        used = self._started and (stats.packets_received > 0 or stats.rejected_source > 0)
        self.pair.release(now, rests=used, source=self._session.source)
        self._listeners.clear()

    # ---- in

    def _rtcp_readable(self) -> None:
        now = time.monotonic()
        for _ in range(DATAGRAMS_PER_WAKEUP):
            try:
                data, source = self.pair.rtcp.recvfrom(self._read_octets)
            except BlockingIOError:
                break
            except OSError:
                self._receive_errors += 1
                break
            self._session.receive_rtcp(data, source[:2], now)
        self.deliver(now)
        self._io.settle(now)
        self.rearm()

    def deliver(self, at: float) -> None:
        """Dispatch the session's events for what arrived at that time; a handler may close the line meanwhile."""
        next_event = self._session.next_event
        while not self._closed and (event := next_event()) is not None:
            self._handle(event, at)

    def _handle(self, event: RtpEvent, at: float) -> None:
        if isinstance(event, AudioPayload):
            self._report_audio(self._decoder.audio(event), event.at_tick, at)
        elif isinstance(event, AudioGap):
            self._report_audio(self._decoder.gap(event), event.at_tick, at)
        elif isinstance(event, DigitReceived):
            self._keys.report(event.digit, KeyPath.RFC4733, event.duration_ms, event.at_tick, at)
        else:
            self.drained()

    def on_audio(self, pcm: bytes, at_tick: int, at: float) -> None:
        """Audio arrived."""
        self._report_audio(self._decoder.decoded(pcm), at_tick, at)

    def _report_audio(self, pcm: bytes, at_tick: int, at: float) -> None:
        if self._keys.listens:
            pcm = self._keys.hear(pcm, at_tick, at)
        for on_audio in self._listeners.audio:
            on_audio(pcm, at_tick, at)

    def is_a_law(self, payload_type: int) -> bool | None:
        """How the payload is decoded; None if it is not G.711, or not wanted at 8 kHz."""
        return self._codecs.is_a_law(payload_type)

    # ---- out

    def sent(self, payload: bytes, ordinal: int, at: float) -> None:
        """This much of the queue was sent."""
        self._playout.sent(payload, ordinal, at)
        if self._listeners.sent:
            payload = self._codecs.from_queue(payload)
            for on_sent in self._listeners.sent:
                on_sent(payload, ordinal, at)

    def drained(self) -> None:
        """The queue has run dry."""
        for on_drained in self._listeners.drained:
            on_drained()

    def _send_rtcp(self) -> None:
        sock = self.pair.rtp if self._codecs.config.rtcp_mux else self.pair.rtcp
        for data, address in self._session.rtcp_to_send():
            try:
                sock.sendto(data, address)
            except OSError:
                self._send_errors += 1

    # ---- time

    def _arm(self) -> None:
        due = self._due()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed_for = due
        if self._started and not self._closed and due < math.inf:
            delay_s = max(_TIMER_GRAIN_S, due - time.monotonic())
            self._timer = self._loop.call_later(delay_s, self._timer_fired)

    def rearm(self) -> None:
        """Each packet moves timers later; that is noticed when the armed one fires."""
        due = self._session.get_timer()
        if due is not None and due < self._armed_for - _TIMER_GRAIN_S:
            self._arm()

    def _due(self) -> float:
        others = (math.inf if due is None else due for due in (self._session.get_timer(), self._watch.due))
        return min(self._doubt_at, *others)

    def _timer_fired(self) -> None:
        self._timer = None
        now = time.monotonic()
        session = self._session
        try:
            # After a stall of the loop, packets that have arrived must not count as lost because the timer ran first.
            self._io.read(now)
            self.deliver(now)
            due = session.get_timer()
            if due is not None and due <= now:
                self._io.sync()
                session.handle_timer(now)
                if session.wants_receiving(now):
                    self._io.recall()
                    self._io.settle(now)
                self._io.send()
                self._send_rtcp()
                self.deliver(now)
            if self._doubt_at <= now:
                self._doubt_at = math.inf
                session.doubt_remote()
                self._io.settle(now)
            if self._watch.due is not None and self._watch.due <= now:
                self._watch_media(now)
        finally:
            self._arm()

    def _watch_media(self, now: float) -> None:
        silent = self._watch.check(now, self.stats().last_received_at)
        if silent and not self._closed:
            for on_silent in self._listeners.silent:
                on_silent()


def _awaits_media(config: RtpConfig) -> bool:
    """Not on hold either: the holding side may send music (RFC 3264 §8.4: sendonly), but most phones send nothing."""
    return config.receive and config.send


def _cname() -> str:
    """New for each session, so that calls cannot be linked (RFC 7022 §4.2)."""
    return base64.b64encode(secrets.token_bytes(12)).decode("ascii")
