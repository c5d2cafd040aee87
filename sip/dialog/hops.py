"""A request, and the targets that it may go to one after the other: RFC 3263 §4.3, RFC 3261 §18.1.1.

Theory of operation. A target that refuses the connection, keeps silent or answers 503 is followed by the next, with a
transaction of its own; whichever works stays for what follows of the same request, as credentials do. Silence is waited
for in full, 32 s, at the last target only: before that a few seconds decide. What comes later from a target that was
left is still an answer: a 2xx is passed on, a call that it rings for is cancelled.

A request that is too large for a datagram goes by TCP, and by UDP all the same where there is no TCP; that is then
remembered for a while, since a firewall may keep each attempt waiting.

Once a call rings at one server of a host, another one of the same host is not tried: the phone would ring again.
Contacts of a user are different phones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from offhook.sip.dialog.core import OVERLOADED, UserAgentCore
from offhook.sip.dialog.requests import cancel_of
from offhook.sip.message.message import Request, Response
from offhook.sip.net.flow import Flow, Transport
from offhook.sip.transaction.client import ClientTransaction, Failure
from offhook.sip.transaction.keys import Key

CONTACT_GONE = (404, 408, 410, 480)
"""Answers of one contact of a user after which the next one is called."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of a user: where it is, its own Request-URI, and the proxies on the way (RFC 3327)."""

    flow: Flow
    uri: str
    routes: tuple[str, ...] = ()


class Hops:
    """Sends requests to the first of `targets` that works. `goes_on`: whether another one is still wanted; `give_up_s`:
    how long the last one may keep silent, None: 32 s."""

    def __init__(
        self,
        core: UserAgentCore[Any],
        targets: Sequence[Flow | Contact],
        goes_on: Callable[[], bool] = lambda: True,
        give_up_s: float | None = None,
    ) -> None:
        self._core = core
        self._left = list(targets)
        self._goes_on = goes_on
        self._give_up_s = give_up_s
        self._key: Key | None = None  # of the latest transaction, which refers to us
        self._is_enlarged = False  # by TCP, for its size
        self._rang = False  # at the present target

    def answered(self, client: ClientTransaction, response: Response, now: float) -> None:
        """A response that counts. Raises ParseError."""
        raise NotImplementedError

    def failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """No target has answered."""
        raise NotImplementedError

    def amend(self, request: Request, target: Flow) -> None:
        """What else depends on where a request goes."""

    def send_on(self, request: Request, now: float) -> ClientTransaction:
        """Send it to the present target, with a new branch."""
        core, hop = self._core, self._left[0]
        self._rang = False
        target = hop if isinstance(hop, Flow) else hop.flow
        self.amend(request, target)
        if isinstance(hop, Contact):
            request.uri = hop.uri
            request.headers.remove("Route")
            for route in hop.routes:
                request.headers.add("Route", route)
        self._is_enlarged = core.is_large(request, target, now)
        if self._is_enlarged:
            target = replace(target, transport=Transport.TCP, local=core.listens[Transport.TCP], id=0)
        request.headers.set("Via", core.via(target))
        client = core.send(request, target, now, self)
        self._key = client.key
        last = len(self._left) == 1 and not self._is_enlarged
        wait_s = self._give_up_s if last else core.settings.failover_s
        core.agenda.schedule(self, None if wait_s is None else now + wait_s)
        return client

    def handle_timer(self, now: float) -> None:
        """The present target is silent."""
        client = None if self._key is None else self._core.layer.clients.get(self._key)
        if client is not None and not self._next(client, now) and self._give_up_s is not None:
            self._key = None
            self.failed(client, Failure.TIMED_OUT, now)

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """See TransactionUser."""
        if client.key != self._key:
            self._late(client, response, now)
            return
        self._core.agenda.schedule(self, None)
        self._rang |= 100 < response.status < 200
        if self._is_elsewhere(response.status) and self._next(client, now):
            return
        self.answered(client, response, now)

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """See TransactionUser."""
        if client.key != self._key:
            return
        self._core.agenda.schedule(self, None)
        if not self._next(client, now):
            self.failed(client, failure, now)

    def _is_elsewhere(self, status: int) -> bool:
        of_a_contact = len(self._left) > 1 and isinstance(self._left[1], Contact)
        return status == OVERLOADED or (of_a_contact and status in CONTACT_GONE)

    def _next(self, client: ClientTransaction, now: float) -> bool:
        """Try the next target; False: there is none."""
        if not self._goes_on():
            return False
        if self._is_enlarged:
            self._core.without_tcp.keep(client.destination.remote, True, now)
        elif len(self._left) > 1 and (not self._rang or isinstance(self._left[1], Contact)):
            del self._left[0]
        else:
            return False
        refused = client.request
        self.send_on(Request(refused.method, refused.uri, refused.headers.copy(), refused.body), now)
        return True

    def _late(self, client: ClientTransaction, response: Response, now: float) -> None:
        if client.request.method != "INVITE":
            return
        if 100 < response.status < 200:
            self._core.send(cancel_of(client.request), client.destination, now, None)
        elif 200 <= response.status < 300:
            self.answered(client, response, now)
