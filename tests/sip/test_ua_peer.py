"""The user agent against a peer written by hand: forks, odd answers, routes, re-INVITEs out of turn."""

import pytest

from offhook.sip.commands import Answer, AnswerReinvite, Bye, Invite, Reinvite, Reject
from offhook.sip.events import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallRejected,
    EndCause,
    IncomingCall,
    ReinviteAnswered,
    ReinviteConfirmed,
    ReinviteReceived,
    ReinviteRejected,
)
from offhook.sip.message.message import Request, Response
from offhook.sip.net.address import Address
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, ANSWER, OFFER, Message, Phone, inside, invite, reply, to_tag, udp

CONTACT = ("Contact: <sip:alice@192.0.2.1:5060>",)


def dialled(settings: UaSettings | None = None) -> tuple[Phone, str, Request]:
    phone = Phone(settings)
    call = phone.do(Invite("sip:alice@192.0.2.1", OFFER))
    (request,) = phone.requests()
    return phone, call, request


def give(phone: Phone, data: bytes) -> list[Request]:
    phone.ua.receive(data, udp(ALICE), phone.now)
    return phone.requests()


def answered_by_us() -> tuple[Phone, str, str]:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1))
    return phone, call, to_tag(ok)


def test_the_invite() -> None:
    phone, _, request = dialled()
    assert (request.method, request.uri, request.body) == ("INVITE", "sip:alice@192.0.2.1", OFFER)
    assert phone.sent[0][1] == ALICE
    names = [name for name, _ in request.headers]
    for name in ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Allow", "Content-Type"):
        assert names.count(name) == 1
    assert request.headers.get("Max-Forwards") == "70"
    assert request.headers.get("To") == "<sip:alice@192.0.2.1>"
    assert (request.headers.get("Via") or "").endswith(";rport")


def test_the_first_of_two_answers_wins_and_the_other_is_hung_up() -> None:
    phone, call, request = dialled()
    give(phone, reply(request, 180, tag="one"))
    (ack,) = give(phone, reply(request, 200, tag="one", body=ANSWER))
    assert (ack.method, ack.headers.get("CSeq")) == ("ACK", "1 ACK")
    phone.now = 1.0
    second = give(phone, reply(request, 200, tag="two", body=b"other"))
    assert [each.method for each in second] == ["ACK", "BYE"]
    assert all((each.headers.get("To") or "").endswith("tag=two") for each in second)
    assert second[1].headers.get("CSeq") == "2 BYE"
    phone.now = 1.5
    again = give(phone, reply(request, 200, tag="two", body=b"other"))
    assert [bytes(each) for each in again] == [bytes(second[0])]
    again = give(phone, reply(request, 200, tag="one", body=ANSWER))
    assert [bytes(each) for each in again] == [bytes(ack)]
    assert phone.events == [CallProgress(call, 180, "Whatever", None), CallAnswered(call, ANSWER)]


def test_only_so_many_forks_are_acknowledged() -> None:
    phone, _, request = dialled(UaSettings(max_forks=3))
    answers = [len(give(phone, reply(request, 200, tag=f"t{n}"))) for n in range(5)]
    assert answers == [1, 2, 2, 0, 0]
    assert phone.ua.counters.dropped_by_reason["fork beyond limit"] == 2


def test_an_answer_after_a_rejection_changes_nothing() -> None:
    phone, call, request = dialled()
    (ack,) = give(phone, reply(request, 603))
    assert ack.headers.get_all("Via") == request.headers.get_all("Via")
    assert (ack.method, ack.uri, ack.headers.get("CSeq")) == ("ACK", request.uri, "1 ACK")
    assert (ack.headers.get("To") or "").endswith(";tag=callee")
    assert give(phone, reply(request, 200)) == []
    assert phone.events == [CallRejected(call, 603, "Whatever")]


def test_early_media_is_reported() -> None:
    phone, call, request = dialled()
    assert give(phone, reply(request, 100)) == []
    give(phone, reply(request, 183, body=ANSWER))
    assert phone.events == [CallProgress(call, 183, "Whatever", ANSWER)]


@pytest.mark.parametrize(
    ("extra", "methods"),
    [
        (("Allow: INVITE, ACK", "Allow: INFO"), {"INVITE", "ACK", "INFO"}),
        ((), set()),
        (("Allow: INVITE, @",), set()),
    ],
)
def test_the_methods_that_an_answer_allows(extra: tuple[str, ...], methods: set[str]) -> None:
    phone, _, request = dialled()
    give(phone, reply(request, 200, body=ANSWER, extra=extra))
    (answered,) = phone.of(CallAnswered)
    assert answered.allow == methods


def test_an_answer_that_makes_no_dialog_is_as_good_as_lost() -> None:
    phone, call, request = dialled()
    assert give(phone, reply(request, 200, extra=("Contact: <sip:@@",))) == []
    assert phone.events == []
    (ack,) = give(phone, reply(request, 200))
    assert ack.method == "ACK"
    assert phone.events == [CallAnswered(call, None)]


