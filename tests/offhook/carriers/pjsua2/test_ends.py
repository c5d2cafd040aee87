"""Every call of PJSIP's ends once, whatever ends it; the caller is a socket that says what it is told to."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

import pytest
from structlog.testing import capture_logs

from offhook.carriers.pjsua2 import ends as ends_of_calls
from offhook.carriers.pjsua2 import reports, user_agent
from offhook.sip.commands import Answer, Bye, Ring
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import (
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallRefused,
    EndCause,
    Event,
    IncomingCall,
)
from tests.e2e.phone import Phone, Response, sdp
from tests.offhook.carriers.pjsua2.test_user_agent import MOST_CALLS, Agent
from tests.ports import own_rtp

MEDIA_PORT = 9
"""Nobody listens there."""
KEY = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(bytes(30)).decode()}\r\n"
ENDS = (CallCancelled, CallEnded)


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    made = Agent()
    made.pjsip.start()
    try:
        yield made
    finally:
        made.pjsip.stop()


class Caller(Phone):
    """A telephone on the event loop that PJSIP runs on."""

    def __init__(self, agent: Agent) -> None:
        super().__init__((agent.address.host, agent.address.port))
        self._agent = agent
        self.socket.setblocking(False)
        self.to_tag = ""

    def invite(self, body: str = "") -> None:
        self.send(self.request("INVITE", branch="z9hG4bK-1" + self.call_id, body=body or sdp(MEDIA_PORT)))

    def cancel(self) -> None:
        self.send(self.request("CANCEL", branch="z9hG4bK-1" + self.call_id))

    async def event(self) -> IncomingCall:
        """That its call has come in."""

        def found() -> list[IncomingCall]:
            events = self._agent.events
            return [each for each in events if isinstance(each, IncomingCall) and each.call_id == self.call_id]

        await self._agent.until(lambda: bool(found()))
        return found()[0]

    async def answer(self, method: str = "INVITE") -> Response:
        """The final response to a request."""
        found: list[Response] = []

        def arrived() -> bool:
            with suppress(BlockingIOError):
                response = self.receive()
                if response.status >= 200 and response.header("CSeq").endswith(method):
                    found.append(response)
            return bool(found)

        await self._agent.until(arrived)
        return found[0]

    async def asked(self, method: str) -> Response:
        """A request of PJSIP's."""
        found: list[Response] = []

        def arrived() -> bool:
            with suppress(BlockingIOError):
                found.append(self.receive())
            return bool(found) and found[-1].text.startswith(f"{method} ")

        await self._agent.until(arrived)
        return found[-1]

    def accept(self, request: Response) -> None:
        """Answer it by 200."""
        kept = ("via:", "from:", "to:", "call-id:", "cseq:")
        lines = [line for line in request.text.split("\r\n") if line.lower().startswith(kept)]
        self.send(("\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0"]) + "\r\n\r\n").encode())

    async def talk(self) -> str:
        """A call that is answered; returns its handle."""
        self.invite()
        call = (await self.event()).call
        self._agent.pjsip.line(call)
        self._agent.pjsip.do(Answer(call, b""))
        self.to_tag = (await self.answer()).to_tag
        self.send(self.request("ACK", to_tag=self.to_tag))
        await self._agent.wait_for(CallConfirmed, call)
        return call

    def bye(self) -> None:
        self.send(self.request("BYE", cseq=2, to_tag=self.to_tag))


