"""UPDATE: RFC 3311, in the dialog and before the answer."""

import pytest

from offhook.sip.commands import Answer, AnswerReinvite, Bye, Cancel, Invite, Reinvite, RejectReinvite, Ring, Update
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    CallAnswered,
    CallEnded,
    CallProgress,
    EndCause,
    IncomingCall,
    PeerMoved,
    ReinviteAnswered,
    ReinviteConfirmed,
    ReinviteReceived,
    ReinviteRejected,
)
from offhook.sip.message.message import Request, Response
from tests.sip.dialog.harness import ALICE, ANSWER, OFFER, Message, Phone, Wire, inside, invite, reply, to_tag, udp
from tests.sip.test_ua_calls import established

CONTACT = "Contact: <sip:alice@192.0.2.1:5060>"
ALLOWS = (CONTACT, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE")


def in_call(extra: tuple[str, ...] = ALLOWS) -> tuple[Phone, str, str]:
    phone = Phone()
    phone.send(invite(extra=extra))
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1))
    return phone, call, to_tag(ok)


def ours(phone: Phone, call: str) -> Request:
    phone.do(Update(call, OFFER))
    (request,) = phone.requests()
    return request


def give(phone: Phone, data: bytes) -> list[Request]:
    phone.ua.receive(data, udp(ALICE), phone.now)
    return phone.requests()


# --- the far end's


def test_an_offer_is_answered_and_nothing_acknowledges_it() -> None:
    phone, call, tag = in_call()
    assert phone.send(inside("UPDATE", tag, 2, body=OFFER)) == []
    assert [event.sdp for event in phone.of(ReinviteReceived)] == [OFFER]
    phone.do(AnswerReinvite(call, ANSWER))
    (ok,) = phone.responses()
    assert (ok.status, ok.body) == (200, ANSWER)
    assert ok.headers.get("Contact") == "<sip:offhook@192.0.2.2:5060>"
    assert [event.sdp for event in phone.of(ReinviteConfirmed)][-1:] == [None]
    assert phone.run(60) == []


def test_an_offer_is_refused_and_the_call_goes_on() -> None:
    phone, call, tag = in_call()
    phone.send(inside("UPDATE", tag, 2, body=OFFER))
    phone.do(RejectReinvite(call, 488))
    assert [response.status for response in phone.responses()] == [488]
    phone.do(Bye(call))
    assert [request.method for request in phone.requests()] == ["BYE"]


def test_without_an_offer_it_refreshes_the_target() -> None:
    phone, call, tag = in_call()
    moved = ("Contact: <sip:alice@192.0.2.1:5999>",)
    (ok,) = phone.send(inside("UPDATE", tag, 2, extra=moved))
    assert (ok.status, ok.body) == (200, b"")
    assert phone.of(ReinviteReceived) == []
    phone.do(Bye(call))
    assert [str(request.uri) for request in phone.requests()] == ["sip:alice@192.0.2.1:5999"]
    assert phone.of(PeerMoved) == []


def test_an_owner_who_says_nothing_is_answered_for() -> None:
    phone, _, tag = in_call()
    phone.send(inside("UPDATE", tag, 2, body=OFFER))
    assert [getattr(message, "status", None) for _, message in phone.run(31)] == [504]
    assert [event.status for event in phone.of(ReinviteRejected)] == [504]


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_one_offer_at_a_time(method: str) -> None:
    """§5.2: 500 while theirs waits for our answer, 491 while ours waits for theirs."""
    phone, call, tag = in_call()
    phone.send(inside(method, tag, 2, body=OFFER))
    (refused,) = phone.send(inside("UPDATE", tag, 3, body=OFFER))
    assert refused.status == 500
    assert 0 <= int(refused.headers.get("Retry-After") or -1) <= 10
    phone, call, tag = in_call()
    phone.do(Reinvite(call, OFFER) if method == "INVITE" else Update(call, OFFER))
    phone.requests()
    assert [response.status for response in phone.send(inside("UPDATE", tag, 2, body=OFFER))] == [491]
    # One without an offer is no offer.
    assert [response.status for response in phone.send(inside("UPDATE", tag, 3))] == [200]


def test_a_reinvite_during_an_update() -> None:
    phone, _, tag = in_call()
    phone.send(inside("UPDATE", tag, 2, body=OFFER))
    assert [response.status for response in phone.send(inside("INVITE", tag, 3, body=OFFER))] == [500]


