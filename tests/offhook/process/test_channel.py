"""Messages and descriptors between processes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offhook.process.channel import MAX_MESSAGE_BYTES, MAX_QUEUED, Channel, MessageTooLongError, channel_pair


class End:
    """One end, and what it received."""

    def __init__(self, sock: socket.socket) -> None:
        self.messages: list[Any] = []
        self.fds: list[int] = []
        self.came = asyncio.Event()
        self.gone = asyncio.Event()
        self.channel = Channel(sock, self._take, self.gone.set)

    def _take(self, message: Any, fds: list[int]) -> None:
        self.messages.append(message)
        self.fds += fds
        self.came.set()
        if message == "fail":
            raise RuntimeError("a bug")

    async def until(self, count: int) -> list[Any]:
        async with asyncio.timeout(10):
            while len(self.messages) < count:
                self.came.clear()
                await self.came.wait()
        return self.messages


@pytest.fixture
async def ends() -> AsyncIterator[tuple[End, End]]:
    left, right = (End(sock) for sock in channel_pair())
    yield left, right
    left.channel.close()
    right.channel.close()


async def test_values_come_as_they_were_sent_and_in_order(ends: tuple[End, End]) -> None:
    left, right = ends
    sent = [("a", 1), {"b": b"\0" * 100_000}, None, [1.5]]
    for message in sent:
        left.channel.send(message)
    right.channel.send("back")
    assert await right.until(4) == sent
    assert await left.until(1) == ["back"]


async def test_a_descriptor_comes_along_and_the_sender_keeps_its_own(ends: tuple[End, End]) -> None:
    left, right = ends
    ours, its = socket.socketpair()
    with ours, its:
        left.channel.send("socket", (its.fileno(),))
        await right.until(1)
        (fd,) = right.fds
        with socket.socket(fileno=fd) as received:
            received.sendall(b"hello")
        assert ours.recv(10) == b"hello"
        its.sendall(b"still here")
        assert ours.recv(10) == b"still here"


async def test_what_the_other_side_does_not_read_waits(ends: tuple[End, End]) -> None:
    left, right = ends
    read, write = os.pipe()
    for number in range(3_000):
        left.channel.send((number, b"x" * 1_000), (write,) if number == 2_999 else ())
    os.close(write)  # the queue has its own
    messages = await right.until(3_000)
    assert [number for number, _ in messages] == list(range(3_000))
    os.write(right.fds[0], b"!")
    assert os.read(read, 1) == b"!"
    os.close(read)
    os.close(right.fds[0])


async def test_who_never_reads_is_taken_for_dead() -> None:
    sock, other = channel_pair()
    with other:
        end = End(sock)
        for _ in range(MAX_QUEUED + 5_000):
            end.channel.send("x")
            if end.channel.closed:
                break
        assert end.gone.is_set()
        end.channel.send("more")  # is ignored


async def test_a_message_that_no_packet_can_carry(ends: tuple[End, End]) -> None:
    left, right = ends
    with pytest.raises(MessageTooLongError):
        left.channel.send(b"x" * MAX_MESSAGE_BYTES)
    left.channel.send(b"x" * (MAX_MESSAGE_BYTES - 100))
    assert len((await right.until(1))[0]) == MAX_MESSAGE_BYTES - 100


async def test_a_handler_that_fails_does_not_end_the_channel(ends: tuple[End, End]) -> None:
    left, right = ends
    left.channel.send("fail")
    left.channel.send("next")
    assert await right.until(2) == ["fail", "next"]
    assert not right.channel.closed


async def test_the_end_of_the_other_side_is_noticed_after_its_last_words(ends: tuple[End, End]) -> None:
    left, right = ends
    left.channel.send("goodbye")
    left.channel.close()
    left.channel.close()
    await asyncio.wait_for(right.gone.wait(), 5)
    assert right.messages == ["goodbye"]
    assert not left.gone.is_set()


async def test_the_last_words_of_one_who_has_not_read_everything(ends: tuple[End, End]) -> None:
    left, right = ends
    right.channel.send("unread")
    left.channel.send("last")
    left.channel.send("words")
    left.channel.close()
    await asyncio.wait_for(right.gone.wait(), 5)
    assert right.messages == ["last", "words"]
    assert left.messages == []


async def test_what_is_sent_to_nobody_does_not_hide_what_somebody_said(ends: tuple[End, End]) -> None:
    left, right = ends
    left.channel.send("last words")
    left.channel.close()
    for number in range(3):
        right.channel.send(number)
    await asyncio.wait_for(right.gone.wait(), 5)
    assert right.messages == ["last words"]
