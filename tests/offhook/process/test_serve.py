"""Signals, and the `ready` line."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.api.dialogs import bench_dialog
from offhook.process.end_signals import AT_ONCE, DRAINING, IGNORED, name_of
from offhook.process.local_bot import LocalBot
from offhook.process.serve import Signalled, Stopping, ready_line
from offhook.settings.config import Config
from tests.offhook.bots import LIGHT_ENGINES

BENCH: dict[str, dict[str, object]] = {
    "sip": {"host": "127.0.0.1", "port": 0},
    "http": {"host": "127.0.0.1", "port": 0},
    **LIGHT_ENGINES,
}


@pytest.fixture
async def stopping() -> Stopping:
    return Stopping()


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The signals' handlers are the process's."""
    before = {number: signal.getsignal(number) for number in (*DRAINING, *AT_ONCE, *IGNORED)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def node_in(directory: Path) -> LocalBot:
    config = Config.load(None, {**BENCH, "records": {"dir": directory, "record_audio": True}})
    return LocalBot(config, bench_dialog)


async def within(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 2)


@pytest.mark.parametrize("number", DRAINING)
async def test_the_first_and_the_second_signal(stopping: Stopping, number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    await within(stopping.first)
    assert not stopping.second.is_set()
    os.kill(os.getpid(), signal.SIGINT)
    await within(stopping.second)


async def test_one_that_ends_at_once(stopping: Stopping) -> None:
    os.kill(os.getpid(), signal.SIGQUIT)
    await within(stopping.second)
    assert stopping.first.is_set()


@pytest.mark.parametrize("number", IGNORED)
async def test_one_that_means_nothing(stopping: Stopping, number: int) -> None:
    os.kill(os.getpid(), number)
    await asyncio.sleep(0.05)
    assert not stopping.first.is_set()


async def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    stopping = Stopping()
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0.05)
    assert not stopping.first.is_set()


async def test_work_that_is_done_before_a_signal(stopping: Stopping) -> None:
    assert await stopping.unless_signalled(asyncio.sleep(0, "done")) == "done"


async def test_work_that_fails(stopping: Stopping) -> None:
    async def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await stopping.unless_signalled(fail())


async def test_work_that_a_signal_ends(stopping: Stopping) -> None:
    cleaned_up = asyncio.Event()

    async def start() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.set()

    with pytest.raises(Signalled):
        await asyncio.wait_for(stopping.unless_signalled(start()), 2)
    assert cleaned_up.is_set()


async def test_a_node_without_calls_is_drained_at_once(stopping: Stopping, tmp_path: Path) -> None:
    node = node_in(tmp_path)
    await node.start()
    try:
        line = ready_line(node)
        assert line.startswith(f"ready sip:127.0.0.1:{node.sip_address.port} http://127.0.0.1:")
        assert node.http_address is not None and line.endswith(f":{node.http_address[1]}")
        assert await asyncio.wait_for(stopping.drain(node), 2)
    finally:
        await node.stop()


async def test_a_second_signal_does_not_wait_for_the_calls(stopping: Stopping, tmp_path: Path) -> None:
    class Busy(LocalBot):
        async def idle(self) -> None:
            await asyncio.Event().wait()

    config = Config.load(None, {**BENCH, "records": {"dir": tmp_path}})
    busy = Busy(config, bench_dialog)
    draining = asyncio.create_task(stopping.drain(busy))
    os.kill(os.getpid(), signal.SIGINT)
    await within(stopping.first)
    assert not draining.done()
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(draining, 2) is False


def test_each_signal_has_a_name() -> None:
    assert name_of(signal.SIGUSR1) == "SIGUSR1"
    assert name_of(signal.SIGRTMIN + 3) == "SIGRTMIN+3"
