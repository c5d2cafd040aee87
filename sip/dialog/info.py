"""Keys by INFO within a dialog, both ways: RFC 6086 §1 and §4.2.2, and the two bodies of `message/dtmf_relay.py`.

No subscription and no Info-Package: what is neither of the two bodies is refused, and the call goes on.
"""

from offhook.sip.dialog.authenticated import send_within
from offhook.sip.dialog.invite_usage import Core, InviteUsage
from offhook.sip.dialog.tables import CallState
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import KeyReceived, KeyRefused
from offhook.sip.message import typed
from offhook.sip.message.dtmf_relay import KEYS, PLAIN, RELAY, DtmfRelay
from offhook.sip.message.message import Request, Response
from offhook.sip.transaction.client import ClientTransaction, Failure
from offhook.sip.transaction.server import ServerTransaction
from offhook.sip.uas_checks import Refusal

ACCEPT = f"{RELAY}, {PLAIN}"


def check_info(request: Request) -> Refusal | None:
    """What an INFO in a dialog is refused for. Raises ParseError."""
    if request.headers.get("Info-Package") is not None:
        return Refusal(469, (("Recv-Info", "nil"),))
    if request.body and typed.content_type(request) not in (RELAY, PLAIN):
        return Refusal(415, (("Accept", ACCEPT),))
    try:
        key_of(request)
    except ParseError as error:
        return Refusal(error.status, reason=error.reason)
    return None


def receive_info(core: Core, usage: InviteUsage, server: ServerTransaction, now: float) -> None:
    """An INFO that passed `check_info`. One without a body asks whether the call is there."""
    core.respond(server, 200, now, to_tag=usage.local_tag)
    key = key_of(server.request)
    if key is not None and key.digit:
        core.events.append(KeyReceived(usage.call, key.digit, key.duration_ms))


def send_key(usage: InviteUsage, key: DtmfRelay, now: float) -> None:
    """Send a key. Raises LocalError where the call is not up."""
    dialog = usage.dialog
    if dialog is None or usage.machine.state is not CallState.CONFIRMED:
        raise LocalError(f"call {usage.call} is {usage.machine.state.value}: it takes no keys now")
    if len(key.digit) != 1 or key.digit not in KEYS:
        raise LocalError(f"{key.digit!r} isn't a DTMF digit: use 0-9 * # A-D")
    fields = (("Content-Type", RELAY),)
    user = _SentKey(usage.core, usage.call)
    send_within(usage.core, dialog, usage.sender, "INFO", now, user=user, fields=fields, body=bytes(key))


class _SentKey:
    """A `TransactionUser`: reports a key that the far end did not take."""

    def __init__(self, core: Core, call: str) -> None:
        self._core = core
        self._call = call

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """See TransactionUser."""
        if response.status >= 300 and self._call in self._core.calls:
            self._core.events.append(KeyRefused(self._call, response.status, response.reason))

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """See TransactionUser."""
        if self._call in self._core.calls:
            self._core.events.append(KeyRefused(self._call, 408, "no answer"))


def key_of(request: Request) -> DtmfRelay | None:
    """The key of an INFO; None: it has no body. Raises ParseError."""
    return DtmfRelay.parse(typed.content_type(request) or "", request.body) if request.body else None
