"""A supervisor whose workers are scripted, and a caller without media."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from offhook.observe.metrics import Metrics
from offhook.observe.metrics_snapshot import snapshot
from offhook.process.channel import Channel, channel_pair
from offhook.process.messages import (
    Ask,
    Kill,
    Quit,
    Ready,
    Reply,
    Report,
    Spawn,
    Started,
    Topic,
)
from offhook.process.supervisor import Supervisor
from offhook.process.worker_source import ForkedWorkers
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Invite
from offhook.sip.events import Event, IncomingCall
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.negotiate import LocalMedia, make_offer

HOST = "127.0.0.1"


FREE = Report(calls=0, cpu=0.0, lag_s=0.0, lag_max_s=0.0, late_ticks=0, room=100, ports=100)


class Worker:
    """The worker's end of a channel."""

    def __init__(self, index: int, sock: socket.socket, first: object) -> None:
        self.index = index
        self.reported: list[Any] = []
        self.news = asyncio.Event()
        self.metrics = Metrics(alone=False)
        self.mute = False
        self.channel = Channel(sock, self._take, lambda: None)
        self.channel.send(FREE)
        self.channel.send(first)

    def _take(self, message: Any, fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)
        self.reported.append(message)
        self.news.set()
        if isinstance(message, Ask) and not self.mute:
            metrics = message.topic is Topic.METRICS
            self.channel.send(Reply(message.number, snapshot(self.metrics.registry) if metrics else {"calls": []}))
        if isinstance(message, Quit):
            self.channel.close()

    async def until(self, kind: type[Any], count: int = 1) -> Any:
        async with asyncio.timeout(5):
            while len(found := [message for message in self.reported if isinstance(message, kind)]) < count:
                self.news.clear()
                await self.news.wait()
        return found[count - 1]


class ForkServer:
    """Makes workers, of this process."""

    def __init__(self) -> None:
        self.supervisors_end, ours = channel_pair()
        self.workers: list[Worker] = []
        self.killed: list[int] = []
        self.first: object = Ready()
        self.made = asyncio.Event()
        self.channel = Channel(ours, self._take, lambda: None)

    def _take(self, message: Any, fds: list[int]) -> None:
        if isinstance(message, Spawn):
            (fd,) = fds
            self.workers.append(Worker(message.index, socket.socket(fileno=fd), self.first))
            self.channel.send(Started(message.index, 1_000_000 + len(self.workers)))
            self.made.set()
        elif isinstance(message, Kill):
            self.killed.append(message.pid)

    async def until(self, count: int) -> Worker:
        async with asyncio.timeout(5):
            while len(self.workers) < count:
                self.made.clear()
                await self.made.wait()
        return self.workers[count - 1]


class Phone:
    """A caller's user agent, without media."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.endpoint: Endpoint | None = None

    async def call(self, supervisor: Supervisor) -> str:
        if self.endpoint is None:
            self.endpoint = await Endpoint.open(HOST, 0, self.events.put_nowait)
        offer, target = make_offer(LocalMedia(HOST, 40_000, 1, 1)), supervisor.sip_address
        return self.endpoint.do(Invite(f"sip:bot@{target}", offer, destination=target))

    async def event(self) -> Event:
        return await asyncio.wait_for(self.events.get(), 5)


Start = Callable[..., Any]


@pytest.fixture
async def forker() -> AsyncIterator[ForkServer]:
    one = ForkServer()
    yield one
    for worker in one.workers:
        worker.channel.close()
    one.channel.close()


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    one = Phone()
    yield one
    if one.endpoint is not None:
        one.endpoint.close()


@pytest.fixture
async def start(forker: ForkServer, tmp_path: Path) -> AsyncIterator[Start]:
    made: list[Supervisor] = []

    async def begin(
        workers: int = 2,
        trunks: dict[str, object] | None = None,
        transfer: dict[str, object] | None = None,
        **calls: object,
    ) -> Supervisor:
        sections: dict[str, dict[str, object]] = {
            "trunks": trunks or {},
            "transfer": transfer or {},
            "sip": {"host": HOST, "port": 0},
            "http": {"enabled": False},
            "records": {"dir": tmp_path},
            "calls": calls,
        }
        supervisor = Supervisor(Config.load(None, sections), ForkedWorkers(forker.supervisors_end), workers)
        made.append(supervisor)
        await supervisor.start()
        return supervisor

    yield begin
    for supervisor in made:
        await supervisor.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for an effect that no message reports."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 5 s")


def answer(event: IncomingCall) -> Answer:
    return Answer(event.call, make_offer(LocalMedia(HOST, 41_000, 1, 1)))
