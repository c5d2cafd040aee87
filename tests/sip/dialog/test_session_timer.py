"""Sessions that are refreshed, or end: RFC 4028, both roles, in virtual time."""

import pytest

from offhook.sip.commands import Answer, AnswerReinvite, Bye, Invite, Reinvite
from offhook.sip.dialog.session_tables import SESSION, SessionState
from offhook.sip.events import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallRejected,
    EndCause,
    Event,
    IncomingCall,
    ReinviteAnswered,
    ReinviteReceived,
    ReinviteRejected,
)
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.policy import DialogPolicy, Use
from offhook.sip.settings import UaSettings
from offhook.sip.transaction.machine import Start
from tests.sip.dialog.harness import (
    ALICE,
    ANSWER,
    BOB,
    OFFER,
    TARGET,
    Agent,
    Phone,
    Wire,
    inside,
    invite,
    reply,
    to_tag,
    udp,
)

CONTACT = "Contact: <sip:alice@192.0.2.1:5060>"
USUAL = DialogPolicy()
NINETY = DialogPolicy(session_expires_s=90)
FIVE_MINUTES_S = 300.0


def phone_with(policy: DialogPolicy) -> Phone:
    return Phone(UaSettings(policy=policy))


def called(*extra: str, policy: DialogPolicy = USUAL) -> tuple[Phone, str, str, dict[str, str | None]]:
    """A call that we answered; returns what our 2xx says about the session."""
    phone = phone_with(policy)
    phone.send(invite(extra=(CONTACT, *extra)))
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1))
    return phone, call, to_tag(ok), {name: ok.headers.get(name) for name in ("Session-Expires", "Require")}


def dialled(policy: DialogPolicy = NINETY) -> tuple[Phone, str, Request]:
    phone = phone_with(policy)
    call = phone.do(Invite("sip:alice@192.0.2.1", OFFER))
    (request,) = phone.requests()
    return phone, call, request


def give(phone: Phone, data: bytes) -> list[Request]:
    phone.ua.receive(data, udp(ALICE), phone.now)
    return phone.requests()


def talking(extra: tuple[str, ...]) -> tuple[Phone, str]:
    """A call that we made, whose 2xx has these fields."""
    phone, call, request = dialled()
    answer = reply(request, 200, body=ANSWER, extra=("Contact: <sip:callee@192.0.2.1:5060>", *extra))
    assert [sent.method for sent in give(phone, answer)] == ["ACK"]
    return phone, call


def first_request(phone: Phone, within_s: float) -> tuple[float, Request]:
    """Let time pass until the user agent sends a request, and no longer."""
    end = phone.now + within_s
    while (due := phone.ua.get_timer()) is not None and due <= end:
        for at, message in phone.run(max(due - phone.now, 0.0) + 1e-6):
            if isinstance(message, Request):
                return round(at, 3), message
    raise AssertionError("nothing was sent")


# --- as callee


@pytest.mark.parametrize(
    ("asked", "answered", "require"),
    [
        (("Supported: timer", "Session-Expires: 90;refresher=uac"), "90;refresher=uac", "timer"),
        (("Supported: timer", "Session-Expires: 90;refresher=uas"), "90;refresher=uas", None),
        (("Supported: timer", "x: 90"), "90;refresher=uac", "timer"),  # the compact form
        (("Require: timer", "Session-Expires: 90;x=y;Refresher=UAS"), "90;refresher=uas", None),
        (("Session-Expires: 600",), "600;refresher=uas", None),  # a proxy's: the caller cannot
        (("Session-Expires: 30",), None, None),
        (("Supported: timer",), "1800;refresher=uac", "timer"),
        (("Supported: timer", "Min-SE: 7200"), "7200;refresher=uac", "timer"),
        (("Supported: timer", "Session-Expires: soon"), "1800;refresher=uac", "timer"),
        ((), None, None),
    ],
)
def test_what_we_agree_to(asked: tuple[str, ...], answered: str | None, require: str | None) -> None:
    _, _, _, fields = called(*asked)
    assert fields == {"Session-Expires": answered, "Require": require}


def test_it_can_be_off_or_required() -> None:
    _, _, _, fields = called("Supported: timer", "Session-Expires: 90", policy=DialogPolicy(session_timer=Use.OFF))
    assert fields["Session-Expires"] is None
    phone = phone_with(DialogPolicy(session_timer=Use.OFF))
    (refused,) = phone.send(invite(extra=(CONTACT, "Require: timer")))
    assert (refused.status, refused.headers.get("Unsupported")) == (420, "timer")
    phone = phone_with(DialogPolicy(session_timer=Use.REQUIRED))
    (refused,) = phone.send(invite())
    assert (refused.status, refused.headers.get("Require")) == (421, "timer")


