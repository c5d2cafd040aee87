"""Our REFER in a call over PJSIP, and what becomes of it: see `sip.refer.transferor`."""

from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from offhook.carriers.pjsua2.commands import add_headers
from offhook.carriers.pjsua2.objects import PjCall
from offhook.sip.errors import LocalError
from offhook.sip.refer.commands import Refer
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferRefused

ACCEPTED = 202


def refer(call: PjCall, command: Refer, call_of: Callable[[str], PjCall | None]) -> None:
    """Send it. Raises LocalError; PJSIP's error."""
    call.refer_accepted = False
    options = pj.CallOpParam()
    add_headers(options, command.headers)
    if command.replaces is None:
        call.xfer(command.target, options)
    elif (other := call_of(command.replaces)) is not None:
        call.xferReplaces(other, options)
    else:
        raise LocalError("the call whose place is to be taken is over")


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
