"""What a session lends to the native media pump, and gets back.

Each direction of a stream always belongs to one side: to the session, which handles everything, or, while its state
is plain, to the pump. These values are that state; the pump reads and makes them by the names of their fields,
which stand a second time in telephony/native/state.h, with their types there.
"""

from typing import NamedTuple


class ReceiveState(NamedTuple):
    """The inbound direction while every packet is the next one.

    Nothing waits, nothing is concealed, the source is locked. Times are seconds of `now`; ticks, positions and
    timestamps are at 8 kHz. `highest` is an extended sequence number. The fields of `BufferState` belong to the
    jitter buffer.
    """

    ssrc: int
    payload_type: int
    highest: int
    received: int
    next_timestamp: int
    packets: int
    octets: int
    rejected_source: int
    last_at: float
    window_end: float
    window_left: int
    jitter_ticks: float
    jitter_arrival: float
    jitter_timestamp: int
    packet_ticks: int
    arrival: float
    position: int
    budget: float
    budget_at: float
    spike_hold_s: float
    spike_hold_until: float


class BufferState(NamedTuple):
    """The jitter buffer's part of a ReceiveState, by the same names."""

    next_timestamp: int
    packet_ticks: int
    arrival: float
    position: int
    budget: float
    budget_at: float
    spike_hold_s: float
    spike_hold_until: float

    @classmethod
    def of(cls, state: ReceiveState) -> "BufferState":
        """What of `state` is the jitter buffer's."""
        return cls(**{name: getattr(state, name) for name in cls._fields})


class SendState(NamedTuple):
    """The outbound direction while no DTMF is being sent; the queue goes with it as bytes.

    `timestamp` is not reduced to 32 bits. `noise_payload_type` is -1 without comfort noise, `noise_level` its octet.
    """

    ssrc: int
    payload_type: int
    silence: int
    noise_payload_type: int
    noise_level: int
    send: bool
    marker: bool
    ran_dry: bool
    sequence: int
    timestamp: int
    clock_now: float
    clock_timestamp: int
    packets: int
    octets: int
    sent_ticks: int
    dropped: int
    spurt_at: float
    spurt_slots: int
    packet_ticks: int
    packet_s: float
    keep_alive_at: float
    dry_at: float
    underruns: int
    stalls: int