def test_an_interval_that_is_too_short() -> None:
    phone = phone_with(DialogPolicy(min_session_expires_s=120))
    (refused,) = phone.send(invite(extra=(CONTACT, "Supported: timer", "Session-Expires: 119")))
    assert (refused.status, refused.headers.get("Min-SE")) == (422, "120")
    assert phone.of(IncomingCall) == []
    (trying,) = phone.send(
        invite(extra=(CONTACT, "Supported: timer", "Session-Expires: 120"), branch="z9hG4bK2", cseq=2)
    )
    assert trying.status == 100
    # Who does not know the extension cannot ask again (§9).
    (trying,) = phone.send(invite(extra=(CONTACT, "Session-Expires: 100"), branch="z9hG4bK3", call_id="other"))
    assert trying.status == 100


def test_their_refreshes_keep_the_call() -> None:
    phone, _, tag, _ = called("Supported: timer", "Session-Expires: 90;refresher=uac")
    for number in range(2, 12):
        assert phone.run(45) == []
        refresh = ("Supported: timer", "Session-Expires: 90;refresher=uac", CONTACT)
        (ok,) = phone.send(inside("UPDATE", tag, number, extra=refresh))
        assert (ok.status, ok.headers.get("Session-Expires")) == (200, "90;refresher=uac")
    assert phone.of(CallEnded) == []


def test_an_interval_may_become_shorter() -> None:
    phone, _, tag, _ = called("Supported: timer", "Session-Expires: 1800;refresher=uac")
    refresh = ("Supported: timer", "Session-Expires: 90;refresher=uac", CONTACT)
    assert [response.status for response in phone.send(inside("UPDATE", tag, 2, extra=refresh))] == [200]
    at, bye = first_request(phone, 90)
    assert (at, bye.method) == (60.0, "BYE")


def test_without_their_refresh_the_call_ends() -> None:
    phone, _, _, _ = called("Supported: timer", "Session-Expires: 90;refresher=uac")
    at, bye = first_request(phone, 90)
    assert (at, bye.method) == (60.0, "BYE")  # a third of the interval early (§10)
    assert [event.cause for event in phone.of(CallEnded)] == [EndCause.NOT_REFRESHED]


