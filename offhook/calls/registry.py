"""The calls of one process: who is there, what the signalling tells them, and when the last one is gone."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from offhook.calls.conversation import Services
from offhook.carriers.sip_call import InboundCall, SipResources
from offhook.records import EndedBy
from offhook.sip.commands import CommandFailed
from offhook.sip.events import (
    CallCancelled,
    CallConfirmed,
    CallEnded,
    Event,
    IncomingCall,
    PeerMoved,
    ReinviteConfirmed,
    ReinviteReceived,
)


class AnyCall(Protocol):
    """A call, whatever carries it. Its owner calls `Calls.over` when nothing of it is left."""

    handle: str

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End it from our side."""

    def dump(self) -> dict[str, object]:
        """The live state, for people."""


class Calls:
    """All calls of this process. `on_over(handle)` is told of every one that is gone."""

    def __init__(self, services: Services, trunk: SipResources, on_over: Callable[[str], None] | None = None) -> None:
        self.services = services
        self._trunk = trunk
        self._on_over = on_over
        self._all: dict[str, AnyCall] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, handle: str) -> bool:
        return handle in self._all

    def add(self, call: AnyCall) -> None:
        """One more; to be called before anything can end it."""
        self._all[call.handle] = call
        self._empty.clear()

    def over(self, call: AnyCall) -> None:
        """One less."""
        if self._all.pop(call.handle, None) is not None and self._on_over is not None:
            self._on_over(call.handle)
        if not self._all:
            self._empty.set()

    def on_event(self, event: Event | CommandFailed) -> None:
        """What the user agent tells: a new call, or something about one of ours; others are not ours any more."""
        if isinstance(event, IncomingCall):
            new = InboundCall(self.services, self._trunk, event, self.over)
            self.add(new)
            new.accept()
            return
        call = self._all.get(event.call)
        if not isinstance(call, InboundCall):
            return
        match event:
            case CallConfirmed(sdp=sdp) | ReinviteConfirmed(sdp=sdp):
                call.confirmed(sdp)
            case CallCancelled():
                call.cancelled()
            case PeerMoved(source=source):
                call.moved(source)
            case ReinviteReceived(sdp=sdp):
                call.reinvited(sdp)
            case CallEnded(cause=cause):
                call.ended(cause)
            case CommandFailed():
                call.command_failed(event)

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End all of them."""
        for call in list(self._all.values()):
            call.hang_up(by, reason)

    async def idle(self) -> None:
        """Wait until there is none."""
        await self._empty.wait()

    def dump(self) -> list[dict[str, object]]:
        """The live state, for people."""
        return [call.dump() for call in self._all.values()]