@contextmanager
def callers(agent: Agent, count: int) -> Iterator[list[Caller]]:
    made = [Caller(agent) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.socket.close()


def ends(agent: Agent, call: str) -> list[Event]:
    return [each for each in agent.events if isinstance(each, ENDS) and each.call == call]


async def over(agent: Agent, call: str) -> Event:
    """The one end of a call, after which nothing comes."""
    await agent.until(lambda: bool(ends(agent, call)))
    await agent.until(lambda: agent.pjsip.dump()["calls"] == 0)
    await asyncio.sleep(4 * user_agent.POLL_S)
    (end,) = ends(agent, call)
    return end


@pytest.mark.parametrize("rings", [False, True])
async def test_a_call_that_is_cancelled_while_it_is_answered(agent: Agent, rings: bool) -> None:
    with callers(agent, 1) as (caller,):
        caller.invite()
        call = (await caller.event()).call
        agent.pjsip.line(call)
        if rings:
            agent.pjsip.do(Ring(call))
        caller.cancel()
        await agent.until(lambda: bool(ends(agent, call)))
        with pytest.raises(LocalError, match="no such call"):
            agent.pjsip.do(Answer(call, b""))
        assert (await caller.answer()).status == 487
        assert await over(agent, call) == CallCancelled(call)


async def test_a_cancel_that_comes_with_the_answer(agent: Agent) -> None:
    with callers(agent, 1) as (caller,):
        caller.invite()
        call = (await caller.event()).call
        agent.pjsip.line(call)
        caller.cancel()  # PJSIP sees it after this
        agent.pjsip.do(Answer(call, b""))
        caller.to_tag = (await caller.answer()).to_tag
        caller.send(caller.request("ACK", to_tag=caller.to_tag))
        caller.bye()
        assert await over(agent, call) == CallEnded(call, EndCause.REMOTE_BYE)


async def test_a_call_whose_answer_is_never_acknowledged(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends_of_calls, "ACK_S", 0.3)
    with callers(agent, 2) as (caller, proper):
        caller.invite()
        call = (await caller.event()).call
        agent.pjsip.line(call)
        agent.pjsip.do(Answer(call, b""))
        kept = await proper.talk()
        await agent.until(lambda: bool(ends(agent, call)))
        assert ends(agent, call) == [CallEnded(call, EndCause.ACK_TIMEOUT)]
        assert not ends(agent, kept)
        agent.pjsip.do(Bye(kept))
        assert await over(agent, kept) == CallEnded(kept, EndCause.LOCAL_BYE)


async def test_the_number_of_a_call_that_is_over_is_given_to_another_at_once(agent: Agent) -> None:
    with callers(agent, MOST_CALLS + 1) as (*phones, last):
        calls = [await each.talk() for each in phones]
        phones[1].bye()  # both are read in one go
        last.invite()
        new = (await last.event()).call
        assert ends(agent, calls[1]) == [CallEnded(calls[1], EndCause.REMOTE_BYE)]
        agent.pjsip.line(new)
        await asyncio.sleep(4 * user_agent.POLL_S)
        agent.pjsip.do(Answer(new, b""))
        last.to_tag = (await last.answer()).to_tag
        last.send(last.request("ACK", to_tag=last.to_tag))
        await agent.wait_for(CallConfirmed, new)
        assert not ends(agent, new)
        for phone in (phones[0], *phones[2:], last):
            phone.bye()
        for call in (*calls, new):
            assert await over(agent, call) == CallEnded(call, EndCause.REMOTE_BYE)


async def test_a_call_that_pjsip_refuses_after_it_has_reported_it() -> None:
    agent = Agent(rtp={**own_rtp(), "srtp": "preferred"})
    agent.pjsip.start()
    try:
        with callers(agent, 1) as (caller,):
            caller.invite(sdp(MEDIA_PORT).replace("RTP/AVP", "RTP/SAVP") + 2 * KEY)  # one tag (RFC 4568 §4.1)
            call = (await caller.event()).call
            assert (await caller.answer()).status == 406
            assert await over(agent, call) == CallCancelled(call)
        (refused,) = [each for each in agent.events if isinstance(each, CallRefused)]
        assert refused.status == 406
    finally:
        agent.pjsip.stop()


async def test_a_call_ends_though_nobody_can_say_why(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(reports, "end_of", fails)
    with callers(agent, 1) as (caller,), capture_logs() as logs:
        call = await caller.talk()
        caller.bye()
        assert await over(agent, call) == CallEnded(call, EndCause.TRANSPORT)
    assert [line["callback"] for line in logs if line["event"] == "an event of PJSIP was lost"] == ["onCallState"]


async def test_a_bye_that_is_lost_is_sent_again_before_pjsip_goes(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_agent, "LAST_S", 8.0)
    with callers(agent, 1) as (caller,):
        agent.pjsip.do(Bye(await caller.talk()))
        assert agent.pjsip.free == MOST_CALLS - 1
        drained = asyncio.create_task(agent.pjsip.drain())
        lost, again = await caller.asked("BYE"), await caller.asked("BYE")
        assert lost.text == again.text
        assert not drained.done()
        caller.accept(again)
        await drained
        assert agent.pjsip.free == MOST_CALLS


async def test_a_far_end_that_never_answers_our_bye_is_waited_for_no_longer_than_that(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_agent, "LAST_S", 0.1)
    with callers(agent, 1) as (caller,):
        agent.pjsip.do(Bye(await caller.talk()))
        await agent.pjsip.drain()
        assert agent.pjsip.free == MOST_CALLS - 1


async def test_a_call_that_is_turned_away_as_pjsip_goes(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is hung up with the loop's next step, when PJSIP's library is no longer there."""
    stopped = asyncio.Event()

    def unreadable(*_: object) -> IncomingCall:
        def stop() -> None:
            agent.pjsip.stop()
            stopped.set()

        asyncio.get_running_loop().call_soon(stop)
        raise ParseError("planted")

    monkeypatch.setattr(reports, "incoming_of", unreadable)
    with callers(agent, 1) as (caller,):
        caller.invite()
        await stopped.wait()
        await asyncio.sleep(0)
    assert agent.refused == [400]


async def test_cancelled_at_any_moment(agent: Agent) -> None:
    """Each time after another number of PJSIP's steps."""
    for steps in range(24):
        with callers(agent, 1) as (caller,):
            caller.invite()
            call = (await caller.event()).call
            agent.pjsip.line(call)
            asyncio.get_running_loop().call_later(steps * user_agent.POLL_S / 8, caller.cancel)
            await asyncio.sleep(12 * user_agent.POLL_S / 8)
            with suppress(LocalError):
                agent.pjsip.do(Answer(call, b""))
            answer = await caller.answer()
            assert answer.status in (200, 487)
            caller.to_tag = answer.to_tag
            if answer.status == 200:
                caller.send(caller.request("ACK", to_tag=answer.to_tag))
                caller.bye()
            await over(agent, call)
