"""Blocking work in a thread of its own, for what may hang: nothing else waits for it, nor does the process's end."""

import asyncio
import errno
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

MAX_AT_ONCE = 64
"""Threads of one name: what hangs must not take all that the system has from calls."""

_running = Counter[str]()
_lock = threading.Lock()


def in_own_thread(work: Callable[[], T], name: str) -> "asyncio.Future[T]":
    """What `work` returns or raises, or OSError (EAGAIN) where there are no more threads. Who cancels the future does
    not end the thread."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  # it is passed on
            _forget(name)
            future.set_exception(error)
        else:
            _forget(name)
            future.set_result(result)

    try:
        _start(run, name)
    except OSError as error:
        future.set_exception(error)
    return asyncio.wrap_future(future)


def _start(run: Callable[[], None], name: str) -> None:
    """Raises OSError."""
    with _lock:
        if _running[name] >= MAX_AT_ONCE:
            raise OSError(errno.EAGAIN, f"all {MAX_AT_ONCE} threads for {name} are busy")
        _running[name] += 1
    try:
        threading.Thread(target=run, name=f"offhook-{name}", daemon=True).start()
    except RuntimeError:
        _forget(name)
        raise OSError(errno.EAGAIN, "the system has no more threads") from None


def _forget(name: str) -> None:
    with _lock:
        _running[name] -= 1
