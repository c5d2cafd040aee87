"""The pool, with real children; mostly with the voice, which is the quickest to start."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable

import pytest

from offhook.pipeline.engine_host.pool import HostLimits, HostPool, HostStream
from offhook.pipeline.engine_host.protocol import Kind
from offhook.pipeline.errors import EngineError, EngineTimeout

ESPEAK = "offhook.pipeline.engine_host.espeak_engine:HostedEspeak"
POCKETSPHINX = "offhook.pipeline.engine_host.pocketsphinx_engine:HostedPocketsphinx"
SENTENCE = {"text": "Please say yes or no."}


@pytest.fixture
async def pool() -> AsyncIterator[HostPool]:
    pool = HostPool(ESPEAK, 1)
    await pool.start()
    yield pool
    await pool.close()


def children(pool: HostPool) -> list[dict[str, object]]:
    workers = pool.dump()["workers"]
    assert isinstance(workers, list)
    return workers


def pid_of(pool: HostPool) -> int:
    pid = children(pool)[0]["pid"]
    assert isinstance(pid, int)
    return pid


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def spoken(stream: HostStream) -> int:
    size = 0
    while (message := await stream.receive()).kind is not Kind.RESULT:
        size += len(message.data)
    assert message.values["samples"] * 2 == size
    return size


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - another process is awaited
            await asyncio.sleep(0.01)


async def test_a_stream_is_worked_on_and_leaves_nothing_behind(pool: HostPool) -> None:
    assert await spoken(pool.open(SENTENCE)) > 8_000
    assert [child["streams"] for child in children(pool)] == [0]


async def test_streams_go_to_the_child_with_the_lowest_load() -> None:
    pool = HostPool(ESPEAK, 2, limits=HostLimits(max_streams=2))
    await pool.start()
    try:
        streams = [pool.open(SENTENCE) for _ in range(4)]
        assert [child["streams"] for child in children(pool)] == [2, 2]
        with pytest.raises(EngineError, match="busy"):
            pool.open(SENTENCE)
        lengths = await asyncio.gather(*map(spoken, streams))
        assert max(lengths) - min(lengths) <= 16  # the library keeps a state: a sentence differs by a sample or two
    finally:
        await pool.close()


async def test_close_ends_the_children_soon_also_a_stopped_one() -> None:
    pool = HostPool(ESPEAK, 2)
    await pool.start()
    pids = [child["pid"] for child in children(pool)]
    assert isinstance(pids[0], int) and isinstance(pids[1], int)
    os.kill(pids[0], signal.SIGSTOP)
    stream = pool.open(SENTENCE)
    began = time.monotonic()
    await pool.close()
    assert time.monotonic() - began < 3.0
    assert not is_running(pids[0]) and not is_running(pids[1])
    with pytest.raises(EngineError, match="closed"):
        await stream.receive()
    with pytest.raises(EngineError, match="no worker"):
        pool.open(SENTENCE)
    await pool.close()


async def test_a_killed_child_fails_its_streams_and_is_replaced(pool: HostPool) -> None:
    pid = pid_of(pool)
    os.kill(pid, signal.SIGSTOP)  # so that it cannot have answered yet
    stream = pool.open(SENTENCE)
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(EngineError, match="signal 9") as caught:
        await stream.receive()
    assert time.monotonic() - began < 2.0
    assert not isinstance(caught.value, EngineTimeout)
    # The successor may be given work at once, and does it as soon as it has loaded.
    assert await spoken(pool.open(SENTENCE)) > 8_000
    assert time.monotonic() - began < 8.0
    assert pool.counters.restarts == 1
    assert pid_of(pool) != pid


async def test_a_hung_child_is_found_and_killed_even_when_idle() -> None:
    pool = HostPool(ESPEAK, 1, limits=HostLimits(heartbeat_s=0.05, hung_s=0.3))
    await pool.start()
    try:
        pid = pid_of(pool)
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: pool.counters.timeouts > 0)
        await until(lambda: [child["state"] for child in children(pool)] == ["ready"])
        assert not is_running(pid)
        assert pool.counters.restarts == 1
    finally:
        await pool.close()


async def test_children_are_not_considered_hung_after_a_stall_of_this_process() -> None:
    pool = HostPool(ESPEAK, 1, limits=HostLimits(heartbeat_s=0.05, hung_s=0.2))
    await pool.start()
    try:
        pid = pid_of(pool)
        await asyncio.sleep(0.06)
        time.sleep(0.5)  # noqa: ASYNC251 - the test stalls the event loop
        assert await spoken(pool.open(SENTENCE)) > 8_000
        assert pid_of(pool) == pid
    finally:
        await pool.close()


async def test_input_that_a_stalled_child_does_not_read_fails_the_stream(pool: HostPool) -> None:
    pid = pid_of(pool)
    os.kill(pid, signal.SIGSTOP)
    stream = pool.open(SENTENCE)
    for _ in range(41):
        stream.send(bytes(32_000))
    with pytest.raises(EngineError, match="bytes are waiting"):
        await stream.receive()
    os.kill(pid, signal.SIGCONT)
    assert await spoken(pool.open(SENTENCE)) > 8_000
    assert pid_of(pool) == pid


async def test_output_that_is_never_received_fails_the_stream() -> None:
    pool = HostPool(ESPEAK, 1, limits=HostLimits(max_unread_bytes=20_000))
    await pool.start()
    try:
        stream = pool.open({"text": "One of many sentences. " * 5})
        await until(lambda: children(pool)[0]["streams"] == 0)
        with pytest.raises(EngineError, match="nobody takes"):
            await stream.receive()
    finally:
        await pool.close()


async def test_a_late_answer_ends_only_its_stream() -> None:
    pool = HostPool(POCKETSPHINX, 1, options={"free_speech": False}, limits=HostLimits(request_s=0.2))
    await pool.start()
    try:
        pid = pid_of(pool)
        stream = pool.open({"grammar": None})  # nothing is sent, so nothing comes
        with pytest.raises(EngineTimeout):
            await stream.receive()
        assert (pid_of(pool), pool.counters.timeouts, pool.counters.restarts) == (pid, 1, 0)
    finally:
        await pool.close()


async def test_a_cancelled_stream_is_dropped_and_its_reader_notified(pool: HostPool) -> None:
    stream = pool.open({"text": "One of many sentences. " * 100})
    await stream.receive()
    waiting = asyncio.ensure_future(spoken(stream))
    stream.cancel()
    stream.cancel()
    with pytest.raises(EngineError, match="cancelled"):
        await waiting
    assert await spoken(pool.open(SENTENCE)) > 8_000


async def test_a_child_ignores_sigint(pool: HostPool) -> None:
    os.kill(pid_of(pool), signal.SIGINT)
    assert await spoken(pool.open(SENTENCE)) > 8_000
    assert pool.counters.restarts == 0


async def test_a_pool_that_cannot_load_says_why_and_leaves_no_child() -> None:
    pool = HostPool("nonsense", 2)
    with pytest.raises(EngineError, match="No module named 'nonsense'"):
        await pool.start()
    assert children(pool) == []


async def test_a_request_that_breaks_the_child_is_reported_with_its_last_words(pool: HostPool) -> None:
    stream = pool.open({"text": 5})
    with pytest.raises(EngineError, match=r"exited with status 1: .*not a string"):
        await stream.receive()


def test_a_pool_has_at_least_one_worker() -> None:
    with pytest.raises(ValueError, match="0 workers"):
        HostPool(ESPEAK, 0)
