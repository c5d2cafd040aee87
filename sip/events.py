"""What the user agent reports to its owner: small frozen values, in order.

After `CallCancelled`, `CallRejected` or `CallEnded` the handle `call` is invalid. `sdp` is the body of type
application/sdp, opaque here, or None.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from offhook.sip.message.headers import Headers
from offhook.sip.message.identities import Identities
from offhook.sip.message.reason import EndReason
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport
from offhook.sip.net.unsent import Unsent
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferReceived, ReferRefused


class EndCause(StrEnum):
    """Why an answered call ended, or an outgoing one failed without a response."""

    REMOTE_BYE = "remote_bye"
    LOCAL_BYE = "local_bye"
    ACK_TIMEOUT = "ack_timeout"  # our 2xx was never acknowledged
    TIMEOUT = "timeout"  # the far end never answered our request, or we never answered the call
    TRANSPORT = "transport"
    NOT_REFRESHED = "not_refreshed"  # RFC 4028: no refresh of the session came, or ours did not come through


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """An INVITE outside any dialog; 100 (Trying) has been sent. `sdp` None: the answer will carry the offer."""

    call: str
    from_uri: str
    request_uri: str
    call_id: str
    sdp: bytes | None
    source: Address
    headers: Headers
    identities: Identities = field(default_factory=Identities)
    transport: Transport = Transport.UDP
    trunk: str = ""
    """For its owner: what knows the trunk by which the call came. The user agent leaves it empty."""
    uniqueid: str = ""
    """For its owner, too: the name of the call's record. A Call-ID is the far end's, and may come twice."""
    replaces: str = ""
    """The handle of the answered call whose place this one is to take (RFC 3891). Whether it may is the owner's to
    decide; who lets it hangs up the other one."""
    proven: bool = False
    """Whether `source` has shown that it receives what is sent there: by an ACK or a PRACK lately, or by its
    connection. Anybody can write the address of somebody else into a datagram."""


@dataclass(frozen=True, slots=True)
class CallRefused:
    """An INVITE outside any dialog that the user agent itself refused: there is no call and no handle."""

    call: str
    """Empty."""
    call_id: str
    from_uri: str
    request_uri: str
    source: Address
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A request of the far end in a call that the user agent itself refused; the call goes on."""

    call: str
    method: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class CallCancelled:
    """The caller gave up before we answered (CANCEL, or a BYE in the early dialog); 487 has been sent."""

    call: str
    reasons: tuple[EndReason, ...] = ()
    """As the caller gave them: "SIP 200" where somebody else has answered (RFC 3326 §3.1)."""


@dataclass(frozen=True, slots=True)
class EarlyMediaConfirmed:
    """The PRACK of a provisional response with SDP came (RFC 3262): the far end has our answer, and receives what is
    sent to it."""

    call: str


@dataclass(frozen=True, slots=True)
class CallConfirmed:
    """The ACK of our 2xx came; `sdp` is the answer when the INVITE had no offer, else None."""

    call: str
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A 101 to 199 to our INVITE; with `sdp` there may be early media."""

    call: str
    status: int
    reason: str
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The 2xx to our INVITE came and has been acknowledged. `allow` has the methods that its sender takes.

    `sdp` is the answer to our offer, in it or in a reliable 1xx before; None where it has none, or where an offer has
    followed before the call was answered (`ReinviteReceived`, `Update`): then that is what holds.
    """

    call: str
    sdp: bytes | None
    allow: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class CallRejected:
    """Our INVITE ended with 300 to 699; 487 after `cancel`.

    `contacts` are the URIs of a 3xx, the most wanted first; `q850` is the cause of the telephone network, if one was
    given (RFC 6432).
    """

    call: str
    status: int
    reason: str
    contacts: tuple[str, ...] = ()
    retry_after_s: int | None = None
    q850: int | None = None


@dataclass(frozen=True, slots=True)
class PeerMoved:
    """A request in the call came from a new host: our requests go there now, and the far end's media may come from
    there.
    """

    call: str
    source: Address


@dataclass(frozen=True, slots=True)
class ReinviteReceived:
    """The far end sent a re-INVITE, or an UPDATE with an offer: answer or reject it, an UPDATE at once. `sdp` None: the
    answer carries our offer."""

    call: str
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReinviteConfirmed:
    """The ACK of our 2xx to a re-INVITE; `sdp` is the answer when the re-INVITE had no offer, else None.

    After an UPDATE it comes at once.
    """

    call: str
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReinviteAnswered:
    """The 2xx to our re-INVITE or UPDATE came; or to a re-INVITE that the user agent sent to refresh the session, which
    offered once more what we last described (RFC 4028)."""

    call: str
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReinviteRejected:
    """A re-INVITE failed and the call goes on as before: ours was refused, or the far end's cancelled (487)."""

    call: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class KeyReceived:
    """A key came by INFO: one of 0-9 * # A-D."""

    call: str
    digit: str = field(repr=False)
    duration_ms: int


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The far end did not take a key that we sent by INFO; 408: it did not answer."""

    call: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over."""

    call: str
    cause: EndCause
    reasons: tuple[EndReason, ...] = ()
    """Those of the far end's BYE (RFC 3326)."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The registrar has our binding; it is refreshed after `refresh_s`. Repeated with each refresh."""

    account: str
    refresh_s: float


@dataclass(frozen=True, slots=True)
class RegistrationFailed:
    """A REGISTER was refused, or got no answer (`status` 0); the next attempt is made after `retry_s`."""

    account: str
    status: int
    reason: str
    retry_s: float
    unsent: Unsent | None = None
    """Why it could not be sent, if it could not."""


@dataclass(frozen=True, slots=True)
class RegistrationEnded:
    """The binding is removed, or it was not to be had: the account is free again."""

    account: str


@dataclass(frozen=True, slots=True)
class RegistrationQueried:
    """A registrar has answered `QueryRegistration`, with the URIs that the account is registered at; or it has not
    (`status` 0)."""

    account: str
    status: int
    reason: str
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pinged:
    """A trunk has answered an OPTIONS, in whatever way, after `after_s`; or it has not (`status` 0)."""

    account: str
    status: int
    reason: str
    after_s: float
    unsent: Unsent | None = None
    """Why it could not be sent, if it could not."""


@dataclass(frozen=True, slots=True)
class UserRegistered:
    """A user has registered a contact with us, or removed one: this is how many there are now."""

    user: str
    contacts: int
    source: Address


@dataclass(frozen=True, slots=True)
class PasswordWithheld:
    """A request in a call was challenged by a server that is not known to be the far end's: see `Sender.proves_to`."""

    call_id: str
    method: str
    host: str
    """Whose password it is."""
    address: Address
    """Who asked."""


CallEvent: TypeAlias = (
    IncomingCall
    | CallRefused
    | PeerMoved
    | RequestRefused
    | CallCancelled
    | EarlyMediaConfirmed
    | CallConfirmed
    | CallProgress
    | CallAnswered
    | CallRejected
    | ReinviteReceived
    | ReinviteConfirmed
    | ReinviteAnswered
    | ReinviteRejected
    | KeyReceived
    | KeyRefused
    | ReferAccepted
    | ReferRefused
    | ReferProgress
    | ReferReceived
    | CallEnded
)
"""What happens to a call."""

RegistrationEvent: TypeAlias = Registered | RegistrationFailed | RegistrationEnded | RegistrationQueried | Pinged
"""What happens to an account, or a trunk."""

Event: TypeAlias = CallEvent | RegistrationEvent | UserRegistered | PasswordWithheld
