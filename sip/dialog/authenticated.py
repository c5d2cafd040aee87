"""A request that may be asked for credentials on its way, or for a longer session interval: RFC 3261 §22.2, §22.3,
§8.1.3.5, RFC 4028 §7.3."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from offhook.sip.auth.client import CHALLENGES, ProtectionSpace
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.hops import Contact, Hops
from offhook.sip.dialog.model import Dialog
from offhook.sip.dialog.requests import in_dialog, next_hop
from offhook.sip.dialog.session_interval import lengthen
from offhook.sip.events import PasswordWithheld
from offhook.sip.message import typed
from offhook.sip.message.message import Request, Response
from offhook.sip.net.address import numeric
from offhook.sip.net.flow import Flow
from offhook.sip.policy import Network
from offhook.sip.transaction.client import ClientTransaction, Failure, TransactionUser

MAX_SENT_AGAIN = 6
"""Two proxies' and a server's challenges, each once more for a stale nonce; a longer session interval counts as one."""

INTERVAL_TOO_SMALL = 422

_KEYS = b"a=crypto:"
"""How an SDP says the keys of its media."""

_SENT_AGAIN = frozenset({*CHALLENGES, INTERVAL_TOO_SMALL})


class AuthenticatedRequest(Hops):
    """Sends a request, answers challenges to it, and a 422, with another one, and passes the rest on to `user`.

    `take_cseq` is the dialog's (§12.2.1.1); None outside a dialog, where the number goes up by one. `auth_user` is
    whose password is used where a host has several accounts. `others` are tried in turn where `destination` fails, as
    long as `goes_on`, the last one for `give_up_s` (see Hops). `amend` completes what is sent, each time, for where it
    goes. `withheld()` is called where a password is asked for that is not proven there.
    """

    def __init__(  # noqa: PLR0913  # each is one property of a request
        self,
        core: UserAgentCore[Any],
        destination: Flow,
        user: TransactionUser | None,
        take_cseq: Callable[[], int] | None = None,
        auth_user: str | None = None,
        *,
        others: Sequence[Flow | Contact] = (),
        goes_on: Callable[[], bool] = lambda: True,
        amend: Callable[[Request, Flow], None] = lambda request, target: None,
        give_up_s: float | None = None,
        withheld: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(core, (destination, *others), goes_on, give_up_s)
        self._amend = amend
        self._withheld = withheld
        self._user = user
        self._take_cseq = take_cseq
        self._auth_user = auth_user
        self._host = ""
        self._answered: set[ProtectionSpace] = set()
        self._sent_again = 0

    def send(self, request: Request, host: str, now: float) -> ClientTransaction:
        """Send it to `host`, the one that credentials are for; empty: nobody gets any."""
        self._host = host
        self._core.authenticator.prepare(request, host, self._auth_user)
        return self.send_on(request, now)

    def amend(self, request: Request, target: Flow) -> None:
        """See Hops."""
        self._amend(request, target)

    def answered(self, client: ClientTransaction, response: Response, now: float) -> None:
        """See Hops."""
        if response.status in _SENT_AGAIN and self._send_again(client.request, response, now):
            return
        if self._user is not None:
            self._user.on_response(client, response, now)

    def failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """See Hops."""
        if self._user is not None:
            self._user.on_failure(client, failure, now)

    def _fix(self, request: Request, response: Response) -> bool:
        if response.status == INTERVAL_TOO_SMALL:
            return lengthen(request, response)
        if not self._host:
            self._withheld()
            return False
        space = self._core.authenticator.answer(
            request, response, self._host, answered=self._answered, user=self._auth_user
        )
        if space is not None:
            self._answered.add(space)
        return space is not None

    def _send_again(self, refused: Request, response: Response, now: float) -> bool:
        if self._sent_again >= MAX_SENT_AGAIN:
            return False
        request = Request(refused.method, refused.uri, refused.headers.copy(), refused.body)
        if not self._fix(request, response):
            return False
        self._sent_again += 1
        number = typed.cseq(refused).number + 1 if self._take_cseq is None else self._take_cseq()
        request.headers.set("CSeq", f"{number} {request.method}")
        self.send_on(request, now)
        return True


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our requests in a dialog are from: `host` may ask for the password of `user` (None: of any account there;
    empty: of none), where it is one of the far ends `meant`, or of its `servers`. `contact_user` is in our Contact
    (None: that of the settings)."""

    host: str
    user: str | None = None
    contact_user: str | None = None
    meant: frozenset[str] = frozenset()
    """See `meant_by`."""
    servers: tuple[Network, ...] = ()
    """See `DialogPolicy`."""

    def proves_to(self, destination: Flow) -> bool:
        """Whether a request that goes there may have credentials.

        The far end itself says where a dialog's requests go (Contact, Record-Route, from where its latest one came),
        and could name one that collects them. A Record-Route does not prove that a proxy of the provider wrote it:
        where the provider adds none, the phone behind it may, and is taken for the nearest proxy. So only what was
        looked up, or listed by the owner, is the provider's.
        """
        verified = destination.transport.is_secure and destination.name in self.meant
        if verified or destination.remote.host in self.meant:
            return True
        number = numeric(destination.remote.host)
        return number is not None and any(number in network for network in self.servers)


def meant_by(flows: Iterable[Flow]) -> frozenset[str]:
    """Those who were called, or call: their addresses, and the names that their certificates were verified by."""
    return frozenset(name for flow in flows for name in (flow.remote.host, flow.name) if name)


def send_within(  # noqa: PLR0913  # each is one property of a request
    core: UserAgentCore[Any],
    dialog: Dialog,
    sender: Sender,
    method: str,
    now: float,
    *,
    user: TransactionUser | None = None,
    fields: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    contact: bool = False,
    fill: Callable[[Request], None] = lambda request: None,
) -> ClientTransaction:
    """Send a request in a dialog (§12.2.1), which may be asked for credentials. `contact`: with our Contact, as what
    refreshes the target and what subscribes has; `fill` completes it. Responses go to `user`, if that matters."""
    destination = next_hop(dialog, core.flow_to)
    if _KEYS in body and dialog.peer.transport.is_secure and not destination.transport.is_secure:
        destination = dialog.peer  # RFC 4568 §7: keys that came encrypted are not shown to everybody afterwards
    request = in_dialog(dialog, method, dialog.take_cseq(), core.via(destination))
    for name, value in fields:
        request.headers.add(name, value)
    request.body = body
    fill(request)

    def name_us(request: Request, target: Flow) -> None:
        if contact:
            request.headers.set("Contact", core.contact(target, secure=dialog.secure, user=sender.contact_user))

    may = sender.proves_to(destination)
    sent = AuthenticatedRequest(
        core,
        destination,
        user,
        dialog.take_cseq,
        sender.user,
        amend=name_us,
        withheld=lambda: _report_withheld(core, sender, method, dialog.call_id, destination),
    )
    return sent.send(request, sender.host if may else "", now)


def _report_withheld(core: UserAgentCore[Any], sender: Sender, method: str, call_id: str, destination: Flow) -> None:
    if core.authenticator.has_account(sender.host, sender.user):
        core.events.append(PasswordWithheld(call_id, method, sender.host, destination.remote))
