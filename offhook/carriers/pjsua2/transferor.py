"""Our REFER in a call over PJSIP, and what becomes of it: see `sip.refer.transferor`."""

from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from offhook.carriers.pjsua2.commands import add_headers
from offhook.carriers.pjsua2.objects import PjCall
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.message.address import NameAddr
from offhook.sip.refer.commands import Refer
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferRefused
from offhook.sip.refer.refer_to import ReferTo
from offhook.sip.refer.replaces import Replaces

ACCEPTED = 202


def refer(call: PjCall, command: Refer, call_of: Callable[[str], PjCall | None]) -> None:
    """Send it. Raises LocalError; PJSIP's error."""
    call.refer_accepted = False
    options = pj.CallOpParam()
    add_headers(options, command.headers)
    if command.replaces is None:
        call.xfer(command.target, options)
    elif (other := call_of(command.replaces)) is not None:
        call.xfer(_place_of(other), options)
    else:
        raise LocalError("the call whose place is to be taken is over")


def _place_of(other: PjCall) -> str:
    """Refer-To of the call whose place is to be taken. PJSIP has 512 octets for it, and ends its process where the far
    end's tag, or its Call-ID, is too long for these. Raises LocalError."""
    call_id, ours, theirs = other.dialog_id
    if not call_id:
        raise LocalError("the call whose place is to be taken is not confirmed")
    headers = ("Require", "replaces"), ("Replaces", str(Replaces(call_id, theirs, ours)))
    try:
        return str(ReferTo(str(NameAddr.parse(other.getInfo().remoteUri).uri), headers))
    except ParseError as error:
        raise LocalError(f"the far end of that call cannot be referred to: {error}") from error


def progress(call: PjCall, what: Any) -> list[ReferAccepted | ReferRefused | ReferProgress]:
    """What PJSIP says of it: its answer, and then that of the INVITE which it asked for."""
    status, reason = int(what.statusCode), str(what.reason)
    found = ReferProgress(call.handle, status, reason, is_last=bool(what.finalNotify))
    if call.refer_accepted:
        return [found]
    if status >= 300:
        return [ReferRefused(call.handle, status, reason)]
    call.refer_accepted = True
    accepted = ReferAccepted(call.handle, notifies=True)
    return [accepted] if status == ACCEPTED else [accepted, found]
