"""The jitter buffer for a program that listens: order, holes, and continuous audio time.

Theory of operation. A program wants every sample as early as possible, and none twice; it doesn't need an even pace. So
packets in order pass at once, and only gaps wait.

Audio time. `position` counts the ticks delivered, received or filled, from the first packet on; each event
begins where the last one ended. Within a stream position and RTP timestamp advance together, so that an hour of
audio is as long here as it was there. Four things can come between:

- Hole: sequence numbers are missing. Later packets wait for them, 20 to 120 ms by the measured jitter (three
  times the estimate, and a packet). Then an AudioGap as long as the timestamps say takes their place. Packets that come
  even later are dropped as late.
- Silence: no packets at all (DTX, DTMF, a dead network). When the next packet is overdue by that wait,
  60 ms at least, AudioGaps begin to keep position at the pace of `now`, behind by the wait.
- Return: a packet whose timestamp is ahead of position brings a gap of the difference. When its time has been
  filled already there are two cases. If sequence numbers are contiguous while timestamps jumped ahead, it was DTX
  (§4.1 of RFC 3551): audio goes on at position. Otherwise the network held the packets up: those that overlap
  entirely with filled time are late and dropped, each paying off its share, so real time is not counted twice.
  But if they keep coming at the pace of real time, they don't catch up: the path became longer, or the
  sender stopped its timestamps; then, after 30 ms, audio goes on at real time.
  After such a spike the wait for what is overdue is as long as the spike was, up to 250 ms for a minute, so that
  the next one costs nothing.
- Jump: a timestamp behind, or further ahead than the missing packets and the time that passed can explain. It
  is ignored: the missing packets, or the pause by the clock, are filled, and audio goes on from there.

A packet of comfort noise (RFC 3389) announces a silence: AudioGaps carry its description until audio comes again,
begin as soon as the jitter allows, and count neither as gaps nor as concealed.

Position never leads real time by more than `lead_ms`: what exceeds it is dropped. The clocks of both ends may
differ by 1 %.
"""

from collections import deque
from typing import NamedTuple

from offhook.telephony.rtp.clock import TICK_HZ
from offhook.telephony.rtp.config import RtpLimits
from offhook.telephony.rtp.events import AudioGap, AudioPayload, RtpEvent
from offhook.telephony.rtp.handover import BufferState
from offhook.telephony.rtp.lead_limit import LeadLimit
from offhook.telephony.rtp.spike_hold import SpikeHold
from offhook.telephony.rtp.stats import BufferCounts, JitterEstimator
from offhook.telephony.wire.comfort_noise import ComfortNoise
from offhook.telephony.wire.serial import MASK32, delta32

FILL_TICKS = 160
"""Filled audio comes in steps of 20 ms."""

_FILL_S = FILL_TICKS / TICK_HZ
_JITTER_FACTOR = 3
_LATE_PACE_S = 0.03
_LATE_PACE = 1.5
_GIVEN_UP_KEPT = 16


class _Waiting(NamedTuple):
    """A packet after a hole. `payload` None: no audio, only a place in the sequence."""

    timestamp: int
    payload_type: int
    payload: bytes | None
    arrival: float
    ticks: int = 0
    noise: ComfortNoise | None = None


class _Late(NamedTuple):
    """Where a run of late packets began."""

    now: float
    timestamp: int


