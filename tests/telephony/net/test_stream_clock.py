import asyncio
from typing import Any

from offhook.telephony.net.stream_clock import PERIOD_S, StreamClock

WITHIN_S = 5.0


class Member:
    """Notes when it is called; may do something then."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.called = asyncio.Event()

    def tick(self, now: float) -> None:
        self.times.append(now)
        self.called.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WITHIN_S):
            while len(self.times) < count:
                self.called.clear()
                await self.called.wait()


async def test_all_are_called_at_the_same_points() -> None:
    clock, one, other = StreamClock(), Member(), Member()
    clock.join(one.tick)
    await one.until(1)
    clock.join(other.tick)
    clock.join(other.tick)
    await other.until(3)
    assert other.times == one.times[1:]
    # However late single points are, there are no more of them than the time has room for.
    assert len(one.times) - 1 <= (one.times[-1] - one.times[0]) / PERIOD_S + 0.5
    clock.leave(one.tick)
    clock.leave(other.tick)


async def test_who_has_left_is_not_called() -> None:
    clock, one, other = StreamClock(), Member(), Member()

    def both_leave(now: float) -> None:
        clock.leave(both_leave)
        clock.leave(other.tick)
        clock.leave(other.tick)

    clock.join(both_leave)
    clock.join(other.tick)
    clock.join(one.tick)
    await one.until(2)
    assert other.times == []
    clock.leave(one.tick)


async def test_it_goes_on_when_somebody_joins_again() -> None:
    clock, one = StreamClock(), Member()
    clock.join(one.tick)
    await one.until(1)
    clock.leave(one.tick)
    clock.join(one.tick)
    await one.until(2)
    clock.leave(one.tick)


async def test_what_a_tick_raises_keeps_nobody_waiting() -> None:
    clock, one = StreamClock(), Member()
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def broken(now: float) -> None:
        raise ValueError("broken")

    clock.join(broken)
    clock.join(one.tick)
    await one.until(2)
    clock.leave(broken)
    clock.leave(one.tick)
    assert len(reported) >= 2
    assert {type(context["exception"]) for context in reported} == {ValueError}
