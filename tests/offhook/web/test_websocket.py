"""The WebSocket on a socket pair: the far end is raw bytes, or the library's client side without a network."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from offhook.telephony.net.stream_clock import StreamClock
from offhook.web import websocket as module
from offhook.web.websocket import WebSocket

WITHIN_S = 5.0


class Receiver:
    """Who receives, and reads as a line does."""

    def __init__(self) -> None:
        self.clock = StreamClock()
        self.messages: list[bytes] = []
        self.round_trips: list[float] = []
        self.lost_because: list[str] = []
        self.closes: list[str] = []
        self.failed = 0
        self.socket: WebSocket | None = None
        self.changed = asyncio.Event()

    def opened(self, websocket: WebSocket) -> "Receiver":
        self.socket = websocket
        self.clock.join(self.tick)
        self.changed.set()
        return self

    def tick(self, _now: float) -> None:
        assert self.socket is not None
        self.socket.read()

    def receive(self, message: bytes) -> None:
        self.messages.append(message)
        self.changed.set()

    def round_trip(self, seconds: float) -> None:
        self.round_trips.append(seconds)
        self.changed.set()

    def lost(self, reason: str) -> None:
        self.lost_because.append(reason)
        self.changed.set()

    def peer_closed(self, reason: str) -> None:
        self.closes.append(reason)
        self.changed.set()

    def on_failed(self) -> None:
        self.failed += 1
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class FarEnd:
    """The client's side: what it has sent is on the wire when a method returns."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.conn = ClientProtocol(parse_uri("ws://localhost/twilio/media"))
        self._loop = asyncio.get_running_loop()

    async def flush(self) -> None:
        for data in self.conn.data_to_send():
            if data:
                with suppress(BrokenPipeError):  # the server has closed at once
                    await self._loop.sock_sendall(self.sock, data)

    async def text(self, text: bytes) -> None:
        self.conn.send_text(text)
        await self.flush()

    async def read(self) -> list[Frame | Response]:
        """The next events; the end is an empty list."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                data = await self._loop.sock_recv(self.sock, 65_536)
                if not data:
                    self.conn.receive_eof()
                    return []
                self.conn.receive_data(data)
                await self.flush()
                events = [event for event in self.conn.events_received() if isinstance(event, Frame | Response)]
                if events:
                    return events

    async def close_code(self) -> int | None:
        """What the server said at the end."""
        while await self.read():
            pass
        return self.conn.close_code


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Receiver, FarEnd]]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    far_end, receiver = FarEnd(theirs), Receiver()
    far_end.conn.send_request(far_end.conn.connect())
    (request,) = [data for data in far_end.conn.data_to_send() if data]
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_accepted_socket(
        lambda: WebSocket(request, receiver.opened, receiver.on_failed), ours
    )
    try:
        (response, *_) = await far_end.read()
        assert isinstance(response, Response)
        assert response.status_code == 101
        yield receiver, far_end
    finally:
        receiver.clock.leave(receiver.tick)
        transport.abort()
        theirs.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 330, 65_535, 65_536])  # each form of a length, RFC 6455 §5.2
async def test_messages_both_ways(size: int) -> None:
    first, second = b"o" * size, b"t" * size
    async with connected() as (receiver, far_end):
        await far_end.text(first)
        await far_end.text(second)
        await receiver.until(lambda: receiver.messages == [first, second])
        assert receiver.socket is not None
        receiver.socket.send([second, b"three"])
        texts: list[bytes] = []
        while len(texts) < 2:
            texts += [
                bytes(event.data)
                for event in await far_end.read()
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT
            ]
        assert texts == [second, b"three"]


async def measured(receiver: Receiver, far_end: FarEnd) -> None:
    """Wait until the first ping has been answered: by what is read already, or by the next."""
    reading = asyncio.ensure_future(far_end.read())
    await receiver.until(lambda: bool(receiver.round_trips))
    reading.cancel()


async def test_the_round_trip_is_measured() -> None:
    async with connected() as (receiver, far_end):
        await measured(receiver, far_end)
        assert 0 <= receiver.round_trips[0] < WITHIN_S


async def loop_passes() -> None:
    """What the event loop watches it has seen."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        for _ in range(3):
            theirs.send(b"x")
            await asyncio.get_running_loop().sock_recv(ours, 1)


async def test_once_the_round_trip_is_known_it_is_read_when_asked() -> None:
    async with connected() as (receiver, far_end):
        await measured(receiver, far_end)
        receiver.clock.leave(receiver.tick)
        await far_end.text(b"x" * 10_000)
        await far_end.text(b"two")
        await loop_passes()
        assert receiver.messages == []
        assert receiver.socket is not None
        receiver.socket.read()
        assert receiver.messages == [b"x" * 10_000, b"two"]
        receiver.socket.read()
        assert receiver.lost_because == []


async def test_each_ping_has_its_answer_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_S", 0.01)
    async with connected() as (receiver, far_end):
        receiver.clock.leave(receiver.tick)
        reading = asyncio.ensure_future(far_end.close_code())
        await receiver.until(lambda: len(receiver.round_trips) >= 3)
        reading.cancel()


