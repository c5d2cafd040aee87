"""The state of a dialog: RFC 3261 §12."""

from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.address import NameAddr
from offhook.sip.message.message import Request, Response
from offhook.sip.net.flow import Flow

DialogId: TypeAlias = tuple[str, str, str]
"""Call-ID, local tag, remote tag (§12)."""


@dataclass(slots=True)
class Dialog:
    """The dialog state of one peer."""

    call_id: str
    local: str
    """Our From, tag included, as sent in our requests."""
    remote: str
    """Our To."""
    local_tag: str
    remote_tag: str
    """Empty for an RFC 2543 peer without one (§12.1.1)."""
    remote_target: str
    """The URI of the far end's Contact."""
    route_set: tuple[str, ...]
    peer: Flow
    """Where the far end's latest message came from: see `moved`."""
    local_cseq: int = 0
    remote_cseq: int | None = None
    secure: bool = False
    """Whether it was requested with a sips URI (§12.1.1): then our Contact is one, too."""

    @property
    def id(self) -> DialogId:
        """The key by which the far end's in-dialog requests find it."""
        return (self.call_id, self.local_tag, self.remote_tag)

    def take_cseq(self) -> int:
        """The number of our next request (§12.2.1.1)."""
        self.local_cseq += 1
        return self.local_cseq

    def admits(self, request: Request) -> bool:
        """Whether the far end's request is in order; its number is remembered (§12.2.2). Raises ParseError."""
        number = typed.cseq(request).number
        if self.remote_cseq is not None and number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def moved(self, source: Flow) -> bool:
        """The far end's latest request came, in order, from `source`: whether that is a new host.

        A phone that changes its network, or the port its NAT keeps open, can be reached only where its latest
        request came from. Its sender knows the Call-ID and both tags, ours of 96 random bits: so it is
        on the path and could have rerouted the call anyway. That does not hold for RTP, so its latch follows this
        and never the other way round.
        """
        before, self.peer = self.peer, source
        return before.remote.host != source.remote.host

    def refresh_target(self, message: Request | Response) -> None:
        """Take over the Contact of a target refresh: an INVITE we accept, or its 2xx (§12.2). Without a proper one the
        target stays.
        """
        with suppress(ParseError):
            if (contact := typed.contact(message)) is not None:
                self.remote_target = _target(contact)


def request_dialog_id(request: Request) -> DialogId:
    """The dialog that an incoming request claims to be in. Raises ParseError."""
    return (typed.call_id(request), typed.to_tag(request), typed.from_tag(request))


def from_invite(request: Request, local_tag: str, peer: Flow) -> Dialog:
    """The dialog of an incoming INVITE (§12.1.1). Raises ParseError."""
    sender = typed.from_(request)
    contact = typed.contact(request)
    return Dialog(
        call_id=typed.call_id(request),
        local=str(typed.to(request).with_tag(local_tag)),
        remote=str(sender),
        local_tag=local_tag,
        remote_tag=sender.tag or "",
        remote_target=_target(contact if contact is not None else sender),
        route_set=tuple(str(route) for route in typed.record_routes(request)),
        peer=peer,
        remote_cseq=typed.cseq(request).number,
        secure=_is_secure(request, contact),
    )


def from_answer(invite: Request, response: Response, peer: Flow) -> Dialog:
    """The dialog that a 2xx to our INVITE makes (§12.1.2). Raises ParseError."""
    recipient = typed.to(response)
    contact = typed.contact(response)
    return Dialog(
        call_id=typed.call_id(invite),
        local=invite.headers.get("From") or "",
        remote=str(recipient),
        local_tag=typed.from_(invite).tag or "",
        remote_tag=recipient.tag or "",
        # Without a Contact, which §12.1.1 requires, the Request-URI is the best guess.
        remote_target=_target(contact) if contact is not None else invite.uri,
        route_set=tuple(str(route) for route in reversed(typed.record_routes(response))),
        peer=peer,
        local_cseq=typed.cseq(invite).number,
    )


def _target(contact: NameAddr) -> str:
    # §19.1.1: headers have no place in a Request-URI.
    return str(contact.uri._replace(headers=None))


def _is_secure(request: Request, contact: NameAddr | None) -> bool:
    routes = typed.record_routes(request)
    reached_by = routes[0].uri if routes else contact.uri if contact is not None else None
    return request.uri[:5].lower() == "sips:" or (reached_by is not None and reached_by.scheme == "sips")
