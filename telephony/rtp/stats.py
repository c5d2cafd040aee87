"""The statistics of RFC 3550: sequence validation, loss, interarrival jitter, round trip; and a session's counters."""

from dataclasses import dataclass

from offhook.telephony.rtp.clock import NTP_SHORT_HZ
from offhook.telephony.wire.serial import MASK32, delta32

_SEQUENCE_CYCLE = 1 << 16
_ABSURD_STEP_TICKS = 8_000


@dataclass(frozen=True, slots=True)
class RtpStats:
    """One session's counters since it began, over all SSRCs.

    `telephone_event` is 1 where telephone-event was negotiated (RFC 4733), else 0.

    `lost` is expected less received packets (RFC 3550 A.3), `fraction_lost` its share of the expected (0 to 1);
    `late` packets came after their time had been filled, `duplicate` ones came twice, `reordered` ones came out of
    order but in time. `gaps` counts the runs of concealed audio, `concealed_ticks` their ticks. `rtt_ms` is None
    until RTCP has measured it. `last_received_at` is the `now` of the last accepted RTP packet.
    `noise_ticks` are ticks of comfort noise: neither gap nor loss. `looped` packets came
    back to us with our own SSRC. `stun` are datagrams of STUN among the media, which are not answered. `underruns` are
    talk spurts that began less than 200 ms after the last one had run dry, so that its player was probably late;
    `stalls` are spurts broken off because pacing was late.

    `remote_lost`, `remote_fraction_lost` (since its report before), `remote_jitter_ms` and `remote_mos` are what the
    far end reports on our stream; None until it does. `r_factor` and `mos` (listening and delay, 1 to 4.5) estimate
    received quality by the E-model; None before the first packet.

    `srtp` is 1 where media is encrypted, else 0. `srtp_rejected` packets failed authentication (a wrong key, or not the
    far end's), `srtp_replayed` ones had come before.
    """

    telephone_event: int
    packets_sent: int
    octets_sent: int
    packets_received: int
    octets_received: int
    lost: int
    fraction_lost: float
    late: int
    duplicate: int
    reordered: int
    jitter_ms: float
    gaps: int
    concealed_ticks: int
    rtt_ms: float | None
    unknown_pt: int
    rejected_source: int
    rate_limited: int
    malformed: int
    stun: int
    ssrc_changes: int
    last_received_at: float | None
    noise_ticks: int
    looped: int
    underruns: int
    stalls: int
    remote_lost: int | None
    remote_fraction_lost: float | None
    remote_jitter_ms: float | None
    remote_mos: float | None
    r_factor: float | None
    mos: float | None
    srtp: int
    srtp_rejected: int
    srtp_replayed: int


@dataclass(slots=True)
class BufferCounts:
    """What a jitter buffer counts; for the meaning see `RtpStats`.

    `loss_runs` are runs of lost packets, `lost_in_runs` the packets in them.
    """

    gaps: int = 0
    concealed_ticks: int = 0
    noise_ticks: int = 0
    late: int = 0
    loss_runs: int = 0
    lost_in_runs: int = 0
    duplicate: int = 0
    reordered: int = 0
    rate_limited: int = 0


class SequenceTracker:
    """Extends 16-bit sequence numbers and counts loss, RFC 3550 A.1 and A.3, for one SSRC.

    `highest` and what `update` returns are extended numbers: they do not wrap. They start one cycle up, so that
    packets from before the first one are still positive.
    """

    __slots__ = ("_dropout", "_expected_prior", "_misorder", "_received_prior", "base", "highest", "received")

    def __init__(self, sequence: int, *, max_dropout: int = 3_000, max_misorder: int = 100) -> None:
        self._dropout = max_dropout
        self._misorder = max_misorder
        self.base = self.highest = sequence + _SEQUENCE_CYCLE
        self.received = 0
        self._expected_prior = 0
        self._received_prior = 0

    def update(self, sequence: int) -> int | None:
        """Count a packet; returns its extended number, or None when it is too far off for this sequence."""
        ahead = (sequence - self.highest) & 0xFFFF
        if ahead < self._dropout:
            self.highest += ahead
            self.received += 1
            return self.highest
        behind = _SEQUENCE_CYCLE - ahead
        if behind <= self._misorder:
            self.received += 1
            return self.highest - behind
        return None

    @property
    def reported_highest(self) -> int:
        """The extended highest sequence number as report blocks carry it: cycles from zero, 32 bits."""
        return (self.highest - _SEQUENCE_CYCLE) & MASK32

    @property
    def expected(self) -> int:
        """Packets there should have been from the first to the highest."""
        return self.highest - self.base + 1 if self.received else 0

    @property
    def lost(self) -> int:
        """Expected less received; duplicates count as received, so it can be negative (A.3)."""
        return self.expected - self.received

    def fraction_since_last_report(self) -> int:
        """Loss since the last call in 256ths, for a report block (A.3)."""
        expected, received = self.expected, self.received
        expected_interval = expected - self._expected_prior
        lost_interval = expected_interval - (received - self._received_prior)
        self._expected_prior, self._received_prior = expected, received
        if expected_interval <= 0 or lost_interval <= 0:
            return 0
        return min(255, (lost_interval << 8) // expected_interval)


class JitterEstimator:
    """Interarrival jitter in ticks of 1/8000 s (RFC 3550 §6.4.1, A.8)."""

    __slots__ = ("_arrival", "_timestamp", "ticks")

    def __init__(self) -> None:
        self.ticks = 0.0
        self._arrival: float | None = None
        self._timestamp = 0

    def update(self, timestamp: int, now: float) -> None:
        """One audio packet with its RTP timestamp arrived."""
        if self._arrival is not None:
            difference = abs((now - self._arrival) * 8_000 - delta32(timestamp, self._timestamp))
            # A second of difference is a restarted clock: it would spoil the estimate for long.
            if difference < _ABSURD_STEP_TICKS:
                self.ticks += (difference - self.ticks) / 16
        self._arrival = now
        self._timestamp = timestamp

    @property
    def last(self) -> tuple[float, int] | None:
        """Arrival and timestamp of the packet that the next one is compared with."""
        return None if self._arrival is None else (self._arrival, self._timestamp)

    def restore(self, ticks: float, arrival: float, timestamp: int) -> None:
        """Continue an estimate made elsewhere."""
        self.ticks, self._arrival, self._timestamp = ticks, arrival, timestamp

    def restart(self) -> None:
        """A new clock follows: keep the estimate, skip one comparison."""
        self._arrival = None


def round_trip_s(now_short: int, lsr: int, dlsr: int) -> float | None:
    """Round trip from a report block (§6.4.1): all three are the middle 32 bits of NTP stamps, in 1/65536 s.

    None when the far end has seen none of our reports (`lsr` 0) or the numbers contradict each other.
    """
    if not lsr:
        return None
    ticks = delta32((now_short - lsr) & MASK32, dlsr)
    return ticks / NTP_SHORT_HZ if ticks >= 0 else None
