"""Refused refreshes of a session: which are sent again, and when; and what PJSIP sends then."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")
pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")

import pjsua2 as pj

from offhook.carriers.pjsua2 import library, refreshes
from offhook.carriers.pjsua2.live_calls import LiveCalls
from offhook.carriers.pjsua2.refreshes import AT_MOST, Refreshes, again_s, interval_s
from offhook.sip.commands import Bye
from offhook.sip.dialog.model import DialogId
from offhook.sip.events import CallEnded, EndCause
from offhook.sip.message.message import Response
from offhook.sip.message.parser import parse
from tests.e2e.phone import Response as Received
from tests.e2e.phone import sdp
from tests.offhook.carriers.pjsua2.test_ends import MEDIA_PORT, Caller
from tests.offhook.carriers.pjsua2.test_user_agent import Agent

FIELDS = (
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>;tag=2\r\n"
    "Call-ID: 1\r\nCSeq: 2 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:a@192.0.2.1>\r\n{0}Content-Length: 0\r\n\r\n"
)
INTERVAL_S = 90
SOON_S = 0.02
MANY = 50
CALLING, COMPLETED, TERMINATED = pj.PJSIP_TSX_STATE_CALLING, pj.PJSIP_TSX_STATE_COMPLETED, pj.PJSIP_TSX_STATE_TERMINATED


def request(*fields: str) -> str:
    return "INVITE sip:b@192.0.2.2 SIP/2.0\r\n" + FIELDS.format("".join(f"{each}\r\n" for each in fields))


def answer(status: int, *fields: str) -> str:
    return f"SIP/2.0 {status} Whatever\r\n" + FIELDS.format("".join(f"{each}\r\n" for each in fields))


def response(status: int, *fields: str) -> Response:
    found = parse(answer(status, *fields).encode())
    assert isinstance(found, Response)
    return found


# --- which, and when


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("Session-Expires: 90;refresher=uac",), 90),
        (("x: 1800 ; refresher=UAC",), 1_800),
        (("Session-Expires: 90;refresher=uas",), 0),
        (("Session-Expires: 90",), 0),  # nothing is agreed on
        (("Session-Expires: soon;refresher=uac",), 0),
        ((), 0),
    ],
)
def test_what_refreshes_a_session(fields: tuple[str, ...], expected: int) -> None:
    assert interval_s(request(*fields)) == expected


@pytest.mark.parametrize("text", ["", "SIP/2.0", "\udcff", answer(200, "Session-Expires: 90;refresher=uac")])
def test_what_is_no_request_refreshes_nothing(text: str) -> None:
    assert interval_s(text) == 0


@pytest.mark.parametrize(("owns", "expected"), [(True, 3.05), (False, 1.0)])
def test_the_pause_after_a_491_depends_on_who_has_sent_the_first_invite(owns: bool, expected: float) -> None:
    assert again_s(response(491), INTERVAL_S, 1, owns_call_id=owns, chance=lambda: 0.5) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (response(500, "Retry-After: 3"), 3.0),
        (response(500, "Retry-After: 30"), INTERVAL_S / 18),
        (response(500), INTERVAL_S / 18),
        (response(503, "Retry-After: 3"), INTERVAL_S / 18),
        (response(488), INTERVAL_S / 18),
        (response(422, "Min-SE: 120"), INTERVAL_S / 18),
        (response(603), INTERVAL_S / 18),
        (None, INTERVAL_S / 18),
    ],
)
def test_the_pause_after_other_refusals(found: Response | None, expected: float) -> None:
    assert again_s(found, INTERVAL_S, 1, owns_call_id=True) == expected


def test_who_answers_491_all_the_time_is_asked_less_often() -> None:
    pauses_s = [again_s(response(491), 1_800, each, owns_call_id=False) for each in range(1, AT_MOST + 3)]
    assert all(each <= 2.0 for each in pauses_s[:AT_MOST])
    assert pauses_s[AT_MOST:] == [100.0, 100.0]


# --- what becomes of them, without PJSIP


class FakeCall(SimpleNamespace):
    """What `Refreshes` reads of a call, and notes on it."""

    handle, dialog_id = "call", ("id", "ours", "theirs")

    def __init__(self) -> None:
        super().__init__(
            confirmed=True, released=False, is_inbound=True, refreshed_s=0, refused=0, again=None, getId=lambda: 1
        )


class Sent:
    """`Refreshes` of one call, and what they have sent."""

    def __init__(self) -> None:
        self.dialogs: list[DialogId] = []
        self.can = True
        self._asked = asyncio.Event()
        self.calls = LiveCalls()
        call: Any = FakeCall()
        self.call = call
        self.calls.add(call)
        self.refreshes = Refreshes(self.calls, self._send)

    def _send(self, dialog_id: DialogId) -> bool:
        self.dialogs.append(dialog_id)
        self._asked.set()
        return self.can

    def report(self, state: int, before: int, status: int, text: str, *, came: bool = True) -> None:
        transaction = SimpleNamespace(state=state, statusCode=status, lastTx=SimpleNamespace(wholeMsg=text))
        source = SimpleNamespace(rdata=SimpleNamespace(wholeMsg=text))
        kind = pj.PJSIP_EVENT_RX_MSG if came else pj.PJSIP_EVENT_TRANSPORT_ERROR
        body = SimpleNamespace(tsxState=SimpleNamespace(tsx=transaction, prevState=before, type=kind, src=source))
        self.refreshes.on_offer(self.call, SimpleNamespace(e=SimpleNamespace(type=pj.PJSIP_EVENT_TSX_STATE, body=body)))

    def goes_out(self, *fields: str) -> None:
        self.report(CALLING, 0, 0, request(*fields or ("Session-Expires: 90;refresher=uac",)))

    def is_answered(self, status: int) -> None:
        self.report(COMPLETED, CALLING, status, answer(status))
        self.report(TERMINATED, COMPLETED, status, answer(status))  # later, by a timer

    async def asked(self, count: int) -> None:
        async with asyncio.timeout(2.0):
            while len(self.dialogs) < count:
                self._asked.clear()
                await self._asked.wait()

    async def come(self, count: int) -> None:
        await self.asked(count)
        await self.none_more(count)

    async def none_more(self, count: int) -> None:
        await asyncio.sleep(5 * SOON_S)
        assert len(self.dialogs) == count


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refreshes, "again_s", lambda *_, **__: SOON_S)


@pytest.fixture
def sent(soon: None) -> Sent:
    return Sent()


@pytest.mark.parametrize("status", [302, 401, 405, 422, 488, 491, 500, 501, 502, 503, 603])
async def test_what_is_refused_is_sent_again_once(sent: Sent, status: int) -> None:
    sent.goes_out()
    sent.is_answered(status)
    await sent.come(1)
    assert sent.dialogs == [sent.call.dialog_id]


async def test_what_cannot_be_sent_is_sent_again(sent: Sent) -> None:
    sent.goes_out()
    sent.report(TERMINATED, CALLING, 503, "", came=False)
    await sent.come(1)


async def test_it_goes_on_until_one_is_accepted(sent: Sent) -> None:
    for number in range(MANY):
        sent.goes_out()
        sent.is_answered(491)
        assert sent.call.refused == number + 1
    await sent.come(1)
    sent.goes_out()
    sent.is_answered(200)
    assert (sent.call.refused, sent.call.again) == (0, None)
    await sent.none_more(1)


async def test_one_that_pjsip_sends_meanwhile_ends_the_waiting(sent: Sent) -> None:
    sent.goes_out()
    sent.is_answered(491)
    sent.goes_out()
    sent.is_answered(200)
    await sent.none_more(0)


async def test_what_meets_another_offer_is_sent_after_it(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refreshes, "BUSY_S", SOON_S)
    sent.can = False
    sent.goes_out()
    sent.is_answered(491)
    await sent.asked(3)
    sent.can = True
    await sent.come(4)


@pytest.mark.parametrize("status", [408, 481])
async def test_what_ends_the_call_is_left_to_pjsip(sent: Sent, status: int) -> None:
    sent.goes_out()
    sent.is_answered(status)
    await sent.none_more(0)


@pytest.mark.parametrize("fields", ["Session-Expires: 90;refresher=uas", "Subject: another"])
async def test_what_is_no_refresh_is_not_sent_again(sent: Sent, fields: str) -> None:
    sent.goes_out(fields)
    sent.is_answered(491)
    await sent.none_more(0)


async def test_answers_to_the_first_invite_are_none_to_a_refresh(sent: Sent) -> None:
    sent.call.confirmed = False
    sent.goes_out()
    sent.is_answered(491)
    await sent.none_more(0)


@pytest.mark.parametrize("change", [{"released": True}, {"dialog_id": ("id", "ours", "another")}])
async def test_a_call_that_is_over_is_not_refreshed(sent: Sent, change: dict[str, object]) -> None:
    sent.goes_out()
    sent.is_answered(491)
    vars(sent.call).update(change)
    await sent.none_more(0)


async def test_nothing_keeps_a_call_that_is_over(sent: Sent) -> None:
    gc.disable()
    try:
        sent.goes_out()
        sent.is_answered(491)
        left = weakref.ref(sent.call)
        sent.calls.over(sent.call)
        sent.calls.tidy()
        sent.call = None
        assert left() is None
    finally:
        gc.enable()
    await sent.none_more(0)


# --- by PJSIP


class FarEnd(Caller):
    """A caller in whose call we refresh."""

    def invite(self, body: str = "") -> None:
        fields = ("Supported: timer", f"Session-Expires: {INTERVAL_S};refresher=uas")
        self.send(self.request("INVITE", *fields, branch="z9hG4bK-1" + self.call_id, body=body or sdp(MEDIA_PORT)))

    def refresh(self) -> bool:
        """As PJSIP does at half of the interval."""
        dialog_id = (self.call_id, self.to_tag, self.call_id[:6])
        return bool(library.frames().refresh(*(each.encode() for each in dialog_id)))

    def refuse(self, received: Received, status: str, *more: str) -> None:
        kept = ("via:", "from:", "to:", "call-id:", "cseq:")
        lines = [line for line in received.text.split("\r\n") if line.lower().startswith(kept)]
        self.send(("\r\n".join([f"SIP/2.0 {status}", *lines, *more, "Content-Length: 0"]) + "\r\n\r\n").encode())

    async def refuse_refresh(self, status: str, *more: str) -> Received:
        found = await self.asked("INVITE")
        self.refuse(found, status, *more)
        await self.asked("ACK")
        return found

    async def accept_refresh(self) -> Received:
        found = await self.asked("INVITE")
        body, contact = sdp(MEDIA_PORT), f"Contact: <sip:qa@127.0.0.1:{self.port}>"
        kept = ("via:", "from:", "to:", "call-id:", "cseq:")
        lines = [line for line in found.text.split("\r\n") if line.lower().startswith(kept)]
        timer = ("Require: timer", f"Session-Expires: {INTERVAL_S};refresher=uac", "Content-Type: application/sdp")
        head = ["SIP/2.0 200 OK", *lines, contact, *timer, f"Content-Length: {len(body)}"]
        self.send(("\r\n".join(head) + "\r\n\r\n" + body).encode())
        await self.asked("ACK")
        return found


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    made = Agent(signalling={"session_expires_s": INTERVAL_S})
    made.pjsip.start()
    try:
        yield made
    finally:
        made.pjsip.stop()


@pytest.fixture
def far_end(agent: Agent) -> Iterator[FarEnd]:
    with FarEnd(agent) as made:
        yield made


def body_of(message: Received) -> str:
    return message.text.partition("\r\n\r\n")[2]


async def test_the_same_offer_follows_until_it_is_accepted(far_end: FarEnd, soon: None) -> None:
    await far_end.talk()
    assert far_end.refresh()
    assert not far_end.refresh()  # one at a time
    refused = ("491 Request Pending", "500 Server Internal Error", "488 Not Acceptable Here", "603 Decline")
    offers = [await far_end.refuse_refresh(status) for status in refused]
    offers.append(await far_end.accept_refresh())
    assert {body_of(each) for each in offers} == {body_of(offers[0])}
    assert body_of(offers[0]).startswith("v=0")
    assert all("refresher=uac" in each.header("Session-Expires") for each in offers)
    numbers = [int(each.header("CSeq").split()[0]) for each in offers]
    assert numbers == list(range(numbers[0], numbers[0] + len(offers)))
    await asyncio.sleep(5 * SOON_S)
    with pytest.raises(BlockingIOError):
        far_end.receive()


async def test_no_refresh_goes_out_beside_their_offer(far_end: FarEnd, agent: Agent) -> None:
    await far_end.talk()
    far_end.send(far_end.request("INVITE", cseq=2, to_tag=far_end.to_tag, body=sdp(MEDIA_PORT, direction="sendonly")))
    while not (answered := await far_end.answer()).header("CSeq").startswith("2 "):
        pass
    assert answered.status == 200
    assert not far_end.refresh()  # before the ACK
    far_end.send(far_end.request("ACK", cseq=2, to_tag=far_end.to_tag))
    await agent.until(far_end.refresh)
    assert "a=recvonly" in body_of(await far_end.accept_refresh())  # it stays on hold


async def test_a_call_that_is_hung_up_is_not_refreshed(far_end: FarEnd, agent: Agent) -> None:
    call = await far_end.talk()
    agent.pjsip.do(Bye(call))
    assert not far_end.refresh()
    far_end.accept(await far_end.asked("BYE"))
    await agent.until(lambda: agent.pjsip.dump()["calls"] == 0)
    assert not far_end.refresh()


@pytest.mark.parametrize("status", ["481 Call Does Not Exist", "408 Request Timeout"])
async def test_a_refresh_that_finds_no_call_ends_it(far_end: FarEnd, agent: Agent, status: str) -> None:
    call = await far_end.talk()
    assert far_end.refresh()
    await far_end.refuse_refresh(status)
    far_end.accept(await far_end.asked("BYE"))
    assert (await agent.wait_for(CallEnded, call)).cause in (EndCause.REMOTE_BYE, EndCause.TIMEOUT)


async def test_a_422_without_min_se_is_a_refusal_like_others(far_end: FarEnd, soon: None) -> None:
    """PJSIP would wait for an answer to its offer for ever."""
    await far_end.talk()
    assert far_end.refresh()
    await far_end.refuse_refresh("422 Session Interval Too Small")
    await far_end.accept_refresh()


async def test_a_422_lengthens_the_session(far_end: FarEnd, soon: None) -> None:
    await far_end.talk()
    assert far_end.refresh()
    await far_end.refuse_refresh("422 Session Interval Too Small", "Min-SE: 120")
    again = await far_end.accept_refresh()
    assert again.header("Session-Expires").startswith("120;")
    await asyncio.sleep(5 * SOON_S)
    with pytest.raises(BlockingIOError):
        far_end.receive()


async def test_what_is_no_call_is_not_refreshed(agent: Agent) -> None:
    refresh = library.frames().refresh
    assert not refresh(b"", b"", b"")
    assert not refresh(b"no", b"such", b"call")
    with pytest.raises(ValueError, match="null"):
        refresh(b"no\0", b"", b"")
