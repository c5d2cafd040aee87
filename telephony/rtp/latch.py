"""Symmetric RTP: which source is accepted, and where we send. RFC 4961, tightened against injection."""

from ipaddress import ip_address
from typing import NamedTuple

from offhook.telephony.rtp.config import Address, RtpLimits
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.serial import MASK16

NOWHERE: Address = ("0.0.0.0", 0)
"""Nothing is sent there."""

LOOK_S = 0.5
"""How long to wait for the SDP's address after something came from elsewhere: 25 packets of the usual length."""


def leads_inside(host: str, signalling_host: str | None) -> bool:
    """Whether media to `host` would stay on this machine or its link although signalling comes from elsewhere.

    An SDP that names 127.0.0.1 from afar is a mistake, or an attempt to make us send to local services.
    """
    if signalling_host is None:
        return False
    target, caller = ip_address(host), ip_address(signalling_host)
    return (target.is_loopback and not caller.is_loopback) or (target.is_link_local and not caller.is_link_local)


class _Trial(NamedTuple):
    """A source on probation and what it has sent, to be replayed when it passes."""

    packets: list[tuple[RtpPacket, float]]


class SourceLatch:
    """Decides which source's packets are accepted.

    - The first valid packet from the address of the SDP locks the latch to it.
    - Before that, another source is accepted after `latch_packets` packets in a row of one SSRC with consecutive
      sequence numbers, if its host is the SDP's or signalling's. None of those packets is lost: the last one
      releases them all.
    - The SDP's address takes over from such a source with its first packet, whenever that comes: a stranger on the
      signalling host who was first does not keep the call. It is waited for during `latch_grace_ms`; later the lock is
      `final`, and an owner that skips other sources has to call `await_better_source` now and then.
    - Only `reconfigure` opens it for others. The last accepted source stays accepted if the SDP still names the same
      address. But if it is on a host that neither SDP nor signalling names any more (the phone has moved, and packets
      of the old network come late), any source that is named takes over from it, after its probation.

    We send to the SDP's address until another source is accepted, then there (RFC 4961). An internal SDP address from
    outside is neither sent to nor accepted. An SDP address on another host than signalling's is a third party until
    something comes from it: see `doubt`. Nothing is sent while `hold` lasts, unless a source is accepted.
    """

    __slots__ = (
        "_allowed_hosts",
        "_final_at",
        "_held",
        "_known",
        "_limits",
        "_signalling_host",
        "_trials",
        "locked",
        "remote",
        "target",
    )

    def __init__(self, remote: Address, signalling_host: str | None, limits: RtpLimits) -> None:
        self._limits = limits
        self.locked: Address | None = None
        self.target = NOWHERE
        self.remote = NOWHERE
        self._held = False
        self.reconfigure(remote, signalling_host)

    def reconfigure(self, remote: Address, signalling_host: str | None) -> None:
        """Apply an offer/answer exchange, the first or a later one."""
        if leads_inside(remote[0], signalling_host):
            remote = NOWHERE
        self._known = self.locked if remote == self.remote else None
        if remote != self.remote:
            self.target = NOWHERE if self._held else remote
        self.remote = remote
        self.locked = None
        self._final_at = 0.0
        self._signalling_host = signalling_host
        self._allowed_hosts = {remote[0], signalling_host} - {None}
        self._trials: dict[Address, _Trial] = {}

    def may_send(self, source: Address, now: float) -> bool:
        """Whether a packet from `source` may be accepted."""
        if self.locked is None:
            return source[0] in self._allowed_hosts or source == self._known
        return source in (self.locked, self.remote) or (self._outdated and source[0] in self._allowed_hosts)

    @property
    def _outdated(self) -> bool:
        """Whether the accepted source is on a host that is not named any more."""
        return self.locked is not None and self.locked[0] not in self._allowed_hosts

    def final(self, now: float) -> bool:
        """Whether a source is accepted for good."""
        return self.locked is not None and (self.locked == self.remote or now >= self._final_at)

    def await_better_source(self, now: float) -> None:
        """Something came from elsewhere: wait briefly for a better source again."""
        if self.locked is not None and (self.remote != NOWHERE or self._outdated):
            self._final_at = max(self._final_at, now + LOOK_S)

    def hold(self) -> None:
        """Send nothing before `release` or the first accepted packet: the INVITE's source may be forged, and the host
        in its SDP never have asked for media."""
        self._held = True
        if self.locked is None:
            self.target = NOWHERE

    def release(self) -> None:
        """The ACK came: its sender has received our 2xx."""
        if self._held:
            self._held = False
            if self.locked is None:
                self.target = self.remote

    def doubt(self) -> None:
        """Enough was sent without any packet received: the SDP may name a host that never asked for this.

        Signalling's own host has asked, by its INVITE and ACK; another host is sent nothing more until something comes
        from it.
        """
        asked = self._signalling_host is None or self.remote[0] == self._signalling_host
        if self.locked is None and not asked:
            self.target = NOWHERE

    def prove(self, host: str) -> None:
        """RTCP came from there, which ends the doubt."""
        if self.target == NOWHERE and self.locked is None and host == self.remote[0] and not self._held:
            self.target = self.remote

    def trusts_host(self, host: str) -> bool:
        """Whether RTCP from `host` is accepted: the locked source's, or before that the SDP's."""
        return host == (self.locked or self.remote)[0]

    def offer(self, packet: RtpPacket, source: Address, now: float) -> list[tuple[RtpPacket, float]]:
        """A packet of a negotiated payload type, from a source that `may_send`.

        Returns the packets to process now, with their arrival times.
        """
        if source == self.locked:
            return [(packet, now)]
        if source in (self.remote, self._known):
            return self._lock(source, [(packet, now)], now)
        packets = self._probation(packet, source, now)
        return [] if packets is None else self._lock(source, packets, now)

    def _lock(
        self, source: Address, packets: list[tuple[RtpPacket, float]], now: float
    ) -> list[tuple[RtpPacket, float]]:
        self.locked = self.target = source
        self._final_at = now + self._limits.latch_grace_ms / 1_000
        self._trials.clear()
        return packets

    def _probation(self, packet: RtpPacket, source: Address, now: float) -> list[tuple[RtpPacket, float]] | None:
        """All packets of a source whose probation ends with this one, else None."""
        trial = self._trials.pop(source, None)
        if trial is not None:
            last = trial.packets[-1][0]
            if packet.ssrc == last.ssrc and packet.sequence == (last.sequence + 1) & MASK16:
                trial.packets.append((packet, now))
            else:
                trial = None
        trial = trial or _Trial([(packet, now)])
        if len(trial.packets) >= self._limits.latch_packets:
            return trial.packets
        if len(self._trials) >= self._limits.latch_sources:
            del self._trials[next(iter(self._trials))]
        self._trials[source] = trial
        return None
