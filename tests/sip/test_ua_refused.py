"""Calls that are not let in: answered at once, and nothing is kept of them but the answer (RFC 3261 §8.2.7)."""

import pytest

from offhook.sip.commands import Answer, Invite, Reject
from offhook.sip.events import CallEnded, CallRejected, IncomingCall
from offhook.sip.message.message import Response
from offhook.sip.net.address import Address
from offhook.sip.settings import UaSettings
from offhook.sip.ua import UserAgent
from offhook.sip.uas_checks import Refusal
from tests.sip.dialog.harness import ALICE, BOB, OFFER, TARGET, Message, Phone, Tokens, Wire, inside, invite, to_tag

FULL = Refusal(503)
REPEATED_FOR_S = 32.0


class Door:
    """Admits calls while it is open, and counts the requests."""

    def __init__(self, refusal: Refusal | None = FULL) -> None:
        self.refusal = refusal
        self.asked = 0

    def __call__(self, method: str, source: Address) -> Refusal | None:
        self.asked += method == "INVITE"
        return self.refusal


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def phone(door: Door) -> Phone:
    return with_door(door)


def with_door(door: Door, settings: UaSettings | None = None) -> Phone:
    phone = Phone()
    phone.ua = UserAgent(BOB, settings=settings or UaSettings(), entropy=Tokens("bob"), admit=door)
    return phone


def test_a_call_that_is_not_let_in_leaves_nothing(phone: Phone) -> None:
    (response,) = phone.send(invite())
    assert (response.status, response.reason) == (503, "Service Unavailable")
    assert 5 <= int(response.headers.get("Retry-After") or "") <= 15
    assert phone.ua.idle and phone.ua.get_timer() is None
    assert phone.events == []
    ack = Message("ACK", to=f"<sip:bot@example.com>;tag={to_tag(response)}")
    assert phone.send(ack) == []
    assert phone.run(100) == []
    assert not phone.ua.counters.rejected_by_status


def test_its_repetition_gets_the_same_answer_whatever_has_become_of_the_door(phone: Phone, door: Door) -> None:
    phone.send(invite())
    door.refusal = None
    phone.now += REPEATED_FOR_S - 0.1
    assert [response.status for response in phone.send(invite())] == [503]
    assert phone.sent[0] == phone.sent[1]
    assert door.asked == 1
    assert phone.ua.counters.retransmissions_received == 1
    assert phone.of(IncomingCall) == []


def test_the_next_attempt_is_judged_anew(phone: Phone, door: Door) -> None:
    phone.send(invite())
    door.refusal = None
    assert [response.status for response in phone.send(invite(branch="z9hG4bKagain", cseq=2))] == [100]
    assert len(phone.of(IncomingCall)) == 1


def test_nothing_is_known_of_it_when_nobody_repeats_it_any_more(phone: Phone, door: Door) -> None:
    phone.send(invite())
    door.refusal = None
    phone.now += REPEATED_FOR_S
    assert [response.status for response in phone.send(invite())] == [100]


def test_of_a_storm_only_the_latest_are_known(door: Door) -> None:
    phone = with_door(door, UaSettings(max_refused_invites=2))
    for n in range(3):
        phone.send(invite(branch=f"z9hG4bK{n}", call_id=f"call-{n}"))
    door.refusal = None
    statuses = [phone.send(invite(branch=f"z9hG4bK{n}", call_id=f"call-{n}"))[0].status for n in (2, 1, 0)]
    assert statuses == [503, 503, 100]


def test_what_the_limits_of_the_user_agent_refuse_is_repeated_too() -> None:
    phone = Phone(UaSettings(max_pending_invites=1))
    phone.send(invite())
    phone.send(invite(branch="z9hG4bK2", call_id="call-2"))
    (call,) = (event.call for event in phone.of(IncomingCall))
    phone.do(Reject(call, 486))
    phone.collect()
    assert [response.status for response in phone.send(invite(branch="z9hG4bK2", call_id="call-2"))] == [503]
    assert phone.ua.counters.rejected_by_status == {503: 1}


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (invite(extra=()), 400),
        (invite(b"x", content_type="text/plain"), 415),
        (inside("INVITE", "nobody", 5), 481),
    ],
)
def test_only_new_calls_are_asked_for(phone: Phone, door: Door, message: Message, status: int) -> None:
    assert [response.status for response in phone.send(message)] == [status]
    assert door.asked == 0


