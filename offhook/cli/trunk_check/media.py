"""The media of a test call: what comes, from where, and whether ours arrives.

The line is the bot's own, so that what it ignores is ignored here; a tap beside it notes every datagram and its source.
A short beep each second tells the one who answers that they hear the bot.
"""

import secrets
import time
from copy import deepcopy

from offhook.carriers.own_addresses import media_host
from offhook.carriers.rtp_settings import rtp_config
from offhook.cli.trunk_check.probe import Probe
from offhook.cli.trunk_check.report import Report
from offhook.sip.net.flow import Target
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpCapabilities, SrtpPolicy
from offhook.sip.sdp.negotiate import LocalMedia, NegotiatedAudio
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import WireError
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp import RtpStats
from offhook.telephony.tones import silence, tones
from offhook.telephony.wire.rtcp import ReceiverReport, SenderReport, is_rtcp, parse_compound
from offhook.usererror import Problem

STEP = "media"

FIRST_S = 2.0
"""Within which the first packet should come after the answer."""

LISTEN_S = 6.0
"""How long a test call lasts: the first RTCP report comes 2.5 to 7.5 s after its sender began (RFC 3550 §6.2)."""

MAX_SOURCES = 16
BEEP_HZ, BEEP_MS, BEEP_DBFS = 440.0, 150.0, -24.0
MUCH_LOSS, MUCH_JITTER_MS = 0.02, 40.0