def test_the_call_ends_while_an_update_waits() -> None:
    phone, _, tag = in_call()
    phone.send(inside("UPDATE", tag, 2, body=OFFER))
    assert sorted(response.status for response in phone.send(inside("BYE", tag, 3))) == [200, 487]
    phone.run(40)
    assert phone.ua.idle


@pytest.mark.parametrize("ring", [False, True])
def test_before_the_answer(ring: bool) -> None:
    phone = Phone()
    phone.send(invite(extra=(*ALLOWS, "Supported: 100rel")))
    call = phone.of(IncomingCall)[0].call
    phone.do(Ring(call, 183, ANSWER if ring else None))
    (early,) = phone.responses()
    assert [response.status for response in phone.send(inside("UPDATE", to_tag(early), 3))] == [200]
    (refused,) = phone.send(inside("UPDATE", to_tag(early), 4, body=OFFER))
    assert refused.status == 500 and refused.headers.get("Retry-After") is not None
    phone.do(Answer(call, ANSWER))
    # What was sent reliably has to arrive first.
    assert [response.status for response in phone.responses()] == ([] if ring else [200])


def early(sdp: bytes | None) -> tuple[Phone, str, Response]:
    """A call whose early media is acknowledged."""
    phone = Phone()
    phone.send(invite(extra=(*ALLOWS, "Require: 100rel")))
    call = phone.of(IncomingCall)[0].call
    phone.do(Ring(call, 183, sdp))
    (ringing,) = phone.responses()
    rack = f"RAck: {ringing.headers.get('RSeq')} 1 INVITE"
    phone.send(inside("PRACK", to_tag(ringing), 2, extra=(rack,)))
    return phone, call, ringing


def test_an_offer_after_early_media_that_has_arrived() -> None:
    """§5.2: our answer to the INVITE was sent reliably, so another offer may follow before the call is answered."""
    phone, call, ringing = early(ANSWER)
    assert phone.send(inside("UPDATE", to_tag(ringing), 3, body=OFFER)) == []
    assert [event.sdp for event in phone.of(ReinviteReceived)] == [OFFER]
    later = ANSWER.replace(b"o=- 2 1", b"o=- 2 2")
    phone.do(AnswerReinvite(call, later))
    (ok,) = phone.responses()
    assert (ok.status, ok.body, ok.headers.get("Session-Expires")) == (200, later, None)
    phone.do(Answer(call, ANSWER))
    (answered,) = phone.responses()
    assert (answered.status, answered.body) == (200, b"")  # what the INVITE was answered with is no longer valid
    phone.send(inside("ACK", to_tag(ringing), 1))
    phone.do(Update(call, OFFER))
    assert [request.method for request in phone.requests()] == ["UPDATE"]


def test_without_another_offer_the_answer_is_repeated() -> None:
    phone, call, _ = early(ANSWER)
    phone.do(Answer(call, ANSWER))
    (answered,) = phone.responses()
    assert (answered.status, answered.body) == (200, ANSWER)


@pytest.mark.parametrize("sdp", [None, ANSWER])
def test_no_reinvite_before_the_answer(sdp: bytes | None) -> None:
    """RFC 3261 §14.1: an early dialog's offers go by UPDATE."""
    phone, call, _ = early(sdp)
    with pytest.raises(LocalError, match="incoming"):
        phone.do(Reinvite(call, OFFER))
    assert phone.requests() == []


def test_an_early_offer_that_the_owner_refuses() -> None:
    phone, call, ringing = early(ANSWER)
    phone.send(inside("UPDATE", to_tag(ringing), 3, body=OFFER))
    phone.do(RejectReinvite(call, 488))
    assert [response.status for response in phone.responses()] == [488]
    phone.do(Answer(call, ANSWER))
    assert [(each.status, each.body) for each in phone.responses()] == [(200, ANSWER)]


def test_in_no_dialog() -> None:
    assert [response.status for response in Phone().send(Message("UPDATE"))] == [481]


def ringing(*, answer: bytes = ANSWER) -> tuple[Phone, str, Request]:
    """Our own call, which rings at a phone, which has sent that reliably."""
    phone = Phone()
    call = phone.do(Invite("sip:alice@192.0.2.1", OFFER))
    (request,) = phone.requests()
    assert [sent.method for sent in give(phone, reliable(request, "a", answer))] == ["PRACK"]
    return phone, call, request


def reliable(request: Request, tag: str, body: bytes = b"", rseq: int = 1) -> bytes:
    extra = (f"Contact: <sip:callee-{tag}@192.0.2.1:5060>", "Require: 100rel", f"RSeq: {rseq}", ALLOWS[1])
    return reply(request, 183, tag=tag, body=body, extra=extra)


