"""What PJSIP reports, as the events of `sip`. Pure, but for what it is handed of PJSIP's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from offhook.sip.dialog.rejection import rejected
from offhook.sip.errors import ParseError
from offhook.sip.events import CallCancelled, CallEnded, CallRefused, CallRejected, EndCause, IncomingCall
from offhook.sip.message import typed
from offhook.sip.message.identities import identities, printable
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.message.reason import reasons
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport
from offhook.telephony.dtmf_keys import KeyPath

CANCELLED_STATUS = 487
USUAL_KEY_MS = 100
"""Where the far end does not say how long a key was pressed, or has not released it yet."""
LONGEST_KEY_MS = 10_000


@dataclass(frozen=True, slots=True)
class Probed:
    """An OPTIONS outside of all calls: `Answer`, or `Reject`, with this handle says what an INVITE would get."""

    call: str
    source: Address


def message_of(text: str) -> Request | Response:
    """A message that PJSIP has read. Raises ParseError: it reads more than we do."""
    return parse(text.encode("utf-8", "surrogateescape"))


def address_of(text: str) -> Address:
    """HOST:PORT, or [HOST]:PORT. Raises ParseError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise ParseError(f"{text!r} is no source")
    return Address(host.strip("[]"), int(port))


def incoming_of(
    handle: str, text: str, source: str, replaced: Callable[[str, str], str] = lambda *_: ""
) -> IncomingCall:
    """The event of an INVITE; `replaced` says whose place it wants, by its Call-ID and From tag. Raises ParseError."""
    request = message_of(text)
    if not isinstance(request, Request):
        raise ParseError("it is no request")
    return incoming(handle, request, source, replaced)


def incoming(
    handle: str, request: Request, source: str, replaced: Callable[[str, str], str] = lambda *_: ""
) -> IncomingCall:
    """`incoming_of` an INVITE that is read already. Raises ParseError."""
    transport = typed.top_via(request).transport.upper()
    if transport not in tuple(Transport):
        raise ParseError("its Via has a transport that nobody knows")
    return IncomingCall(
        call=handle,
        from_uri=printable(str(typed.from_(request).uri)),
        request_uri=printable(request.uri),
        call_id=printable(typed.call_id(request)),
        sdp=request.body or None,
        source=address_of(source),
        headers=request.headers.copy(),
        identities=identities(request),
        transport=Transport(transport),
        replaces=replaced(typed.call_id(request), typed.from_tag(request)),
        proven=Transport(transport).is_reliable,
    )


def refused(event: IncomingCall, status: int, reason: str) -> CallRefused:
    """That event, of a call that there is not."""
    return CallRefused("", event.call_id, event.from_uri, event.request_uri, event.source, status, reason)


def last_message(pj: Any, event: Any) -> Request | Response | None:
    """The message that has changed a call; None: it was something else, or cannot be read."""
    text = ""
    if event.type == pj.PJSIP_EVENT_TSX_STATE and event.body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
        text = event.body.tsxState.src.rdata.wholeMsg
    elif event.type == pj.PJSIP_EVENT_RX_MSG:
        text = event.body.rxMsg.rdata.wholeMsg
    try:
        return message_of(text) if text else None
    except ParseError:
        return None


def allowed(answer: Response) -> frozenset[str]:
    """The methods that its sender takes, as far as it says so."""
    try:
        return typed.allow(answer) or frozenset()
    except ParseError:
        return frozenset()


def from_info(info: Any) -> tuple[int, str]:
    """The latest status and reason phrase."""
    return int(info.lastStatusCode), printable(str(info.lastReason))


def key_of(pj: Any, what: Any) -> tuple[str, KeyPath, int]:
    """A key that has come: the key, by which way, and for how many milliseconds it was pressed."""
    path = KeyPath.INFO if what.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else KeyPath.RFC4733
    return what.digit.upper(), path, int(what.duration) if 0 < what.duration <= LONGEST_KEY_MS else USUAL_KEY_MS


def end_of(pj: Any, call: Any, info: Any, event: Any) -> CallEnded | CallCancelled | CallRejected:
    """The end of a call (a `PjCall`), from PJSIP's information on it and the event that has ended it."""
    message = last_message(pj, event)
    status, reason = from_info(info)
    if call.confirmed:
        return confirmed_end(call.handle, status, message)
    if call.is_inbound:
        return inbound_end(call.handle, message, answered=call.answered)
    return outbound_end(pj, call.handle, status, reason, message, event, gave_up=call.gave_up)


def confirmed_end(handle: str, status: int, message: Request | Response | None) -> CallEnded:
    """The end of a call whose dialog had begun, but for ours."""
    if isinstance(message, Request):
        return CallEnded(handle, EndCause.REMOTE_BYE, reasons(message))
    return CallEnded(handle, {408: EndCause.TIMEOUT, 503: EndCause.TRANSPORT}.get(status, EndCause.REMOTE_BYE))


def inbound_end(handle: str, message: Request | Response | None, *, answered: bool) -> CallEnded | CallCancelled:
    """The end of a call that came in, before its ACK."""
    said = reasons(message) if isinstance(message, Request) else ()
    if answered and isinstance(message, Request) and message.method == "BYE":
        return CallEnded(handle, EndCause.REMOTE_BYE, said)
    if answered and not isinstance(message, Request):
        return CallEnded(handle, EndCause.ACK_TIMEOUT)
    return CallCancelled(handle, said)


def outbound_end(
    pj: Any, handle: str, status: int, reason: str, message: Request | Response | None, event: Any, *, gave_up: bool
) -> CallRejected | CallEnded:
    """What became of a call out that was not answered."""
    if isinstance(message, Response) and message.status >= 300:
        return rejected(handle, message)
    if gave_up:
        return CallRejected(handle, CANCELLED_STATUS, "Request Terminated")
    failed = event.type == pj.PJSIP_EVENT_TSX_STATE and event.body.tsxState.type == pj.PJSIP_EVENT_TRANSPORT_ERROR
    if failed or status == 503:
        return CallEnded(handle, EndCause.TRANSPORT)
    if status in (0, 408):
        return CallEnded(handle, EndCause.TIMEOUT)
    return CallRejected(handle, status, reason)
