"""What PJSIP has measured of a call's media, in the words of `RtpStats`."""

from typing import Any

from offhook.carriers.pjsua2.line import FRAME_S, FrameStats
from offhook.telephony.rtp import emodel


def figures_of(call: Any, index: int) -> FrameStats:
    """Of a call's media with that index. Raises PJSIP's error: it is gone."""
    found, stream = call.getStreamStat(index), call.getStreamInfo(index)
    received, sent = found.rtcp.rxStat, found.rtcp.txStat
    expected = received.pkt + received.loss
    late = max(0, received.discard - received.dup)  # PJSIP discards second copies, too
    r_factor = _r_factor(found, late) if received.pkt else None
    return FrameStats(
        packets_sent=sent.pkt,
        octets_sent=sent.bytes,
        packets_received=received.pkt,
        octets_received=received.bytes,
        lost=received.loss,
        fraction_lost=received.loss / expected if expected else 0.0,
        late=late,
        duplicate=received.dup,
        reordered=received.reorder,
        jitter_ms=received.jitterUsec.mean / 1_000,
        rtt_ms=found.rtcp.rttUsec.mean / 1_000 if found.rtcp.rttUsec.n else None,
        jitter_buffer_ms=float(found.jbuf.avgDelayMsec),
        remote_lost=sent.loss if sent.updateCount else None,
        remote_jitter_ms=sent.jitterUsec.mean / 1_000 if sent.updateCount else None,
        r_factor=r_factor,
        mos=None if r_factor is None else emodel.mean_opinion(r_factor),
        telephone_event=int(stream.audTxEventPt >= 0),
    )


def _r_factor(found: Any, late: int) -> float:
    """R of received audio: delay is half the round trip, a packet, and the wait in the jitter buffer."""
    received, rtt = found.rtcp.rxStat, found.rtcp.rttUsec
    delay_ms = (rtt.mean / 2_000 if rtt.n else 0.0) + FRAME_S * 1_000 + found.jbuf.avgDelayMsec
    loss = (received.loss + late) / (received.pkt + received.loss)
    burst = emodel.burst_ratio(received.loss, received.lossPeriodUsec.n, loss)
    return emodel.r_factor(delay_ms, loss, burst_ratio=burst)