def update(
    phone: Phone, request: Request, cseq: int, body: bytes = b"", tag: str = "a", target: str = "callee-a"
) -> list[Response]:
    """An UPDATE of the callee with that tag, in the dialog that our INVITE began."""
    message = Message(
        "UPDATE",
        branch=f"z9hG4bKup{tag}{cseq}",
        sender=f"<sip:alice@192.0.2.1>;tag={tag}",
        to=request.headers.get("From") or "",
        call_id=request.headers.get("Call-ID") or "",
        cseq=cseq,
        extra=(f"Contact: <sip:{target}@192.0.2.1:5060>", "Supported: timer", "Session-Expires: 90;refresher=uac"),
        body=body,
    )
    return phone.send(message)


LATER = ANSWER.replace(b"o=- 2 1", b"o=- 2 2")


def test_from_a_callee_that_has_not_answered() -> None:
    phone, call, request = ringing()
    assert [response.status for response in update(phone, request, 7, target="moved")] == [200]
    assert [response.status for response in update(phone, request, 6)] == [500]  # out of order
    assert [sent.method for sent in give(phone, reply(request, 200, tag="a", body=ANSWER))] == ["ACK"]
    assert [response.status for response in update(phone, request, 5)] == [500]
    assert [response.status for response in update(phone, request, 9)] == [200]
    phone.do(Bye(call))
    assert [sent.headers.get("CSeq") for sent in phone.requests()] == ["3 BYE"]


def test_an_offer_of_a_callee_that_has_answered_our_offer_but_not_the_call() -> None:
    """RFC 3311 §5.1: that exchange is complete, so another one may follow in the early dialog."""
    phone, call, request = ringing()
    assert update(phone, request, 7, OFFER, target="moved") == []
    assert [event.sdp for event in phone.of(ReinviteReceived)] == [OFFER]
    phone.do(AnswerReinvite(call, LATER))
    (ok,) = phone.responses()
    assert (ok.status, ok.body) == (200, LATER)
    assert ok.headers.get("Session-Expires") is None  # there is no session yet …
    assert "'session': None" in str(phone.ua.dump()["calls"])  # … that could end for want of a refresh
    # What the INVITE was answered with is no longer valid, whatever repeats it.
    assert [sent.method for sent in give(phone, reliable(request, "a", ANSWER, 2))] == ["PRACK"]
    assert [event.sdp for event in phone.of(CallProgress)] == [ANSWER, None]
    (ack,) = give(phone, reply(request, 200, tag="a", body=ANSWER))
    assert [event.sdp for event in phone.of(CallAnswered)] == [None]
    assert ack.method == "ACK"
    assert [response.status for response in update(phone, request, 8, OFFER)] == []
    phone.do(AnswerReinvite(call, LATER))
    assert [response.status for response in phone.responses()] == [200]


def test_an_early_offer_that_is_refused_leaves_what_was_agreed_on() -> None:
    phone, call, request = ringing()
    update(phone, request, 7, OFFER)
    phone.do(RejectReinvite(call, 488))
    assert [response.status for response in phone.responses()] == [488]
    give(phone, reply(request, 200, tag="a"))
    assert [event.sdp for event in phone.of(CallAnswered)] == [ANSWER]  # that of the 183: the 200 has none


def test_an_offer_while_ours_waits_for_its_answer() -> None:
    """RFC 3311 §5.2."""
    phone, _, request = ringing(answer=b"")
    assert [response.status for response in update(phone, request, 7, OFFER)] == [491]
    assert phone.of(ReinviteReceived) == []


def test_two_offers_at_once_before_the_answer() -> None:
    phone, call, request = ringing()
    update(phone, request, 7, OFFER)
    (later,) = update(phone, request, 8, OFFER)
    assert later.status == 500 and 0 <= int(later.headers.get("Retry-After") or -1) <= 10
    phone.do(AnswerReinvite(call, LATER))
    phone.responses()
    phone.do(Update(call, OFFER))
    (ours_now,) = phone.requests()
    assert (ours_now.method, ours_now.uri) == ("UPDATE", "sip:callee-a@192.0.2.1:5060")
    assert [response.status for response in update(phone, request, 9, OFFER)] == [491]
    give(phone, reply(ours_now, 200, tag="a", body=ANSWER))
    assert [event.sdp for event in phone.of(ReinviteAnswered)] == [ANSWER]


