"""Threads for what may hang: how many there are, and what comes of the next."""

import asyncio
import threading

import pytest

from offhook import own_thread
from offhook.http_request import HttpRequest, HttpRequestError
from offhook.own_thread import MAX_AT_ONCE, in_own_thread


async def test_what_hangs_has_a_limit_of_its_own() -> None:
    release = threading.Event()
    hanging = [in_own_thread(release.wait, "test") for _ in range(MAX_AT_ONCE)]
    with pytest.raises(OSError, match="threads for test are busy"):
        await in_own_thread(release.wait, "test")
    assert await in_own_thread(lambda: 1, "other") == 1
    release.set()
    assert await asyncio.gather(*hanging) == [True] * MAX_AT_ONCE
    assert await in_own_thread(lambda: 2, "test") == 2


async def test_a_system_without_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", full)
        for _ in range(MAX_AT_ONCE + 1):
            with pytest.raises(OSError, match="no more threads"):
                await in_own_thread(lambda: 1, "full")
    assert await in_own_thread(lambda: 1, "full") == 1


async def test_a_request_may_be_tried_again_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_thread, "MAX_AT_ONCE", 0)
    with pytest.raises(HttpRequestError, match="are busy") as failed:
        await HttpRequest("https://example.com/").send({})
    assert failed.value.again == "harmless"
