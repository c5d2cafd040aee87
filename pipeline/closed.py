"""What callbacks become when their object is closed: their owner refers to it, and would be kept alive by them."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def ignore(*_what: object) -> None:
    """Do nothing."""


def run_nothing(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """Nothing runs any more: RuntimeError."""
    work.close()
    raise RuntimeError("the call is over: nothing is said any more")
