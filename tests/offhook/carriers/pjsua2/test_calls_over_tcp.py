"""A call over TCP: PJSIP goes by the far end's Contact (RFC 3261 §12.1.1), and so does its own."""

import asyncio
import re
import socket

import pytest

from offhook.sip.commands import Answer, Bye, Reject, Ring
from offhook.sip.events import CallConfirmed, IncomingCall
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from tests.offhook.carriers.pjsua2.test_user_agent import Agent
from tests.ports import HOST

OFFER = f"v=0\r\no=qa 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
WAIT_S = 8.0


class Caller:
    """A telephone with a connection, and UDP at the same port. `contact` are the parameters of its Contact, whose port
    is `at`, or that of the connection."""

    def __init__(self, agent: Agent, contact: str, at: int = 0) -> None:
        self._agent = agent
        self._contact = contact
        self._at = at
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def connect(self) -> None:
        address = self._agent.address
        self._reader, self._writer = await asyncio.open_connection(address.host, address.port)
        self._port = self._writer.get_extra_info("sockname")[1]
        self._datagrams.bind((HOST, self._port))
        self._datagrams.setblocking(False)

    def send(self, method: str, to: str, body: str = "") -> None:
        uri = f"sip:bot@{self._agent.address}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/TCP {HOST}:{self._port};branch=z9hG4bK{method}",
            "Max-Forwards: 70",
            f"From: <sip:qa@{HOST}>;tag=1",
            f"To: {to or f'<{uri}>'}",
            "Call-ID: by-tcp",
            f"CSeq: 1 {method}",
            f"Contact: <sip:qa@{HOST}:{self._at or self._port}{self._contact}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._writer.write("\r\n".join([*lines, "", body]).encode())

    async def receive(self) -> Request | Response:
        """The next message of the connection."""
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), WAIT_S)
        length = re.search(rb"Content-Length: *([0-9]+)", head)
        assert length is not None
        return parse(head + await asyncio.wait_for(self._reader.readexactly(int(length[1])), WAIT_S))

    async def receive_datagram(self) -> Request | Response:
        """The next message by UDP."""
        loop = asyncio.get_running_loop()
        return parse(await asyncio.wait_for(loop.sock_recv(self._datagrams, 4_096), WAIT_S))

    def close(self) -> None:
        self._writer.close()
        self._datagrams.close()


@pytest.mark.parametrize(("contact", "by_connection"), [(";transport=tcp", True), ("", False)])
async def test_a_call_goes_on_by_the_transport_of_the_contact(contact: str, by_connection: bool) -> None:
    agent = Agent()
    agent.pjsip.start()
    caller = Caller(agent, contact)
    await caller.connect()
    try:
        caller.send("INVITE", "", OFFER)
        await agent.until(lambda: any(isinstance(each, IncomingCall) for each in agent.events))
        (event,) = (each for each in agent.events if isinstance(each, IncomingCall))
        agent.pjsip.line(event.call)
        agent.pjsip.do(Answer(event.call, b""))
        while True:
            answer = await caller.receive()
            if isinstance(answer, Response) and answer.status == 200:
                break
        assert (";transport=tcp" in str(answer.headers.get("Contact")).lower()) is by_connection
        caller.send("ACK", str(answer.headers.get("To")))
        await agent.wait_for(CallConfirmed, event.call)
        agent.pjsip.do(Bye(event.call))
        bye = await (caller.receive() if by_connection else caller.receive_datagram())
        assert isinstance(bye, Request) and bye.method == "BYE"
        await agent.pjsip.drain()
    finally:
        caller.close()
        agent.pjsip.stop()


async def test_who_is_not_answered_yet_is_not_connected_to() -> None:
    """PJSIP would, for a Contact of its own, and look up a name while all calls wait."""
    agent = Agent()
    agent.pjsip.start()
    connected: list[object] = []
    server = await asyncio.start_server(lambda reader, writer: connected.append(writer), HOST, 0)
    at = server.sockets[0].getsockname()[1]
    caller = Caller(agent, ";transport=tcp", at)
    await caller.connect()
    try:
        caller.send("INVITE", "", OFFER)
        await agent.until(lambda: any(isinstance(each, IncomingCall) for each in agent.events))
        (event,) = (each for each in agent.events if isinstance(each, IncomingCall))
        agent.pjsip.do(Ring(event.call))
        while not (isinstance(found := await caller.receive(), Response) and found.status == 180):
            pass
        assert not connected
        agent.pjsip.do(Reject(event.call, 486))
        await agent.pjsip.drain()
    finally:
        caller.close()
        server.close()
        agent.pjsip.stop()
