"""Calls and transactions of a user agent: repeated, merged and stray messages, limits, old peers."""

import pytest

from offhook.sip.commands import Answer, Reject, Ring
from offhook.sip.events import CallConfirmed, CallEnded, EndCause, IncomingCall
from offhook.sip.message.identities import Party
from offhook.sip.message.message import Response
from offhook.sip.net.address import Address
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, ANSWER, OFFER, Message, Phone, inside, invite, to_tag, udp
from tests.sip.requests import ALLOW, CONTACT, answered


def test_the_2xx() -> None:
    phone = Phone()
    phone.send(invite(extra=(CONTACT, "Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>")))
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (response,) = phone.responses()
    assert (response.status, response.reason) == (200, "OK")
    assert response.body == ANSWER
    assert response.headers.get("Content-Type") == "application/sdp"
    assert response.headers.get("Contact") == "<sip:offhook@192.0.2.2:5060>"
    assert response.headers.get("Allow") == ALLOW[1]
    assert response.headers.get("Record-Route") == "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>"


def test_an_offer_in_the_2xx_is_answered_in_the_ack() -> None:
    phone = Phone()
    phone.send(invite(body=b""))
    (event,) = phone.of(IncomingCall)
    assert event.sdp is None
    phone.do(Answer(event.call, OFFER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1, body=ANSWER))
    assert phone.of(CallConfirmed) == [CallConfirmed(event.call, ANSWER)]


def test_all_responses_to_an_invite_have_one_tag() -> None:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Ring(call))
    (ringing,) = phone.responses()
    ok, terminated = phone.send(Message("CANCEL"))
    assert (ringing.status, ok.status, terminated.status) == (180, 200, 487)
    assert len({to_tag(ringing), to_tag(ok), to_tag(terminated)}) == 1


def test_a_retransmitted_invite_gets_the_latest_provisional_and_after_the_2xx_nothing() -> None:
    phone = Phone()
    (trying,) = phone.send(invite())
    (again,) = phone.send(invite())
    assert bytes(again) == bytes(trying)
    call = phone.of(IncomingCall)[0].call
    phone.do(Ring(call))
    (ringing,) = phone.responses()
    (again,) = phone.send(invite())
    assert bytes(again) == bytes(ringing)
    phone.do(Answer(call, ANSWER))
    phone.responses()
    assert phone.send(invite()) == []
    assert len(phone.of(IncomingCall)) == 1
    assert phone.ua.counters.retransmissions_received == 3


def test_a_retransmitted_request_is_answered_only_so_often() -> None:
    phone = Phone(UaSettings(retransmit_limit=3))
    answers = [len(phone.send(invite())) for _ in range(10)]
    assert answers == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert phone.ua.counters.dropped_by_reason["retransmission"] == 6


def test_merged_requests() -> None:
    phone = Phone()
    phone.send(invite())
    (response,) = phone.send(invite(branch="z9hG4bKotherway"))
    assert (response.status, response.reason) == (482, "Loop Detected")
    assert len(phone.of(IncomingCall)) == 1


def test_out_of_order_requests() -> None:
    phone, tag = answered()
    (first,) = phone.send(inside("OPTIONS", tag, 7))
    (late,) = phone.send(inside("BYE", tag, 6))
    assert (first.status, late.status) == (200, 500)
    (bye,) = phone.send(inside("BYE", tag, 8))
    assert bye.status == 200


@pytest.mark.parametrize("branch", ["1", "z9hG4bK"])
def test_transactions_of_rfc_2543(branch: str) -> None:
    phone = Phone()
    (trying,) = phone.send(invite(branch=branch))
    assert trying.status == 100
    assert [response.status for response in phone.send(invite(branch=branch))] == [100]
    call = phone.of(IncomingCall)[0].call
    phone.do(Reject(call, 486))
    (busy,) = phone.responses()
    ack = Message("ACK", branch=branch, to=f"<sip:bot@example.com>;tag={to_tag(busy)}")
    assert phone.send(ack) == []
    assert phone.run(4.9) == []
    other = invite(branch=branch, call_id="call-2")
    assert [response.status for response in phone.send(other)] == [100]


def test_cancel_in_rfc_2543() -> None:
    phone = Phone()
    phone.send(invite(branch="1"))
    assert [response.status for response in phone.send(Message("CANCEL", branch="1"))] == [200, 487]


