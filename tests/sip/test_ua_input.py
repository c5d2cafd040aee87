"""What the user agent answers to requests that are wrong, and what it leaves alone."""

import pytest

from offhook.sip.events import CallEnded, CallRefused, EndCause, IncomingCall
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, Message, Phone, inside, invite, to_tag
from tests.sip.requests import ACCEPT, ALLOW, BAD, CONTACT, answered


@pytest.mark.parametrize(
    ("message", "status", "reason", "headers"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_refusals(message: Message, status: int, reason: str, headers: list[tuple[str, str]]) -> None:
    phone = Phone()
    (response,) = phone.send(message)
    assert response.status == status
    if reason != "To: address needs angle brackets":
        assert response.reason == reason
    via = f"SIP/2.0/UDP 192.0.2.1:5060;branch={message.branch};rport=5060;received=192.0.2.1"
    expected = {"Via": via, "CSeq": f"{message.cseq} {message.cseq_method or message.method}"}
    for name in ("Via", "CSeq"):
        assert response.headers.get_all(name) == [expected[name]]
    assert [(name, response.headers.get(name)) for name, _ in headers] == headers
    unexpected = {"Allow", "Accept", "Accept-Encoding", "Unsupported"} - {name for name, _ in headers}
    assert not any(name in response.headers for name in unexpected)
    assert response.headers.get("Server") == "offhook"
    assert response.body == b""
    assert phone.sent == [(phone.sent[0][0], ALICE)]
    if message.method == "INVITE" and ";tag=" not in message.to:
        (refused,) = phone.of(CallRefused)
        assert (refused.call, refused.status, refused.reason) == ("", status, response.reason)
        assert (refused.source, refused.request_uri) == (ALICE, message.uri)
    else:
        assert phone.events == []
    assert phone.ua.counters.rejected_by_status[status] == 1
    phone.run(100)
    assert phone.ua.idle


def test_a_refusal_has_a_to_tag_and_echoes_the_rest() -> None:
    phone = Phone()
    (response,) = phone.send(Message("REGISTER"))
    assert len(to_tag(response)) == 16
    assert response.headers.get("From") == "<sip:alice@example.com>;tag=alice"
    assert response.headers.get("Call-ID") == "call-1"
    assert response.headers.get("Content-Length") in {None, "0"}


def test_a_stateless_refusal_says_the_same_each_time() -> None:
    phone = Phone()
    (one,) = phone.send(invite(without=("Call-ID",)))
    (two,) = phone.send(invite(without=("Call-ID",)))
    assert bytes(one) == bytes(two)
    (other,) = Phone(UaSettings()).send(invite(without=("Call-ID",), branch="z9hG4bKelse"))
    assert to_tag(other) != to_tag(one)
    assert phone.ua.idle


@pytest.mark.parametrize(
    "message",
    [
        invite(b"x", content_type="text/plain", extra=(CONTACT, "Content-Disposition: render; handling=optional")),
        invite(b"x", content_type="sdp", extra=(CONTACT, "Content-Disposition: render; handling=optional")),
        invite(extra=(CONTACT, "Accept: text/html, application/sdp;level=1")),
        invite(extra=(CONTACT, "Accept: */*")),
        invite(uri="tel:+15551234"),
        invite(uri="sips:bot@192.0.2.2"),
        invite(body=b""),
    ],
)
def test_what_is_not_wrong(message: Message) -> None:
    phone = Phone()
    (response,) = phone.send(message)
    assert response.status == 100
    assert to_tag(response) == ""
    assert len(phone.of(IncomingCall)) == 1


def test_options() -> None:
    (response,) = Phone().send(Message("OPTIONS"))
    assert response.status == 200
    assert response.headers.get("Allow") == ALLOW[1]
    assert response.headers.get("Accept") == ACCEPT[1]
    assert response.headers.get("Supported") == "100rel, timer, replaces, norefersub"
    assert to_tag(response) != ""


def test_a_bye_with_a_strange_body_still_ends_the_call() -> None:
    phone, tag = answered()
    (response,) = phone.send(inside("BYE", tag, 2, body=b"lost=3", content_type="text/x-statistics"))
    assert response.status == 200
    assert phone.events[-1] == CallEnded(phone.of(IncomingCall)[0].call, EndCause.REMOTE_BYE)
