"""The calls of one process, whatever carries them: who is there, and when the last one is gone."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from offhook.records import EndedBy


class AnyCall(Protocol):
    """A call, whatever carries it. Its owner calls `Calls.over` when nothing of it is left."""

    handle: str

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End it from our side."""

    def dump(self) -> dict[str, object]:
        """The live state, for people."""


class Calls:
    """All calls of this process. `on_over(handle)` is called for every one that is gone."""

    def __init__(self, on_over: Callable[[str], None] | None = None) -> None:
        self._on_over = on_over
        self._all: dict[str, AnyCall] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, handle: str) -> bool:
        return handle in self._all

    def add(self, call: AnyCall) -> None:
        """One more; before anything can end it."""
        self._all[call.handle] = call
        self._empty.clear()

    def over(self, call: AnyCall) -> None:
        """One less."""
        if self._all.pop(call.handle, None) is not None and self._on_over is not None:
            self._on_over(call.handle)
        if not self._all:
            self._empty.set()

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End all of them."""
        for call in list(self._all.values()):
            call.hang_up(by, reason)

    async def idle(self) -> None:
        """Wait until there is none."""
        await self._empty.wait()

    def dump(self, most: int) -> list[dict[str, object]]:
        """The live state, for people, of the `most` oldest."""
        return [call.dump() for call in list(self._all.values())[:most]]
