"""Requests with several targets, and requests that are too large for a datagram."""

from offhook.sip.commands import Cancel, Invite, Register
from offhook.sip.events import CallAnswered, CallRejected, Registered
from offhook.sip.message import typed
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Target, Transport
from offhook.sip.settings import UaSettings
from offhook.sip.ua import UserAgent
from tests.sip.dialog.harness import ANSWER, BOB, OFFER, TARGET, Tokens, reply

FIRST, SECOND, THIRD = (
    Target(Transport.UDP, Address(f"192.0.2.{number}", 5060), "example.com") for number in (7, 8, 9)
)


class Caller:
    """A user agent whose messages are looked at with the flow that each takes."""

    def __init__(self, *, tcp: bool = False, **settings: object) -> None:
        listens = {Transport.UDP: BOB, **({Transport.TCP: BOB} if tcp else {})}
        self.ua = UserAgent(listens, settings=UaSettings(**settings), entropy=Tokens("c"))  # type: ignore[arg-type]
        self.now = 0.0

    def call(self, *others: Target, target: str = TARGET, body: bytes = OFFER, first: Target = FIRST) -> str:
        command = Invite(target, body, destination=first, others=others)
        self.ua.do(command, self.now)
        return command.call

    def sent(self) -> list[tuple[Request, Flow]]:
        found = []
        for data, flow in self.ua.messages_to_send():
            message = _parsed(data)
            found.append((message, flow))
        return found

    def answer(self, request: Request, flow: Flow, status: int, body: bytes = b"") -> None:
        self.ua.receive(reply(request, status, body=body), flow, self.now)

    def wait(self, seconds: float) -> list[tuple[Request, Flow]]:
        end, out = self.now + seconds, []
        while (at := self.ua.get_timer()) is not None and at <= end:
            self.now = max(self.now, at)
            self.ua.handle_timer(self.now)
            out += self.sent()
        self.now = end
        return out

    def events(self) -> list[object]:
        found: list[object] = []
        while (event := self.ua.next_event()) is not None:
            found.append(event)
        return found


def _parsed(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_a_server_that_is_overloaded_is_followed_by_the_next() -> None:
    caller = Caller()
    call = caller.call(SECOND)
    ((first, flow),) = caller.sent()
    assert flow.remote == FIRST.address
    caller.answer(first, flow, 503)
    (ack, _), (second, other) = caller.sent()
    assert (ack.method, second.method, other.remote) == ("ACK", "INVITE", SECOND.address)
    assert typed.top_via(second).branch != typed.top_via(first).branch
    assert second.headers.get("Call-ID") == first.headers.get("Call-ID")
    caller.answer(second, other, 200, ANSWER)
    assert caller.events() == [CallAnswered(call, ANSWER)]
    assert caller.sent()[0][0].method == "ACK"


def test_the_last_one_s_answer_counts() -> None:
    caller = Caller()
    call = caller.call(SECOND)
    for _ in range(2):
        request, flow = caller.sent()[-1]
        caller.answer(request, flow, 503)
    assert caller.events() == [CallRejected(call, 503, "Whatever")]


def test_busy_is_an_answer() -> None:
    caller = Caller()
    call = caller.call(SECOND)
    ((request, flow),) = caller.sent()
    caller.answer(request, flow, 486)
    assert caller.events() == [CallRejected(call, 486, "Whatever")]


def test_silence_is_left_after_seconds_and_the_last_one_has_all_its_time() -> None:
    caller = Caller()
    caller.call(SECOND, THIRD)
    caller.sent()
    later = caller.wait(3.9)
    assert {flow.remote for _, flow in later} == {FIRST.address}
    later = caller.wait(4.0)
    assert SECOND.address in {flow.remote for _, flow in later}
    later = caller.wait(26.0)
    assert THIRD.address in {flow.remote for _, flow in later}
    assert caller.events() == []
    caller.wait(20.0)
    assert [type(event).__name__ for event in caller.events()] == ["CallEnded"]
    assert caller.ua.idle


def test_a_server_that_cannot_be_reached_is_left_at_once() -> None:
    caller = Caller()
    caller.call(SECOND)
    ((_, flow),) = caller.sent()
    caller.ua.transport_failed(flow, caller.now)
    ((_, other),) = caller.sent()
    assert other.remote == SECOND.address


def test_a_call_that_is_given_up_goes_nowhere_else() -> None:
    caller = Caller()
    call = caller.call(SECOND)
    ((request, flow),) = caller.sent()
    caller.ua.do(Cancel(call), caller.now)
    caller.answer(request, flow, 503)
    assert [each.method for each, _ in caller.sent()] == ["ACK"]
    assert caller.events() == [CallRejected(call, 503, "Whatever")]


def test_who_rings_after_having_been_left_is_cancelled_and_who_answers_first_has_the_call() -> None:
    caller = Caller()
    call = caller.call(SECOND)
    ((first, flow),) = caller.sent()
    ((second, other),) = [each for each in caller.wait(4.1) if each[1].remote == SECOND.address]
    caller.answer(first, flow, 180)
    ((cancel, to),) = caller.sent()
    assert (cancel.method, to.remote) == ("CANCEL", FIRST.address)
    assert typed.top_via(cancel).branch == typed.top_via(first).branch
    caller.answer(second, other, 200, ANSWER)
    caller.answer(first, flow, 200, ANSWER)  # it crossed the CANCEL: acknowledged, and hung up
    assert caller.events() == [CallAnswered(call, ANSWER)]
    assert [(each.method, flow.remote) for each, flow in caller.sent()] == [
        ("ACK", Address("192.0.2.1", 5060)),
        ("ACK", Address("192.0.2.1", 5060)),
        ("BYE", Address("192.0.2.1", 5060)),
    ]


LARGE = OFFER + b"a=x:" + b"y" * 1_200 + b"\r\n"


def test_a_large_request_goes_by_tcp() -> None:
    caller = Caller(tcp=True)
    caller.call(body=LARGE)
    ((request, flow),) = caller.sent()
    assert (flow.transport, flow.remote) == (Transport.TCP, FIRST.address)
    assert typed.top_via(request).transport == "TCP"
    caller.call()
    assert caller.sent()[0][1].transport is Transport.UDP


def test_where_there_is_no_tcp_it_goes_by_udp_and_that_is_remembered() -> None:
    caller = Caller(tcp=True)
    caller.call(body=LARGE)
    ((request, flow),) = caller.sent()
    caller.ua.transport_failed(flow, caller.now)
    ((again, other),) = caller.sent()
    assert (other.transport, other.remote) == (Transport.UDP, FIRST.address)
    assert typed.top_via(again).transport == "UDP"
    assert again.headers.get("Call-ID") == request.headers.get("Call-ID")
    caller.call(body=LARGE)
    assert caller.sent()[0][1].transport is Transport.UDP
    assert Caller().call(body=LARGE)  # without a socket for it there is no choice


def test_credentials_go_to_the_target_that_asked_for_them() -> None:
    caller = Caller()
    caller.ua.do(Register("home", "sip:example.com", "sip:bot@example.com", "bot", destination=FIRST), caller.now)
    ((request, flow),) = caller.sent()
    caller.answer(request, flow, 200)
    assert isinstance(caller.events()[0], Registered)
