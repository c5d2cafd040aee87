"""A thread that looks through calls that are over, one after the other, while the others go on."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Analyst:
    """`with`. Work waits for the work before it: side by side all of it would only be later."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "analyst")

    def __enter__(self) -> "Analyst":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    async def do(self, work: Callable[[], T]) -> T:
        """Its result, when it is its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
