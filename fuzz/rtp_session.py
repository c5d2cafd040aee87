"""A whole RTP session, jitter buffer included.

Invariants: audio time has neither holes nor overlaps and stays near the clock, the number of waiting packets is
limited, and every played sample is sent, queued, or was dropped.
"""

from collections.abc import Callable
from dataclasses import replace
from struct import Struct

from fuzz.byte_input import Input
from offhook.telephony.rtp import (
    AudioGap,
    AudioPayload,
    DigitReceived,
    PlayoutDrained,
    RtpConfig,
    RtpLimits,
    RtpSession,
)
from offhook.telephony.wire import telephone_event
from offhook.telephony.wire.serial import MASK16, MASK32
from offhook.telephony.wire.telephone_event import TelephoneEvent

REMOTE, OTHER = ("192.0.2.10", 4_000), ("198.51.100.7", 5_000)
CONFIG = RtpConfig(
    payload_type=0,
    receive_payload_types=frozenset((0, 8)),
    dtmf_payload_type=101,
    receive_dtmf_payload_type=101,
    remote=REMOTE,
    remote_rtcp=("192.0.2.10", 4_001),
    signalling_host="198.51.100.7",
)
CONFIGS = (
    CONFIG,
    replace(CONFIG, payload_type=8, receive_payload_types=frozenset((8,)), silence=b"\xd5"),
    replace(CONFIG, ptime_ms=40),
    replace(CONFIG, send=False),
    replace(CONFIG, receive=False),
    replace(CONFIG, dtmf_payload_type=None, receive_dtmf_payload_type=None),
    replace(CONFIG, remote=OTHER),
)
LIMITS = RtpLimits()
START = 1_000.0
CLOCK_ERROR = 1.01
"""How much faster the far end's clock may be (see `JitterBuffer`)."""
EVENTS_AT_ONCE = 4 * LIMITS.waiting_packets
PACKETS_A_TICK = 3
DIGITS = "0123456789*#ABCD"
HEADER = Struct("!BBHII")
"""RFC 3550 §5.1. Packed by hand: the code under test is instrumented, which makes it slow."""
SPEECH = b"\x55" * 160


