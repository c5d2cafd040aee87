"""The configuration of an RTP session: negotiated media and limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from offhook.telephony.codec.base import PacketClock
from offhook.telephony.codec.convert import PacketEncoder

Address: TypeAlias = tuple[str, int]
"""(numeric host, port)."""


USUAL_DTMF_PAYLOAD_TYPE = 101


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and salt of each direction, and the suite as SDP names it."""

    suite: str
    send_key: bytes = field(repr=False)
    receive_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RtpConfig:
    """One audio stream as negotiated by offer and answer. Audio time is in ticks of
    1/8000 s: with G.711 a byte and a sample, with G.722 a byte and two samples.

    `remote` and `remote_rtcp` are the numeric addresses in the far end's SDP; `signalling_host` is the source of its
    SIP messages, the only other host its media may come from (NAT). `silence` is one tick of silence in the encoding
    that is sent. Comfort noise (RFC 3389) is sent and understood where its payload types are not None. With `rtcp_mux`
    RTCP travels on RTP's port, both ways (RFC 5761); `remote_rtcp` then is `remote`. What is played is payload already
    unless there is an `encoder`. `clocks` has the payload types whose packets don't last a tick per byte;
    `dtmf_clock_hz` is the clock of telephone-event, 8000 times a whole number. `max_bit_rate` (bit/s) is for codecs
    with a variable rate. With `srtp` everything is encrypted, both ways. With `stray_dtmf` keys are also understood
    under payload types that some senders use for them without having negotiated it.
    """

    payload_type: int
    receive_payload_types: frozenset[int]
    dtmf_payload_type: int | None
    receive_dtmf_payload_type: int | None
    remote: Address
    remote_rtcp: Address
    signalling_host: str | None
    ptime_ms: int = 20
    send: bool = True
    receive: bool = True
    silence: bytes = b"\xff"
    comfort_noise_payload_type: int | None = None
    receive_comfort_noise_payload_type: int | None = None
    rtcp_mux: bool = False
    encoder: PacketEncoder | None = None
    clocks: Mapping[int, PacketClock] = field(default_factory=dict)
    dtmf_clock_hz: int = 8_000
    max_bit_rate: int | None = None
    srtp: SrtpKeys | None = None
    stray_dtmf: bool = True

    def units_per_tick(self, payload_type: int) -> int:
        """Units of RTP timestamps in a tick, in packets of that type."""
        clock = self.clocks.get(payload_type)
        return 1 if clock is None else clock.units_per_tick

    @property
    def key_types(self) -> frozenset[int]:
        """The payload types under which keys are understood: ours, the far end's own (it should send ours, RFC 3264
        §5.1), and 101, which gateways send from habit."""
        if not self.stray_dtmf:
            return frozenset(() if self.receive_dtmf_payload_type is None else (self.receive_dtmf_payload_type,))
        meant = {self.receive_dtmf_payload_type, self.dtmf_payload_type, USUAL_DTMF_PAYLOAD_TYPE}
        others = (*self.receive_payload_types, self.receive_comfort_noise_payload_type, None)
        return frozenset(each for each in meant.difference(others) if each is not None)

    @property
    def packet_ticks(self) -> int:
        """Ticks of 1/8000 s in one sent packet."""
        return self.ptime_ms * 8


@dataclass(frozen=True, slots=True)
class RtpLimits:
    """What a session takes from the network; beyond that packets are dropped and counted."""

    datagram_octets: int = 1_500
    """Longer datagrams count as malformed, RTP and RTCP alike."""

    packets_per_s: int = 400
    """RTP from the accepted source: four times what 10 ms packets need."""

    rtcp_packets_per_s: int = 50

    ssrcs: int = 8
    """Unknown SSRCs of the accepted source that are kept on probation at once."""

    max_dropout: int = 3_000
    """RFC 3550 A.1: a larger step forward in sequence numbers is a restart, not loss."""

    max_misorder: int = 100
    """RFC 3550 A.1: a larger step back is a restart, not reordering."""

    gap_wait_min_ms: int = 20
    gap_wait_max_ms: int = 120
    """How long a packet after a hole waits for the missing one, by the measured jitter."""

    overdue_wait_min_ms: int = 60
    """The least time without any packet before gaps are filled: nothing waits behind this hole, so it can be longer."""

    spike_hold_max_ms: int = 250
    spike_hold_kept_s: float = 60.0
    """After a delay spike the wait is as long as the spike was, at most this long, for that many seconds: speech that
    is late is worth more than silence inserted at once."""

    waiting_packets: int = 32
    """Packets that wait behind a hole; one more and the hole is given up."""

    hole_ms: int = 1_000
    """The longest hole filled by timestamps; beyond it audio goes on at the current position."""

    lead_ms: int = 1_000
    """How far received audio may run ahead of real time before it is dropped."""

    fill_ms: int = 10_000
    """The most that one late timer fills (a suspended machine should not produce an hour of silence)."""

    latch_packets: int = 4
    """Consecutive packets before a source other than the SDP's is accepted."""

    latch_grace_ms: int = 2_000
    """For this long after such a source was accepted, the SDP's address still wins."""

    latch_sources: int = 4
    """Sources on that probation at once."""

    digits_per_s: int = 20
    digit_timeout_ms: int = 100
    """Without an update for this long a key counts as released: its end was lost."""

    queued_digits: int = 256
    """DTMF digits waiting to be sent."""
