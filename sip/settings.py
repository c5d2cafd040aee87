"""The user agent's settings: its timers, names, and every limit that it keeps."""

from dataclasses import dataclass, field

from offhook.sip.auth.client import Account
from offhook.sip.net.address import Address
from offhook.sip.policy import DialogPolicy
from offhook.sip.transaction.timers import Timers


@dataclass(frozen=True, slots=True)
class UaSettings:
    """The settings of a `UserAgent`."""

    timers: Timers = field(default_factory=Timers)

    product: str = "offhook"
    """Server and User-Agent; without a version, which would only help attackers look for old ones."""

    contact_user: str = "offhook"

    advertised: Address | None = None
    """What Contact and Via say instead of the local address, where a port is forwarded. Port 0: the local port."""

    follow_received: bool = True
    """Whether trunks may correct that by how they see us. Not where a port is forwarded on purpose."""

    domains: frozenset[str] = frozenset()
    """What a user who registers with us may be called at, in lower case, besides the addresses that we listen on."""

    accounts: tuple[Account, ...] = ()
    """What we answer when we are asked for credentials, each to its own hosts only."""

    max_datagram_bytes: int = 1_300
    """A larger request goes by TCP (RFC 3261 §18.1.1), and by UDP where there is none."""

    without_tcp_s: float = 3_600.0
    """How long it is remembered that there is none."""

    failover_s: float = 4.0
    """How long a target may keep silent before the next one of its domain is tried (RFC 3263 §4.3)."""

    schemes: tuple[str, ...] = ("sip", "sips", "tel")
    """Request-URI schemes that we handle; others get 416."""

    supported: tuple[str, ...] = ("100rel", "timer", "replaces", "norefersub")
    """Option tags that may be required of us, where a call's policy has them; others get 420."""

    policy: DialogPolicy = field(default_factory=DialogPolicy)
    """For calls that have none of their own."""

    max_pending_invites: int = 500
    """Incoming calls without a final response; beyond that a stateless 503."""

    max_calls: int = 5_000
    """All calls; beyond that a new one gets a stateless 503."""

    max_server_transactions: int = 20_000
    """Requests outside our calls beyond that, and beyond twice that any request, get a stateless 503."""

    retransmit_limit: int = 32
    """How often one transaction repeats a response because the request was retransmitted. RFC 3261 timers need 11."""

    unproven_invites: int = 5
    """INVITEs from a host that never acknowledged a response to one, after which fewer repeats are sent to it. Its
    source may be forged, and RFC 3261's ten repeats (§13.3.1.4, §17.2.1) multiply what is sent to a victim."""

    unproven_s: float = 60.0
    """After a pause this long such a host's INVITEs are counted anew."""

    unproven_repeats: int = 3
    """How often a response to an INVITE is then repeated, unasked. Enough for nearly everybody: at 10 % loss each way
    one call in 800 gets no ACK through."""

    proven_s: float = 3_600.0
    """How long a host counts as proven after such an ACK."""

    max_proven_hosts: int = 10_000
    """The hosts remembered for that: some 200 bytes each."""

    max_refused_invites: int = 10_000
    """Statelessly refused INVITEs whose answer is kept for retransmissions: some 300 bytes each."""

    retry_after_s: tuple[int, int] = (5, 15)
    """The Retry-After of every 503: spread, so that callers refused together do not retry together."""

    max_forks: int = 16
    """Forked 2xx to one INVITE that are acknowledged (and all but one hung up)."""

    answer_limit_s: float = 180.0
    """How long an INVITE, in or out, may go without a final response (RFC 3261 §16.6: timer C)."""

    provisional_repeat_s: float = 60.0
    """How often 180 is repeated so that proxies keep waiting (RFC 3261 §13.3.1.1)."""

    reinvite_attempts: int = 5
    """How often a re-INVITE is sent that gets 491 (RFC 3261 §14.1)."""