def test_options_learns_how_a_call_would_fare(phone: Phone, door: Door) -> None:
    (closed,) = phone.send(Message("OPTIONS"))
    assert closed.status == 503 and closed.headers.get("Retry-After")
    door.refusal = None
    assert [response.status for response in phone.send(Message("OPTIONS", branch="z9hG4bK2"))] == [200]
    assert not phone.ua.counters.rejected_by_status


def test_a_call_that_goes_on_may_change_its_media(phone: Phone, door: Door) -> None:
    door.refusal = None
    phone.send(invite())
    (call,) = (event.call for event in phone.of(IncomingCall))
    phone.do(Answer(call, OFFER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1))
    door.refusal = FULL
    (trying,) = phone.send(inside("INVITE", to_tag(ok), 2, body=OFFER))
    assert trying.status == 100


def test_a_cancel_finds_nothing(phone: Phone) -> None:
    phone.send(invite())
    assert [response.status for response in phone.send(Message("CANCEL"))] == [481]


def test_busy_asks_nobody_to_come_again(door: Door, phone: Phone) -> None:
    door.refusal = Refusal(486)
    (response,) = phone.send(invite())
    assert (response.status, response.headers.get("Retry-After")) == (486, None)


def test_those_who_come_again_do_not_come_together(phone: Phone) -> None:
    waits = {phone.send(invite(branch=f"z9hG4bK{n}"))[0].headers.get("Retry-After") for n in range(200)}
    assert waits == {str(seconds) for seconds in range(5, 16)}


def test_a_wait_that_the_owner_chose_is_left_alone() -> None:
    phone = Phone()
    phone.send(invite())
    (call,) = (event.call for event in phone.of(IncomingCall))
    phone.do(Reject(call, 503, headers=(("retry-after", "60"),)))
    (response,) = (message for message in phone.collect() if isinstance(message, Response))
    assert response.headers.get_all("Retry-After") == ["60"]


@pytest.mark.parametrize("lost", ["503 INVITE", "ACK"])
def test_on_a_link_that_loses_it_the_caller_is_refused_once(door: Door, lost: str) -> None:
    """The caller's own repetition brings the answer; an ACK that is lost is not missed."""
    wire = Wire()
    alice, bob = wire.add("alice", ALICE), wire.add("bob", BOB)
    bob.ua = UserAgent(BOB, entropy=Tokens("bob"), admit=door)
    already: list[str] = []

    def first(line: str) -> bool:
        if line != lost or line in already:
            return False
        already.append(line)
        return True

    wire.drop = lambda sent: first(sent.line)
    call = alice.do(Invite(TARGET, OFFER))
    wire.run(0.1)
    door.refusal = None
    wire.run(100)
    (event,) = alice.of(CallRejected)
    assert (event.call, event.status, event.reason) == (call, 503, "Service Unavailable")
    assert alice.events == [event]
    assert (bob.events, alice.of(CallEnded), already) == ([], [], [lost])
    assert wire.times("503 INVITE") == ([0.01, 0.51] if lost == "503 INVITE" else [0.01])
    assert alice.ua.idle and bob.ua.idle


@pytest.mark.parametrize(("proven", "invites", "repeats"), [(False, 0, 10), (False, 5, 3), (True, 5, 10)])
def test_a_refusal_is_repeated_fewer_times_to_a_host_that_never_sends_an_ack(
    proven: bool, invites: int, repeats: int
) -> None:
    """The source of such INVITEs may be forged."""
    phone = Phone()
    for n in range(invites):
        phone.send(invite(branch=f"z9hG4bK-{n}", call_id=f"{n}@alice"))
        (incoming,) = phone.of(IncomingCall)
        phone.do(Reject(incoming.call, 486))
        phone.events.clear()
    phone.run(35)
    phone.collect()
    if proven:
        phone.send(invite())
        (incoming,) = phone.of(IncomingCall)
        phone.do(Answer(incoming.call, b"answer"))
        (answer,) = phone.responses()
        phone.send(inside("ACK", to_tag(answer), cseq=1))
        phone.events.clear()
    phone.send(invite(branch="z9hG4bK-other", call_id="other@alice"))
    (incoming,) = phone.of(IncomingCall)
    phone.do(Reject(incoming.call, 486))
    phone.collect()
    repeated = [each.status for _, each in phone.run(40) if isinstance(each, Response)]
    assert repeated == [486] * repeats
