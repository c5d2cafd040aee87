"""Thousands of INVITEs and offers that are wrong in one field: each is answered or dropped, and the next call works."""

import gc
import time

import pytest

from offhook.sip.commands import Answer, Reject
from offhook.sip.errors import RemoteError
from offhook.sip.events import CallConfirmed, CallEnded, IncomingCall
from offhook.sip.message.message import Response
from offhook.sip.sdp.negotiate import LocalMedia, answer_offer, make_offer
from tests.sip.dialog.harness import OFFER, Message, Phone, inside, invite, to_tag
from tests.sip.mutations import lines, mutations, valid

MOST_CASES_FROM = 4_000
SLOWEST_S = 0.05
LONG_S = 400.0
"""Until the last timer of a call that was never acknowledged."""

ANSWERS = {100, 200, 400, 405, 406, 413, 415, 416, 420, 422, 481, 482, 488, 501, 505}
"""Those that say what is wrong with a request; none of 5xx that would be our fault."""

MEDIA = LocalMedia("192.0.2.2", 4_000, 1, 1)


class Owner:
    """Answers each call as a bot does, and takes the CPU time of every step: others on the machine do not count."""

    def __init__(self) -> None:
        self.phone = Phone()
        self.slowest_s = 0.0
        self.statuses: list[int] = []

    def send(self, message: Message | bytes) -> list[Response]:
        data = bytes(message)
        begun = time.thread_time()
        responses = self.phone.send(data)
        for event in self.phone.events:
            if isinstance(event, IncomingCall):
                self._answer(event)
                responses += self.phone.responses()
        self.slowest_s = max(self.slowest_s, time.thread_time() - begun)
        self.phone.events = [event for event in self.phone.events if not isinstance(event, IncomingCall)]
        return responses

    def _answer(self, call: IncomingCall) -> None:
        try:
            sdp = make_offer(MEDIA) if call.sdp is None else answer_offer(call.sdp, MEDIA)[0]
        except RemoteError as error:
            self.phone.do(Reject(call.call, error.status))
        else:
            self.phone.do(Answer(call.call, sdp))

    def case(self, message: bytes) -> None:
        """The INVITE, the ACK or ACK and BYE that follow its answer, and time until nothing can be left of it."""
        responses = self.send(message)
        self.statuses += [response.status for response in responses]
        for response in responses:
            if response.status == 200:
                self.send(following(response, "ACK"))
                self.send(following(response, "BYE"))
            elif response.status >= 300:
                self.send(following(response, "ACK"))
        self.phone.run(LONG_S)
        assert self.phone.ua.idle, self.phone.ua.dump()

    def valid_call(self, number: int) -> None:
        """A call by somebody else is answered, confirmed and ended."""
        self.phone.events.clear()
        call_id, branch = f"valid-{number}", f"z9hG4bKvalid{number}"
        *_, answered = self.send(invite(MUCH, call_id=call_id, branch=branch))
        assert answered.status == 200
        tag = to_tag(answered)
        self.send(inside("ACK", tag, 1, call_id=call_id))
        (bye,) = self.send(inside("BYE", tag, 2, call_id=call_id))
        assert bye.status == 200
        assert [type(event) for event in self.phone.events] == [CallConfirmed, CallEnded]


MUCH = OFFER + b"c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def following(response: Response, method: str) -> bytes:
    """What the caller sends after a final response, in whatever its INVITE had for a dialog."""
    headers = response.headers
    number = (headers.get("CSeq") or "1").split()[0]
    head = [
        f"{method} sip:offhook@192.0.2.2 SIP/2.0",
        f"Via: {headers.get('Via')}"
        if response.status >= 300
        else "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK" + method,
        f"From: {headers.get('From')}",
        f"To: {headers.get('To')}",
        f"Call-ID: {headers.get('Call-ID')}",
        f"CSeq: {int(number) + (method == 'BYE') if number.isdecimal() else number} {method}",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join([*head, "", ""]).encode("utf-8", "surrogateescape")


def test_there_are_enough() -> None:
    assert sum(1 for at in range(len(lines())) for _ in mutations(at)) >= MOST_CASES_FROM


def test_the_one_that_is_right_is_answered() -> None:
    owner = Owner()
    owner.case(valid(1))
    assert owner.statuses == [100, 200]


def test_a_call_that_is_left_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail."""
    owner = Owner()
    monkeypatch.setattr(owner.phone, "run", lambda seconds: None)
    with pytest.raises(AssertionError):
        owner.case(valid(1))


@pytest.mark.parametrize("at", range(len(lines())), ids=[line.decode().split(" ")[0] for line in lines()])
def test_a_line_that_is_wrong(at: int) -> None:
    owner = Owner()
    gc.disable()  # another test's garbage is not this one's time
    try:
        for mutation in mutations(at):
            owner.case(mutation.message)
            owner.valid_call(mutation.number)
    finally:
        gc.enable()
    assert set(owner.statuses) <= ANSWERS
    assert owner.slowest_s < SLOWEST_S