def test_of_two_phones_that_ring_only_the_first_changes_the_media() -> None:
    phone, call, request = ringing()
    give(phone, reliable(request, "b", ANSWER))
    (refused,) = update(phone, request, 3, OFFER, tag="b")
    assert refused.status == 500 and refused.headers.get("Retry-After") is not None
    update(phone, request, 7, OFFER)
    # The other one answers: what the first one wanted comes to nothing.
    phone.ua.receive(reply(request, 200, tag="b", body=ANSWER), udp(ALICE), phone.now)
    sent = phone.collect()
    assert [each.status for each in sent if isinstance(each, Response)] == [487]
    assert [each.method for each in sent if isinstance(each, Request)] == ["ACK"]
    assert [event.sdp for event in phone.of(CallAnswered)] == [ANSWER]
    assert update(phone, request, 4, OFFER, tag="b") == []
    phone.do(AnswerReinvite(call, LATER))
    assert [response.status for response in phone.responses()] == [200]
    phone.do(Bye(call))
    phone.run(64)
    assert phone.ua.idle


def test_a_call_that_is_cancelled_while_an_early_offer_waits() -> None:
    phone, call, request = ringing()
    update(phone, request, 7, OFFER)
    phone.do(Cancel(call))
    phone.requests()
    phone.ua.receive(reply(request, 487, tag="a"), udp(ALICE), phone.now)
    sent = phone.collect()
    assert [each.status for each in sent if isinstance(each, Response)] == [487]
    assert [each.method for each in sent if isinstance(each, Request)] == ["ACK"]
    phone.run(64)
    assert phone.ua.idle


# --- ours


def test_our_offer() -> None:
    phone, call, _ = in_call()
    request = ours(phone, call)
    assert (request.method, request.body) == ("UPDATE", OFFER)
    assert give(phone, reply(request, 200, body=ANSWER, extra=("Contact: <sip:alice@192.0.2.1:5777>",))) == []
    assert [event.sdp for event in phone.of(ReinviteAnswered)] == [ANSWER]
    phone.do(Bye(call))
    assert [str(sent.uri) for sent in phone.requests()] == ["sip:alice@192.0.2.1:5777"]


@pytest.mark.parametrize("extra", [(CONTACT,), (CONTACT, "Allow: INVITE, ACK, BYE"), (CONTACT, "Allow: ;;")])
def test_only_to_those_who_take_it(extra: tuple[str, ...]) -> None:
    phone, call, _ = in_call(extra)
    with pytest.raises(LocalError, match="does not take UPDATE"):
        phone.do(Update(call, OFFER))


def test_glare_is_tried_again() -> None:
    phone, call, _ = in_call()
    give(phone, reply(ours(phone, call), 491))
    (at, again), *_ = phone.run(2.1)
    assert at <= 2.0  # the far end has the Call-ID: we wait for 0 to 2 s
    assert isinstance(again, Request) and (again.method, again.body) == ("UPDATE", OFFER)
    give(phone, reply(again, 500, extra=("Retry-After: 7 (busy)",)))
    assert phone.run(6.9) == []
    (_, third), *_ = phone.run(0.2)
    assert isinstance(third, Request)
    give(phone, reply(third, 200, body=ANSWER))
    assert len(phone.of(ReinviteAnswered)) == 1


@pytest.mark.parametrize(("status", "ends"), [(481, True), (408, True), (488, False), (500, False), (504, False)])
def test_what_a_refusal_means(status: int, ends: bool) -> None:
    phone, call, _ = in_call()
    sent = give(phone, reply(ours(phone, call), status))
    assert [request.method for request in sent] == (["BYE"] if ends else [])
    assert [event.cause for event in phone.of(CallEnded)] == ([EndCause.TIMEOUT] if ends else [])
    assert [event.status for event in phone.of(ReinviteRejected)] == ([] if ends else [status])


def test_both_at_once() -> None:
    """Glare back to back: both get 491, and then one is first."""
    wire = Wire()
    alice, bob, call, theirs = established(wire)
    for agent in (alice, bob):
        agent.handler = lambda event, agent=agent: (  # type: ignore[misc]
            agent.do(AnswerReinvite(event.call, ANSWER)) if isinstance(event, ReinviteReceived) else None
        )
    alice.do(Update(call, OFFER))
    bob.do(Update(theirs, OFFER))
    wire.run(10)
    assert wire.lines().count("491 UPDATE") == 2
    assert [len(agent.of(ReinviteAnswered)) for agent in (alice, bob)] == [1, 1]
    assert [len(agent.of(ReinviteReceived)) for agent in (alice, bob)] == [1, 1]
    bob.do(Bye(theirs))
    wire.run(60)
    assert alice.ua.idle and bob.ua.idle