async def test_our_close_is_answered_when_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 600.0)
    async with connected() as (receiver, far_end):
        await measured(receiver, far_end)
        receiver.clock.leave(receiver.tick)
        assert receiver.socket is not None
        receiver.socket.close(1000, "bye")
        assert await far_end.close_code() == 1000
        assert receiver.lost_because == []


async def test_an_end_is_noticed_when_it_is_read() -> None:
    async with connected() as (receiver, far_end):
        await measured(receiver, far_end)
        far_end.sock.close()
        await receiver.until(lambda: bool(receiver.lost_because))
        assert receiver.lost_because == ["the connection was closed"]


async def test_why_a_connection_was_lost_is_reported() -> None:
    async with connected() as (receiver, far_end):
        await measured(receiver, far_end)
        assert receiver.socket is not None
        receiver.socket.send([b"what nobody will read"])
        await loop_passes()
        far_end.sock.close()
        await receiver.until(lambda: bool(receiver.lost_because))
        assert receiver.lost_because[0].startswith("the connection was lost: ")
        assert "reset" in receiver.lost_because[0]


async def test_a_pong_that_answers_nothing_tells_nothing() -> None:
    async with connected() as (receiver, far_end):
        await measured(receiver, far_end)
        far_end.conn.send_pong(b"never asked")
        await far_end.text(b"x")
        await receiver.until(lambda: receiver.messages == [b"x"])
        assert len(receiver.round_trips) == 1


async def test_close_waits_for_the_answer() -> None:
    async with connected() as (receiver, far_end):
        assert receiver.socket is not None
        receiver.socket.close(1008, "x" * 500)
        receiver.socket.close(1000, "")
        receiver.socket.send([b"too late"])
        assert await far_end.close_code() == 1008
        assert far_end.conn.close_reason == "x" * 120
        assert receiver.lost_because == []


async def test_the_far_ends_close_is_reported() -> None:
    async with connected() as (receiver, far_end):
        far_end.conn.send_close(1001, "bye")
        await far_end.flush()
        await receiver.until(lambda: bool(receiver.closes))
        assert "1001" in receiver.closes[0]
        assert receiver.lost_because == []
        assert receiver.socket is not None
        receiver.socket.send([b"too late"])
        receiver.socket.close(1000, "")
        assert await far_end.close_code() == 1001


async def test_a_lost_connection_is_reported_once() -> None:
    async with connected() as (receiver, far_end):
        far_end.sock.close()
        await receiver.until(lambda: bool(receiver.lost_because))
        assert len(receiver.lost_because) == 1


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (b"\xc1\x85\0\0\0\0hello", 1002),  # a reserved bit: nothing was agreed on
        (b"\x80\x81\0\0\0\0x", 1002),  # a continuation of nothing
        (b"\x83\x80\0\0\0\0", 1002),  # no opcode
        (b"\x81\xff" + (70_000).to_bytes(8, "big") + bytes(4), 1009),  # too big, by what it announces
        (b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 70, 1009),  # fragments without end
        (b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 70 + b"\x80\x80\0\0\0\0\x81\x81\0\0\0\0x", 1009),
        (b"\x83\x80", 1002),  # what is wrong is not waited for
        (b"\x81\xff" + (70_000).to_bytes(8, "big"), 1009),
    ],
)
async def test_who_breaks_the_protocol_is_closed(raw: bytes, code: int) -> None:
    async with connected() as (receiver, far_end):
        await asyncio.get_running_loop().sock_sendall(far_end.sock, raw)
        assert await far_end.close_code() == code
        await receiver.until(lambda: bool(receiver.lost_because))
        assert receiver.messages == []


async def test_who_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNREAD_S", 0.2)
    async with connected() as (receiver, _):
        websocket = receiver.socket
        assert websocket is not None
        while websocket.writable:
            websocket.send([bytes(4_096)])
            await asyncio.sleep(0)
        await receiver.until(lambda: bool(receiver.lost_because))
        assert "not read" in receiver.lost_because[0]
        assert not websocket.writable


async def test_who_reads_again_is_written_to_again() -> None:
    async with connected() as (receiver, far_end):
        websocket = receiver.socket
        assert websocket is not None
        while websocket.writable:
            websocket.send([b"x" * 4_096])
            await asyncio.sleep(0)
        async with asyncio.timeout(WITHIN_S):
            while not websocket.writable:
                await far_end.read()
        assert receiver.lost_because == []


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /twilio/media HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /twilio/media HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
async def test_what_is_no_handshake_fails(request_head: bytes) -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    receiver = Receiver()
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: WebSocket(request_head, receiver.opened, receiver.on_failed), ours)
    with theirs:
        async with asyncio.timeout(WITHIN_S):
            assert (await loop.sock_recv(theirs, 1_000)).startswith(b"HTTP/1.1 4")
        await receiver.until(lambda: receiver.failed == 1)
    assert receiver.socket is None
