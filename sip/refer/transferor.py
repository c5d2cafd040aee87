"""Our REFER in a call, and the subscription that comes with it: RFC 3515 §2.4, RFC 4488, RFC 5589.

Whether the transfer has succeeded when the far end says nothing more is the owner's judgement, not made here.
"""

from typing import Any

from offhook.sip.dialog.authenticated import Sender, send_within
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.model import Dialog
from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.identities import printable
from offhook.sip.message.message import Request, Response
from offhook.sip.message.params import Params
from offhook.sip.methods import ALLOW
from offhook.sip.refer.commands import Refer
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferRefused
from offhook.sip.refer.refer_to import ReferTo
from offhook.sip.refer.sipfrag import SipFragment
from offhook.sip.transaction.client import ClientTransaction, Failure

EVENT = "refer"


class Transferor:
    """One REFER that we send. `busy` while its outcome is open."""

    def __init__(self, core: UserAgentCore[Any], call: str, dialog: Dialog, sender: Sender) -> None:
        self._core = core
        self._call = call
        self._dialog = dialog
        self._sender = sender
        self._cseqs: set[int] = set()
        self.busy = True

    def send(self, refer: Refer, refer_to: ReferTo, now: float) -> None:
        """Send it. Raises ParseError for a Refer-To that cannot be written."""
        dialog = self._dialog
        fields = [("Refer-To", str(refer_to))]
        if not any(name.lower() == "referred-by" for name, _ in refer.headers):
            # RFC 3892 §2.1: some PBXs bill or trust by it, and refuse a REFER without one.
            fields.append(("Referred-By", dialog.local.partition(";tag=")[0]))
        if not refer.subscribe:
            fields += [("Supported", "norefersub"), ("Refer-Sub", "false")]
        fields += [("Allow", ALLOW), *refer.headers]
        client = send_within(self._core, dialog, self._sender, "REFER", now, user=self, fields=fields, contact=True)
        self._cseqs.add(typed.cseq(client.request).number)

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """See TransactionUser."""
        if response.status < 200 or not self.busy:
            return
        # With credentials it is another request: its number names the subscription (RFC 3515 §2.4.6).
        self._cseqs.add(typed.cseq(client.request).number)
        if response.status >= 300:
            self._refused(response.status, printable(response.reason))
            return
        declined = (response.headers.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
        self.busy = not declined
        self._core.events.append(ReferAccepted(self._call, notifies=not declined))

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """See TransactionUser (§8.1.3.1)."""
        if self.busy:
            self._refused(*((408, "Request Timeout") if failure is Failure.TIMED_OUT else (503, "Service Unavailable")))

    def on_notify(self, request: Request, now: float) -> int:
        """A NOTIFY; returns its response's status: 481 if it belongs to none of our REFERs, 489 for another event."""
        event, semicolon, rest = (request.headers.get("Event") or "").partition(";")
        if event.strip().lower() != EVENT:
            return 489
        try:
            number = Params.parse(semicolon + rest, "Event").get("id")
        except ParseError:
            number = None
        if not self.busy or (number is not None and number not in {str(each) for each in self._cseqs}):
            return 481
        state = (request.headers.get("Subscription-State") or "").partition(";")[0].strip().lower()
        fragment = SipFragment.parse(request.body)
        is_last = state == "terminated" or (fragment is not None and fragment.status >= 200)
        if fragment is not None or is_last:
            self.busy = not is_last
            # One that ends without a status: nobody knows how it went.
            fragment = fragment or SipFragment(100, "no status")
            self._core.events.append(ReferProgress(self._call, fragment.status, fragment.reason, is_last))
        return 200

    def _refused(self, status: int, reason: str) -> None:
        self.busy = False
        self._core.events.append(ReferRefused(self._call, status, reason))
