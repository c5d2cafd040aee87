"""Asks a registrar which contacts an account has, and changes none: a REGISTER without Contact (RFC 3261 §10.2.3)."""

from contextlib import suppress
from typing import Any

from offhook.sip.dialog.authenticated import AuthenticatedRequest
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.requests import MAX_FORWARDS
from offhook.sip.errors import ParseError
from offhook.sip.events import RegistrationQueried
from offhook.sip.message import typed
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.message.uri import Uri
from offhook.sip.net.flow import Flow
from offhook.sip.transaction.client import ClientTransaction, Failure


class RegistrationQuery:
    """One question to `registrar` about `aor`; `name` is the handle in its event."""

    def __init__(
        self,
        core: UserAgentCore[Any],
        name: str,
        registrar: str,
        aor: str,
        auth_user: str | None,
        destination: Flow,
        now: float,
    ) -> None:
        self._core = core
        self._name = name
        headers = Headers()
        headers.add("Via", core.via(destination))
        headers.add("Max-Forwards", MAX_FORWARDS)
        headers.add("From", f"<{aor}>;tag={core.entropy()}")
        headers.add("To", f"<{aor}>")
        headers.add("Call-ID", core.entropy())
        headers.add("CSeq", "1 REGISTER")
        request = Request("REGISTER", registrar, headers)
        asking = AuthenticatedRequest(core, destination, self, auth_user=auth_user)
        asking.send(request, Uri.parse(registrar).host, now)

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """See TransactionUser."""
        if response.status < 200:
            return
        contacts: tuple[str, ...] = ()
        if response.status < 300:
            with suppress(ParseError):
                contacts = tuple(str(each.uri) for each in typed.contacts(response))
        self._report(response.status, response.reason, contacts)

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """See TransactionUser."""
        self._report(0, client.why(failure), ())

    def _report(self, status: int, reason: str, contacts: tuple[str, ...]) -> None:
        self._core.events.append(RegistrationQueried(self._name, status, reason, contacts))
