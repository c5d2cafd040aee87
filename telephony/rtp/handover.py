"""What a session lends to the native media pump, and gets back.

Each direction of a stream always belongs to one side: to the session, which understands everything, or, while its
state is plain, to the pump. These values are that state; the pump reads and makes them by position.
"""

from typing import NamedTuple


class ReceiveState(NamedTuple):
    """The way in while every packet is the next one: nothing waits, nothing is being made up, the source is locked.

    Times are seconds of `now`; samples, positions and timestamps are at 8 kHz. `highest` is an extended sequence
    number. `packet_samples` to `patient_until` belong to the jitter buffer.
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
    jitter_samples: float
    jitter_arrival: float
    jitter_timestamp: int
    packet_samples: int
    arrival: float
    position: int
    budget: float
    budget_at: float
    patience_s: float
    patient_until: float


class BufferState(NamedTuple):
    """The jitter buffer's part of it."""

    next_timestamp: int
    packet_samples: int
    arrival: float
    position: int
    budget: float
    budget_at: float
    patience_s: float
    patient_until: float


class SendState(NamedTuple):
    """The way out while there are no key presses; what is queued goes with it as octets.

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
    packet_samples: int
    packet_s: float
    keep_alive_at: float
    dry_at: float
    underruns: int
    stalls: int
