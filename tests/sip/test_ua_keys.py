"""Keys by INFO: received, refused, sent."""

import pytest

from offhook.sip.commands import Answer, Bye, SendKey
from offhook.sip.errors import LocalError
from offhook.sip.events import CallEnded, IncomingCall, KeyReceived, KeyRefused, RequestRefused
from offhook.sip.message.message import Request
from tests.sip.dialog.harness import ALICE, ANSWER, Message, Phone, inside, invite, reply, to_tag, udp

RELAY = "application/dtmf-relay"


def answered() -> tuple[Phone, str, str]:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1))
    return phone, call, to_tag(ok)


def sent_key(phone: Phone, call: str, digit: str) -> Request:
    phone.do(SendKey(call, digit))
    (request,) = phone.requests()
    return request


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n"),
        ("Application/DTMF-Relay; charset=us-ascii", b"Signal=5\r\nDuration=160\r\n"),
        ("application/dtmf", b"Signal=5\r\nDuration=160\r\n"),
    ],
)
def test_a_key(kind: str, body: bytes) -> None:
    phone, call, tag = answered()
    (response,) = phone.send(inside("INFO", tag, 2, body=body, content_type=kind))
    assert response.status == 200
    assert phone.of(KeyReceived) == [KeyReceived(call, "5", 160)]


def test_a_retransmission_is_the_same_key() -> None:
    phone, call, tag = answered()
    info = inside("INFO", tag, 2, body=b"Signal=5\r\n", content_type=RELAY)
    assert [each.status for each in phone.send(info) + phone.send(info)] == [200, 200]
    phone.send(inside("INFO", tag, 3, body=b"Signal=5\r\n", content_type=RELAY))
    assert phone.of(KeyReceived) == [KeyReceived(call, "5", 100)] * 2


def test_late_keys_are_out_of_order() -> None:
    phone, _, tag = answered()
    phone.send(inside("INFO", tag, 3, body=b"Signal=5\r\n", content_type=RELAY))
    (late,) = phone.send(inside("INFO", tag, 2, body=b"Signal=4\r\n", content_type=RELAY))
    assert late.status == 500
    assert [key.digit for key in phone.of(KeyReceived)] == ["5"]


@pytest.mark.parametrize(
    ("kind", "extra", "body", "status", "header"),
    [
        (RELAY, (), b"", 200, None),  # asks whether the call is there
        (RELAY, (), b"Signal=!\r\n", 200, None),  # hook flash
        (RELAY, (), b"Signal=x\r\n", 400, None),
        ("text/plain", (), b"5", 415, ("Accept", "application/dtmf-relay, application/dtmf")),
        (RELAY, ("Info-Package: foo",), b"Signal=5", 469, ("Recv-Info", "nil")),
    ],
)
def test_what_is_no_key(
    kind: str, extra: tuple[str, ...], body: bytes, status: int, header: tuple[str, str] | None
) -> None:
    phone, _, tag = answered()
    (response,) = phone.send(inside("INFO", tag, 2, body=body, content_type=kind, extra=extra))
    assert response.status == status
    assert header is None or response.headers.get(header[0]) == header[1]
    assert phone.of(KeyReceived) == []
    assert len(phone.of(RequestRefused)) == (status >= 300)
    assert phone.of(CallEnded) == []


def test_no_call() -> None:
    phone = Phone()
    assert [each.status for each in phone.send(Message("INFO", body=b"Signal=5", content_type=RELAY))] == [481]
    (unknown,) = phone.send(inside("INFO", "guessed", 2, body=b"Signal=5", content_type=RELAY))
    assert unknown.status == 481
    assert phone.of(KeyReceived) == []


def test_keys_that_we_send() -> None:
    phone, call, _ = answered()
    first, second = sent_key(phone, call, "5"), sent_key(phone, call, "#")
    assert (first.method, first.body) == ("INFO", b"Signal=5\r\nDuration=100\r\n")
    assert first.headers.get("Content-Type") == "application/dtmf-relay"
    assert second.body.startswith(b"Signal=#")
    numbers = [int((each.headers.get("CSeq") or "").split()[0]) for each in (first, second)]
    assert numbers[1] == numbers[0] + 1
    phone.ua.receive(reply(first, 200), udp(ALICE), phone.now)
    phone.ua.receive(reply(second, 415), udp(ALICE), phone.now)
    assert [(each.call, each.status) for each in phone.of(KeyRefused)] == [(call, 415)]


def test_a_key_without_an_answer() -> None:
    phone, call, _ = answered()
    sent_key(phone, call, "5")
    phone.run(40)
    assert phone.of(KeyRefused) == [KeyRefused(call, 408, "no answer")]


def test_keys_that_cannot_be_sent() -> None:
    phone, call, _ = answered()
    with pytest.raises(LocalError, match="isn't a DTMF digit"):
        phone.do(SendKey(call, "E"))
    phone.do(Bye(call))
    with pytest.raises(LocalError):
        phone.do(SendKey(call, "5"))


def test_no_key_before_the_answer() -> None:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    with pytest.raises(LocalError, match="takes no keys"):
        phone.do(SendKey(call, "5"))
