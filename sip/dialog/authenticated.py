"""A request that may be asked for credentials on its way, or for a longer session interval: RFC 3261 §22.2, §22.3,
§8.1.3.5, RFC 4028 §7.3."""

from collections.abc import Callable
from typing import Any

from offhook.sip.auth.client import CHALLENGES
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.session_interval import lengthen
from offhook.sip.message import typed
from offhook.sip.message.message import Request, Response
from offhook.sip.net.flow import Flow
from offhook.sip.transaction.client import ClientTransaction, Failure, TransactionUser

MAX_CHALLENGES = 4
"""A proxy's and a server's, each once more for a stale nonce; also of those who want a longer session interval."""

INTERVAL_TOO_SMALL = 422

_SENT_AGAIN = frozenset({*CHALLENGES, INTERVAL_TOO_SMALL})


class AuthenticatedRequest:
    """Sends a request, answers challenges to it, and a 422, with another one, and passes the rest on to `user`.

    `take_cseq` is the dialog's (§12.2.1.1); None outside a dialog, where the number goes up by one. `auth_user` is
    whose password is used where a host has several accounts.
    """

    def __init__(
        self,
        core: UserAgentCore[Any],
        destination: Flow,
        user: TransactionUser | None,
        take_cseq: Callable[[], int] | None = None,
        auth_user: str | None = None,
    ) -> None:
        self._core = core
        self._destination = destination
        self._user = user
        self._take_cseq = take_cseq
        self._auth_user = auth_user
        self._host = ""
        self._answered: list[int] = []  # the statuses of the challenges that were answered

    def send(self, request: Request, host: str, now: float) -> ClientTransaction:
        """Send it to `host`, the one that credentials are for."""
        self._host = host
        self._core.authenticator.prepare(request, host, self._auth_user)
        return self._core.send(request, self._destination, now, self)

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """See TransactionUser."""
        if response.status in _SENT_AGAIN and self._send_again(client.request, response, now):
            return
        if self._user is not None:
            self._user.on_response(client, response, now)

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """See TransactionUser."""
        if self._user is not None:
            self._user.on_failure(client, failure, now)

    def _fix(self, request: Request, response: Response) -> bool:
        if response.status == INTERVAL_TOO_SMALL:
            return lengthen(request, response)
        again = response.status in self._answered
        return self._core.authenticator.answer(request, response, self._host, again=again, user=self._auth_user)

    def _send_again(self, refused: Request, response: Response, now: float) -> bool:
        if len(self._answered) >= MAX_CHALLENGES:
            return False
        request = Request(refused.method, refused.uri, refused.headers.copy(), refused.body)
        if not self._fix(request, response):
            return False
        self._answered.append(response.status)
        number = typed.cseq(refused).number + 1 if self._take_cseq is None else self._take_cseq()
        request.headers.set("CSeq", f"{number} {request.method}")
        request.headers.set("Via", self._core.via(self._destination))
        self._core.send(request, self._destination, now, self)
        return True