class CallMedia:
    """The ports, the offer and the line of one test call. Raises PortsExhaustedError, OSError."""

    def __init__(self, probe: Probe, target: Target) -> None:
        rtp = probe.config.rtp
        self._rtp = rtp
        self.codecs = probe.trunk.codecs or rtp.codecs
        self._signalling_host = target.address.host
        self._pair = PortPool(rtp.port_min, rtp.port_max, probe.endpoint.address.host).acquire(time.monotonic())
        self._pair.tap(self._tap)
        self.host = media_host(probe.config.sip, probe.endpoint.address, target.address)
        capabilities = AudioCapabilities(
            self.codecs, ptime_ms=rtp.ptime_ms, srtp=SrtpCapabilities(SrtpPolicy(rtp.srtp))
        )
        self._offers = OfferAnswer(LocalMedia(self.host, self._pair.port, secrets.randbits(31), 1), capabilities)
        self._line: UdpLine | None = None
        self.agreed: NegotiatedAudio | None = None
        self._sources: dict[tuple[str, int], int] = {}
        self._first_at: float | None = None
        self._answered_at: float | None = None
        self._reports = self._reports_on_us = 0

    def offer(self) -> bytes:
        """Our description."""
        return self._offers.offer()

    def early(self, sdp: bytes) -> None:
        """Media before the answer: it is listened to. Raises RemoteError."""
        self._open(deepcopy(self._offers).accept(sdp))
        if self._line is not None:
            self._line.start(confirmed=False)

    def answered(self, sdp: bytes) -> None:
        """The answer: media flows both ways. Raises RemoteError, telephony.LocalError."""
        self.agreed = self._offers.accept(sdp)
        self._open(self.agreed)
        self._answered_at = time.monotonic()
        line = self._line
        if line is not None:
            line.start()
            beep = tones((BEEP_HZ,), BEEP_MS, level_dbfs=BEEP_DBFS, rate_hz=line.rate_hz)
            second = beep + silence(1_000 - BEEP_MS, rate_hz=line.rate_hz)
            line.play(line.encode(second * round(LISTEN_S + 1)))

    def close(self) -> None:
        """Idempotent."""
        if self._line is not None:
            self._line.close()
        else:
            self._pair.release(time.monotonic(), rests=False)

    def judge(self, report: Report) -> None:
        """What has come, and what not. Before `close`."""
        if self._line is None or self.agreed is None or self._answered_at is None:
            return
        stats = self._line.stats()
        details: dict[str, object] = {
            "packets_received": stats.packets_received,
            "lost": stats.lost,
            "jitter_ms": round(stats.jitter_ms, 1),
            "sources": [f"{host}:{port}" for host, port in self._sources],
            "packets_sent": stats.packets_sent,
            "remote_lost": stats.remote_lost,
        }
        if self.agreed.direction not in ("sendrecv", "recvonly"):
            report.ok(STEP, f"no media is expected: we are {self.agreed.direction}", details)
        elif self._first_at is None:
            report.fail(STEP, self._nothing_came(), details)
        elif not stats.packets_received:
            report.fail(STEP, self._all_ignored(stats), details)
        else:
            self._judge_received(report, stats, details)
        self._judge_sent(report, stats)

    def _judge_received(self, report: Report, stats: RtpStats, details: dict[str, object]) -> None:
        assert self.agreed is not None and self._first_at is not None and self._answered_at is not None
        named = (self.agreed.remote_host, self.agreed.remote_port)
        after_ms = round((self._first_at - self._answered_at) * 1_000)
        when = f"{after_ms} ms after the answer" if after_ms >= 0 else "before the answer (early media)"
        others = [each for each in self._sources if each != named]
        where = "" if not others else f", and the SDP names {named[0]}:{named[1]}"
        sources = ", ".join(f"{host}:{port}" for host, port in self._sources)
        loss = max(0.0, stats.fraction_lost)
        quality = f"{loss:.1%} lost, jitter {stats.jitter_ms:.0f} ms"
        if after_ms > FIRST_S * 1_000:
            why = f"callers would hear and be heard for the first time {after_ms / 1_000:.1f} s after the answer"
            report.warn(STEP, Problem("media comes late", why, "the trunk's operator, or the far end's gateway"))
        report.ok(STEP, f"{self.agreed.codec} comes from {sources}{where}; the first packet {when}; {quality}", details)
        if loss > MUCH_LOSS or stats.jitter_ms > MUCH_JITTER_MS:
            problem = Problem(
                f"the way of media is poor: {quality}", "callers are hard to understand", "mtr to the trunk"
            )
            report.warn(STEP, problem)

    def _judge_sent(self, report: Report, stats: RtpStats) -> None:
        assert self.agreed is not None
        if self.agreed.direction not in ("sendrecv", "sendonly"):
            return
        if stats.remote_lost is not None:
            lost = f"{stats.remote_fraction_lost or 0.0:.1%} lost"
            if (stats.remote_fraction_lost or 0.0) > MUCH_LOSS:
                what = f"the far end reports that much of our media is lost: {lost}"
                report.warn(STEP, Problem(what, "callers hardly understand the bot", "mtr to the trunk"))
            else:
                report.ok(STEP, f"our media arrives, as RTCP reports: {lost}")
        elif self._reports and not self._reports_on_us and stats.packets_sent > 100:
            what = "the far end does not get our media"
            why = f"its RTCP reports name none, after {stats.packets_sent} packets to {self.agreed.remote_host}"
            report.warn(STEP, Problem(what, why, "an outbound firewall; or listen: there is a beep each second"))
        else:
            report.ok(STEP, "whether our media arrives is not reported: who answers hears a beep each second")

    def _nothing_came(self) -> Problem:
        assert self.agreed is not None
        at = f"{self.host}:{self._pair.port}"
        what = f"no media comes back: nothing arrived at {at} within {LISTEN_S:g} s"
        why = "a firewall or a NAT drops it, or the far end sends nothing before it gets something"
        todo = f"let UDP {self._rtp.port_min}-{self._rtp.port_max} in; `advertised_host` below `[sip]` behind NAT"
        return Problem(what, why, todo)

    def _all_ignored(self, stats: RtpStats) -> Problem:
        assert self.agreed is not None
        sources = ", ".join(f"{host}:{port}" for host, port in self._sources)
        what = f"media comes from {sources}, and none of it can be used"
        if stats.srtp_rejected:
            return Problem(what, "it is not encrypted with the keys of its SDP", "SRTP, at the trunk")
        if stats.unknown_pt:
            return Problem(what, "its payload type was not agreed on", "`codecs` of this trunk, or its own")
        if stats.rejected_source or self.agreed.remote_host not in {host for host, _ in self._sources}:
            why = f"its SDP names {self.agreed.remote_host}, SIP comes from {self._signalling_host}: others are ignored"
            return Problem(what, why, "the far end's setting for the address of its media")
        todo = "look at a call of the bot: offhook sip capture -o call.pcap, or `capture = true` below `[records]`"
        return Problem(what, "it is not RTP, or comes broken", todo)

    # --- inside

    def _open(self, audio: NegotiatedAudio) -> None:
        config = rtp_config(audio, self._signalling_host)
        if self._line is not None:
            self._line.reconfigure(config, audio.codec, audio.receive_payload_types)
            return
        self._line = UdpLine(
            self._pair,
            config,
            audio.codec,
            receive_codecs=audio.receive_payload_types,
            clock=MediaClock(media="python"),
        )

    def _tap(self, data: bytes, far: tuple[str, int], port: int, received: bool) -> None:
        if not received:
            return
        if port != self._pair.port or is_rtcp(data):
            self._note_reports(data)
            return
        if self._first_at is None:
            self._first_at = time.monotonic()
        if far in self._sources or len(self._sources) < MAX_SOURCES:
            self._sources[far] = self._sources.get(far, 0) + 1

    def _note_reports(self, data: bytes) -> None:
        """Who reports and names nobody receives nothing."""
        if self.agreed is not None and self.agreed.srtp is not None:
            return  # it is encrypted
        try:
            packets = parse_compound(data)
        except WireError:
            return
        for packet in packets:
            if isinstance(packet, SenderReport | ReceiverReport):
                self._reports += 1
                self._reports_on_us += bool(packet.reports)
