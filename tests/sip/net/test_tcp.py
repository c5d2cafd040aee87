"""Connections over real sockets on loopback: kept, shared by both directions, limited."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from offhook.sip.commands import Answer, Bye, Invite, MoveRegistration, Register, Ring, Unregister
from offhook.sip.events import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    EndCause,
    Event,
    IncomingCall,
    Registered,
    RegistrationFailed,
)
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Flow, Target, Transport
from offhook.sip.net.framing import StreamFramer
from offhook.sip.net.tcp import StreamLimits, StreamTransport
from tests.sip.dialog.harness import ANSWER, OFFER, Message, inside, invite, reply, to_tag

HOST = "127.0.0.1"


@dataclass
class Peer:
    """A far end that reads messages, on one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    framer: StreamFramer = field(default_factory=StreamFramer)
    came: list[Request | Response] = field(default_factory=list)

    def send(self, message: Message | bytes) -> None:
        self.writer.write(bytes(message))

    async def next(self) -> Request | Response:
        async with asyncio.timeout(5):
            while not self.came:
                data = await self.reader.read(65_536)
                if not data:
                    raise EOFError
                self.came += [parse(message) for message in self.framer.take(data)]
        return self.came.pop(0)

    async def closed(self) -> bool:
        async with asyncio.timeout(5):
            while await self.reader.read(65_536):
                pass
        return True


