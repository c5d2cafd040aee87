"""The calls of one process, over all carriers."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from offhook.records import EndedBy


class AnyCall(Protocol):
    """A call over any carrier. Its owner calls `Calls.over` once everything is released."""

    handle: str

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End it from our side."""

    def dump(self) -> dict[str, object]:
        """The live state, for people."""


class Calls:
    """All calls of this process. `on_over(handle)` is called for each that is over."""

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
        """Add a call, before anything can end it."""
        self._all[call.handle] = call
        self._empty.clear()

    def over(self, call: AnyCall) -> None:
        """Remove a call."""
        if self._all.pop(call.handle, None) is not None and self._on_over is not None:
            self._on_over(call.handle)
        if not self._all:
            self._empty.set()

    def moved(self, call: AnyCall, before: str) -> None:
        """The call has another handle than `before`, which is over."""
        if self._all.pop(before, None) is not None:
            self._all[call.handle] = call
            self.ended(before)

    def ended(self, handle: str) -> None:
        """A handle that is no call here any more, or never was."""
        if self._on_over is not None:
            self._on_over(handle)

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End all calls."""
        for call in list(self._all.values()):
            call.hang_up(by, reason)

    async def idle(self) -> None:
        """Wait until there are none."""
        await self._empty.wait()

    def dump(self, most: int) -> list[dict[str, object]]:
        """The live state of the `most` oldest calls, for people."""
        return [call.dump() for call in list(self._all.values())[:most]]
