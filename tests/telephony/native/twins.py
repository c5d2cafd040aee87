"""Two ends in virtual time with the same input: a session alone, and one that lends what it can to the pump."""

import math
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from offhook.telephony.codec import codec_of_payload_type
from offhook.telephony.native import media
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.pump import AUDIO, OUT, MediaPump, stream_limits
from offhook.telephony.net.pump_io import PumpIo
from offhook.telephony.plc import Concealer
from offhook.telephony.rtp import (
    Address,
    AudioGap,
    AudioPayload,
    DigitReceived,
    PlayoutDrained,
    RtpConfig,
    RtpLimits,
    RtpSession,
    RtpStats,
)
from offhook.telephony.rtp.handover import SendState

if TYPE_CHECKING:
    from offhook.telephony.native._media import Stream

LIMITS = RtpLimits()

Report = tuple[object, ...]


class _WatchedIo(PumpIo):
    """Shows which directions the pump has."""

    @property
    def receiving_lent(self) -> bool:
        return self._lent_in

    @property
    def sending_lent(self) -> bool:
        return self._lent_out


class Alone:
    """A session in pure Python, and its reports to the owner."""

    def __init__(self, config: RtpConfig, now: float, *, sequence: int, timestamp: int) -> None:
        self.session = RtpSession(
            config, now, ssrc=0x0FF0_0001, sequence=sequence, timestamp=timestamp, cname="bot@test"
        )
        self.reported: list[Report] = []
        self.packets: list[bytes] = []
        self._concealer = Concealer()

    def datagram(self, data: bytes, source: Address, now: float) -> None:
        self.session.receive_rtp(data, source, now)
        self.collect(now)

    def report(self, data: bytes, source: Address, now: float) -> None:
        self.session.receive_rtcp(data, source, now)
        self.collect(now)

    def play(self, payload: bytes, now: float) -> None:
        self.session.play(payload, now)

    def clear(self, now: float) -> int:
        return self.session.clear(now)

    def press(self, digits: str, now: float) -> None:
        self.session.send_dtmf(digits, now)

    def reconfigure(self, config: RtpConfig, now: float) -> None:
        self.session.reconfigure(config, now)

    def tick(self, now: float) -> None:
        if not self.session.active:
            return
        ordinal = self.session.sent_ticks
        payload = self.session.tick(now)
        if payload:
            self.reported.append(("sent", ordinal, payload, now))
        self.collect(now)

    def due(self) -> float:
        return self.session.get_timer() or math.inf

    def timer(self, now: float) -> None:
        self.session.handle_timer(now)
        self.collect(now)

    @property
    def queued(self) -> int:
        return self.session.queued_ticks

    @property
    def all_sent(self) -> int:
        return self.session.sent_ticks

    def stats(self) -> RtpStats:
        return self.session.stats()

    def collect(self, now: float) -> None:
        while (event := self.session.next_event()) is not None:
            match event:
                case AudioPayload(payload, payload_type, at_tick):
                    codec = codec_of_payload_type(payload_type)
                    assert codec is not None
                    self.on_audio(codec.decode(payload), at_tick, now)
                case AudioGap(samples, at_tick):
                    self.reported.append(("audio", self._concealer.lost(samples), at_tick))
                case DigitReceived(digit, duration_ms, at_tick):
                    self.reported.append(("digit", digit, duration_ms, at_tick))
                case PlayoutDrained():
                    self.drained()
        self.packets += [data for data, _ in self.session.rtp_to_send()]

    def on_audio(self, pcm: bytes, at_tick: int, at: float) -> None:
        self.reported.append(("audio", self._concealer.good(pcm), at_tick))

    def drained(self) -> None:
        self.reported.append(("drained",))


