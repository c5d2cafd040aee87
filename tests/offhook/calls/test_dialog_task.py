"""A dialog's work, until the end of its call."""

import asyncio

import pytest

from offhook.api.call_ended import CallEnded
from offhook.calls.dialog_task import EndsWithCall, is_call_ended


async def fails_in_a_moment() -> None:
    await asyncio.sleep(0)
    raise KeyError("a bug")


async def test_what_the_work_waits_for_may_fail_and_the_work_handles_it() -> None:
    seen: list[str] = []

    async def work() -> None:
        for failing in (asyncio.ensure_future(fails_in_a_moment()), asyncio.to_thread(int, "x")):
            try:
                await failing
            except (KeyError, ValueError) as error:
                seen.append(type(error).__name__)
        seen.append(await asyncio.wait_for(asyncio.sleep(0, "result"), 1))

    await EndsWithCall(work(), lambda: False)
    assert seen == ["KeyError", "ValueError", "result"]


async def test_what_the_work_raises_comes_out_of_it() -> None:
    with pytest.raises(KeyError):
        await EndsWithCall(fails_in_a_moment(), lambda: False)


async def test_while_the_call_goes_on_a_cancellation_is_one() -> None:
    task = asyncio.ensure_future(_until(EndsWithCall(asyncio.sleep(10), lambda: False)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_end_of_the_call_comes_once_and_then_a_cancellation_is_one() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        except CallEnded:
            seen.append("ended")
        async with asyncio.timeout(5):
            await asyncio.sleep(0.01)
        seen.append("saved")
        await asyncio.sleep(10)

    task = asyncio.ensure_future(_until(EndsWithCall(work(), lambda: True)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.05)
    assert seen == ["ended", "saved"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_is_never_finished_is_closed() -> None:
    closed: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            closed.append("closed")

    waiting = EndsWithCall(work(), lambda: False).__await__()
    next(waiting)
    waiting.close()
    assert closed == ["closed"]


def test_only_the_end_of_the_call_is_that() -> None:
    assert is_call_ended(CallEnded())
    assert is_call_ended(ExceptionGroup("tasks", [CallEnded(), ExceptionGroup("more", [CallEnded()])]))
    assert not is_call_ended(ExceptionGroup("tasks", [CallEnded(), KeyError("a bug")]))


async def _until(work: EndsWithCall) -> None:
    await work
