"""Starts and ends the members of a chain; those that fail to start are tried again, while the others work."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Generic

from offhook.pipeline.chain.member import E, Member
from offhook.pipeline.errors import EngineError

FIRST_RETRY_S = 5.0
MAX_RETRY_S = 60.0


class Lifecycle(Generic[E]):
    """The members' start and end."""

    def __init__(self, members: Sequence[Member[E]]) -> None:
        self._members = members
        self._retries: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start all at once. A chain works with those that start; raises the first's EngineError if none does."""
        await asyncio.gather(*(self._start(member) for member in self._members))
        problems = [member.problem for member in self._members]
        if (first := problems[0]) is not None and None not in problems:
            raise first
        for member in self._members:
            if member.problem is not None:
                retry = asyncio.create_task(self._retry(member))
                self._retries.add(retry)
                retry.add_done_callback(self._retries.discard)

    async def close(self) -> None:
        """End all. Idempotent."""
        for retry in tuple(self._retries):
            retry.cancel()
            with suppress(asyncio.CancelledError):
                await retry
        await asyncio.gather(*(member.engine.close() for member in self._members))

    async def _start(self, member: Member[E]) -> None:
        try:
            await member.engine.start()
            member.problem = None
        except EngineError as error:
            member.problem = error

    async def _retry(self, member: Member[E]) -> None:
        wait_s = FIRST_RETRY_S
        while member.problem is not None:
            await asyncio.sleep(wait_s)
            wait_s = min(MAX_RETRY_S, 2 * wait_s)
            await self._start(member)
