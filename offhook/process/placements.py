"""Which worker has which call."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from offhook.observe.refusals import Reason, Refusal
from offhook.process.messages import Watch
from offhook.process.worker_handle import WorkerHandle
from offhook.sip.events import IncomingCall

WORKER_GONE = Refusal(Reason.WORKER, "its worker is gone")


@dataclass(slots=True)
class Placement:
    """The worker that has a call. `invite` is kept until it is answered: another worker could still take it."""

    worker: WorkerHandle
    invite: IncomingCall | None
    is_leg: bool = False
    """Whether it is a call to another party, for one that is transferred."""
    trunk: str = ""
    host: str = ""
    """Where the call came from."""


class Placements:
    """All calls of a bot, by their handles."""

    def __init__(self) -> None:
        self._all: dict[str, Placement] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self.on_removed: list[Callable[[str], None]] = []
        """Called with each call that is over, or moves to another worker."""
        self.watched: frozenset[str] | None = None
        """The calls that somebody sees live, as reported to workers; None: nobody watches."""

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, call: object) -> bool:
        return call in self._all

    def __getitem__(self, call: str) -> Placement:
        return self._all[call]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def get(self, call: str) -> Placement | None:
        """The placement of a call, None for one that is not there."""
        return self._all.get(call)

    @property
    def callers(self) -> int:
        """How many came in over SIP."""
        return sum(bool(each.host) for each in self._all.values())

    def add(self, call: str, placement: Placement) -> None:
        """A worker has been given the call."""
        self._all[call] = placement
        self._empty.clear()
        if self.watched is not None:
            placement.worker.send(Watch(self.watched))  # the worker may have started after watching began

    def remove(self, call: str) -> None:
        """The worker no longer has it. Does nothing for a call that is not there."""
        placement = self._all.pop(call, None)
        if placement is not None:
            placement.worker.drop(call)
            for notify in self.on_removed:
                notify(call)
        if not self._all:
            self._empty.set()

    def send(self, call: str, message: object, fd: int | None = None) -> None:
        """To the worker of a call, if there is one; with a descriptor, which it gets a copy of."""
        if (placement := self._all.get(call)) is not None:
            placement.worker.send(message, fd)

    async def idle(self) -> None:
        """Wait until there are no calls."""
        await self._empty.wait()