def test_a_refresh_without_an_interval_ends_the_interval_and_not_the_call() -> None:
    phone, call, tag, _ = called("Supported: timer", "Session-Expires: 90;refresher=uac")
    phone.send(inside("INVITE", tag, 2, extra=(CONTACT,), body=OFFER))
    phone.do(AnswerReinvite(call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", tag, 2))
    assert ok.headers.get("Session-Expires") is None
    assert phone.run(1_000) == []


def test_a_refresh_that_is_too_short_leaves_the_session() -> None:
    phone, _, tag, _ = called("Supported: timer", "Session-Expires: 600;refresher=uac")
    refresh = ("Supported: timer", "Session-Expires: 60", CONTACT)
    assert [response.status for response in phone.send(inside("UPDATE", tag, 2, extra=refresh))] == [422]
    assert phone.run(500) == []
    assert [response.status for response in phone.send(inside("INVITE", tag, 3, extra=refresh, body=OFFER))] == [422]


def test_we_refresh_by_update_where_it_is_taken() -> None:
    phone, _, tag, _ = called("Session-Expires: 90", "Allow: INVITE, ACK, BYE, UPDATE")
    at, update = first_request(phone, 46)
    assert (at, update.method, update.body) == (45.0, "UPDATE", b"")
    assert update.headers.get("Session-Expires") == "90;refresher=uac"
    assert update.headers.get("Supported") == "100rel, timer, replaces, norefersub"
    give(phone, reply(update, 200, extra=("Session-Expires: 90;refresher=uac", CONTACT)))
    at, again = first_request(phone, 60)
    assert (at, again.method) == (90.0, "UPDATE")
    # From now on they do.
    give(phone, reply(again, 200, extra=("Session-Expires: 100;refresher=uas", CONTACT)))
    at, bye = first_request(phone, 100)
    assert bye.method == "BYE"
    assert at == pytest.approx(90 + 100 - 32)
    assert tag


def test_we_refresh_by_reinvite_where_update_is_not_taken() -> None:
    phone, call, _, _ = called("Session-Expires: 90")
    at, again = first_request(phone, 46)
    assert (at, again.method, again.body) == (45.0, "INVITE", ANSWER)  # what we described anyway
    assert [sent.method for sent in give(phone, reply(again, 200, extra=(CONTACT,), body=OFFER))] == ["ACK"]
    assert [event.sdp for event in phone.of(ReinviteAnswered)] == [OFFER]
    # The 2xx has no interval: the session has no end any more.
    assert [message for _, message in phone.run(500) if isinstance(message, Request)] == []
    assert call


@pytest.mark.parametrize("allow", ["Allow: INVITE, UPDATE", "Allow: INVITE"])
def test_a_refresh_that_is_refused_is_tried_again_until_the_session_ends(allow: str) -> None:
    phone, _, _, _ = called("Session-Expires: 90", allow)
    times: list[float] = []
    while not phone.of(CallEnded):
        at, request = first_request(phone, 60)
        times.append(at)
        if request.method != "BYE":
            give(phone, reply(request, 503))
    assert times == [45.0, 50.0, 55.0, 60.0]
    assert [event.cause for event in phone.of(CallEnded)] == [EndCause.NOT_REFRESHED]
    assert phone.of(ReinviteRejected) == []


@pytest.mark.parametrize("allow", ["Allow: INVITE, UPDATE", "Allow: INVITE"])
@pytest.mark.parametrize("status", [481, 408, None])
def test_a_refresh_that_finds_no_dialog_ends_the_call(allow: str, status: int | None) -> None:
    phone, _, _, _ = called("Session-Expires: 1800", allow)
    _, request = first_request(phone, 901)
    if status is None:
        phone.run(40)
    else:
        assert [sent.method for sent in give(phone, reply(request, status))][-1:] == ["BYE"]
    assert [event.cause for event in phone.of(CallEnded)] == [EndCause.TIMEOUT]


def test_who_takes_no_update_after_all_gets_a_reinvite() -> None:
    phone, _, _, _ = called("Session-Expires: 90", "Allow: INVITE, UPDATE")
    _, update = first_request(phone, 46)
    give(phone, reply(update, 501))
    _, request = first_request(phone, 6)
    assert (update.method, request.method) == ("UPDATE", "INVITE")


def test_a_422_to_a_refresh_makes_it_longer() -> None:
    phone, _, _, _ = called("Session-Expires: 90", "Allow: INVITE, UPDATE")
    at, update = first_request(phone, 46)
    (longer,) = give(phone, reply(update, 422, extra=("Min-SE: 120",)))
    assert (longer.headers.get("Session-Expires"), longer.headers.get("Min-SE")) == ("120;refresher=uac", "120")
    give(phone, reply(longer, 200, extra=("Session-Expires: 120;refresher=uac",)))
    at, again = first_request(phone, 70)
    assert (at, again.method) == (105.0, "UPDATE")


# --- as caller


def test_what_we_ask_for() -> None:
    _, _, request = dialled(DialogPolicy(session_expires_s=100, min_session_expires_s=120))
    assert (request.headers.get("Session-Expires"), request.headers.get("Min-SE")) == ("120", "120")
    _, _, request = dialled(DialogPolicy(session_timer=Use.REQUIRED))
    assert (request.headers.get("Session-Expires"), request.headers.get("Require")) == ("1800", "timer")
    _, _, request = dialled(DialogPolicy(session_timer=Use.OFF))
    assert request.headers.get("Session-Expires") is None
    assert "timer" not in (request.headers.get("Supported") or "")


@pytest.mark.parametrize("least_s", [91, 1800, 86_400])
def test_a_422_is_asked_again_with_what_it_wants(least_s: int) -> None:
    phone, call, request = dialled()
    ack, again = give(phone, reply(request, 422, extra=(f"Min-SE: {least_s}",)))
    assert (ack.method, again.method, again.headers.get("CSeq")) == ("ACK", "INVITE", "2 INVITE")
    assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == (str(least_s), str(least_s))
    assert again.headers.get("Call-ID") == request.headers.get("Call-ID")
    give(phone, reply(again, 200, body=ANSWER))
    assert len(phone.of(CallAnswered)) == 1
    phone.do(Bye(call))
    assert [sent.headers.get("CSeq") for sent in phone.requests()] == ["3 BYE"]


@pytest.mark.parametrize("extra", [(), ("Min-SE: x",), ("Min-SE: 90",), ("Min-SE: 4000000000",)])
def test_a_422_that_wants_nothing_refuses_the_call(extra: tuple[str, ...]) -> None:
    phone, _, request = dialled()
    give(phone, reply(request, 422, extra=extra))
    assert [event.status for event in phone.of(CallRejected)] == [422]


def test_a_422_without_end() -> None:
    phone, _, request = dialled()
    for times in range(1, 20):
        sent = [
            each for each in give(phone, reply(request, 422, extra=(f"Min-SE: {100 + times}",))) if each.method != "ACK"
        ]
        if not sent:
            break
        (request,) = sent
    assert times < 8
    assert [event.status for event in phone.of(CallRejected)] == [422]


@pytest.mark.parametrize(
    ("answered", "at", "method"),
    [
        ("Session-Expires: 90;refresher=uac", 45.0, "INVITE"),
        ("Session-Expires: 90", 45.0, "INVITE"),
        ("Session-Expires: 90;refresher=uas", 60.0, "BYE"),
    ],
)
def test_what_the_2xx_says_counts(answered: str, at: float, method: str) -> None:
    phone, _ = talking((answered, "Require: timer"))
    sent_at, request = first_request(phone, 90)
    assert (sent_at, request.method) == (at, method)


def test_a_far_end_without_session_timers_has_no_interval() -> None:
    phone, call = talking(())
    assert [message for _, message in phone.run(3_600) if isinstance(message, Request)] == []
    phone.do(Bye(call))
    phone.run(100)
    assert phone.ua.idle


# --- back to back


def pair(wire: Wire, policy: DialogPolicy) -> tuple[Agent, Agent, str]:
    alice, bob = wire.add("alice", ALICE, UaSettings(policy=policy)), wire.add("bob", BOB)

    def answers(agent: Agent) -> None:
        def handle(event: Event) -> None:
            if isinstance(event, IncomingCall):
                agent.do(Answer(event.call, ANSWER))
            elif isinstance(event, ReinviteReceived):
                agent.do(AnswerReinvite(event.call, ANSWER))

        agent.handler = handle

    answers(alice)
    answers(bob)
    return alice, bob, alice.do(Invite(TARGET, OFFER))


@pytest.mark.parametrize("lose", [0, 3])
def test_five_minutes_with_refreshes_of_ninety_seconds(lose: int) -> None:
    wire = Wire()
    # Every third datagram is lost: a refresh is sent again as any request is.
    count = 0

    def drop(_: object) -> bool:
        nonlocal count
        count += 1
        return lose > 0 and count % lose == 0

    wire.drop = drop
    alice, bob, call = pair(wire, NINETY)
    wire.run(FIVE_MINUTES_S)
    assert len(bob.of(CallConfirmed)) == 1
    assert alice.of(CallEnded) == bob.of(CallEnded) == []
    refreshes = [sent for sent in wire.log if sent.line == "UPDATE" and not sent.lost]
    assert len({parse(sent.data).headers.get("CSeq") for sent in refreshes}) == 6  # every 45 s
    alice.do(Bye(call))
    wire.run(100)
    assert alice.ua.idle and bob.ua.idle


def test_a_network_that_breaks_ends_both_sides() -> None:
    wire = Wire()
    alice, bob, _ = pair(wire, NINETY)
    wire.run(60)
    wire.drop = lambda sent: True
    wire.run(120)
    assert [len(agent.of(CallEnded)) for agent in (alice, bob)] == [1, 1]
    wire.run(100)
    assert alice.ua.idle and bob.ua.idle


def test_a_reinvite_of_the_owner_is_a_refresh_too() -> None:
    wire = Wire()
    alice, bob, call = pair(wire, NINETY)
    wire.run(40)
    alice.do(Reinvite(call, OFFER))
    wire.run(40)
    assert "UPDATE" not in wire.lines()
    wire.run(10)
    assert wire.lines().count("UPDATE") == 1
    assert alice.of(CallEnded) == bob.of(CallEnded) == []


def test_every_timer_of_the_table_lives_where_it_is_started() -> None:
    for to, actions in (SESSION.start, *SESSION.rows.values()):
        for action in actions:
            assert not isinstance(action, Start) or (to, action.timer) in SESSION.rows
    assert not [state for state, _ in SESSION.rows if state is SessionState.ENDED]
