"""Requests that are odd where nothing depends on it: the call is taken, confirmed and ended all the same."""

import pytest

from offhook.sip.commands import Answer, AnswerReinvite, Bye, Reject
from offhook.sip.events import (
    CallCancelled,
    CallConfirmed,
    CallEnded,
    EndCause,
    IncomingCall,
    ReinviteConfirmed,
    ReinviteReceived,
    RequestRefused,
)
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ANSWER, OFFER, Message, Phone, inside, invite, to_tag
from tests.sip.requests import CONTACT, answered

ODD = [
    "Supported: ,outbound",
    "Supported: a/b, {}",
    "Max-Forwards: 300",
    "Max-Forwards: many",
    "Route: ;;",
    "Contact: <<>>",
    "Contact: ,",
    "Record-Route: <",
    "Require: ,,",
    "Content-Type: ;;",
    "Content-Encoding: gzip",
    "Content-Length: 17",
    "Proxy-Require: {}",
    "no header at all",
    'P-Asserted-Identity: "',
]


@pytest.mark.parametrize("line", ODD)
def test_a_bye_ends_the_call_whatever_else_it_carries(line: str) -> None:
    phone, tag = answered()
    (response,) = phone.send(inside("BYE", tag, 2, extra=(line,)))
    assert response.status == 200
    assert phone.events[-1] == CallEnded(phone.of(IncomingCall)[0].call, EndCause.REMOTE_BYE)


