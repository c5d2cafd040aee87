"""What PJSIP has measured of a call's media, in the words of `RtpStats`."""

from typing import Any

from offhook.carriers.pjsua2.line import FrameStats

_SECURE = 1 << 14
"""The bit of PJMEDIA's media protocols that says so (PJMEDIA_TP_PROFILE_SRTP), which Python's module lacks."""


def figures_of(call: Any, index: int) -> FrameStats:
    """Of a call's media with that index. Raises PJSIP's error: it is gone."""
    found, stream = call.getStreamStat(index), call.getStreamInfo(index)
    received, sent = found.rtcp.rxStat, found.rtcp.txStat
    expected = received.pkt + received.loss
    return FrameStats(
        packets_sent=sent.pkt,
        octets_sent=sent.bytes,
        packets_received=received.pkt,
        octets_received=received.bytes,
        lost=received.loss,
        fraction_lost=received.loss / expected if expected else 0.0,
        duplicate=received.dup,
        reordered=received.reorder,
        jitter_ms=received.jitterUsec.mean / 1_000,
        rtt_ms=found.rtcp.rttUsec.mean / 1_000 if found.rtcp.rttUsec.n else None,
        jitter_buffer_ms=float(found.jbuf.avgDelayMsec),
        remote_lost=sent.loss if sent.updateCount else None,
        remote_jitter_ms=sent.jitterUsec.mean / 1_000 if sent.updateCount else None,
        telephone_event=int(stream.audTxEventPt >= 0),
        srtp=int(bool(int(stream.proto) & _SECURE)),
    )
