"""Noise and mutilated messages: no user agent fails, and nothing hangs."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from offhook.sip.commands import Answer, AnswerReinvite
from offhook.sip.events import IncomingCall, ReinviteReceived
from tests.sip.dialog.harness import ANSWER, OFFER, Message, Phone, inside, invite, to_tag
from tests.sip.requests import BAD, CONTACT

SEEDS = [bytes(row[1]) for row in BAD] + [
    bytes(invite()),
    bytes(Message("OPTIONS")),
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\n\r\n",
]


def check_nothing_hangs(phone: Phone) -> None:
    """No request is left without an answer, except a call reported to its owner."""
    transactions, calls = phone.ua.dump()["transactions"], phone.ua.dump()["calls"]
    assert isinstance(transactions, list)
    assert isinstance(calls, list)
    waiting = [each for each in transactions if each["state"] in {"trying", "proceeding"}]
    assert len(waiting) == len(calls) == len(phone.of(IncomingCall))
    phone.run(400)
    assert phone.ua.idle


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
@example(b"INVITE sip:a SIP/2.0\r\n\r\n")
def test_no_bytes_hurt(data: bytes) -> None:
    phone = Phone()
    phone.send(data)
    check_nothing_hangs(phone)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.binary(max_size=4)), min_size=1, max_size=4),
)
def test_no_mutilated_message_hurts(data: bytes, cuts: list[tuple[float, int, bytes]]) -> None:
    for where, length, instead in cuts:
        at = int(where * len(data))
        data = data[:at] + instead + data[at + length :]
    phone = Phone()
    phone.send(data)
    check_nothing_hangs(phone)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 3),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.binary(max_size=4)), min_size=1, max_size=4),
)
def test_no_mutilated_message_of_a_call_hurts(victim: int, cuts: list[tuple[float, int, bytes]]) -> None:
    def wire(message: Message, position: int) -> bytes:
        data = bytes(message)
        for where, length, instead in cuts if position == victim else []:
            at = int(where * len(data))
            data = data[:at] + instead + data[at + length :]
        return data

    phone = Phone()
    phone.send(wire(invite(extra=(CONTACT, "Record-Route: <sip:192.0.2.1;lr>")), 0))
    tag = "none"
    for event in phone.of(IncomingCall):
        call = event.call
        phone.do(Answer(call, ANSWER))
        tag = to_tag(phone.responses()[0])
    phone.send(wire(inside("ACK", tag, 1), 1))
    phone.send(wire(inside("INVITE", tag, 2, extra=(CONTACT,), body=OFFER), 2))
    for changed in phone.of(ReinviteReceived):
        call = changed.call
        phone.do(AnswerReinvite(call, ANSWER))
    phone.send(wire(inside("ACK", tag, 2), 1))
    phone.send(wire(inside("BYE", tag, 3), 3))
    phone.run(400)
    still = [] if victim == 3 else phone.ua.dump()["calls"]
    assert still == []


LINES = st.sampled_from(
    [
        *bytes(invite(extra=(CONTACT, "Record-Route: <sip:p;lr>", "Require: x", "Accept: a/b"))).split(b"\r\n"),
        b"Contact: *",
        b"Contact: <tel:+1>",
        b"Content-Disposition: x;handling=optional",
        b"Content-Type: nonsense",
        b"CSeq: 1 OPTIONS",
        b"CSeq: 99999999999 INVITE",
        b"To: <sip:bot@example.com>;tag=x",
        b"From: \xff\xfe <sip:a@b>",
        b"Call-ID: \xff",
        b"Via: SIP/2.0/UDP h;branch=\xff",
        b"",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=16))
def test_no_mixture_of_lines_hurts(lines: list[bytes]) -> None:
    phone = Phone()
    phone.send(b"INVITE sip:bot@192.0.2.2 SIP/2.0\r\n" + b"\r\n".join(lines) + b"\r\n\r\nbody")
    check_nothing_hangs(phone)
