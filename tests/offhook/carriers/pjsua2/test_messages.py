"""What PJSIP reports, as our events: on stand-ins with PJSIP's own names and numbers."""

from types import SimpleNamespace
from typing import Any

import pytest

from offhook.carriers.pjsua2.messages import (
    address_of,
    confirmed_end,
    inbound_end,
    incoming_of,
    last_message,
    outbound_end,
)
from offhook.sip.errors import ParseError
from offhook.sip.events import CallCancelled, CallEnded, CallRejected, EndCause
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.message.reason import EndReason
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport

PJ = SimpleNamespace(PJSIP_EVENT_RX_MSG=3, PJSIP_EVENT_TIMER=1, PJSIP_EVENT_TRANSPORT_ERROR=4, PJSIP_EVENT_TSX_STATE=5)

INVITE = """INVITE sip:bot@192.0.2.1 SIP/2.0\r
Via: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bK1;rport\r
From: "Ann" <sip:+15551234567@192.0.2.9>;tag=1\r
To: <sip:bot@192.0.2.1>\r
Call-ID: abc\r
CSeq: 1 INVITE\r
Contact: <sip:ann@192.0.2.9>\r
X-Account: 7\r
Content-Length: 0\r
\r
"""
BUSY = """SIP/2.0 486 Busy Here\r
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r
From: <sip:bot@192.0.2.1>;tag=2\r
To: <sip:ann@192.0.2.9>;tag=3\r
Call-ID: abc\r
CSeq: 2 INVITE\r
Reason: Q.850;cause=17;text="User busy"\r
Content-Length: 0\r
\r
"""


def changed_by(kind: int, text: str = "") -> Any:
    rdata = SimpleNamespace(wholeMsg=text)
    state = SimpleNamespace(type=kind, src=SimpleNamespace(rdata=rdata))
    return SimpleNamespace(type=PJ.PJSIP_EVENT_TSX_STATE, body=SimpleNamespace(tsxState=state))


def end(status: int, event: Any, *, gave_up: bool = False) -> CallRejected | CallEnded:
    return outbound_end(PJ, "c", status, "Why", last_message(PJ, event), event, gave_up=gave_up)


def test_a_transport_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ParseError, match="transport"):
        incoming_of("h", INVITE.replace("SIP/2.0/TCP", "SIP/2.0/FOO"), "192.0.2.9:5062")


def test_an_invite_has_all_that_ours_has() -> None:
    event = incoming_of("h", INVITE, "192.0.2.9:5062")
    assert (event.call, event.call_id, event.sdp) == ("h", "abc", None)
    assert (event.from_uri, event.request_uri) == ("sip:+15551234567@192.0.2.9", "sip:bot@192.0.2.1")
    assert (event.source, event.transport) == (Address("192.0.2.9", 5062), Transport.TCP)
    assert event.headers.get("x-account") == "7"
    assert event.identities.caller.number == "+15551234567"


@pytest.mark.parametrize("text", ["", "nonsense", BUSY])
def test_what_is_no_invite_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        incoming_of("h", text, "192.0.2.9:5062")


def test_sources_of_either_version() -> None:
    assert address_of("[2001:db8::1]:5060") == Address("2001:db8::1", 5060)
    for wrong in ("", "192.0.2.1", "192.0.2.1:", "192.0.2.1:sip"):
        with pytest.raises(ParseError):
            address_of(wrong)


def test_only_a_message_that_came_is_the_last_one() -> None:
    assert isinstance(last_message(PJ, changed_by(PJ.PJSIP_EVENT_RX_MSG, INVITE)), Request)
    assert isinstance(last_message(PJ, changed_by(PJ.PJSIP_EVENT_RX_MSG, BUSY)), Response)
    assert last_message(PJ, changed_by(PJ.PJSIP_EVENT_TIMER, BUSY)) is None
    assert last_message(PJ, changed_by(PJ.PJSIP_EVENT_RX_MSG, "nonsense")) is None


def test_what_becomes_of_a_call_out() -> None:
    busy = end(486, changed_by(PJ.PJSIP_EVENT_RX_MSG, BUSY))
    assert isinstance(busy, CallRejected)
    assert (busy.status, busy.reason, busy.q850) == (486, "Busy Here", 17)
    assert end(408, changed_by(PJ.PJSIP_EVENT_TIMER)) == CallEnded("c", EndCause.TIMEOUT)
    assert end(503, changed_by(PJ.PJSIP_EVENT_TRANSPORT_ERROR)) == CallEnded("c", EndCause.TRANSPORT)
    assert end(487, changed_by(PJ.PJSIP_EVENT_TIMER), gave_up=True) == CallRejected("c", 487, "Request Terminated")
    assert end(488, changed_by(PJ.PJSIP_EVENT_TIMER)) == CallRejected("c", 488, "Why")


def test_how_a_call_ends_that_was_talked_in() -> None:
    bye = Request("BYE", "sip:bot@192.0.2.1", Headers([("Reason", "SIP;cause=200")]))
    assert confirmed_end("c", 200, bye) == CallEnded("c", EndCause.REMOTE_BYE, (EndReason("SIP", 200),))
    assert confirmed_end("c", 408, None) == CallEnded("c", EndCause.TIMEOUT)
    assert confirmed_end("c", 503, None) == CallEnded("c", EndCause.TRANSPORT)


def test_how_a_call_ends_before_it_began() -> None:
    bye, cancel = (Request(method, "sip:bot@192.0.2.1") for method in ("BYE", "CANCEL"))
    assert inbound_end("c", cancel, answered=False) == CallCancelled("c")
    assert inbound_end("c", cancel, answered=True) == CallCancelled("c")  # it crossed the answer
    assert inbound_end("c", bye, answered=True) == CallEnded("c", EndCause.REMOTE_BYE)
    assert inbound_end("c", None, answered=True) == CallEnded("c", EndCause.ACK_TIMEOUT)
