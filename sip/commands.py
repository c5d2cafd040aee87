"""What an owner asks of the user agent: small frozen values, for `UserAgent.do`. Events report back.

`call` is the handle of a call. `sdp` is a body of type application/sdp, opaque here. Commands can be pickled: the
owner of a call may live in another process than its dialog.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from offhook.sip.message.reason import EndReason
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Target, Transport
from offhook.sip.policy import DialogPolicy
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from offhook.sip.tokens import random_token


@dataclass(frozen=True, slots=True)
class Ring:
    """Send 180 (Ringing), or another status from 101 to 199; it is repeated every minute.

    `sdp` is the answer to the INVITE's offer, for early media. It is sent reliably where the far end can (RFC 3262),
    and `Answer` then waits until it has arrived.
    """

    call: str
    status: int = 180
    sdp: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Send 200 with `sdp`, until it is acknowledged: `CallConfirmed`, or `CallEnded(ACK_TIMEOUT)`."""

    call: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse an incoming call with 300 to 699. The handle is invalid from then on; no event follows.

    `reason` is the reason phrase; None: the one that belongs to the status.
    """

    call: str
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Bye:
    """Hang up an answered call. `CallEnded(LOCAL_BYE)` follows at once.

    The BYE itself waits for the ACK of our 2xx where that is still to come (RFC 3261 §15). `reasons` are in it (RFC
    3326).
    """

    call: str
    reasons: tuple[EndReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Invite:
    """Call `target`, a URI (of a user who registers with us, too): `CallProgress`, then `CallAnswered`, `CallRejected`
    or `CallEnded`.

    `destination` is where the INVITE goes; without it the target's host must be numeric. `others` are tried in turn
    where that fails (RFC 3263 §4.3). `transport` is how, None: as the URI says. `contact_user` is in the Request-URI of
    what the far end sends, `auth_user` says whose password is proven, of several for that host; empty: nobody's. With
    `secure` it goes over TLS only. `call` becomes the handle, `call_id` the Call-ID; empty: a new one. `policy` None is
    that of the settings. `part_of` is the handle of the call whose leg this is, for those who show both together.
    """

    target: str
    sdp: bytes
    from_uri: str | None = None
    destination: Address | Target | None = None
    headers: tuple[tuple[str, str], ...] = ()
    policy: DialogPolicy | None = None
    from_display: str = ""
    transport: Transport | None = None
    contact_user: str | None = None
    auth_user: str | None = None
    call_id: str = ""
    call: str = field(default_factory=random_token)
    others: tuple[Target, ...] = ()
    part_of: str = ""
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel our INVITE while it has no final response.

    `CallRejected` with 487 follows; or `CallEnded` with LOCAL_BYE where the callee answered just then, with TIMEOUT
    where nothing came. `reasons` are in the CANCEL (RFC 3326).
    """

    call: str
    reasons: tuple[EndReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Reinvite:
    """Offer new media: `ReinviteAnswered`, `ReinviteRejected`, or `CallEnded` where the call was lost."""

    call: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """Offer new media by an UPDATE (RFC 3311), which the far end must have in its Allow: events as for `Reinvite`."""

    call: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class AnswerReinvite:
    """Accept the far end's re-INVITE or UPDATE with `sdp`: `ReinviteConfirmed`, or `CallEnded(ACK_TIMEOUT)`."""

    call: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class RejectReinvite:
    """Refuse the far end's re-INVITE or UPDATE with 300 to 699; the call goes on as before.

    For `reason` see `Reject`.
    """

    call: str
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SendKey:
    """Send a key, one of 0-9 * # A-D, by INFO (application/dtmf-relay); `KeyRefused` where it was not taken."""

    call: str
    digit: str = field(repr=False)
    duration_ms: int = 100


@dataclass(frozen=True, slots=True)
class Register:
    """Keep `aor` registered: `Registered`, or `RegistrationFailed` and another attempt, until `Unregister`.

    `registrar` is a URI without a user; `destination` is where the REGISTER goes, without it the registrar's host must
    be numeric; `transport` is how, None: as the URI says. `call` names the account in events and commands,
    `contact_user` is in the Request-URI of its calls, `auth_user` says whose password it is, of several for that host.
    `give_up_s` is how long an answer is waited for; None: 32 s.
    """

    call: str
    registrar: str
    aor: str
    contact_user: str
    expires_s: int = 600
    destination: Address | Target | None = None
    transport: Transport | None = None
    auth_user: str | None = None
    give_up_s: float | None = None


@dataclass(frozen=True, slots=True)
class MoveRegistration:
    """Send the account's REGISTERs to another address from now on, and one at once.

    While one is on its way, only the next one goes there. The binding, and its Call-ID, stay the same.
    """

    call: str
    destination: Address | Target


@dataclass(frozen=True, slots=True)
class Unregister:
    """Remove the account's binding: `RegistrationEnded`."""

    call: str


@dataclass(frozen=True, slots=True)
class QueryRegistration:
    """Ask `registrar` which contacts `aor` has, and change none: `RegistrationQueried`. For the fields see `Register`.

    It shows whether the registrar takes the password, beside a bot that is registered.
    """

    call: str
    registrar: str
    aor: str
    destination: Address | Target | None = None
    auth_user: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """Send an OPTIONS to `target`, a URI: `Pinged`. `call` is the trunk's name in the event."""

    call: str
    target: str
    destination: Address | Target | None = None


Command: TypeAlias = (
    Ring
    | Answer
    | Reject
    | Bye
    | Invite
    | Cancel
    | Reinvite
    | Update
    | AnswerReinvite
    | RejectReinvite
    | SendKey
    | Refer
    | AcceptRefer
    | RejectRefer
    | NotifyRefer
    | Register
    | MoveRegistration
    | Unregister
    | QueryRegistration
    | Ping
)


@dataclass(frozen=True, slots=True)
class CommandFailed:
    """A command was not executed: for an owner in another process, where no exception can reach.

    Most often the call has just ended from the far end, and `CallEnded` or `CallCancelled` has come or is coming.
    """

    command: Command
    why: str

    @property
    def call(self) -> str:
        """The handle."""
        return self.command.call
