"""The far end's REFER in a call over PJSIP, and our NOTIFYs: see `sip.refer.transferee`. PJSIP by itself would call
the one that the far end asks for."""

from collections.abc import Callable

import pjsua2 as pj

from offhook.carriers.pjsua2.commands import add_headers
from offhook.carriers.pjsua2.objects import PjCall
from offhook.sip.errors import LocalError
from offhook.sip.message import typed
from offhook.sip.message.message import Request
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, RejectRefer
from offhook.sip.refer.transferee import DECLINED, notice, wants_notices
from offhook.sip.uas_checks import Refusal

ACCEPTED = 202


class Transferee:
    """One REFER, which `respond` answers. `busy` while it waits for a decision, or for the transfer's end."""

    def __init__(self, call: PjCall, request: Request, respond: Callable[[Refusal], None]) -> None:
        self._call = call
        self._respond = respond
        self._number = typed.cseq(request).number
        self._notifies = wants_notices(request)
        self._is_answered = False
        self.busy = True

    def do(self, command: AcceptRefer | RejectRefer | NotifyRefer) -> None:
        """Execute what its call has decided. Raises LocalError: it is not the time for it; PJSIP's error."""
        if isinstance(command, NotifyRefer) is not self._is_answered:
            raise LocalError(f"the far end's REFER is{'' if self._is_answered else ' not'} answered")
        match command:
            case AcceptRefer():
                self._accept()
            case RejectRefer(status=status):
                self._is_answered, self.busy = True, False
                self._respond(Refusal(status))
            case NotifyRefer(status=status, reason=reason) if self.busy:
                self.busy = status < 200
                self._notify(status, reason)

    def close(self) -> None:
        """The call is over: a REFER that waits is declined."""
        if not self._is_answered:
            self._is_answered, self.busy = True, False
            self._respond(Refusal(DECLINED))

    def _accept(self) -> None:
        """202, and the first NOTIFY at once (RFC 3515 §2.4.4)."""
        contact = ("Contact", str(self._call.getInfo().localContact))
        self._is_answered, self.busy = True, self._notifies
        self._respond(Refusal(ACCEPTED, (contact, *(() if self._notifies else (("Refer-Sub", "false"),)))))
        if self._notifies:
            self._notify(100, "")

    def _notify(self, status: int, reason: str) -> None:
        fields, body = notice(self._number, status, reason)
        sent = pj.CallSendRequestParam()
        sent.method = "NOTIFY"
        add_headers(sent, tuple(field for field in fields if field[0] != "Content-Type"))
        sent.txOption.contentType = dict(fields)["Content-Type"]
        sent.txOption.msgBody = body.decode()
        self._call.sendRequest(sent)
