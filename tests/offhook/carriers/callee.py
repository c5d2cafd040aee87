"""Whoever is called: a user agent on loopback, whose answers a test chooses; and its silent media."""

import asyncio
import itertools
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from offhook.sip.commands import Answer, Bye, Reject, Ring
from offhook.sip.events import CallCancelled, CallConfirmed, CallEnded, Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.negotiate import LocalMedia, answer_offer
from offhook.sip.sdp.parser import parse

HOST = "127.0.0.1"

Says = Callable[["Callee", IncomingCall], None]


class Callee:
    """Takes calls. `says` decides about each; by default it rings and answers."""

    def __init__(self) -> None:
        self.says: Says = answers
        self.invites: list[IncomingCall] = []
        self.events: list[Event] = []
        self.news = asyncio.Event()
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind((HOST, 0))
        self.media.setblocking(False)
        self.endpoint: Endpoint | None = None

    @property
    def address(self) -> Address:
        assert self.endpoint is not None
        return self.endpoint.address

    def do(self, command: Answer | Bye | Reject | Ring) -> None:
        assert self.endpoint is not None
        self.endpoint.do(command)

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self.news.set()
        if isinstance(event, IncomingCall):
            self.invites.append(event)
            self.says(self, event)

    async def until(self, kind: type[Event]) -> Event:
        async with asyncio.timeout(5):
            while not (found := [event for event in self.events if isinstance(event, kind)]):
                self.news.clear()
                await self.news.wait()
        return found[0]

    async def send_silence(self) -> None:
        """RTP of a caller who says nothing, once there is an INVITE; until it is cancelled."""
        while not self.invites:
            self.news.clear()
            await self.news.wait()
        sdp = self.invites[0].sdp
        assert sdp is not None
        target = (HOST, parse(sdp).media[0].port)
        for number in itertools.count():
            header = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, 160 * number, 4711)
            self.media.sendto(header + b"\xff" * 160, target)
            await asyncio.sleep(0.02)

    def answer(self, event: IncomingCall) -> None:
        assert event.sdp is not None
        local = LocalMedia(HOST, self.media.getsockname()[1], 1, 1)
        self.do(Answer(event.call, answer_offer(event.sdp, local)[0]))


def answers(callee: Callee, event: IncomingCall) -> None:
    callee.do(Ring(event.call))
    callee.answer(event)


def rings(callee: Callee, event: IncomingCall) -> None:
    callee.do(Ring(event.call))


def refuses(status: int, *headers: tuple[str, str], reason: str | None = None) -> Says:
    return lambda callee, event: callee.do(Reject(event.call, status, headers, reason))


@asynccontextmanager
async def callee() -> AsyncIterator[Callee]:
    one = Callee()
    one.endpoint = await Endpoint.open(HOST, 0, one.on_event, tcp=True)
    try:
        yield one
    finally:
        one.endpoint.close()
        one.media.close()


__all__ = ["HOST", "CallCancelled", "CallConfirmed", "CallEnded", "Callee", "answers", "callee", "refuses", "rings"]
