"""Blocking work in a thread of its own, for what may hang: nothing else waits for it, nor does the process's end."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_own_thread(work: Callable[[], T], name: str) -> "asyncio.Future[T]":
    """What `work` returns or raises. Who cancels the future does not end the thread."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  # it is passed on
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=f"offhook-{name}", daemon=True).start()
    return asyncio.wrap_future(future)