MANGLED = [
    (b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch", b"Via: SIP/2.0/UDP ;branch"),
    (b";rport\r\n", b";;,\r\n"),
    (b"Via: ", b"Way: "),
    (b" SIP/2.0\r\n", b"  SIP/2.0\r\n"),
    (b"sip:bot@192.0.2.2 SIP", b"<sip:bot@192.0.2.2> SIP"),
    (b"To: ", b"From: <sip:x@y>;tag=z\r\nTo: "),
]
"""Where a request has something else than it should: the dialog identifiers are left."""


def mangled(message: Message, old: bytes, new: bytes) -> bytes:
    data = bytes(message)
    assert data.count(old) == 1
    return data.replace(old, new)


@pytest.mark.parametrize(("old", "new"), MANGLED)
def test_a_mangled_bye_ends_the_call(old: bytes, new: bytes) -> None:
    phone, tag = answered()
    bye = mangled(inside("BYE", tag, 2), old, new)
    (response,) = phone.send(bye)
    assert response.status == 200
    assert phone.events[-1] == CallEnded(phone.of(IncomingCall)[0].call, EndCause.REMOTE_BYE)
    # Its copy finds no call any more.
    assert [response.status for response in phone.send(bye)] in ([400], [])


@pytest.mark.parametrize(("old", "new"), MANGLED)
def test_a_mangled_ack_confirms(old: bytes, new: bytes) -> None:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    assert phone.send(mangled(inside("ACK", to_tag(ok), 1), old, new)) == []
    assert phone.of(CallConfirmed) == [CallConfirmed(call, None)]


@pytest.mark.parametrize("method", ["BYE", "ACK", "OPTIONS"])
def test_what_is_mangled_and_not_of_a_call_changes_nothing(method: str) -> None:
    phone, tag = answered()
    for data in (
        mangled(inside(method, "nobody", 2), *MANGLED[0]),
        mangled(inside(method, tag, 0), *MANGLED[0]).replace(b"CSeq: 0", b"CSeq: x"),
    ):
        assert [response.status for response in phone.send(data)] == ([] if method == "ACK" else [400])
    (bye,) = phone.send(inside("BYE", tag, 3))
    assert bye.status == 200


@pytest.mark.parametrize(
    ("extra", "ignored"),
    [
        ((), []),
        (("Contact: <<>>",), ["Contact"]),
        (("Contact: *",), []),
        ((CONTACT, "Record-Route: <"), ["Record-Route"]),
        ((CONTACT, "Record-Route: ;;"), ["Record-Route"]),
    ],
)
def test_a_reinvite_needs_neither_contact_nor_record_route(extra: tuple[str, ...], ignored: list[str]) -> None:
    phone, tag = answered()
    call = phone.of(IncomingCall)[0].call
    phone.send(inside("INVITE", tag, 2, body=OFFER, extra=extra))
    phone.do(AnswerReinvite(call, ANSWER))
    assert [response.status for response in phone.responses()] == [200]
    phone.send(inside("ACK", tag, 2))
    # The target stays.
    phone.do(Bye(call))
    (bye,) = phone.requests()
    assert bye.uri == "sip:alice@192.0.2.1:5060"
    assert list(phone.ua.counters.ignored_headers) == ignored


@pytest.mark.parametrize("line", ODD)
def test_an_ack_confirms_whatever_else_it_carries(line: str) -> None:
    phone = Phone()
    phone.send(invite())
    call = phone.of(IncomingCall)[0].call
    phone.do(Answer(call, ANSWER))
    (ok,) = phone.responses()
    assert phone.send(inside("ACK", to_tag(ok), 1, extra=(line,))) == []
    assert phone.of(CallConfirmed) == [CallConfirmed(call, None)]
    assert phone.run(31) == []


@pytest.mark.parametrize("line", ODD)
def test_a_cancel_cancels_whatever_else_it_carries(line: str) -> None:
    phone = Phone()
    phone.send(invite())
    statuses = [response.status for response in phone.send(Message("CANCEL", extra=(line,)))]
    assert statuses == [200, 487]
    assert len(phone.of(CallCancelled)) == 1


def test_a_bye_whose_from_cannot_be_read_has_a_tag_all_the_same() -> None:
    phone, tag = answered()
    bye = inside("BYE", tag, 2, sender='"Bell, A" sip:@ <sip:alice@@example.com>;x=";";tag=alice')
    (response,) = phone.send(bye)
    assert response.status == 200


@pytest.mark.parametrize(
    "extra",
    [
        (CONTACT, "Supported: ,outbound"),
        (CONTACT, "Supported: a b"),
        (CONTACT, "Max-Forwards: 300"),
        (CONTACT, "Max-Forwards: 70", "Max-Forwards: 71"),
        (CONTACT, "Route: <"),
        (CONTACT, "Require: "),
        (CONTACT, "Expires: soon"),
        ("Contact: , <sip:alice@192.0.2.1:5060>, <",),
        ("Contact: <sip:caller@192.0.2.1;transport=udp;thinfo=VG8PoIUY=>",),
        (CONTACT, "Record-Route: <sip:192.0.2.9;lr;ftag=>"),
        (CONTACT, "Record-Route: <sip:192.0.2.9;lr>,"),
        (CONTACT, "Via: SIP/2.0/UDP 192.0.2.7;;,"),
        (CONTACT, "Identity: " + "x" * 9_000),
        (CONTACT, *[f"X-Trace-{n}: y" for n in range(200)]),
        (CONTACT, "no header at all"),
        (CONTACT, "X[1]: y"),
        ("Contact: <sip:alice@192.0.2.1;>",),
        ("Contact: <sip:@192.0.2.1:0;ob;ob>;q=1;q=2",),
        ('Contact: Alice (mobile) <sip:DOMAIN\\alice@192.0.2.1;x="y";z={1}>',),
        (CONTACT, "Record-Route: <sip:192.0.2.9;lr;>"),
        (CONTACT, "Record-Route: <sip:192.0.2.9;lr;lr;a={b}>"),
        (CONTACT, "Record-Route: " + ", ".join(["<sip:192.0.2.9;lr>"] * 60)),
    ],
)
def test_an_invite_is_taken(extra: tuple[str, ...]) -> None:
    phone = Phone()
    assert [response.status for response in phone.send(invite(extra=extra))] == [100]
    phone.do(Answer(phone.of(IncomingCall)[0].call, ANSWER))
    (ok,) = phone.responses()
    routes = [line.partition(": ")[2] for line in extra if line.startswith("Record-Route")]
    assert ok.headers.get_all("Record-Route") == routes
    ignored = sum(phone.ua.counters.ignored_headers.values())
    assert ignored == any(
        line in {"Supported: a b", "Max-Forwards: 300", "Max-Forwards: 70", "Route: <"} for line in extra
    )


# --- bodies of several parts

SEVERAL = "multipart/mixed;boundary=uniq-1"


def several(sdp: bytes, handling: str = "optional") -> bytes:
    return (
        b"--uniq-1\r\nContent-Type: application/sdp\r\nContent-Disposition: session; handling=required\r\n\r\n"
        + sdp
        + b"\r\n--uniq-1\r\nContent-Type: application/isup; version=itu-t92+\r\n"
        + f"Content-Disposition: signal; handling={handling}\r\n\r\n".encode()
        + b"\x01\x00\xff\r\n--uniq-1--\r\n"
    )


def test_the_session_among_several_parts() -> None:
    phone = Phone()
    (trying,) = phone.send(invite(several(OFFER), content_type=SEVERAL))
    assert trying.status == 100
    assert phone.of(IncomingCall)[0].sdp == OFFER


def test_a_part_that_must_be_understood() -> None:
    phone = Phone()
    (response,) = phone.send(invite(several(OFFER, "required"), content_type=SEVERAL))
    assert response.status == 415
    assert response.headers.get("Accept") == "application/sdp, multipart/mixed, multipart/alternative"
    # And the gateway tries again without it, in the same attempt (§8.1.3.5).
    (trying,) = phone.send(invite(branch="z9hG4bKagain"))
    assert trying.status == 100


def test_several_parts_in_a_reinvite_and_in_an_ack() -> None:
    phone, tag = answered()
    call = phone.of(IncomingCall)[0].call
    phone.send(inside("INVITE", tag, 2, body=several(OFFER), content_type=SEVERAL, extra=(CONTACT,)))
    assert phone.of(ReinviteReceived) == [ReinviteReceived(call, OFFER)]
    phone.do(AnswerReinvite(call, ANSWER))
    phone.send(inside("ACK", tag, 2))
    phone.send(inside("INVITE", tag, 3, extra=(CONTACT,)))
    phone.do(AnswerReinvite(call, OFFER))
    phone.send(inside("ACK", tag, 3, body=several(ANSWER), content_type=SEVERAL))
    assert phone.of(ReinviteConfirmed) == [ReinviteConfirmed(call, None), ReinviteConfirmed(call, ANSWER)]


def test_an_invite_whose_parts_bring_no_session_wants_an_offer() -> None:
    phone = Phone()
    body = several(OFFER).replace(b"application/sdp", b"text/plain").replace(b"handling=required", b"handling=optional")
    phone.send(invite(body, content_type=SEVERAL))
    (event,) = phone.of(IncomingCall)
    assert event.sdp is None
    phone.do(Answer(event.call, OFFER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1, body=ANSWER))
    assert phone.of(CallConfirmed) == [CallConfirmed(event.call, ANSWER)]


# --- once more, differently


@pytest.mark.parametrize("acknowledged", [True, False])
def test_an_invite_that_was_refused_may_be_tried_again_at_once(acknowledged: bool) -> None:
    phone = Phone()
    phone.send(invite())
    phone.do(Reject(phone.of(IncomingCall)[0].call, 488))
    (refused,) = phone.responses()
    if acknowledged:
        phone.send(Message("ACK", to=f"<sip:bot@example.com>;tag={to_tag(refused)}"))
    (trying,) = phone.send(invite(branch="z9hG4bKagain"))
    assert trying.status == 100
    phone.do(Answer(phone.of(IncomingCall)[1].call, ANSWER))
    assert [response.status for response in phone.responses()] == [200]
    # A third copy of the one that was answered has come by another way.
    (merged,) = phone.send(invite(branch="z9hG4bKthird"))
    assert merged.status == 482


def test_a_call_that_was_refused_by_the_user_agent_may_be_tried_again_at_once() -> None:
    phone = Phone()
    assert [r.status for r in phone.send(invite(extra=(CONTACT, "Require: foo")))] == [420]
    assert [r.status for r in phone.send(invite(branch="z9hG4bKagain"))] == [100]


def test_a_refusal_says_why() -> None:
    phone = Phone()
    phone.send(invite())
    warning = ("Warning", '399 offhook "no codec in common"')
    phone.do(Reject(phone.of(IncomingCall)[0].call, 488, (warning,), "No Codec In Common"))
    (refused,) = phone.responses()
    assert (refused.status, refused.reason) == (488, "No Codec In Common")
    assert refused.headers.get("Warning") == warning[1]


@pytest.mark.parametrize(
    ("method", "extra", "status"),
    [("MESSAGE", (), 405), ("INVITE", ("Require: precondition",), 420), ("INVITE", ("Accept: text/plain",), 406)],
)
def test_a_refusal_in_a_call_is_reported(method: str, extra: tuple[str, ...], status: int) -> None:
    phone, tag = answered()
    (response,) = phone.send(inside(method, tag, 2, body=OFFER, extra=(CONTACT, *extra)))
    assert response.status == status
    call = phone.of(IncomingCall)[0].call
    assert phone.of(RequestRefused) == [RequestRefused(call, method, status, response.reason)]


# --- expiry


def test_an_invite_that_expires_while_it_rings() -> None:
    phone = Phone()
    phone.send(invite(extra=(CONTACT, "Expires: 20")))
    assert phone.run(19.9) == []
    (terminated, *_) = phone.run(0.2)
    assert getattr(terminated[1], "status", None) == 487
    assert len(phone.of(CallCancelled)) == 1


def test_an_expiry_means_nothing_once_the_call_is_answered() -> None:
    phone = Phone(UaSettings())
    phone.send(invite(extra=(CONTACT, "Expires: 20")))
    phone.do(Answer(phone.of(IncomingCall)[0].call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1))
    assert phone.run(100) == []
    assert ok.headers.get("Supported") == "100rel, timer, replaces, norefersub"


def test_invites_with_a_forged_source_bring_its_owner_little() -> None:
    phone = Phone()
    for n in range(50):
        phone.send(invite(branch=f"z9hG4bK-{n}", call_id=f"{n}@alice"))
        phone.do(Answer(phone.of(IncomingCall)[-1].call, ANSWER))
    phone.collect()
    lines = [getattr(message, "method", None) or str(message.status) for _, message in phone.run(200)]  # type: ignore[union-attr]
    assert lines.count("200") == 5 * 10 + 45 * 3
    assert len(lines) == lines.count("200") + lines.count("BYE")
    assert phone.ua.idle