def test_an_answer_without_contact_is_acknowledged_where_the_invite_went() -> None:
    phone, _, request = dialled()
    (ack,) = give(phone, reply(request, 200, extra=()))
    assert ack.uri == "sip:alice@192.0.2.1"
    assert phone.sent[-1][1] == ALICE


def test_loose_routes() -> None:
    phone, call, request = dialled()
    routes = ("Record-Route: <sip:192.0.2.21;lr>, <sip:192.0.2.22:5070;lr>", "Contact: <sip:desk@192.0.2.30:5090>")
    (ack,) = give(phone, reply(request, 200, extra=routes))
    phone.do(Bye(call))
    (bye,) = phone.requests()
    for each in (ack, bye):
        assert each.uri == "sip:desk@192.0.2.30:5090"
        assert each.headers.get_all("Route") == ["<sip:192.0.2.22:5070;lr>", "<sip:192.0.2.21;lr>"]
    assert [to for _, to in phone.sent[1:]] == [Address("192.0.2.22", 5070)] * 2


def test_strict_routes() -> None:
    phone, call, request = dialled()
    routes = ("Record-Route: <sip:192.0.2.21>, <sip:192.0.2.22>", "Contact: <sip:desk@192.0.2.30:5090>")
    give(phone, reply(request, 200, extra=routes))
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert bye.uri == "sip:192.0.2.22"
    assert bye.headers.get_all("Route") == ["<sip:192.0.2.21>", "<sip:desk@192.0.2.30:5090>"]
    assert phone.sent[-1][1] == Address("192.0.2.22", 5060)


@pytest.mark.parametrize(
    ("contact", "source", "destination"),
    [
        ("<sip:alice@192.0.2.77:5077>", ALICE, Address("192.0.2.77", 5077)),
        ("<sip:alice@phone.example.com>", ALICE, ALICE),
        ("<tel:+15551234>", ALICE, ALICE),
        ("<sip:alice@10.0.0.7:5077>", Address("8.8.8.8", 4000), Address("8.8.8.8", 4000)),
        ("<sip:alice@10.0.0.7:5077>", Address("10.0.0.9", 5060), Address("10.0.0.7", 5077)),
        ("<sip:alice@[2001:db8::7]>", ALICE, Address("2001:db8::7", 5060)),
    ],
)
def test_where_our_bye_goes(contact: str, source: Address, destination: Address) -> None:
    phone = Phone()
    phone.send(invite(extra=(f"Contact: {contact}",)), source)
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1), source)
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert f"<{bye.uri}>" == contact
    assert phone.sent[-1][1] == destination
    assert bye.headers.get("From") == f"<sip:bot@example.com>;tag={to_tag(ok)}"
    assert bye.headers.get("To") == "<sip:alice@example.com>;tag=alice"


def test_a_reinvite_without_an_offer_is_answered_in_its_ack() -> None:
    phone, call, tag = answered_by_us()
    (trying,) = phone.send(inside("INVITE", tag, 2, extra=CONTACT))
    assert trying.status == 100
    assert phone.of(ReinviteReceived) == [ReinviteReceived(call, None)]
    phone.do(AnswerReinvite(call, OFFER))
    (ok,) = phone.responses()
    assert (ok.status, ok.body, to_tag(ok)) == (200, OFFER, tag)
    phone.send(inside("ACK", tag, 2, body=ANSWER))
    assert phone.of(ReinviteConfirmed) == [ReinviteConfirmed(call, ANSWER)]
    assert len(phone.of(CallConfirmed)) == 1
    assert phone.run(60) == []


def test_a_reinvite_moves_the_remote_target() -> None:
    phone, call, tag = answered_by_us()
    phone.send(inside("INVITE", tag, 2, extra=("Contact: <sip:alice@192.0.2.99:5099>",), body=OFFER))
    phone.do(AnswerReinvite(call, ANSWER))
    phone.responses()
    phone.send(inside("ACK", tag, 2))
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert bye.uri == "sip:alice@192.0.2.99:5099"
    assert phone.sent[-1][1] == Address("192.0.2.99", 5099)


def test_reinvites_that_overlap() -> None:
    phone, call, tag = answered_by_us()
    phone.send(inside("INVITE", tag, 2, extra=CONTACT, body=OFFER))
    (response,) = phone.send(inside("INVITE", tag, 3, extra=CONTACT, body=OFFER))
    assert response.status == 500
    assert 0 <= int(response.headers.get("Retry-After") or "") <= 10
    phone.do(AnswerReinvite(call, ANSWER))
    phone.responses()
    (response,) = phone.send(inside("INVITE", tag, 4, extra=CONTACT, body=OFFER))
    assert response.status == 491
    phone.send(inside("ACK", tag, 2))
    (response,) = phone.send(inside("INVITE", tag, 5, extra=CONTACT, body=OFFER))
    assert response.status == 100
    assert len(phone.of(ReinviteReceived)) == 2


