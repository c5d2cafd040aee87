"""The link between two calls: what passes, and how each learns of the other's end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import cast

import pytest

from offhook.calls.line import CallLine
from offhook.calls.link import MAX_UNREAD_BYTES, MAX_UNSENT, Link, LinkedTalk, Packet
from offhook.testing.simulated_line import SimulatedLine

WITHIN_S = 10.0


class End:
    """One end, and what has come there."""

    def __init__(self, fd: int) -> None:
        self.came: asyncio.Queue[tuple[Packet, bytes]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.link = Link(fd, lambda packet, data: self.came.put_nowait((packet, data)), self.gone.set)

    async def next(self) -> tuple[Packet, bytes]:
        return await asyncio.wait_for(self.came.get(), WITHIN_S)


class Line(SimulatedLine):
    """Remembers the keys that it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.sent_keys: list[str] = []

    def send_dtmf(self, keys: str) -> None:
        self.sent_keys.append(keys)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[End, End]]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ends = End(one.detach()), End(other.detach())
    yield ends
    for end in ends:
        end.link.close()


async def test_packets_come_as_they_were_sent(ends: tuple[End, End]) -> None:
    one, other = ends
    one.link.send(Packet.HERE, b"16000")
    one.link.send(Packet.AUDIO, bytes(1_920))
    other.link.send(Packet.JOINED)
    assert [await other.next(), await other.next()] == [(Packet.HERE, b"16000"), (Packet.AUDIO, bytes(1_920))]
    assert await one.next() == (Packet.JOINED, b"")


async def test_what_was_sent_before_the_end_still_comes(ends: tuple[End, End]) -> None:
    one, other = ends
    one.link.send(Packet.KEY, b"5")
    one.link.close()
    assert await other.next() == (Packet.KEY, b"5")
    await asyncio.wait_for(other.gone.wait(), WITHIN_S)
    other.link.send(Packet.KEY, b"6")  # does nothing
    assert not one.gone.is_set()


async def test_a_far_end_that_does_not_read_loses_audio_and_nothing_waits(ends: tuple[End, End]) -> None:
    one, other = ends
    sent = 4 * MAX_UNREAD_BYTES // 640
    for _ in range(sent):
        one.link.send(Packet.AUDIO, bytes(640))
    one.link.close()
    await asyncio.wait_for(other.gone.wait(), WITHIN_S)
    assert 0 < other.came.qsize() < sent


async def test_what_is_no_audio_waits_for_a_far_end_that_does_not_read(ends: tuple[End, End]) -> None:
    one, other = ends
    for _ in range(4 * MAX_UNREAD_BYTES // 640):
        one.link.send(Packet.AUDIO, bytes(640))
    one.link.send(Packet.KEY, b"5")
    one.link.send(Packet.AUDIO, bytes(640))  # would come before its time
    one.link.send(Packet.KEY, b"6")
    came: list[tuple[Packet, bytes]] = []
    while len(keys := [data for packet, data in came if packet is Packet.KEY]) < 2:
        came.append(await other.next())
    assert keys == [b"5", b"6"] and came[-2] == (Packet.KEY, b"5")
    one.link.send(Packet.AUDIO, bytes(320))
    assert await other.next() == (Packet.AUDIO, bytes(320))


async def test_a_far_end_that_reads_nothing_for_too_long_is_taken_for_gone(ends: tuple[End, End]) -> None:
    one, other = ends
    for _ in range(4 * MAX_UNREAD_BYTES // 640):
        one.link.send(Packet.AUDIO, bytes(640))
    for _ in range(MAX_UNSENT):
        one.link.send(Packet.KEY, b"5")
    assert not one.gone.is_set()
    one.link.send(Packet.KEY, b"6")
    one.link.send(Packet.KEY, b"7")
    await asyncio.wait_for(one.gone.wait(), WITHIN_S)
    await asyncio.wait_for(other.gone.wait(), WITHIN_S)


async def test_audio_and_keys_pass_to_the_line_of_the_other(ends: tuple[End, End]) -> None:
    one, other = ends
    line = Line()
    talk = LinkedTalk(cast(CallLine, line), one.link, 8_000, lambda key: key == "*")
    for key in "5*6":
        line.press(key)
    assert [await other.next(), await other.next()] == [(Packet.KEY, b"5"), (Packet.KEY, b"6")]
    for _ in range(6):
        talk.receive(Packet.AUDIO, bytes(320))
    talk.receive(Packet.KEY, b"9")
    assert line.queued_ticks > 0 and line.sent_keys == ["9"]
    talk.close()
    assert line.queued_ticks == 0
    talk.receive(Packet.KEY, b"8")
    line.press("7")
    one.link.close()
    await asyncio.wait_for(other.gone.wait(), WITHIN_S)
    assert line.sent_keys == ["9"] and other.came.empty()
