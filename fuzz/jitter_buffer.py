"""The jitter buffer alone, which allows longer streams than a whole session does in the same time.

Invariants: audio time has neither holes nor overlaps and stays near the clock, the number of waiting packets is
limited, and every packet is delivered or counted as dropped.
"""

from collections import deque
from collections.abc import Callable

from fuzz.byte_input import Input
from offhook.telephony.rtp.config import RtpLimits
from offhook.telephony.rtp.events import AudioGap, AudioPayload, RtpEvent
from offhook.telephony.rtp.jitter import JitterBuffer
from offhook.telephony.rtp.stats import JitterEstimator
from offhook.telephony.wire.comfort_noise import ComfortNoise
from offhook.telephony.wire.serial import MASK32

LIMITS = RtpLimits()
START = 1_000.0
FIRST = 1 << 20
CLOCK_ERROR = 1.01
"""How much faster the far end's clock may be (see `JitterBuffer`)."""
TICKS = (160, 80, 240, 1, 480, 1_440)
NOISE = ComfortNoise(60, (-0.5,))


class Drive:
    """The buffer, and a model of what it should do."""

    def __init__(self, data: bytes) -> None:
        self.input = Input(data)
        self.now = START
        self.sequence = FIRST
        self.timestamp = self.input.byte() << 24 | 0xFFFF00
        self.ticks = TICKS[self.input.byte() % len(TICKS)]
        self.events: deque[RtpEvent] = deque()
        self.jitter = JitterEstimator()
        self.buffer = JitterBuffer(LIMITS, self.jitter, self.events)
        self.buffer.restart(self.sequence, self.timestamp, self.now)
        self.position = self.pushed = self.delivered = 0

    def in_time(self) -> None:
        """The next packet, in time."""
        self.now += self.ticks / 8_000
        self._push()

    def held_up(self) -> None:
        """The next packets at once: the network delivers what it held up."""
        self._push()

    def lost(self) -> None:
        """Some packets are lost."""
        count = self.input.byte() % 40
        self.sequence += count
        self.timestamp += count * self.ticks
        self.now += count * self.ticks / 8_000

    def overtaken(self) -> None:
        """A packet from before, or from ahead, arrives."""
        step = self.input.signed()
        self._push_one(self.sequence + step, self.timestamp + step * self.ticks)

    def paused(self) -> None:
        """Timestamps go on while nothing is sent."""
        count = self.input.byte()
        self.timestamp += count * self.ticks
        self.now += count * self.ticks / 8_000

    def wait_ms(self) -> None:
        """Time passes, at most a quarter of a second."""
        self.now += self.input.byte() / 1_000

    def wait_long(self) -> None:
        """Time passes, at most half a minute."""
        self.now += self.input.byte() / 10

    def timer(self) -> None:
        """Run the due timers, one after the other, as the owner does."""
        for _ in range(4):
            due = self.buffer.get_timer()
            if due is None or due > self.now:
                return
            self.buffer.handle_timer(self.now)

    def jump(self) -> None:
        """The far end's timestamps jump."""
        self.timestamp += self.input.signed() << (self.input.byte() % 24)

    def noise(self) -> None:
        """The far end announces a silence."""
        self.buffer.push_noise(self.sequence, self.timestamp & MASK32, NOISE, self.now)
        self.sequence += 1

    def no_audio(self) -> None:
        """A packet without audio: DTMF."""
        self.buffer.push(self.sequence, self.timestamp & MASK32, 101, None, self.now)
        self.sequence += 1

    def other_length(self) -> None:
        """Packets have another length from now on."""
        self.ticks = TICKS[self.input.byte() % len(TICKS)]

    def other_stream(self) -> None:
        """Another stream begins."""
        self.sequence = FIRST + self.input.byte()
        self.timestamp = self.input.byte() << 24
        self.buffer.restart(self.sequence, self.timestamp & MASK32, self.now)

    def lend(self) -> None:
        """Lending the state and taking it back unchanged has no effect."""
        state = self.buffer.lend(self.sequence)
        if state is not None:
            due = self.buffer.get_timer()
            self.buffer.restore(self.sequence, state)
            assert self.buffer.get_timer() == due

    def _push(self) -> None:
        self._push_one(self.sequence, self.timestamp)
        self.sequence += 1
        self.timestamp += self.ticks

    def _push_one(self, sequence: int, timestamp: int) -> None:
        self.jitter.update(timestamp & MASK32, self.now)
        self.pushed += 1
        self.buffer.push(sequence, timestamp & MASK32, 0, bytes(self.ticks), self.now)

    def check(self) -> None:
        """The invariants after every step."""
        events = self.events
        while events:
            event = events.popleft()
            assert isinstance(event, AudioPayload | AudioGap)
            assert event.at_tick == self.position
            if isinstance(event, AudioPayload):
                self.delivered += 1
                self.position += len(event.payload)
            else:
                assert event.ticks > 0
                self.position += event.ticks
        buffer = self.buffer
        assert buffer.position == self.position
        assert buffer.waiting <= LIMITS.waiting_packets
        assert self.position <= (self.now - START) * 8_000 * CLOCK_ERROR + LIMITS.lead_ms * 8 + 1

    def check_account(self) -> None:
        """Every packet was delivered, is waiting, or was counted. A waiting packet may have no audio."""
        buffer = self.buffer
        dropped = buffer.counts.late + buffer.counts.duplicate + buffer.counts.rate_limited
        assert self.delivered <= self.pushed
        assert self.pushed <= self.delivered + dropped + buffer.waiting


STEPS: tuple[Callable[[Drive], None], ...] = (
    Drive.in_time,
    Drive.held_up,
    Drive.lost,
    Drive.overtaken,
    Drive.paused,
    Drive.wait_ms,
    Drive.wait_long,
    Drive.timer,
    Drive.jump,
    Drive.noise,
    Drive.no_audio,
    Drive.other_length,
    Drive.other_stream,
    Drive.lend,
    Drive.in_time,
    Drive.in_time,
)


def play_buffer(data: bytes) -> None:
    """Run the steps that the bytes encode, and check after each. Raises AssertionError for a violated invariant."""
    drive = Drive(data)
    while drive.input.left:
        STEPS[drive.input.byte() % len(STEPS)](drive)
        drive.check()
    drive.check_account()