def test_a_reinvite_that_is_taken_back() -> None:
    phone, call, tag = answered_by_us()
    again = inside("INVITE", tag, 2, extra=CONTACT, body=OFFER)
    phone.send(again)
    cancel = inside("CANCEL", tag, 2)
    cancel.branch = again.branch
    assert [response.status for response in phone.send(cancel)] == [200, 487]
    assert phone.of(ReinviteRejected) == [ReinviteRejected(call, 487, "Request Terminated")]
    (bye,) = phone.send(inside("BYE", tag, 3))
    assert bye.status == 200


def test_a_cancel_after_the_answer_has_no_effect() -> None:
    phone, _, _ = answered_by_us()
    assert [response.status for response in phone.send(Message("CANCEL"))] == [200]
    assert phone.of(CallEnded) == []


def test_a_bye_answers_the_reinvite_that_waits() -> None:
    phone, call, tag = answered_by_us()
    phone.send(inside("INVITE", tag, 2, extra=CONTACT, body=OFFER))
    assert [response.status for response in phone.send(inside("BYE", tag, 3))] == [200, 487]
    assert phone.of(CallEnded) == [CallEnded(call, EndCause.REMOTE_BYE)]


def test_our_reinvite_that_is_answered_after_the_end_is_still_acknowledged() -> None:
    phone, call, tag = answered_by_us()
    phone.do(Reinvite(call, OFFER))
    (request,) = phone.requests()
    phone.send(inside("BYE", tag, 2))
    (ack,) = give(phone, reply(request, 200, body=ANSWER))
    assert (ack.method, ack.headers.get("CSeq")) == ("ACK", "1 ACK")
    assert [each.method for each in give(phone, reply(request, 200, body=ANSWER))] == ["ACK"]
    assert phone.of(ReinviteAnswered) == []
    phone.run(400)
    assert phone.ua.idle


@pytest.mark.parametrize("status", [408, 481])
def test_a_far_end_that_has_forgotten_the_call_ends_it(status: int) -> None:
    phone, call, _ = answered_by_us()
    phone.do(Reinvite(call, OFFER))
    (request,) = phone.requests()
    assert [each.method for each in give(phone, reply(request, status))] == ["ACK", "BYE"]
    assert phone.of(CallEnded) == [CallEnded(call, EndCause.TIMEOUT)]


def test_glare_is_tried_again_and_given_up_in_the_end() -> None:
    phone, call, _ = answered_by_us()
    phone.do(Reinvite(call, OFFER))
    sent = phone.requests()
    for _ in range(5):
        give(phone, reply(sent[-1], 491))
        repeated = [each for _, each in phone.run(2.0) if isinstance(each, Request) and each.method == "INVITE"]
        sent += repeated[:1]
    assert [each.headers.get("CSeq") for each in sent] == [f"{n} INVITE" for n in range(1, 6)]
    assert phone.of(ReinviteRejected) == [ReinviteRejected(call, 491, "Whatever")]


def test_their_reinvite_comes_first_while_ours_waits_out_a_glare() -> None:
    phone, call, tag = answered_by_us()
    phone.do(Reinvite(call, OFFER))
    (request,) = phone.requests()
    give(phone, reply(request, 491))
    phone.send(inside("INVITE", tag, 2, extra=CONTACT, body=OFFER))
    assert phone.of(ReinviteReceived) == [ReinviteReceived(call, OFFER)]
    assert phone.run(10) == []
    phone.do(AnswerReinvite(call, ANSWER))
    phone.responses()
    phone.send(inside("ACK", tag, 2))
    sent = [each for _, each in phone.run(2.0)]
    assert [(each.method, each.body) for each in sent[:1] if isinstance(each, Request)] == [("INVITE", OFFER)]


def test_a_reinvite_nobody_decides_on_is_refused() -> None:
    phone, call, tag = answered_by_us()
    phone.send(inside("INVITE", tag, 2, extra=CONTACT, body=OFFER))
    sent = [each.status for _, each in phone.run(200) if isinstance(each, Response)]
    assert sent[0] == 480
    assert phone.of(ReinviteRejected) == [ReinviteRejected(call, 480, "Temporarily Unavailable")]
    assert phone.of(CallEnded) == []


def test_methods_that_are_not_for_us_do_not_harm_a_call() -> None:
    phone, _, tag = answered_by_us()
    statuses = [
        phone.send(inside(method, tag, 2 + n))[0].status for n, method in enumerate(("PUBLISH", "MESSAGE", "X"))
    ]
    assert statuses == [405, 405, 501]
    (options,) = phone.send(inside("OPTIONS", tag, 9))
    assert options.status == 200
    assert phone.of(CallEnded) == []


def test_a_redirection_carries_the_contact_it_is_given() -> None:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Reject(call, 302, headers=(("Contact", "<sip:desk@192.0.2.50>"),)))
    (response,) = phone.responses()
    assert (response.status, response.headers.get_all("Contact")) == (302, ["<sip:desk@192.0.2.50>"])
