import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest

from offhook.telephony.net.clock import MediaClock

TIMEOUT_S = 5.0


class Recorder:
    """Stays for `ticks` ticks and notes when they came."""

    def __init__(self, ticks: int, on_tick: Callable[[int], None] | None = None) -> None:
        self.times: list[float] = []
        self.given: list[float] = []
        self.done = asyncio.Event()
        self._ticks = ticks
        self._on_tick = on_tick

    def __call__(self, now: float) -> bool:
        self.times.append(time.monotonic())
        self.given.append(now)
        if self._on_tick is not None:
            self._on_tick(len(self.times))
        if len(self.times) < self._ticks:
            return True
        self.done.set()
        return False

    async def wait(self) -> None:
        await asyncio.wait_for(self.done.wait(), TIMEOUT_S)


def quiet_quarter(values: Iterable[float]) -> float:
    """The first quartile: what a timer does while the machine leaves it alone."""
    ordered = sorted(values)
    return ordered[len(ordered) // 4]


def off_phase_ms(times: list[float], period_ms: int, origin: float) -> list[float]:
    """How far each time is from a whole number of periods after `origin`."""
    phases = [(now - origin) * 1_000 % period_ms for now in times]
    return [min(phase, period_ms - phase) for phase in phases]


@pytest.mark.parametrize("period_ms", [10, 20, 30])
async def test_ticks_come_in_the_packet_time_without_drift(period_ms: int) -> None:
    clock = MediaClock()
    line = Recorder(30)
    clock.add(line, period_ms)
    await line.wait()
    assert quiet_quarter(off_phase_ms(line.times, period_ms, line.given[0])) < 2
    assert quiet_quarter(off_phase_ms(line.given[20:], period_ms, line.given[0])) < 0.01
    assert line.times[-1] - line.times[0] > (29 * period_ms - 5) / 1_000
    assert clock.counters.ticks == 30


async def test_the_first_tick_comes_at_once_but_not_from_within_add() -> None:
    clock = MediaClock()
    waits = []
    for _ in range(10):
        line = Recorder(1)
        before = time.monotonic()
        clock.add(line)
        assert line.times == []
        await line.wait()
        waits.append(line.times[0] - before)
    assert quiet_quarter(waits) < 0.004


async def test_a_line_that_has_left_is_not_called_and_the_clock_sleeps() -> None:
    clock = MediaClock()
    first, second = Recorder(1), Recorder(3)
    clock.add(first)
    clock.add(second)
    assert clock.active == 2
    await second.wait()
    await asyncio.sleep(0)
    assert len(first.times) == 1
    assert clock.active == 0
    wakeups = clock.counters.wakeups
    pause: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.06, pause.set_result, None)
    await pause
    assert clock.counters.wakeups == wakeups


async def test_lines_that_begin_at_different_times_are_spread() -> None:
    clock = MediaClock()
    first, second = Recorder(12), Recorder(12)
    began_at = time.monotonic()
    clock.add(first)
    started = asyncio.Event()
    asyncio.get_running_loop().call_later(0.010, started.set)
    await started.wait()
    joined_at = time.monotonic()
    clock.add(second)
    await asyncio.gather(first.wait(), second.wait())
    # Each keeps to the phase of its own beginning.
    assert quiet_quarter(off_phase_ms(first.given, 20, began_at)) < 2
    assert quiet_quarter(off_phase_ms(second.given, 20, joined_at)) < 2


async def test_missed_ticks_are_not_made_up_for_and_the_phase_is_kept() -> None:
    clock = MediaClock()

    def stall(tick: int) -> None:
        if tick == 3:
            time.sleep(0.11)  # this is the event loop being busy

    line = Recorder(15, stall)
    clock.add(line)
    await line.wait()
    late, after = line.times[3], line.times[4:]
    assert late - line.times[2] > 0.105
    assert clock.counters.skipped >= 4
    assert clock.counters.late_ms_max > 80
    assert quiet_quarter(off_phase_ms(after, 20, line.given[0])) < 2
    assert after[-1] - line.times[0] > 17 * 0.020


async def test_a_tick_is_given_its_slots_time() -> None:
    clock = MediaClock()
    line = Recorder(20)
    clock.add(line)
    await line.wait()
    distances = [b - a for a, b in pairwise(line.given)]
    assert any(distance == pytest.approx(0.020, abs=1e-6) for distance in distances)


async def test_a_tick_that_raises_stays_and_so_do_the_others() -> None:
    loop = asyncio.get_running_loop()
    reported: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    clock = MediaClock()

    def fail_once(tick: int) -> None:
        if tick == 2:
            raise RuntimeError("a handler's fault")

    before, faulty, after = Recorder(4), Recorder(4, fail_once), Recorder(4)
    for line in (before, faulty, after):
        clock.add(line)
    await asyncio.gather(before.wait(), faulty.wait(), after.wait())
    assert [str(context["exception"]) for context in reported] == ["a handler's fault"]
    assert clock.active == 0


async def test_a_tick_may_add_another_line() -> None:
    clock = MediaClock()
    second = Recorder(3)
    first = Recorder(3, lambda tick: clock.add(second) if tick == 2 else None)
    clock.add(first)
    await asyncio.gather(first.wait(), second.wait())
    assert second.given[0] - first.given[1] < 0.020


async def test_nothing_comes_after_close() -> None:
    clock = MediaClock()
    line = Recorder(100, lambda tick: clock.close() if tick == 2 else None)
    clock.add(line)
    pause = asyncio.Event()
    asyncio.get_running_loop().call_later(0.08, pause.set)
    await pause.wait()
    assert len(line.times) == 2
    clock.close()
    assert clock.active == 0


async def test_odd_packet_times_are_refused() -> None:
    clock = MediaClock()
    for period_ms in (0, -20, 25):
        with pytest.raises(ValueError, match="not a multiple of 2 ms"):
            clock.add(Recorder(1), period_ms)


async def test_dump_counts() -> None:
    clock = MediaClock()
    line = Recorder(5)
    clock.add(line)
    await line.wait()
    dump = clock.dump()
    assert dump["ticks"] == 5
    histogram = dump["late_ms"]
    assert isinstance(histogram, dict)
    assert sum(histogram.values()) == 5
