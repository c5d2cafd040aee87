"""Real processes: forked on demand, and gone at the end."""

import os
import select
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from offhook.api.dialogs import bench_dialog
from offhook.process.channel import MAX_MESSAGE_BYTES, channel_pair, encode, receive_packet, send_packet
from offhook.process.fork_server import start_fork_server
from offhook.process.messages import Exited, Kill, Spawn, Started, WorkerSpec
from offhook.settings.config import Config

SPECS = [WorkerSpec(index, Config(), bench_dialog) for index in range(2)]


def echo(spec: WorkerSpec, sock: socket.socket) -> int:
    """A worker that says its number with everything, until the other side is gone."""
    sock.setblocking(True)
    while data := sock.recv(100):
        sock.send(b"%d:%b" % (spec.index, data))
    return 7


class Parent:
    def __init__(self) -> None:
        self.control, self.pid = start_fork_server(SPECS, echo)
        self.control.settimeout(10)
        self._buffer = bytearray(MAX_MESSAGE_BYTES)

    def spawn(self, index: int) -> tuple[socket.socket, int]:
        ours, its = channel_pair()
        ours.settimeout(10)
        with its:
            send_packet(self.control, encode(Spawn(index)), (its.fileno(),))
        born = self.next()
        assert isinstance(born, Started) and born.index == index
        return ours, born.pid

    def next(self) -> Any:
        return receive_packet(self.control, self._buffer)[0]

    def end(self) -> int:
        self.control.close()
        return os.waitpid(self.pid, 0)[1]


@pytest.fixture
def parent() -> Iterator[Parent]:
    one = Parent()
    yield one
    if one.control.fileno() >= 0:
        one.end()


def test_workers_are_forked_with_their_part_and_their_channel(parent: Parent) -> None:
    for index in (1, 0, 1):
        channel, pid = parent.spawn(index)
        with channel:
            channel.send(b"hello")
            assert channel.recv(100) == b"%d:hello" % index
        assert parent.next() == Exited(index, pid, 7)


def test_a_worker_that_stands_still_is_killed(parent: Parent) -> None:
    channel, pid = parent.spawn(0)
    with channel:
        os.kill(pid, signal.SIGSTOP)
        send_packet(parent.control, encode(Kill(pid)))
        assert parent.next() == Exited(0, pid, -signal.SIGKILL)
        assert channel.recv(100) == b""  # nobody else has the other end
    send_packet(parent.control, encode(Kill(pid)))  # another process may have the number by now
    with parent.spawn(0)[0] as again:
        again.send(b"x")
        assert again.recv(100) == b"0:x"


def test_signals_to_the_whole_group_end_nobody(parent: Parent) -> None:
    channel, pid = parent.spawn(0)
    with channel:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(parent.pid, number)
            os.kill(pid, number)
        channel.send(b"x")
        assert channel.recv(100) == b"0:x"
        assert select.select((parent.control,), (), (), 0)[0] == []


def test_without_its_supervisor_it_ends_when_its_workers_have(parent: Parent) -> None:
    channel, _ = parent.spawn(0)
    channel.close()
    assert parent.end() == 0
