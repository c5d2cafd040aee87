"""What may be agreed on with the far end of a call beyond RFC 3261, and who it is: per trunk, so not a setting of the
user agent."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network


class Use(StrEnum):
    """How far an extension is used."""

    OFF = "off"  # not offered, and refused (420) where the far end requires it
    SUPPORTED = "supported"
    REQUIRED = "required"  # a far end without it is refused (421), or refuses us


SMALLEST_INTERVAL_S = 90
"""The least session interval that there is (RFC 4028 §4)."""


@dataclass(frozen=True, slots=True)
class DialogPolicy:
    """The extensions of one call, and what is known of its far end."""

    reliable_provisionals: Use = Use.SUPPORTED
    """100rel (RFC 3262). SUPPORTED: reliable is what has SDP, and all where the far end requires it."""

    session_timer: Use = Use.SUPPORTED
    """timer (RFC 4028)."""

    session_expires_s: int = 1_800
    """The session interval that we propose."""

    min_session_expires_s: int = SMALLEST_INTERVAL_S
    """The shortest one that we accept (Min-SE)."""

    servers: tuple[Network, ...] = ()
    """The far end's own, by the owner's word: beside those that a call went to, or came from, they may ask for its
    password."""

    auth_host: str = ""
    """Whose password may be asked for in a call that came in; empty: that of the host that it came from."""

    auth_user: str = ""
    """Of several accounts at `auth_host`; empty: any."""

    def use(self, option: str) -> Use:
        """How far an option tag is used; SUPPORTED for those that have no setting."""
        return {"100rel": self.reliable_provisionals, "timer": self.session_timer}.get(option, Use.SUPPORTED)

    @property
    def required(self) -> tuple[str, ...]:
        """The option tags that the far end must support."""
        return tuple(option for option in ("100rel", "timer") if self.use(option) is Use.REQUIRED)
