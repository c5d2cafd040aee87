"""Who gets a trunk's password within a call over PJSIP: its own servers, and nobody whom the far end names."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")
pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")

from offhook.sip.commands import Bye, Invite
from offhook.sip.events import CallAnswered, PasswordWithheld
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Target, Transport
from tests.offhook.carriers.pjsua2.test_user_agent import Agent
from tests.ports import HOST

ELSEWHERE = "127.0.0.66"
TRUNK = {"host": HOST, "user": "bot", "password": "s3cret"}
ANSWER = f"v=0\r\no=x 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
CHALLENGE = ('WWW-Authenticate: Digest realm="office", nonce="abc"',)


class FarEnd:
    """A socket that answers requests."""

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.address = Address(*self.socket.getsockname())

    async def request(self, method: str, seconds: float = 8.0) -> tuple[str, tuple[str, int]]:
        """The next one with that method: its text, and from where it came. TimeoutError: none comes."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            while True:
                data, source = await loop.sock_recvfrom(self.socket, 65_536)
                if data.startswith(method.encode()):
                    return data.decode(), source

    def reply(
        self,
        to: tuple[str, tuple[str, int]],
        status: str,
        *more: str,
        body: str = "",
        swapped: tuple[str, str] = ("", ""),
    ) -> None:
        request, source = to
        copied = re.findall(r"^(?:Via|From|To|Call-ID|CSeq): .*\r$", request, re.MULTILINE)
        copied = [each.strip() + (";tag=x" if each.startswith("To:") and "tag=" not in each else "") for each in copied]
        fields = [*copied, *more, *(["Content-Type: application/sdp"] if body else []), f"Content-Length: {len(body)}"]
        text = "\r\n".join([f"SIP/2.0 {status}", *fields, "", body])
        assert swapped[0] in text
        self.socket.sendto(text.replace(*swapped).encode(), source)


@pytest.fixture
async def far_ends() -> AsyncIterator[tuple[FarEnd, FarEnd]]:
    """The trunk's server, and another host."""
    ends = FarEnd(HOST), FarEnd(ELSEWHERE)
    yield ends
    for each in ends:
        each.socket.close()


async def challenged(agent: Agent, server: FarEnd, contact: FarEnd, swapped: tuple[str, str] = ("", "")) -> None:
    """A call by the trunk, whose far end names `contact`, is hung up, and asked for a password there; `swapped` is what
    it says otherwise than it should, and what instead."""
    agent.pjsip.line("out")
    target = f"sip:desk@{server.address}"
    destination = Target(Transport.UDP, server.address)
    agent.pjsip.do(Invite(target, b"", call="out", call_id="id-out", destination=destination, auth_user="bot"))
    invite = await server.request("INVITE")
    server.reply(invite, "200 OK", f"Contact: <sip:x@{contact.address}>", body=ANSWER)
    await agent.wait_for(CallAnswered, "out")
    agent.pjsip.do(Bye("out"))
    bye = await contact.request("BYE")
    assert "Authorization:" not in bye[0]
    contact.reply(bye, "401 Unauthorized", *CHALLENGE, swapped=swapped)


@pytest.mark.parametrize("addresses", [(), ("192.0.2.0/24",)])
async def test_who_is_named_by_the_far_end_gets_none(
    far_ends: tuple[FarEnd, FarEnd], addresses: tuple[str, ...]
) -> None:
    server, other = far_ends
    agent = Agent(trunks={"office": {**TRUNK, "port": server.address.port, "addresses": addresses}})
    agent.pjsip.start()
    try:
        await challenged(agent, server, other)
        await agent.until(lambda: any(isinstance(each, PasswordWithheld) for each in agent.events))
        assert agent.events[-1] == PasswordWithheld("id-out", "BYE", HOST, other.address)
        await agent.until(lambda: agent.pjsip.free == agent.pjsip.max_calls)  # PJSIP has given up
        with pytest.raises(TimeoutError):
            await other.request("BYE", 0.3)
    finally:
        agent.pjsip.stop()


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "called"])
async def test_the_trunk_s_own_servers_get_it(far_ends: tuple[FarEnd, FarEnd], *, listed: bool) -> None:
    server, other = far_ends
    asks = other if listed else server
    addresses = (ELSEWHERE,) if listed else ()
    agent = Agent(trunks={"office": {**TRUNK, "port": server.address.port, "addresses": addresses}})
    agent.pjsip.start()
    try:
        await challenged(agent, server, asks)
        again = await asks.request("BYE")
        while "Authorization:" not in again[0]:  # the same once more, before the challenge was read
            again = await asks.request("BYE")
        asks.reply(again, "200 OK")
        await agent.until(lambda: agent.pjsip.free == agent.pjsip.max_calls)
        assert not [each for each in agent.events if isinstance(each, PasswordWithheld)]
    finally:
        agent.pjsip.stop()


@pytest.mark.parametrize(
    "swapped",
    [
        ("Call-ID: id-out", "Call-ID: other"),
        (";tag=x", ";tag=y"),
        (";tag=x", ""),
        ("Content-Length: 0", "Content-Length: 9"),
    ],
)
async def test_nobody_gets_it_under_another_call_s_name(
    far_ends: tuple[FarEnd, FarEnd], swapped: tuple[str, str]
) -> None:
    """PJSIP finds its request by the Via alone."""
    server, other = far_ends
    agent = Agent(trunks={"office": {**TRUNK, "port": server.address.port}})
    agent.pjsip.start()
    try:
        await challenged(agent, server, other, swapped)
        await agent.until(lambda: agent.pjsip.free == agent.pjsip.max_calls)
        with pytest.raises(TimeoutError):
            await other.request("BYE", 0.3)
    finally:
        agent.pjsip.stop()