class _Wire:
    """In place of the socket."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def fileno(self) -> int:
        return -1

    def sendto(self, data: bytes, address: Address) -> None:
        self.sent.append(data)


class _Clock:
    """In place of the media clock: keeps the tick."""

    def __init__(self) -> None:
        self.tick: Callable[[float], bool] | None = None

    def add(self, tick: Callable[[float], bool], period_ms: int) -> None:
        assert self.tick is None
        self.tick = tick


class _Pump:
    """In place of the loop's side of the pump: a stream without socket and thread."""

    def __init__(self) -> None:
        assert media is not None
        self._native = media.Pump()
        self._path: PumpIo | None = None
        self.plain = 0
        self.out: list[bytes] = []
        self.meanwhile: list[tuple[bytes, Address, float]] = []
        self.now = 0.0

    def attach(self, path: PumpIo, fd: int, limits: RtpLimits) -> "Stream":
        assert fd == -1
        self._path = path
        stream: Stream = self._native.add(-1, stream_limits(limits))
        self.stream = stream
        return stream

    def detach(self, stream: "Stream") -> None:
        stream.close()

    def dispatch(self) -> None:
        unsettled = False
        for _, kind, number, at, data in self._native.collect():
            assert self._path is not None
            self.plain += kind == AUDIO
            if kind == OUT:
                self.out.append(cast(bytes, data))
            else:
                unsettled |= self._path.happened(kind, number, at, data)
        # What comes while Python is at work on the batch.
        while self.meanwhile:
            self.stream.receive(*self.meanwhile.pop(0))
        if unsettled and self._path is not None:
            self._path.settle(self.now)


class Lending(Alone):
    """The same through `PumpIo`."""

    def __init__(self, config: RtpConfig, now: float, *, sequence: int, timestamp: int) -> None:
        super().__init__(config, now, sequence=sequence, timestamp=timestamp)
        self.pump = _Pump()
        self._wire = _Wire()
        self._clock = _Clock()
        self._path = _WatchedIo(
            self.session,
            cast(socket.socket, self._wire),
            cast(MediaClock, self._clock),
            cast(MediaPump, self.pump),
            self,
            LIMITS,
        )
        self._path.start()
        self._stream = self.pump.stream

    def datagram(self, data: bytes, source: Address, now: float) -> None:
        self.pump.now = now
        self._stream.receive(data, source, now)
        self.collect(now)

    def report(self, data: bytes, source: Address, now: float) -> None:
        self.session.receive_rtcp(data, source, now)
        self._path.settle(now)
        self.collect(now)

    def play(self, payload: bytes, now: float) -> None:
        self._path.play(payload, now)

    def clear(self, now: float) -> int:
        return self._path.clear(now)

    def press(self, digits: str, now: float) -> None:
        self._path.send_dtmf(digits, now)

    def reconfigure(self, config: RtpConfig, now: float) -> None:
        self._path.recall()
        self.session.reconfigure(config, now)
        self._path.settle(now)

    def tick(self, now: float) -> None:
        # It leaves the clock when the packet time has changed, or the last key is released: then the pump, or a new
        # period, takes this packet time.
        while self._clock.tick is not None:
            tick, self._clock.tick = self._clock.tick, None
            if tick(now):
                self._clock.tick = tick
                break
        else:
            if self._path.sending_lent and self._path.queued_ticks:
                self._stream.tick(now)
        self.collect(now)

    def due(self) -> float:
        self._path.sync()
        dues = [self.session.get_timer() or math.inf]
        if self._path.receiving_lent:
            dues.append(self._stream.overdue())
        if self._path.sending_lent:
            dues.append(self._keep_alive_due())
        return min(dues)

    def timer(self, now: float) -> None:
        self.pump.now = now
        if self._path.receiving_lent:
            self._stream.check(now)
            self.collect(now)
        if self._path.sending_lent and self._keep_alive_due() <= now:
            self._stream.tick(now)
        self._path.sync()
        self.session.handle_timer(now)
        self._path.send()
        self.collect(now)

    @property
    def queued(self) -> int:
        return self._path.queued_ticks

    @property
    def all_sent(self) -> int:
        return self._path.sent_ticks

    def stats(self) -> RtpStats:
        self._path.sync()
        return self.session.stats()

    def collect(self, now: float) -> None:
        self.pump.dispatch()
        super().collect(now)
        self.packets += self.pump.out + self._wire.sent
        self.pump.out, self._wire.sent = [], []

    def _keep_alive_due(self) -> float:
        state = SendState(**self._stream.sending())
        return state.keep_alive_at if state.send and not self._path.queued_ticks else math.inf

    # Reports of the RTP I/O.

    def deliver(self, at: float) -> None:
        super().collect(at)

    def sent(self, payload: bytes, ordinal: int, at: float) -> None:
        self.reported.append(("sent", ordinal, payload, at))

    def rearm(self) -> None:
        """Timers are asked for at every step here."""

    def is_a_law(self, payload_type: int) -> bool | None:
        return {0: False, 8: True}.get(payload_type)
