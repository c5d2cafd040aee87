"""One session's statistics, gathered from its parts."""

from typing import NamedTuple

from offhook.telephony.rtp import emodel
from offhook.telephony.rtp.config import RtpConfig
from offhook.telephony.rtp.control import RtcpControl
from offhook.telephony.rtp.receiver import Receiver
from offhook.telephony.rtp.sender import Sender
from offhook.telephony.rtp.stats import RtpStats


class OwnCounts(NamedTuple):
    """What the session itself counts."""

    rejected_source: int
    malformed: int
    stun: int
    looped: int
    srtp: int
    srtp_rejected: int
    srtp_replayed: int


def session_stats(
    config: RtpConfig, sender: Sender, receiver: Receiver, control: RtcpControl, own: OwnCounts
) -> RtpStats:
    """All of it so far."""
    counts, remote = receiver.buffer.counts, control.remote
    r_factor, mos = _quality(config, receiver, control)
    return RtpStats(
        telephone_event=int(config.receive_dtmf_payload_type is not None),
        packets_sent=sender.packets,
        octets_sent=sender.octets,
        packets_received=receiver.packets,
        octets_received=receiver.octets,
        lost=receiver.lost,
        fraction_lost=receiver.lost / max(1, receiver.expected),
        late=counts.late,
        duplicate=counts.duplicate,
        reordered=counts.reordered,
        jitter_ms=receiver.jitter.ticks / 8,
        gaps=counts.gaps,
        concealed_ticks=counts.concealed_ticks,
        rtt_ms=None if control.rtt_s is None else control.rtt_s * 1_000,
        unknown_pt=receiver.unknown_pt,
        rejected_source=own.rejected_source,
        rate_limited=receiver.rate_limited + receiver.digits_rate_limited + counts.rate_limited + control.rate_limited,
        malformed=own.malformed + receiver.malformed + control.malformed,
        stun=own.stun,
        ssrc_changes=receiver.ssrc_changes,
        last_received_at=receiver.last_at,
        noise_ticks=counts.noise_ticks,
        looped=own.looped,
        underruns=sender.underruns,
        stalls=sender.stalls,
        remote_lost=None if remote is None else remote.lost,
        remote_fraction_lost=None if remote is None else remote.fraction_lost / 256,
        remote_jitter_ms=None if remote is None else remote.jitter / (8 * sender.units_per_tick),
        remote_mos=control.remote_mos,
        r_factor=r_factor,
        mos=mos,
        srtp=own.srtp,
        srtp_rejected=own.srtp_rejected,
        srtp_replayed=own.srtp_replayed,
    )


def _quality(config: RtpConfig, receiver: Receiver, control: RtcpControl) -> tuple[float, float] | tuple[None, None]:
    """R and MOS of received audio; delay is half the round trip, a packet, and the wait after a hole."""
    if receiver.last_at is None:
        return None, None
    buffer = receiver.buffer
    loss = min(1.0, (receiver.lost + buffer.counts.late) / max(1, receiver.expected))
    delay_s = control.one_way_delay_s + config.ptime_ms / 1_000 + buffer.gap_wait_s
    burst = emodel.burst_ratio(buffer.counts.lost_in_runs, buffer.counts.loss_runs, loss)
    r_factor = emodel.r_factor(delay_s * 1_000, loss, burst_ratio=burst)
    return r_factor, emodel.mean_opinion(r_factor)