Connect = Callable[[Address], Awaitable[Peer]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects a peer, whose connection is closed after the test."""
    peers: list[Peer] = []

    async def connected(address: Address) -> Peer:
        peers.append(Peer(*await asyncio.open_connection(address.host, address.port)))
        return peers[-1]

    yield connected
    for peer in peers:
        peer.writer.close()
        with suppress(ConnectionError):
            await peer.writer.wait_closed()


@asynccontextmanager
async def answering(seen: "asyncio.Queue[Event]") -> AsyncIterator[Endpoint]:
    def answer(event: Event) -> None:
        seen.put_nowait(event)
        if isinstance(event, IncomingCall):
            endpoint.do(Ring(event.call))
            endpoint.do(Answer(event.call, ANSWER))

    endpoint = await Endpoint.open(HOST, 0, answer, tcp=True)
    try:
        yield endpoint
    finally:
        endpoint.close()


async def test_a_call_stays_on_the_callers_connection(connect: Connect) -> None:
    seen: asyncio.Queue[Event] = asyncio.Queue()
    async with answering(seen) as bot:
        peer = await connect(bot.address)
        contact = ("Contact: <sip:alice@127.0.0.1:9;transport=tcp>",)  # nobody listens there
        peer.send(invite(extra=contact))
        statuses = [await peer.next() for _ in range(3)]
        assert [each.status for each in statuses if isinstance(each, Response)] == [100, 180, 200]
        answered = statuses[-1]
        assert isinstance(answered, Response)
        assert answered.headers.get("Contact") == f"<sip:offhook@{bot.address};transport=tcp>"
        peer.send(inside("ACK", to_tag(answered), 1))
        call = await seen.get()
        assert isinstance(call, IncomingCall)
        assert isinstance(await seen.get(), CallConfirmed)
        bot.do(Bye(call.call))
        bye = await peer.next()
        assert isinstance(bye, Request)
        assert (bye.method, bye.headers.get_all("Via")[0].split()[0]) == ("BYE", "SIP/2.0/TCP")
        peer.send(reply(bye, 200))


async def test_no_answer_is_repeated_over_a_connection(connect: Connect) -> None:
    seen: asyncio.Queue[Event] = asyncio.Queue()
    async with answering(seen) as bot:
        peer = await connect(bot.address)
        peer.send(Message("OPTIONS"))
        assert isinstance(await peer.next(), Response)
        peer.send(Message("OPTIONS", branch="z9hG4bKother", cseq=2))
        assert isinstance(await peer.next(), Response)


async def test_a_ping_is_answered(connect: Connect) -> None:
    seen: asyncio.Queue[Event] = asyncio.Queue()
    async with answering(seen) as bot:
        peer = await connect(bot.address)
        peer.send(b"\r\n\r\n")
        async with asyncio.timeout(5):
            assert await peer.reader.readexactly(2) == b"\r\n"


async def test_calls_to_one_peer_share_a_connection() -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    accepted: asyncio.Queue[Peer] = asyncio.Queue()
    server = await asyncio.start_server(lambda reader, writer: accepted.put_nowait(Peer(reader, writer)), HOST, 0)
    port = server.sockets[0].getsockname()[1]
    endpoint = await Endpoint.open(HOST, 0, events.put_nowait, tcp=True)
    for _ in range(3):
        endpoint.do(Invite(f"sip:x@{HOST}:{port};transport=tcp", OFFER))
    peer = await asyncio.wait_for(accepted.get(), 5)
    for _ in range(3):
        request = await peer.next()
        assert isinstance(request, Request)
        contact = (f"Contact: <sip:x@{HOST}:{port};transport=tcp>",)
        peer.send(reply(request, 200, tag=request.headers.get("Call-ID") or "", extra=contact, body=ANSWER))
    answered = [await asyncio.wait_for(events.get(), 5) for _ in range(3)]
    assert all(isinstance(event, CallAnswered) for event in answered)
    acks = [await peer.next() for _ in range(3)]
    assert [ack.method for ack in acks if isinstance(ack, Request)] == ["ACK"] * 3
    assert accepted.empty()
    endpoint.close()
    peer.writer.close()
    server.close()


async def test_nobody_there_ends_a_call_at_once() -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    endpoint = await Endpoint.open(HOST, 0, events.put_nowait, tcp=True)
    call = endpoint.do(Invite(f"sip:x@{HOST}:1;transport=tcp", OFFER))
    assert await asyncio.wait_for(events.get(), 5) == CallEnded(call, EndCause.TRANSPORT)
    endpoint.close()


@asynccontextmanager
async def listening(limits: StreamLimits) -> AsyncIterator[tuple[StreamTransport, "asyncio.Queue[bytes]", list[Flow]]]:
    came: asyncio.Queue[bytes] = asyncio.Queue()
    failed: list[Flow] = []
    transport = StreamTransport(
        Transport.TCP,
        Address(HOST, 0),
        lambda data, flow: came.put_nowait(data),
        lambda flow, why: failed.append(flow),
        limits=limits,
    )
    await transport.listen()
    try:
        yield transport, came, failed
    finally:
        transport.close()


@pytest.mark.alone
@pytest.mark.parametrize("begun", [b"", b"OPTIONS sip:a SIP/2.0\r\n"])
async def test_a_peer_that_does_not_go_on_is_left(begun: bytes, connect: Connect) -> None:
    async with listening(StreamLimits(idle_s=0.2, message_s=0.1)) as (transport, came, _):
        peer = await connect(transport.local)
        peer.send(begun)
        assert await peer.closed()
        assert came.empty()
        assert transport.connections == 0


@pytest.mark.alone
async def test_bytes_that_trickle_in_do_not_hold_a_connection(connect: Connect) -> None:
    async with listening(StreamLimits(message_s=0.3)) as (transport, came, _):
        peer = await connect(transport.local)
        with pytest.raises(ConnectionError):
            for _ in range(50):
                peer.send(b"a")
                await peer.writer.drain()
                await asyncio.sleep(0.05)
        assert came.empty()
        assert transport.connections == 0


async def test_one_host_gets_its_share_of_connections(connect: Connect) -> None:
    async with listening(StreamLimits(per_host=2)) as (transport, came, _):
        peers = [await connect(transport.local) for _ in range(3)]
        assert [await peers[2].closed(), transport.connections] == [True, 2]
        for peer in peers[:2]:
            peer.send(Message("OPTIONS"))
        for _ in range(2):
            await asyncio.wait_for(came.get(), 5)
        peers[0].send(b"OPTIONS sip:a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n")
        assert await peers[0].closed()
        another = await connect(transport.local)
        another.send(Message("OPTIONS"))
        await asyncio.wait_for(came.get(), 5)


async def test_garbage_ends_its_connection_only(connect: Connect) -> None:
    async with listening(StreamLimits()) as (transport, came, _):
        good, bad = await connect(transport.local), await connect(transport.local)
        bad.send(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n")
        assert await bad.closed()
        good.send(Message("OPTIONS"))
        await asyncio.wait_for(came.get(), 5)


async def test_a_peer_that_does_not_read_is_left(connect: Connect) -> None:
    async with listening(StreamLimits(unsent_bytes=100_000)) as (transport, came, failed):
        peer = await connect(transport.local)
        peer.send(Message("OPTIONS"))
        await asyncio.wait_for(came.get(), 5)
        flow = Flow(Transport.TCP, transport.local, Address(*peer.writer.get_extra_info("sockname")[:2]))
        async with asyncio.timeout(5):
            while transport.connections:
                transport.send(b"x" * 65_536, flow)
                await asyncio.sleep(0)
        assert not failed
        peer.writer.close()


async def test_who_stops_answering_keepalives_is_left_and_that_is_reported() -> None:
    """A far end that never answered them is not: not everybody does."""
    accepted: asyncio.Queue[Peer] = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: accepted.put_nowait(Peer(r, w)), HOST, 0)
    there = Address(*server.sockets[0].getsockname()[:2])
    lost: asyncio.Queue[Flow] = asyncio.Queue()
    async with listening(StreamLimits(pong_s=0.1)) as (transport, _, _):
        transport.lost = lost.put_nowait
        flow = Flow(Transport.TCP, transport.local, there)
        transport.keep_alive(flow)  # nothing is opened for it
        assert transport.connections == 0
        transport.send(bytes(Message("OPTIONS")), flow)
        peer = await asyncio.wait_for(accepted.get(), 5)
        await peer.next()
        for answers in (False, True):
            transport.keep_alive(flow)
            assert await asyncio.wait_for(peer.reader.readexactly(4), 5) == b"\r\n\r\n"
            if answers:
                peer.writer.write(b"\r\n")
            await asyncio.sleep(0.15)
            assert lost.empty()
        transport.keep_alive(flow)
        assert await asyncio.wait_for(peer.closed(), 5)
        gone = await asyncio.wait_for(lost.get(), 5)
        assert (gone.remote, transport.connections) == (there, 0)
        peer.writer.close()
    server.close()


async def test_a_registrar_that_closes_its_connection_is_registered_with_again() -> None:
    """And its calls come by the new connection, which was ours to open."""
    accepted: asyncio.Queue[Peer] = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: accepted.put_nowait(Peer(r, w)), HOST, 0)
    there = Address(*server.sockets[0].getsockname()[:2])
    seen: asyncio.Queue[Event] = asyncio.Queue()
    async with answering(seen) as bot:
        target = Target(Transport.TCP, there)
        bot.do(Register("home", "sip:pbx.test", "sip:bot@pbx.test", "bot", destination=target))
        peer = await asyncio.wait_for(accepted.get(), 5)
        register = await peer.next()
        assert isinstance(register, Request)
        assert ";alias" in register.headers.get_all("Via")[0]
        peer.send(reply(register, 200))
        assert isinstance(await asyncio.wait_for(seen.get(), 5), Registered)
        peer.writer.close()
        failed = await asyncio.wait_for(seen.get(), 5)
        assert isinstance(failed, RegistrationFailed)
        bot.do(MoveRegistration("home", target))  # in place of the wait, which may be half a minute
        peer = await asyncio.wait_for(accepted.get(), 5)
        register = await peer.next()
        assert isinstance(register, Request)
        peer.send(reply(register, 200))
        assert isinstance(await asyncio.wait_for(seen.get(), 5), Registered)
        peer.send(invite(extra=("Contact: <sip:alice@127.0.0.1:9;transport=tcp>",)))
        assert [(await peer.next()).status for _ in range(3)] == [100, 180, 200]  # type: ignore[union-attr]
        bot.do(Unregister("home"))
        peer.writer.close()
    server.close()
