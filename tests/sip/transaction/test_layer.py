from dataclasses import replace

import pytest

from offhook.sip.message import build
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport
from offhook.sip.transaction.client import ClientTransaction, Failure
from offhook.sip.transaction.layer import AckReceived, ResponseReceived, TransactionFailed, TransactionLayer
from offhook.sip.transaction.timers import Timers
from tests.sip.dialog.harness import ALICE, Message, invite, udp

PEER, ELSEWHERE = udp(ALICE), udp(Address("192.0.2.9", 5060))


class Nobody:
    """A transaction user that is never called: the layer only carries it."""

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        raise AssertionError

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        raise AssertionError


def request(message: Message) -> Request:
    parsed = parse(bytes(message))
    assert isinstance(parsed, Request)
    return parsed


def answer(to: Request, status: int) -> Response:
    return build.response(to, status, to_tag="tag")


def test_a_client_transaction_from_request_to_end() -> None:
    layer = TransactionLayer(Timers())
    options = request(Message("OPTIONS"))
    user = Nobody()
    transaction = layer.send_request(options, PEER, 0.0, user)
    assert layer.messages_to_send() == [(bytes(options), PEER)]
    assert layer.messages_to_send() == []
    assert layer.get_timer() == 0.5
    layer.handle_timer(0.5)
    assert layer.messages_to_send() == [(bytes(options), PEER)]
    response = answer(options, 200)
    assert layer.receive_response(response, 0.6)
    assert layer.next_event() == ResponseReceived(transaction, response)
    assert layer.receive_response(response, 0.7)
    assert layer.next_event() is None
    layer.handle_timer(5.6)
    assert layer.clients == {}
    assert not layer.receive_response(response, 5.7)
    assert layer.get_timer() is None
    assert transaction.user is user


def test_a_response_of_another_method_is_not_for_the_invite() -> None:
    layer = TransactionLayer(Timers())
    layer.send_request(request(invite()), PEER, 0.0)
    assert not layer.receive_response(answer(request(Message("CANCEL")), 200), 0.1)


def test_a_failure_is_acknowledged_by_the_transaction() -> None:
    layer = TransactionLayer(Timers())
    sent = request(invite(extra=("Route: <sip:p1;lr>", "Route: <sip:p2;lr>")))
    layer.send_request(sent, PEER, 0.0)
    layer.messages_to_send()
    layer.receive_response(answer(sent, 486), 0.1)
    ((data, destination),) = layer.messages_to_send()
    ack = parse(data)
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri, destination) == ("ACK", sent.uri, PEER)
    assert ack.headers.get_all("Via") == sent.headers.get_all("Via")
    assert ack.headers.get_all("Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert ack.headers.get("To") == "<sip:bot@example.com>;tag=tag"
    assert ack.headers.get("CSeq") == "1 ACK"
    assert ack.body == b""


def test_timeouts_and_transport_errors_are_reported() -> None:
    layer = TransactionLayer(Timers())
    one = layer.send_request(request(Message("OPTIONS")), PEER, 0.0)
    two = layer.send_request(request(invite(branch="z9hG4bKtwo")), ELSEWHERE, 0.0)
    layer.transport_failed(ELSEWHERE, 0.1)
    assert layer.next_event() == TransactionFailed(two, Failure.TRANSPORT)
    while (at := layer.get_timer()) is not None:
        layer.handle_timer(at)
    assert layer.next_event() == TransactionFailed(one, Failure.TIMED_OUT)
    assert layer.next_event() is None
    assert layer.clients == {}


def test_a_server_transaction_answers_retransmissions_and_hands_up_the_ack() -> None:
    layer = TransactionLayer(Timers(), retransmit_limit=2)
    received = request(invite())
    assert layer.match(received) is None
    transaction = layer.accept(received, PEER, 0.0)
    assert layer.match(received) is transaction
    assert layer.match_cancelled(request(Message("CANCEL"))) is transaction
    assert layer.merged(request(invite(branch="z9hG4bKelse")))
    layer.respond(transaction, answer(received, 180), 0.0)
    ringing = layer.messages_to_send()
    assert [layer.receive_again(transaction, received, 0.1) for _ in range(3)] == [True, True, False]
    assert layer.messages_to_send() == ringing * 2
    layer.respond(transaction, answer(received, 200), 0.2)
    assert len(layer.messages_to_send()) == 1
    layer.repeat(transaction)
    assert len(layer.messages_to_send()) == 1
    ack = request(Message("ACK"))
    assert layer.receive_again(transaction, ack, 0.3)
    assert layer.next_event() == AckReceived(transaction, ack)
    layer.handle_timer(32.2)
    assert layer.servers == {}
    assert not layer.merged(request(invite(branch="z9hG4bKelse")))
    layer.repeat(transaction)
    assert layer.messages_to_send() == []


@pytest.mark.parametrize(("status", "ongoing"), [(180, True), (200, True), (302, False), (487, False), (600, False)])
def test_a_request_that_was_refused_can_be_tried_again_at_once(status: int, ongoing: bool) -> None:
    layer = TransactionLayer(Timers())
    transaction = layer.accept(request(invite()), PEER, 0.0)
    layer.respond(transaction, answer(transaction.request, status), 0.0)
    again = request(invite(branch="z9hG4bKelse"))
    assert layer.merged(again) is ongoing
    if not ongoing:
        # The retry's own copies are merged again, whatever becomes of the first transaction.
        layer.accept(again, PEER, 0.1)
        layer.handle_timer(32.0)
        assert layer.merged(request(invite(branch="z9hG4bKthird")))


def test_reliable_transports_get_everything_once() -> None:
    layer = TransactionLayer(Timers())
    connection = replace(PEER, transport=Transport.TCP, id=1)
    layer.send_request(request(Message("OPTIONS")), connection, 0.0)
    layer.messages_to_send()
    assert layer.get_timer() == 32.0
    received = request(invite(branch="z9hG4bKin"))
    transaction = layer.accept(received, connection, 0.0)
    layer.respond(transaction, answer(received, 486), 0.0)
    assert len(layer.messages_to_send()) == 1
    layer.handle_timer(31.9)
    assert layer.messages_to_send() == []


def test_dump() -> None:
    layer = TransactionLayer(Timers())
    layer.send_request(request(Message("OPTIONS")), PEER, 10.0)
    (entry,) = layer.dump(10.2)
    assert entry == {
        "kind": "client",
        "method": "OPTIONS",
        "branch": "z9hG4bKcaller1",
        "peer": "192.0.2.1:5060/UDP",
        "state": "trying",
        "age_s": 0.2,
        "timer": "E",
        "timer_in_s": 0.3,
    }


def test_two_thousand_transactions_share_one_timer() -> None:
    layer = TransactionLayer(Timers())
    for n in range(2000):
        layer.send_request(request(Message("OPTIONS", branch=f"z9hG4bK{n}")), PEER, n / 1000)
    layer.messages_to_send()
    assert layer.get_timer() == 0.5
    sent = 0
    while (at := layer.get_timer()) is not None:
        layer.handle_timer(at)
        sent += len(layer.messages_to_send())
    assert sent == 2000 * 10
    assert layer.clients == {}