def test_stray_acks_and_responses_are_dropped_and_counted() -> None:
    phone = Phone()
    assert phone.send(inside("ACK", "nobody", 1)) == []
    assert phone.send(Message("ACK")) == []
    response = (
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    assert phone.send(response.encode()) == []
    two = response.replace("From:", "Via: SIP/2.0/UDP 192.0.2.9\r\nFrom:")
    assert phone.send(two.encode()) == []
    assert phone.send(response.replace("CSeq: 1 INVITE", "CSeq: one").encode()) == []
    assert phone.ua.counters.dropped_by_reason == {
        "stray ACK": 2,
        "stray response": 1,
        "response of others": 1,
        "unreadable": 1,
    }
    assert phone.ua.idle


def test_keepalives() -> None:
    phone = Phone()
    for data in (b"", b"\0", b"\r\n", b"\0\0\0\0", b"jaK", b"    "):
        assert phone.send(data) == []
    assert phone.sent == []
    phone.ua.receive(b"\r\n\r\n", udp(ALICE), 0.0)
    assert phone.ua.messages_to_send() == [(b"\r\n", udp(ALICE))]
    assert phone.ua.counters.keepalives == 7
    assert phone.ua.counters.received == 0


def test_a_flood_of_invites_meets_a_stateless_503() -> None:
    phone = Phone(UaSettings(max_pending_invites=2, retry_after_s=(7, 7)))
    for n in range(2):
        phone.send(invite(branch=f"z9hG4bK{n}", call_id=f"call-{n}"))
    (response,) = phone.send(invite(branch="z9hG4bK9", call_id="call-9"))
    assert (response.status, response.headers.get("Retry-After")) == (503, "7")
    transactions = phone.ua.dump()["transactions"]
    assert isinstance(transactions, list)
    assert len(transactions) == 2
    call = phone.of(IncomingCall)[0].call
    phone.do(Reject(call, 486))
    phone.responses()
    (response,) = phone.send(invite(branch="z9hG4bK10", call_id="call-10"))
    assert response.status == 100


def test_the_limit_of_transactions_leaves_calls_alone() -> None:
    phone = Phone(UaSettings(max_server_transactions=4))
    _, tag = answered(phone)
    statuses = [
        response.status for n in range(5) for response in phone.send(invite(branch=f"z9hG4bK{n}", call_id=f"o{n}"))
    ]
    assert statuses == [100, 100, 100, 503, 503]
    (bye,) = phone.send(inside("BYE", tag, 2))
    assert bye.status == 200


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "CANCEL", "BYE", "BREW"])
def test_what_begins_no_call_takes_no_room(method: str) -> None:
    phone = Phone(UaSettings(max_server_transactions=1))
    for n in range(50):
        assert len(phone.send(Message(method, branch=f"z9hG4bK{n}", call_id=f"o{n}"))) == 1
    assert phone.ua.idle and phone.ua.get_timer() is None
    (trying,) = phone.send(invite())
    assert trying.status == 100


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "CANCEL", "BYE"])
def test_each_copy_gets_the_same_answer(method: str) -> None:
    phone = Phone()
    first, second = (phone.send(Message(method)) for _ in range(2))
    assert [bytes(response) for response in first] == [bytes(response) for response in second]


def test_the_limit_of_calls() -> None:
    phone = Phone(UaSettings(max_calls=1))
    answered(phone)
    (response,) = phone.send(invite(branch="z9hG4bK9", call_id="call-9"))
    assert response.status == 503


@pytest.mark.parametrize(
    ("parameters", "source", "destination"),
    [
        (";rport", Address("198.51.100.7", 40000), Address("198.51.100.7", 40000)),
        ("", Address("198.51.100.7", 40000), Address("198.51.100.7", 5060)),
        (";maddr=203.0.113.5;rport", ALICE, ALICE),
        (";received=203.0.113.5;rport=9", ALICE, ALICE),
    ],
)
def test_responses_go_to_where_the_request_came_from(parameters: str, source: Address, destination: Address) -> None:
    phone = Phone()
    (response,) = phone.send(Message("OPTIONS", via_parameters=parameters), source)
    assert phone.sent[-1][1] == destination
    assert f"received={source.host}" in (response.headers.get("Via") or "")
    assert (f"rport={source.port}" in (response.headers.get("Via") or "")) is ("rport" in parameters)


def test_an_unanswered_call_is_refused_in_the_end() -> None:
    phone = Phone()
    phone.send(invite())
    sent = [message for _, message in phone.run(200) if isinstance(message, Response)]
    assert sent[0].status == 480
    (event,) = phone.of(IncomingCall)
    assert phone.events[-1] == CallEnded(event.call, EndCause.TIMEOUT)


def test_a_bye_of_the_early_dialog() -> None:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Ring(call))
    (ringing,) = phone.responses()
    statuses = [response.status for response in phone.send(inside("BYE", to_tag(ringing), 2))]
    assert statuses == [200, 487]


def test_a_second_invite_before_the_first_is_answered() -> None:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Ring(call))
    (ringing,) = phone.responses()
    (response,) = phone.send(inside("INVITE", to_tag(ringing), 2, extra=(CONTACT,), body=OFFER))
    assert response.status == 500
    assert 0 <= int(response.headers.get("Retry-After") or "") <= 10


def test_a_reinvite_before_the_ack() -> None:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    (response,) = phone.send(inside("INVITE", to_tag(ok), 2, extra=(CONTACT,), body=OFFER))
    assert response.status == 491


def test_names_that_are_not_utf8_arrive_as_text() -> None:
    phone = Phone()
    raw = bytes(invite()).replace(b"From: <sip:alice", b'From: "J\xfcrgen" <sip:j\xfcrgen')
    (response,) = phone.send(raw)
    assert response.status == 100
    (event,) = phone.of(IncomingCall)
    assert event.identities.caller == Party("sip:j�rgen@example.com", "J�rgen")
    assert event.from_uri == "sip:j�rgen@example.com"


def test_dump_is_plain() -> None:
    phone, _ = answered()
    phone.run(1)
    dump = phone.ua.dump(phone.now)
    calls, transactions = dump["calls"], dump["transactions"]
    assert isinstance(calls, list)
    assert isinstance(transactions, list)
    (call,) = calls
    assert (call["state"], call["reinvite"], call["age_s"], call["timer"]) == ("confirmed", "idle", 1.0, None)
    (transaction,) = transactions
    assert transaction["method"] == "INVITE"
    assert (transaction["state"], transaction["timer"], transaction["timer_in_s"]) == ("accepted", "L", 31.0)
