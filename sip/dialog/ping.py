"""Asks a trunk whether it is there, by an OPTIONS outside any dialog: RFC 3261 §11.1. Its answer may be any at all."""

from typing import Any

from offhook.sip.dialog.authenticated import AuthenticatedRequest
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.requests import MAX_FORWARDS
from offhook.sip.events import Pinged
from offhook.sip.message.body import ACCEPT
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.message.uri import Uri
from offhook.sip.net.flow import Flow
from offhook.sip.transaction.client import ClientTransaction, Failure


class Ping:
    """One OPTIONS to `target`, a URI; `name` is the handle in its event."""

    def __init__(self, core: UserAgentCore[Any], name: str, target: str, destination: Flow, now: float) -> None:
        self._core = core
        self._name = name
        self._began = now
        headers = Headers()
        headers.add("Via", core.via(destination))
        headers.add("Max-Forwards", MAX_FORWARDS)
        us = f"sip:{core.settings.contact_user}@{core.local_for(destination).uri_host}"
        headers.add("From", f"<{us}>;tag={core.entropy()}")
        headers.add("To", f"<{target}>")
        headers.add("Call-ID", core.entropy())
        headers.add("CSeq", "1 OPTIONS")
        headers.add("Contact", core.contact(destination))
        headers.add("Accept", ACCEPT)
        request = Request("OPTIONS", target, headers)
        AuthenticatedRequest(core, destination, self).send(request, Uri.parse(target).host, now)

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """See TransactionUser."""
        if response.status >= 200:
            self._core.events.append(Pinged(self._name, response.status, response.reason, now - self._began))

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """See TransactionUser."""
        self._core.events.append(Pinged(self._name, 0, client.why(failure), now - self._began, client.unsent))
