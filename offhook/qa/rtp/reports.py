"""What the far ends report about streams (RTCP): loss, jitter, round trip, MOS. Pure."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from offhook.telephony.rtp.stats import round_trip_s
from offhook.telephony.wire.rtcp import ExtendedReport, ReceiverReport, ReportBlock, RtcpPacket, SenderReport
from offhook.telephony.wire.serial import MASK32

MAX_REPORTED = 20_000
MAX_SENT = 20_000
"""Sender reports that are remembered, to measure round trips by."""


@dataclass(slots=True)
class Reported:
    """What receivers said about one SSRC. `jitter` is in units of its RTP clock, as of the last report; round trips are
    from where the capture was made to the far end and back."""

    reports: int = 0
    lost: int = 0
    worst_loss_share: float = 0.0
    jitter: int = 0
    worst_jitter: int = 0
    round_trip_ms: float | None = None
    mos: float | None = None


class Reports:
    """RTCP packets in; what they say, by SSRC."""

    def __init__(self) -> None:
        self.packets = 0
        self.by_ssrc: dict[int, Reported] = {}
        self._sent_s: OrderedDict[tuple[int, int], float] = OrderedDict()

    def take(self, packets: Sequence[RtcpPacket], at_s: float) -> None:
        """One datagram's packets."""
        self.packets += 1
        for packet in packets:
            if isinstance(packet, SenderReport):
                # The middle 32 bits of the NTP stamp are what comes back as LSR (RFC 3550 §6.4.1).
                self._sent_s[packet.ssrc, packet.info.ntp >> 16 & MASK32] = at_s
                if len(self._sent_s) > MAX_SENT:
                    self._sent_s.popitem(last=False)
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.reports:
                    self._take_block(block, at_s)
            elif isinstance(packet, ExtendedReport):
                for metrics in packet.voip_metrics:
                    if (reported := self._of(metrics.ssrc)) is not None:
                        reported.mos = metrics.mos_cq or metrics.mos_lq or reported.mos

    def one_way_delay_ms(self, ssrc: int) -> float:
        """Half the round trip; 0 where it is not known."""
        reported = self.by_ssrc.get(ssrc)
        return (reported.round_trip_ms or 0.0) / 2 if reported is not None else 0.0

    def _of(self, ssrc: int) -> Reported | None:
        if ssrc not in self.by_ssrc and len(self.by_ssrc) >= MAX_REPORTED:
            return None
        return self.by_ssrc.setdefault(ssrc, Reported())

    def _take_block(self, block: ReportBlock, at_s: float) -> None:
        reported = self._of(block.ssrc)
        if reported is None:
            return
        reported.reports += 1
        reported.lost = block.lost
        reported.jitter = block.jitter
        reported.worst_jitter = max(reported.worst_jitter, block.jitter)
        reported.worst_loss_share = max(reported.worst_loss_share, block.fraction_lost / 256)
        sent_s = self._sent_s.get((block.ssrc, block.lsr))
        if sent_s is not None:
            # The capture's own clock serves for both ends: what is left is the way from here and back.
            trip_s = round_trip_s(round((at_s - sent_s) * 65_536) + block.lsr & MASK32, block.lsr, block.dlsr)
            if trip_s is not None:
                reported.round_trip_ms = trip_s * 1_000