class Drive:
    """The session, and a model of what it should do."""

    def __init__(self, data: bytes) -> None:
        self.input = Input(data)
        self.now = START
        first, second = self.input.byte(), self.input.byte()
        # Both wrap around soon if the byte is large.
        self.sequence = first << 8 | 0xFF
        self.timestamp = second << 24 | 0xFFFF00
        self.ssrc = 7
        self.source = REMOTE
        self.played = self.dropped = 0
        self.position = 0
        self.last_sent: int | None = None
        self.session = RtpSession(
            CONFIG,
            START,
            ssrc=1,
            sequence=0xFFF0,
            timestamp=0xFFFF_FF00,
            cname="fuzz@test",
            limits=LIMITS,
            rtcp_random=lambda: 0.5,
        )

    # The steps. Each reads its parameters from the input.

    def wait_ms(self) -> None:
        """Time passes, at most a quarter of a second."""
        self.now += self.input.byte() / 1_000

    def wait_long(self) -> None:
        """Time passes, at most half a minute."""
        self.now += self.input.byte() / 10

    def next_packet(self) -> None:
        """20 ms later the next packet arrives."""
        self.now += 0.02
        self._send(0, SPEECH)
        self.timestamp += 160

    def other_packet(self) -> None:
        """A packet from elsewhere in the sequence, of any length and type."""
        self.sequence += self.input.signed()
        self.timestamp += 80 * self.input.signed()
        kind = self.input.byte()
        self._send(kind & 0x7F if kind >= 200 else (0, 8, 13, 101)[kind % 4], bytes(2 * self.input.byte()))

    def repeated_packet(self) -> None:
        """A duplicate of the last packet."""
        self.sequence -= 1
        self._send(0, SPEECH)

    def key(self) -> None:
        """A key press, or a part of one."""
        code, duration = self.input.byte(), self.input.byte()
        event = TelephoneEvent(code % 20, duration >= 128, code >> 4, duration * 40)
        self._send(101, telephone_event.build(event))

    def raw_rtp(self) -> None:
        """Arbitrary bytes at the RTP port."""
        self.session.receive_rtp(self.input.data(), self.source, self.now)

    def raw_rtcp(self) -> None:
        """Arbitrary bytes at the RTCP port."""
        self.session.receive_rtcp(self.input.data(), self.source, self.now)

    def other_stream(self) -> None:
        """Packets have another SSRC, or source, from now on."""
        choice = self.input.byte()
        self.ssrc = choice % 5 + 7
        self.source = OTHER if choice >= 128 else REMOTE

    def timer(self) -> None:
        """Run the due timers, one after the other, as the owner does."""
        for _ in range(10):
            due = self.session.get_timer()
            if due is None or due > self.now:
                return
            self.session.handle_timer(self.now)
            self.check_sent()

    def late_timer(self) -> None:
        """Run the timer, due or not."""
        self.session.handle_timer(self.now)
        self.check_sent()

    def play(self) -> None:
        """The bot plays something."""
        payload = bytes(4 * self.input.byte())
        self.session.play(payload, self.now)
        self.played += len(payload)

    def clear(self) -> None:
        """The bot clears what it played."""
        self.dropped += self.session.clear(self.now)
        self.check_sent()

    def tick(self) -> None:
        """20 ms later the clock ticks."""
        self.now += 0.02
        self.session.tick(self.now)
        self.check_sent()

    def press(self) -> None:
        """The bot presses a key."""
        digit = DIGITS[self.input.byte() % len(DIGITS)]
        try:
            self.session.send_dtmf(digit, self.now)
        except ValueError:
            # Not negotiated at the moment, or too many of them.
            assert self.session.dump()["pending_digits"] in (0, LIMITS.queued_digits)

    def reconfigure(self) -> None:
        """A re-INVITE changed what was negotiated."""
        self.session.reconfigure(CONFIGS[self.input.byte() % len(CONFIGS)], self.now)

    def _send(self, payload_type: int, payload: bytes) -> None:
        header = HEADER.pack(0x80, payload_type, self.sequence & MASK16, self.timestamp & MASK32, self.ssrc)
        self.sequence += 1
        self.session.receive_rtp(header + payload, self.source, self.now)

    def check_sent(self) -> None:
        """The invariants of sent packets, after every step that sends."""
        queued = self.session.queued_ticks
        assert queued >= 0
        assert self.session.sent_ticks + queued + self.dropped == self.played
        packets = self.session.rtp_to_send()
        assert len(packets) <= PACKETS_A_TICK
        for data, _ in packets:
            sequence = HEADER.unpack_from(data)[2]
            assert self.last_sent is None or sequence == (self.last_sent + 1) & MASK16
            self.last_sent = sequence
        for data, _ in self.session.rtcp_to_send():
            assert data

    def check_waiting(self) -> None:
        """The number of waiting packets is limited. `dump` is slow, so this is checked at the end only."""
        waiting = self.session.dump()["waiting_packets"]
        assert isinstance(waiting, int)
        assert waiting <= LIMITS.waiting_packets

    def check_events(self) -> None:
        """The invariants of received audio, after every event."""
        count = 0
        while (event := self.session.next_event()) is not None:
            count += 1
            match event:
                case AudioPayload(payload=payload, at_tick=at_tick):
                    assert at_tick == self.position
                    assert payload
                    self.position += len(payload)
                case DigitReceived(digit=digit, at_tick=at_tick):
                    assert at_tick == self.position
                    assert digit in DIGITS
                case PlayoutDrained():
                    pass
                case AudioGap(ticks=ticks, at_tick=at_tick):
                    assert at_tick == self.position
                    assert ticks > 0
                    self.position += ticks
        assert count <= EVENTS_AT_ONCE
        lead = LIMITS.lead_ms * 8
        assert self.position <= (self.now - START) * 8_000 * CLOCK_ERROR + lead + 1


STEPS: tuple[Callable[[Drive], None], ...] = (
    Drive.wait_ms,
    Drive.next_packet,
    Drive.other_packet,
    Drive.repeated_packet,
    Drive.key,
    Drive.raw_rtp,
    Drive.raw_rtcp,
    Drive.other_stream,
    Drive.timer,
    Drive.late_timer,
    Drive.play,
    Drive.clear,
    Drive.tick,
    Drive.press,
    Drive.reconfigure,
    Drive.wait_long,
)


def play_session(data: bytes) -> None:
    """Run the steps that the bytes encode, and check after each. Raises AssertionError for a violated invariant."""
    drive = Drive(data)
    while drive.input.left:
        STEPS[drive.input.byte() % len(STEPS)](drive)
        drive.check_events()
    drive.check_sent()
    drive.check_waiting()
    drive.session.close(drive.now)
    drive.session.receive_rtp(b"\x80" + bytes(171), REMOTE, drive.now)
    assert drive.session.next_event() is None
