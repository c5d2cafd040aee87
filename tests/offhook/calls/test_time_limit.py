"""The longest time of a call, in virtual time."""

import asyncio

from offhook.calls.time_limit import TimeLimit
from offhook.testing.virtual_time import run


def test_pauses_do_not_count() -> None:
    async def play() -> list[float]:
        loop, expired = asyncio.get_running_loop(), list[float]()
        limit = TimeLimit(100, lambda: expired.append(loop.time()))
        await asyncio.sleep(40)
        limit.pause(True)
        limit.pause(True)
        await asyncio.sleep(1_000)
        limit.pause(False)
        limit.pause(False)
        await asyncio.sleep(59)
        assert expired == []
        await asyncio.sleep(10)
        return expired

    assert run(play()) == [1_100.0]


def test_a_cancelled_one_never_expires() -> None:
    async def play() -> list[float]:
        loop, expired = asyncio.get_running_loop(), list[float]()
        limit = TimeLimit(100, lambda: expired.append(loop.time()))
        limit.cancel()
        limit.pause(False)
        await asyncio.sleep(200)
        return expired

    assert run(play()) == []
