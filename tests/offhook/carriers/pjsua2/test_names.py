"""Names in messages are looked up while calls go on, whoever has written them."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")

from offhook.carriers.pjsua2.names import MOST_LOOKUPS, Names
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Bye
from offhook.sip.events import CallConfirmed
from offhook.sip.net.address import Address
from tests.e2e.phone import Phone, sdp
from tests.offhook.carriers.pjsua2.test_ends import MEDIA_PORT, Caller, agent, callers
from tests.offhook.carriers.pjsua2.test_user_agent import MOST_CALLS, Agent
from tests.ports import HOST

__all__ = ["agent"]

SLOW, NOWHERE = "slow.test", "nowhere.test"


class SlowNames:
    """The operating system's, which waits with the answer for as long as a test wants."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = threading.Event()
        self._real = socket.getaddrinfo

    def getaddrinfo(self, name: str, *arguments: Any, **named: Any) -> Any:
        if name not in (SLOW, NOWHERE):
            return self._real(name, *arguments, **named)
        self.asked.append(name)
        self.answers.wait()
        if name == NOWHERE:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (HOST, 0))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowNames]:
    made = SlowNames()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.answers.set()


async def answered(agent: Agent) -> bool:
    """Whether somebody else's request is, now."""
    with Phone((agent.address.host, agent.address.port)) as other:
        other.socket.setblocking(False)
        other.send(other.request("BYE", to_tag="none"))

        def arrived() -> bool:
            try:
                return other.receive().status == 481
            except BlockingIOError:
                return False

        await agent.until(arrived)
    return True


async def talk(agent: Agent, caller: Caller, host: str, header: str = "Contact") -> str:
    """A call that names its host there, and is answered; returns its handle."""
    invite = caller.request("INVITE", body=sdp(MEDIA_PORT))
    if header == "Contact":
        invite = invite.replace(b"Contact: <sip:qa@127.0.0.1:", f"Contact: <sip:qa@{host}:".encode())
    else:
        route = f"Record-Route: <sip:{host}:{caller.port};lr>\r\nContact:".encode()
        invite = invite.replace(b"Contact:", route)
    assert host.encode() in invite
    caller.send(invite)
    call = (await caller.event()).call
    agent.pjsip.line(call)
    agent.pjsip.do(Answer(call, b""))
    caller.to_tag = (await caller.answer()).to_tag
    caller.send(caller.request("ACK", to_tag=caller.to_tag))
    await agent.wait_for(CallConfirmed, call)
    return call


@pytest.mark.parametrize("maddr", [SLOW, "192.0.2.1"])
@pytest.mark.parametrize("method", ["BYE", "INFO", "INVITE"])
async def test_an_answer_goes_back(agent: Agent, names: SlowNames, method: str, maddr: str) -> None:
    with callers(agent, 1) as (caller,):
        caller.to_tag = "none"
        request = caller.request(method, to_tag=caller.to_tag)
        assert b";rport" in request
        caller.send(request.replace(b";rport", f";maddr={maddr};rport".encode()))
        answer = await caller.answer(method)
    assert answer.status == 481
    assert f"maddr={maddr}" in answer.header("Via")
    assert not names.asked


@pytest.mark.parametrize("header", ["Contact", "Record-Route"])
async def test_the_way_of_a_request(agent: Agent, names: SlowNames, header: str) -> None:
    with callers(agent, 1) as (caller,):
        call = await talk(agent, caller, SLOW, header)
        agent.pjsip.do(Bye(call))
        await agent.until(lambda: names.asked == [SLOW])
        assert await answered(agent)
        names.answers.set()
        caller.accept(await caller.asked("BYE"))
        await agent.until(lambda: agent.pjsip.free == MOST_CALLS)


async def test_a_name_of_the_hosts_file(agent: Agent) -> None:
    with callers(agent, 1) as (caller,):
        agent.pjsip.do(Bye(await talk(agent, caller, "localhost")))
        caller.accept(await caller.asked("BYE"))
        await agent.until(lambda: agent.pjsip.free == MOST_CALLS)


async def test_a_name_that_is_nowhere(agent: Agent, names: SlowNames) -> None:
    names.answers.set()
    with callers(agent, 1) as (caller,):
        agent.pjsip.do(Bye(await talk(agent, caller, NOWHERE)))
        await agent.until(lambda: agent.pjsip.free == MOST_CALLS)
        assert names.asked == [NOWHERE]


async def test_pjsip_ends_while_a_name_is_looked_up(agent: Agent, names: SlowNames) -> None:
    with callers(agent, 1) as (caller,):
        agent.pjsip.do(Bye(await talk(agent, caller, SLOW)))
        await agent.until(lambda: names.asked == [SLOW])
        agent.pjsip.stop()
        names.answers.set()
        await agent.until(lambda: len(asyncio.all_tasks()) == 1)


async def test_too_many_names_at_once(agent: Agent, names: SlowNames) -> None:
    found: list[tuple[object, str | None, int]] = []
    config = Config.model_validate({"sip": {"backend": "pjsua2"}})
    made = Names(config, Address(HOST, 5060), lambda *given: found.append(given))
    for number in range(MOST_LOOKUPS + 1):
        made.ask(SLOW.encode(), 5060 + number, "UDP", number)
    await agent.until(lambda: bool(found))
    assert found == [(MOST_LOOKUPS, None, 0)]
    made.ask(SLOW.upper().encode(), 5060, "UDP", "the same")
    names.answers.set()
    await agent.until(lambda: not len(made))
    given = {lookup: (address, port) for lookup, address, port in found[1:]}
    assert given.pop("the same") == (HOST, 5060)
    assert given == {number: (HOST, 5060 + number) for number in range(MOST_LOOKUPS)}
    assert names.asked == [SLOW]
    made.close()
