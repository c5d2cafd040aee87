"""The 49 messages of RFC 4475 over real sockets: by UDP and by TCP, each to a user agent that goes on afterwards."""

import asyncio
import os
import re
import socket

import pytest

from offhook.sip.events import Event, IncomingCall
from offhook.sip.message.message import Response
from offhook.sip.message.parser import parse
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.framing import StreamFramer
from tests.sip.dialog.harness import Message
from tests.sip.test_rfc4475 import ANSWERS, MESSAGES, SILENCE

ALIVE_S = 0.1
ALIVE = Message("OPTIONS", branch="z9hG4bKalive", call_id="alive")

BY_TCP: dict[str, tuple[frozenset[int], str]] = {
    "clerr": (SILENCE, "a stream goes on: the rest of the body may still come"),
    "dblreq": (
        frozenset({405, 400}),
        "what follows a message in a stream is the next one, here an INVITE without a Contact",
    ),
    "mcl01": (SILENCE, "where it ends is unknown, and so what follows it: the connection is closed"),
}
"""What differs by TCP, and why (RFC 3261 §18.3)."""


def peer_host(number: int) -> str:
    """A loopback address that no other test's process has: answers go to the port of the Via, which is often 5060."""
    return f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250}.{number + 1}"


def via_port(message: bytes) -> int:
    """Where the answer goes (RFC 3261 §18.2.2); a Via that cannot be read has the answer sent to the source."""
    found = re.search(rb"^(?:via|v)[ \t]*:[^\r\n;,]*:(\d+)", message, re.IGNORECASE | re.MULTILINE)
    return int(found[1]) if found else 5060


def statuses(answers: list[bytes]) -> frozenset[int]:
    parsed = [parse(answer) for answer in answers]
    assert all(isinstance(answer, Response) for answer in parsed)
    return frozenset(answer.status for answer in parsed if isinstance(answer, Response))


@pytest.mark.parametrize("name", ANSWERS)
async def test_by_udp(name: str) -> None:
    loop = asyncio.get_running_loop()
    message = (MESSAGES / f"{name}.dat").read_bytes()
    host, events = peer_host(list(ANSWERS).index(name)), list[Event]()
    bot = await Endpoint.open("127.0.0.1", 0, events.append)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((host, via_port(message)))
        peer.setblocking(False)
        await loop.sock_sendto(peer, message, (bot.address.host, bot.address.port))
        await loop.sock_sendto(peer, bytes(ALIVE), (bot.address.host, bot.address.port))
        answers: list[bytes] = []
        async with asyncio.timeout(5):
            while not any(b"z9hG4bKalive" in answer for answer in answers):
                answers.append(await loop.sock_recv(peer, 65_536))
    bot.close()
    assert statuses(answers[-1:]) == {200}
    assert statuses(answers[:-1]) == ANSWERS[name]
    assert len([event for event in events if isinstance(event, IncomingCall)]) == (100 in ANSWERS[name])


@pytest.mark.parametrize("name", ANSWERS)
async def test_by_tcp(name: str) -> None:
    expected = BY_TCP.get(name, (ANSWERS[name], ""))[0]
    events = list[Event]()
    bot = await Endpoint.open("127.0.0.1", 0, events.append, tcp=True)
    # The end of our side of the stream tells the end of its answers.
    answers = await asyncio.wait_for(said(bot, (MESSAGES / f"{name}.dat").read_bytes()), 5)
    alive = await asyncio.wait_for(said(bot, bytes(ALIVE)), 5)
    bot.close()
    assert statuses(answers) == expected
    assert statuses(alive) == {200}
    assert len([event for event in events if isinstance(event, IncomingCall)]) == (100 in expected)


@pytest.mark.parametrize("name", BY_TCP)
def test_a_difference_by_tcp_is_one(name: str) -> None:
    assert BY_TCP[name][0] != ANSWERS[name]


@pytest.mark.alone
async def test_the_next_request_is_answered_in_time() -> None:
    loop = asyncio.get_running_loop()
    bot = await Endpoint.open("127.0.0.1", 0, lambda event: None)
    slowest = 0.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((peer_host(len(ANSWERS)), 5060))
        peer.setblocking(False)
        for path in sorted(MESSAGES.glob("*.dat")):
            begun = loop.time()
            for data in (path.read_bytes(), bytes(ALIVE)):
                await loop.sock_sendto(peer, data, (bot.address.host, bot.address.port))
            async with asyncio.timeout(5):
                while b"z9hG4bKalive" not in await loop.sock_recv(peer, 65_536):
                    pass
            slowest = max(slowest, loop.time() - begun)
    bot.close()
    assert slowest < ALIVE_S


async def said(bot: Endpoint, data: bytes) -> list[bytes]:
    """What it answers to `data`, the whole of a connection."""
    reader, writer = await asyncio.open_connection(bot.address.host, bot.address.port)
    writer.write(data)
    writer.write_eof()
    answered = await reader.read()
    writer.close()
    return list(StreamFramer().take(answered))
