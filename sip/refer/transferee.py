"""The far end's REFER in a call, and our NOTIFYs: RFC 3515 §2.4, RFC 4488.

A REFER waits for its owner's decision. Once accepted there is a subscription until the last NOTIFY, or the call's end.
"""

from typing import Any

from offhook.sip.dialog.authenticated import Sender, send_within
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.model import Dialog
from offhook.sip.errors import LocalError
from offhook.sip.message import build, typed
from offhook.sip.message.message import Request
from offhook.sip.refer.sipfrag import SIPFRAG, SipFragment
from offhook.sip.transaction.server import ServerTransaction

EXPIRES_S = 180
"""What the subscription is said to last; it ends with the last NOTIFY."""

DECLINED = 603


class Transferee:
    """One REFER of the far end. `busy` while it waits for a decision, or for the transfer's end."""

    def __init__(
        self, core: UserAgentCore[Any], call: str, dialog: Dialog, sender: Sender, server: ServerTransaction
    ) -> None:
        self._core = core
        self._call = call
        self._dialog = dialog
        self._sender = sender
        self._server: ServerTransaction | None = server
        self._number = typed.cseq(server.request).number
        self._notifies = wants_notices(server.request)
        self.busy = True

    def accept(self, now: float) -> None:
        """202, and the first NOTIFY at once (§2.4.4). Raises LocalError if it is answered."""
        server = self._waiting()
        headers: list[tuple[str, str]] = [("Contact", self._core.contact(server.reply_to, secure=self._dialog.secure))]
        if not self._notifies:
            headers.append(("Refer-Sub", "false"))
        self._core.respond(server, 202, now, to_tag=self._dialog.local_tag, headers=headers)
        self.busy = self._notifies
        if self._notifies:
            self._notify(100, "", now)

    def reject(self, status: int, now: float) -> None:
        """Raises LocalError if it is answered."""
        server = self._waiting()
        self.busy = False
        self._core.respond(server, status, now, to_tag=self._dialog.local_tag)

    def notify(self, status: int, reason: str, now: float) -> None:
        """Progress. Raises LocalError before `accept`; does nothing after the last one, or if none is wanted."""
        if self._server is not None:
            raise LocalError(f"call {self._call}: the far end's REFER waits for an answer")
        if self.busy:
            self.busy = status < 200
            self._notify(status, reason, now)

    def close(self, now: float) -> None:
        """The call is over: a REFER that waits is declined."""
        if self._server is not None:
            self.reject(DECLINED, now)
        self.busy = False

    def _waiting(self) -> ServerTransaction:
        if self._server is None:
            raise LocalError(f"call {self._call}: there is no REFER that waits for an answer")
        server, self._server = self._server, None
        return server

    def _notify(self, status: int, reason: str, now: float) -> None:
        fields, body = notice(self._number, status, reason)
        send_within(self._core, self._dialog, self._sender, "NOTIFY", now, fields=fields, body=body, contact=True)


def wants_notices(refer: Request) -> bool:
    """Whether its sender wants to know what becomes of it (RFC 4488)."""
    return (refer.headers.get("Refer-Sub") or "").partition(";")[0].strip().lower() != "false"


def notice(number: int, status: int, reason: str) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """The fields and the body of a NOTIFY, for the REFER with that CSeq; a status of 200 and more is the last one's."""
    ends = "terminated;reason=noresource" if status >= 200 else f"active;expires={EXPIRES_S}"
    fields = (
        # §2.4.6: the id may be left out for the first REFER, and every peer understands that.
        ("Event", f"refer;id={number}"),
        ("Subscription-State", ends),
        ("Content-Type", f"{SIPFRAG};version=2.0"),
    )
    return fields, bytes(SipFragment(status, reason or build.REASONS.get(status, "")))
