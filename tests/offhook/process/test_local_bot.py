"""A bot in one process; one that cannot start leaves nothing behind."""

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from offhook.api.call import Call, Dialog
from offhook.api.call_ended import CallEnded
from offhook.api.dialogs import bench_dialog
from offhook.observe.health import Readiness
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.testing.sip_caller import Caller
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("offhook")]


def bot_on(directory: Path, sip_port: int, http_port: int, dialog: Dialog = bench_dialog) -> LocalBot:
    config = Config.load(
        None,
        {
            **LIGHT_ENGINES,
            "sip": {"host": "127.0.0.1", "port": sip_port},
            "http": {"host": "127.0.0.1", "port": http_port},
            "records": {"dir": directory, "record_audio": True},
        },
    )
    return LocalBot(config, dialog)


@pytest.mark.parametrize("what", ["SIP", "HTTP"])
async def test_a_port_that_is_taken(tmp_path: Path, what: str) -> None:
    kind = socket.SOCK_DGRAM if what == "SIP" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        bot = bot_on(tmp_path, port if what == "SIP" else 0, port if what == "HTTP" else 0)
        with pytest.raises(UserError) as caught:
            await bot.start()
        (problem,) = caught.value.problems
        assert what in problem.what and str(port) in problem.what and problem.why and problem.todo
        assert bot.status.ready().state is Readiness.STARTING
        await bot.stop()
        assert threads() == []


async def test_from_start_to_stop(tmp_path: Path) -> None:
    bot = bot_on(tmp_path, 0, 0)
    with pytest.raises(RuntimeError):
        _ = bot.sip_address
    await bot.start()
    assert bot.status.ready().state is Readiness.READY
    assert b"offhook_calls_active 0.0" in await bot.status.metrics()
    assert bot.host.dump()["calls"] == []
    await bot.stop()
    assert bot.status.ready().state is Readiness.DRAINING
    assert threads() == []
    await bot.stop()


async def test_a_dialog_that_cleans_up_is_waited_for(tmp_path: Path) -> None:
    saved: list[str] = []

    async def slow(call: Call) -> None:
        try:
            await call.ask(None, no_input_ms=60_000)
        except CallEnded:
            await asyncio.sleep(3.5)  # longer than workers have otherwise to end
            saved.append(call.id)

    bot = bot_on(tmp_path, 0, 0, slow)
    await bot.start()
    caller = await asyncio.wait_for(Caller.dial("127.0.0.1", bot.sip_address), 5)
    await asyncio.sleep(0.2)
    await bot.stop()
    caller.close()
    assert len(saved) == 1