class JitterBuffer:
    """Packets in, audio in order out, as events with `at_tick`. See the module for how."""

    __slots__ = (
        "_arrival",
        "_emitted",
        "_events",
        "_fill_at",
        "_filled",
        "_filling",
        "_given_up",
        "_jitter",
        "_late_from",
        "_lead",
        "_limits",
        "_next",
        "_next_timestamp",
        "_noise",
        "_packet_ticks",
        "_spike_hold",
        "_waiting",
        "counts",
        "position",
    )

    def __init__(self, limits: RtpLimits, jitter: JitterEstimator, events: deque[RtpEvent]) -> None:
        self._limits = limits
        self._jitter = jitter
        self._events = events
        self._waiting: dict[int, _Waiting] = {}
        self._given_up: deque[range] = deque(maxlen=_GIVEN_UP_KEPT)
        self._next = 0
        self._next_timestamp = 0
        self._packet_ticks = FILL_TICKS
        self._arrival: float | None = None
        # Ticks filled that no timestamp has accounted for yet.
        self._filled = 0
        self._filling = False
        self._fill_at = 0.0
        self._late_from: _Late | None = None
        self._spike_hold = SpikeHold(limits)
        # The far end's comfort noise, during an announced silence.
        self._noise: ComfortNoise | None = None
        # The position at which the last received audio ended.
        self._emitted = 0
        self._lead = LeadLimit(limits.lead_ms)
        self.position = 0
        self.counts = BufferCounts()

    def restart(self, sequence: int, timestamp: int, now: float) -> None:
        """A new stream begins with this packet (not pushed yet). Waiting packets are delivered; position continues."""
        while self._waiting:
            self._give_up(now)
        self._given_up.clear()
        if self._arrival is None:
            self._lead.begin(now)
        self._next = sequence
        self._next_timestamp = timestamp
        self._filled = 0
        self._late_from = None
        self._noise = None

    def push(
        self,
        sequence: int,
        timestamp: int,
        payload_type: int,
        payload: bytes | None,
        now: float,
        ticks: int | None = None,
    ) -> None:
        """A packet by its extended sequence number. `payload` None: no audio, but not lost either.

        `timestamp` is in ticks of 1/8000 s; the packet lasts `ticks`; None: a tick per byte.
        """
        if ticks is None:
            ticks = len(payload) if payload else 0
        if (
            sequence == self._next
            and timestamp == self._next_timestamp
            and payload
            and not self._filled
            and not self._waiting
        ):
            self._next = sequence + 1
            self._emit(timestamp, payload_type, payload, ticks, now, now)
            return
        self._push_irregular(sequence, _Waiting(timestamp, payload_type, payload or None, now, ticks), now)

    def push_noise(self, sequence: int, timestamp: int, noise: ComfortNoise, now: float) -> None:
        """A packet of comfort noise: the far end is silent from its place in the sequence on."""
        self._push_irregular(sequence, _Waiting(timestamp, 0, None, now, noise=noise), now)

    @property
    def pausing(self) -> bool:
        """Whether the far end has announced that it is silent."""
        return self._noise is not None

    def get_timer(self) -> float | None:
        """When a hole is given up, or silence is next filled. None before the first audio."""
        if self._waiting:
            return min(packet.arrival for packet in self._waiting.values()) + self.gap_wait_s
        if self._arrival is None:
            return None
        if self._filling:
            return self._fill_at
        overdue = self.gap_wait_s
        if self._noise is None:
            overdue = max(overdue, self._limits.overdue_wait_min_ms / 1_000, self._spike_hold.seconds)
        return self._arrival + self._packet_ticks / TICK_HZ + overdue

    def handle_timer(self, now: float) -> None:
        """Give up holes and fill silence as of `now`."""
        due = self.get_timer()
        while self._waiting and due is not None and now >= due:
            self._give_up(now)
            due = self.get_timer()
        if due is not None and now >= due and not self._waiting:
            self._fill(due, now)

    @property
    def gap_wait_s(self) -> float:
        """How long a packet after a hole waits now."""
        wait_ms = (_JITTER_FACTOR * self._jitter.ticks + self._packet_ticks) / 8
        return min(max(wait_ms, self._limits.gap_wait_min_ms), self._limits.gap_wait_max_ms) / 1_000

    @property
    def waiting(self) -> int:
        """Packets waiting after a hole."""
        return len(self._waiting)

    def lend(self, sequence: int) -> BufferState | None:
        """The state of a plain stream; None unless `sequence` is next and nothing is waiting or being filled."""
        if (
            sequence != self._next
            or self._waiting
            or self._filled
            or self._filling
            or self._arrival is None
            or self._late_from is not None
            or self._noise is not None
            or self._emitted != self.position
        ):
            return None
        return BufferState(
            next_timestamp=self._next_timestamp,
            packet_ticks=self._packet_ticks,
            arrival=self._arrival,
            position=self.position,
            budget=self._lead.ticks,
            budget_at=self._lead.at,
            spike_hold_s=self._spike_hold.seconds,
            spike_hold_until=self._spike_hold.until,
        )

    def restore(self, sequence: int, state: BufferState) -> None:
        """Continue from a plain stream's state; `sequence` is the next one, extended."""
        self._next = sequence
        self._next_timestamp, self._packet_ticks = state.next_timestamp, state.packet_ticks
        self._arrival = state.arrival
        self.position = self._emitted = state.position
        self._lead.ticks, self._lead.at = state.budget, state.budget_at
        self._spike_hold.seconds, self._spike_hold.until = state.spike_hold_s, state.spike_hold_until

    def _push_irregular(self, sequence: int, packet: _Waiting, now: float) -> None:
        if sequence < self._next:
            if any(sequence in hole for hole in self._given_up):
                self.counts.late += 1
            else:
                self.counts.duplicate += 1
            return
        if sequence in self._waiting:
            self.counts.duplicate += 1
            return
        if self._waiting and sequence < max(self._waiting):
            self.counts.reordered += 1
        if sequence > self._next and not self._filled:
            self._waiting[sequence] = packet
            if len(self._waiting) > self._limits.waiting_packets:
                self._give_up(now)
            return
        # Once time has been filled, missing packets have been waited for already.
        self._take(sequence, packet, now)
        self._take_contiguous(now)

    def _give_up(self, now: float) -> None:
        """Stop waiting for the packets missing before the first waiting one."""
        sequence = min(self._waiting)
        self._take(sequence, self._waiting.pop(sequence), now)
        self._take_contiguous(now)

    def _take_contiguous(self, now: float) -> None:
        while self._waiting:
            packet = self._waiting.pop(self._next, None)
            if packet is None:
                return
            self._take(self._next, packet, now)

    def _take(self, sequence: int, packet: _Waiting, now: float) -> None:
        missing = sequence - self._next
        if missing:
            self._given_up.append(range(self._next, sequence))
            self.counts.loss_runs += 1
            self.counts.lost_in_runs += missing
        self._next = sequence + 1
        timestamp, payload_type, payload, arrival, ticks, noise = packet
        if noise is not None:
            self._pause(noise, timestamp, missing, arrival, now)
        if payload is None:
            return
        skipped = delta32(timestamp, self._next_timestamp)
        hole = skipped - self._filled
        if hole > 0 and self._explained(hole, missing, arrival):
            self._gap(hole, now, (payload_type, payload) if missing else None)
        elif self._overlaps(hole, missing, skipped, ticks):
            if self._late_from is None and self._arrival is not None:
                self._spike_hold.learn(self._held_s(arrival) + _FILL_S, arrival)
            if not self._resumes(timestamp, now):
                self.counts.late += 1
                self._next_timestamp = (timestamp + ticks) & MASK32
                self._filled = -hole - ticks
                return
            self._catch_up(missing, arrival, now)
        elif hole > 0 or skipped < 0:
            self._catch_up(missing, arrival, now)
        self._filled = 0
        self._emit(timestamp, payload_type, payload, ticks, arrival, now)

    def _pause(self, noise: ComfortNoise, timestamp: int, missing: int, arrival: float, now: float) -> None:
        """An announced silence begins or continues."""
        if self._arrival is None:
            self._arrival = arrival
        lost = delta32(timestamp, self._next_timestamp) - self._filled
        if self._noise is None and 0 < lost <= missing * self._packet_ticks and lost <= self._lead.ticks:
            # What is missing before it was speech, and counts as received.
            self._gap(lost, now)
            self._next_timestamp = timestamp
            self._filled = 0
            self._arrival += lost / TICK_HZ
        self._noise = noise

    @staticmethod
    def _overlaps(hole: int, missing: int, skipped: int, ticks: int) -> bool:
        """Whether a packet lies entirely in filled time, without DTX or a jump."""
        return hole <= -ticks and (skipped == 0 or (skipped > 0 and missing > 0))

    def _explained(self, hole: int, missing: int, arrival: float) -> bool:
        """Whether a hole is no longer than the missing packets, or the time since the last one, account for."""
        elapsed_s = 0.0 if self._arrival is None else max(0.0, arrival - self._arrival)
        slack_ms = self._limits.gap_wait_max_ms
        most = missing * self._packet_ticks + elapsed_s * TICK_HZ - self._filled + slack_ms * 8
        return hole <= min(most, self._limits.hole_ms * 8, self._lead.ticks)

    def _catch_up(self, missing: int, arrival: float, now: float) -> None:
        """Fill what timestamps don't tell: the missing packets, or a pause by the clock, whichever is longer."""
        pause = 0
        if self._arrival is not None:
            pause = int((arrival - self._arrival) * TICK_HZ) - self._packet_ticks
        # Less than a packet is jitter.
        missed = max(missing * self._packet_ticks, pause if pause >= self._packet_ticks else 0)
        ticks = missed - (self.position - self._emitted)
        if 0 < ticks <= min(self._limits.hole_ms * 8, self._lead.ticks):
            self._gap(ticks, now)

    def _held_s(self, arrival: float) -> float:
        """How much later than at its packet time the packet that arrived then came."""
        return 0.0 if self._arrival is None else arrival - self._arrival - self._packet_ticks / TICK_HZ

    def _resumes(self, timestamp: int, now: float) -> bool:
        """Whether packets whose time has passed come at the pace of real time, and not faster to catch up."""
        late = self._late_from
        if late is None:
            self._late_from = _Late(now, timestamp)
            return False
        elapsed_s = now - late.now
        media_s = delta32(timestamp, late.timestamp) / TICK_HZ
        return elapsed_s >= _LATE_PACE_S and media_s <= _LATE_PACE * elapsed_s

    def _emit(self, timestamp: int, payload_type: int, payload: bytes, ticks: int, arrival: float, now: float) -> None:
        if self._spike_hold.seconds:
            self._spike_hold.review(self._held_s(arrival), arrival)
        self._next_timestamp = (timestamp + ticks) & MASK32
        self._packet_ticks = ticks
        self._arrival = arrival
        self._filling = False
        self._late_from = None
        self._noise = None
        if not self._lead.deliver(ticks, now):
            self.counts.rate_limited += 1
            return
        self._events.append(AudioPayload(payload, payload_type, self.position))
        self.position = self._emitted = self.position + ticks

    def _gap(self, ticks: int, now: float, following: tuple[int, bytes] | None = None) -> None:
        self._lead.fill(ticks, now)
        if self._noise is None:
            # What directly follows filled time belongs to the same gap.
            self.counts.gaps += not self._filling
            self.counts.concealed_ticks += ticks
        else:
            self.counts.noise_ticks += ticks
        self._events.append(AudioGap(ticks, self.position, self._noise, following))
        self.position += ticks

    def _fill(self, due: float, now: float) -> None:
        steps = int((now - due) / _FILL_S + 1e-6) + 1
        self._fill_at = due + steps * _FILL_S
        # If holes were given up this late, their gaps may already cover that time.
        room = self._lead.room(self.position, now)
        ticks = min(steps, int(room) // FILL_TICKS, self._limits.fill_ms * 8 // FILL_TICKS) * FILL_TICKS
        if ticks > 0:
            self._gap(ticks, now)
            self._filled += ticks
        self._filling = True
