"""Requests that a user agent refuses, and a call that it has answered."""

from offhook.sip.commands import Answer
from offhook.sip.events import CallConfirmed, IncomingCall
from tests.sip.dialog.harness import ANSWER, Message, Phone, inside, invite, to_tag

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY")
ACCEPT = ("Accept", "application/sdp, multipart/mixed, multipart/alternative")
CONTACT = "Contact: <sip:alice@192.0.2.1:5060>"


BAD: list[tuple[str, Message, int, str, list[tuple[str, str]]]] = [
    ("method not for us", Message("REGISTER"), 405, "Method Not Allowed", [ALLOW]),
    ("unknown method", Message("BREW"), 501, "Not Implemented", [ALLOW]),
    ("methods are case-sensitive", Message("invite"), 501, "Not Implemented", [ALLOW]),
    ("unknown scheme", invite(uri="http://example.com"), 416, "Unsupported URI Scheme", []),
    (
        "required extensions",
        invite(extra=(CONTACT, "Require: precondition, 100rel, foo")),
        420,
        "Bad Extension",
        [("Unsupported", "precondition, foo")],
    ),
    ("type of body", invite(b"x", content_type="text/plain"), 415, "Unsupported Media Type", [ACCEPT]),
    ("body without a type", invite(b"x", content_type=None), 415, "Unsupported Media Type", [ACCEPT]),
    (
        "encoded body",
        invite(b"x", extra=(CONTACT, "Content-Encoding: gzip")),
        415,
        "Unsupported Media Type",
        [ACCEPT, ("Accept-Encoding", "identity")],
    ),
    ("type that is none", invite(b"x", content_type="sdp"), 400, "Content-Type: is not a media type", []),
    ("wants no SDP", invite(extra=(CONTACT, "Accept: text/html, image/*")), 406, "Not Acceptable", []),
    ("wants SDP least of all", invite(extra=(CONTACT, "Accept: application/sdp;q=0")), 406, "Not Acceptable", []),
    ("no Contact", invite(extra=()), 400, "Missing Contact", []),
    ("other version", invite(version="SIP/3.0"), 505, "Version Not Supported", []),
    ("CSeq of another method", invite(cseq_method="OPTIONS"), 400, "CSeq names another method", []),
    ("no From", invite(without=("From",)), 400, "From is missing", []),
    ("no Call-ID", invite(without=("Call-ID",)), 400, "Call-ID is missing", []),
    ("broken To", invite(to="<sip:bot@"), 400, "To: address needs angle brackets", []),
    ("dialog of others", inside("BYE", "nobody", 5), 481, "Call/Transaction Does Not Exist", []),
    (
        "INVITE in a dialog of others",
        inside("INVITE", "nobody", 5, extra=(CONTACT,)),
        481,
        "Call/Transaction Does Not Exist",
        [],
    ),
    ("OPTIONS in a dialog of others", inside("OPTIONS", "nobody", 5), 481, "Call/Transaction Does Not Exist", []),
    ("BYE outside any dialog", Message("BYE"), 481, "Call/Transaction Does Not Exist", []),
    ("CANCEL of nothing", Message("CANCEL"), 481, "Call/Transaction Does Not Exist", []),
]


def answered(phone: Phone | None = None) -> tuple[Phone, str]:
    phone = phone or Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    tag = to_tag(ok)
    assert phone.send(inside("ACK", tag, 1)) == []
    assert len(phone.of(CallConfirmed)) == 1
    return phone, tag
