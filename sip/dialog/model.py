"""The state of a dialog: RFC 3261 §12."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from offhook.sip.message import typed
from offhook.sip.message.address import NameAddr
from offhook.sip.message.message import Request, Response
from offhook.sip.net.address import Address

DialogId: TypeAlias = tuple[str, str, str]
"""Call-ID, our tag, their tag (§12)."""


@dataclass(slots=True)
class Dialog:
    """What two user agents remember of each other."""

    call_id: str
    local: str
    """Our From, tag included, as it stands in the requests that we send."""
    remote: str
    """Our To."""
    local_tag: str
    remote_tag: str
    """Empty for a peer of RFC 2543 that gave none (§12.1.1)."""
    remote_target: str
    """The URI of their Contact."""
    route_set: tuple[str, ...]
    peer: Address
    """Where the far end's latest message came from: see `moved`."""
    local_cseq: int = 0
    remote_cseq: int | None = None
    secure: bool = False
    """Whether it was asked for with a sips URI (§12.1.1): our Contact is one, too."""

    @property
    def id(self) -> DialogId:
        """The key that in-dialog requests of theirs find it by."""
        return (self.call_id, self.local_tag, self.remote_tag)

    def take_cseq(self) -> int:
        """The number of our next request (§12.2.1.1)."""
        self.local_cseq += 1
        return self.local_cseq

    def admits(self, request: Request) -> bool:
        """Whether a request of theirs is in order, and remembers its number (§12.2.2). Raises ParseError."""
        number = typed.cseq(request).number
        if self.remote_cseq is not None and number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def moved(self, source: Address) -> bool:
        """Their latest request came from `source`, in order: whether that is another host than before.

        A phone that changes its network, or the port that its NAT keeps open, is found again only where its latest
        request came from. Whoever sends one knows the Call-ID and both tags, ours of 96 random bits: that is somebody
        on the path, who could have rerouted the call anyway. The same cannot be said of RTP, so its latch follows this
        and never the other way round.
        """
        before, self.peer = self.peer, source
        return before.host != source.host

    def refresh_target(self, message: Request | Response) -> None:
        """Take over the Contact of a target refresh: an INVITE we accept, or its 2xx (§12.2). Raises ParseError."""
        if (contact := typed.contact(message)) is not None:
            self.remote_target = _target(contact)


def request_dialog_id(request: Request) -> DialogId:
    """The dialog that a request of theirs claims to be in. Raises ParseError."""
    return (typed.call_id(request), typed.to_tag(request), typed.from_tag(request))


def from_invite(request: Request, local_tag: str, peer: Address) -> Dialog:
    """The dialog of an INVITE that came in (§12.1.1). Raises ParseError."""
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


def from_answer(invite: Request, response: Response, peer: Address) -> Dialog:
    """The dialog that a 2xx to our INVITE makes (§12.1.2). Raises ParseError."""
    recipient = typed.to(response)
    contact = typed.contact(response)
    return Dialog(
        call_id=typed.call_id(invite),
        local=invite.headers.get("From") or "",
        remote=str(recipient),
        local_tag=typed.from_(invite).tag or "",
        remote_tag=recipient.tag or "",
        # Without a Contact, which §12.1.1 demands, what was asked for is the best guess.
        remote_target=_target(contact) if contact is not None else invite.uri,
        route_set=tuple(str(route) for route in reversed(typed.record_routes(response))),
        peer=peer,
        local_cseq=typed.cseq(invite).number,
    )


def _target(contact: NameAddr) -> str:
    # §19.1.1: headers have no place in a Request-URI.
    return str(replace(contact.uri, headers=None))


def _is_secure(request: Request, contact: NameAddr | None) -> bool:
    routes = typed.record_routes(request)
    reached_by = routes[0].uri if routes else contact.uri if contact is not None else None
    return request.uri[:5].lower() == "sips:" or (reached_by is not None and reached_by.scheme == "sips")
