"""RTCP of a two-party session: when reports are sent, what they contain, what the far end's contain (RFC 3550 §6)."""

from collections import deque
from collections.abc import Callable

from offhook.telephony.errors import WireError
from offhook.telephony.rtp.clock import dlsr_ticks, ntp_short, ntp_stamp
from offhook.telephony.rtp.config import RtpLimits
from offhook.telephony.rtp.receiver import Receiver
from offhook.telephony.rtp.sender import Sender
from offhook.telephony.rtp.stats import round_trip_s
from offhook.telephony.wire import rtcp
from offhook.telephony.wire.rtcp import (
    Bye,
    ExtendedReport,
    ReceiverReport,
    ReportBlock,
    SenderInfo,
    SenderReport,
    SourceDescription,
)
from offhook.telephony.wire.serial import MASK32

INTERVAL_S = 5.0
"""RFC 3550 §6.2: the minimum, which applies to two-party calls."""

MAX_ROUND_TRIP_S = 10.0
"""A longer one is a mistake in a report."""

_FIRST_INTERVAL_S = INTERVAL_S / 2
_SENT_KEPT = 8


class RtcpControl:
    """Schedules and builds our reports and reads the far end's.

    Reports are due every INTERVAL_S times a factor between 0.5 and 1.5 (§6.3.1, without the timer reconsideration for
    groups), the first in half the time. The far end's BYE changes nothing: signalling ends calls.
    """

    __slots__ = (
        "_bye_allowed",
        "_cname",
        "_due",
        "_last_sr",
        "_limits",
        "_packets_reported",
        "_random",
        "_receiver",
        "_sender",
        "_sent_stamps",
        "_window_end",
        "_window_left",
        "malformed",
        "own_ssrc_came",
        "rate_limited",
        "remote",
        "remote_mos",
        "rtt_s",
        "to_send",
    )

    def __init__(
        self,
        sender: Sender,
        receiver: Receiver,
        now: float,
        *,
        cname: str,
        random: Callable[[], float],
        limits: RtpLimits,
    ) -> None:
        self._sender = sender
        self._receiver = receiver
        self._cname = cname
        self._random = random
        self._limits = limits
        self._due = now + _FIRST_INTERVAL_S * (0.5 + random())
        self._bye_allowed = False
        # SSRC, middle of the NTP stamp, and arrival of the last SR.
        self._last_sr: tuple[int, int, float] | None = None
        self._sent_stamps: deque[int] = deque(maxlen=_SENT_KEPT)
        self._packets_reported: deque[int] = deque((0, 0), maxlen=2)
        self._window_end = float("-inf")
        self._window_left = 0
        self.rtt_s: float | None = None
        # What the far end last reported on our stream.
        self.remote: ReportBlock | None = None
        self.remote_mos: float | None = None
        self.own_ssrc_came = False
        self.malformed = 0
        self.rate_limited = 0
        self.to_send: list[bytes] = []

    @property
    def one_way_delay_s(self) -> float:
        """Half the last measured round trip; 0.0 until then."""
        return (self.rtt_s or 0.0) / 2

    def get_timer(self) -> float:
        """When the next report is due."""
        return self._due

    def handle_timer(self, now: float) -> None:
        """Send a report if it is due."""
        if now < self._due:
            return
        self._due = now + INTERVAL_S * (0.5 + self._random())
        self.to_send.append(rtcp.build_compound(self._report(now), self._description()))
        self._bye_allowed = True

    def say_bye(self, now: float) -> None:
        """Send BYE for our SSRC, unless nothing was ever sent with it (§6.3.7)."""
        if self._bye_allowed or self._sender.packets:
            bye = Bye((self._sender.ssrc,))
            self.to_send.append(rtcp.build_compound(self._report(now), self._description(), bye))

    def receive(self, data: bytes, now: float) -> bool:
        """A datagram from the far end. Returns whether it was a well-formed compound."""
        if now >= self._window_end:
            self._window_end = now + 1
            self._window_left = self._limits.rtcp_packets_per_s
        if self._window_left <= 0:
            self.rate_limited += 1
            return False
        self._window_left -= 1
        try:
            packets = rtcp.parse_compound(data)
        except WireError:
            self.malformed += 1
            return False
        for packet in packets:
            if isinstance(packet, SenderReport | ReceiverReport | ExtendedReport) and packet.ssrc == self._sender.ssrc:
                # §8.2: a report with our SSRC is our own reflected, or a collision; either way it is not about our
                # stream.
                self.own_ssrc_came = True
                return True
            if isinstance(packet, SenderReport):
                self._last_sr = (packet.ssrc, ntp_short(packet.info.ntp), now)
            if isinstance(packet, SenderReport | ReceiverReport):
                self._read_blocks(packet.reports, now)
            elif isinstance(packet, ExtendedReport):
                self._read_metrics(packet)
        return True

    def _read_blocks(self, reports: tuple[ReportBlock, ...], now: float) -> None:
        for block in reports:
            if block.ssrc != self._sender.ssrc:
                continue
            self.remote = block
            # An LSR we never sent comes from another clock: the round trip would be fictitious.
            if block.lsr in self._sent_stamps:
                rtt_s = round_trip_s(ntp_short(ntp_stamp(now)), block.lsr, block.dlsr)
                if rtt_s is not None and rtt_s <= MAX_ROUND_TRIP_S:
                    self.rtt_s = rtt_s

    def _read_metrics(self, report: ExtendedReport) -> None:
        for metrics in report.voip_metrics:
            if metrics.ssrc == self._sender.ssrc and metrics.mos_lq is not None:
                self.remote_mos = metrics.mos_lq

    def _report(self, now: float) -> SenderReport | ReceiverReport:
        sender = self._sender
        block = self._block(now)
        blocks = () if block is None else (block,)
        # §6.4: a party that sent nothing since the report before the last isn't a sender.
        sends = sender.packets != self._packets_reported[0]
        self._packets_reported.append(sender.packets)
        if not sends:
            return ReceiverReport(sender.ssrc, blocks)
        stamp = ntp_stamp(now)
        self._sent_stamps.append(ntp_short(stamp))
        packets, octets = sender.packets - sender.packets_before, sender.octets - sender.octets_before
        info = SenderInfo(stamp, sender.timestamp_at(now), packets & MASK32, octets & MASK32)
        return SenderReport(sender.ssrc, info, blocks)

    def _block(self, now: float) -> ReportBlock | None:
        receiver = self._receiver
        if receiver.ssrc is None:
            return None
        lsr = dlsr = 0
        if self._last_sr is not None and self._last_sr[0] == receiver.ssrc:
            lsr, dlsr = self._last_sr[1], dlsr_ticks(now - self._last_sr[2])
        tracker = receiver.tracker
        return ReportBlock(
            ssrc=receiver.ssrc,
            fraction_lost=tracker.fraction_since_last_report(),
            lost=tracker.lost,
            highest=tracker.reported_highest,
            jitter=int(receiver.jitter.ticks * receiver.units_per_tick),
            lsr=lsr,
            dlsr=dlsr,
        )

    def _description(self) -> SourceDescription:
        return SourceDescription.of_cname(self._sender.ssrc, self._cname)
