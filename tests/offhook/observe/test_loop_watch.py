import asyncio
import threading
import time
import traceback
from types import FrameType

import pytest
from structlog.testing import capture_logs

from offhook.observe.loop_watch import BEAT_S, STUCK_S, LoopWatch


async def test_a_blocked_loop_is_noticed() -> None:
    reported: list[float] = []
    watch = LoopWatch(reported.append)
    watch.start()
    await asyncio.sleep(2.5 * BEAT_S)
    calm = list(reported)
    time.sleep(0.5)  # noqa: ASYNC251 - a blocked loop is what is tested
    assert watch.lag_s > 0.3
    await asyncio.sleep(1.5 * BEAT_S)
    watch.stop()
    assert calm
    assert max(reported) > 0.3
    assert watch.lag_s == max(reported)
    assert watch.health().alive


async def test_the_stack_of_a_blocked_loop_is_logged_while_it_is_blocked() -> None:
    stalls: list[float] = []
    watch = LoopWatch(on_stall=lambda: stalls.append(time.monotonic()))
    watch.start()
    await asyncio.sleep(2.5 * BEAT_S)
    with capture_logs() as logged:
        began = time.monotonic()
        a_careless_plug_in()
        ended = time.monotonic()
    watch.stop()
    assert len(stalls) == 1
    assert began < stalls[0] < ended
    (line,) = [entry for entry in logged if entry["event"] == "the event loop is stalled"]
    assert "a_careless_plug_in" in line["where"]


class Held:
    """Says in which thread it was freed."""

    def __init__(self, freed_in: asyncio.Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._freed_in = freed_in

    def __del__(self) -> None:
        self._loop.call_soon_threadsafe(self._freed_in.set_result, threading.get_ident())


async def test_what_a_blocked_loop_held_is_freed_in_its_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """PJSIP's objects end the process in any other."""
    looking, over = threading.Event(), threading.Event()
    freed_in = asyncio.get_running_loop().create_future()

    def format_stack(frame: FrameType, _: int) -> list[str]:
        assert list(traceback.walk_stack(frame))
        looking.set()
        over.wait()
        return []

    def hold() -> None:
        held = Held(freed_in)
        looking.wait()
        assert held

    monkeypatch.setattr("traceback.format_stack", format_stack)
    watch = LoopWatch(on_stall=lambda: None)
    watch.start()
    await asyncio.sleep(2.5 * BEAT_S)
    hold()
    over.set()
    async with asyncio.timeout(10):
        assert await freed_in == threading.get_ident()
    watch.stop()


async def test_a_loop_that_runs_has_no_stack_to_show() -> None:
    stalls: list[float] = []
    watch = LoopWatch(on_stall=lambda: stalls.append(time.monotonic()))
    watch.start()
    for _ in range(10):
        await asyncio.sleep(BEAT_S)
    watch.stop()
    assert stalls == []


def a_careless_plug_in() -> None:
    time.sleep(0.3)


async def test_stopping_may_be_repeated() -> None:
    reported: list[float] = []
    watch = LoopWatch(reported.append)
    assert watch.lag_s == 0
    watch.start()
    watch.start()
    watch.stop()
    watch.stop()
    await asyncio.sleep(1.5 * BEAT_S)
    assert reported == []


def test_a_loop_that_stood_still_too_long_is_not_alive() -> None:
    loop = JumpingLoop()
    watch = LoopWatch()

    async def run() -> None:
        watch.start()
        loop.jump_s = STUCK_S + 1
        await asyncio.sleep(0)
        health = watch.health()
        watch.stop()
        assert not health.alive
        assert "was stalled" in health.why
        assert health.loop_lag_s > STUCK_S

    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock can be advanced."""

    jump_s = 0.0

    def time(self) -> float:
        return super().time() + self.jump_s
