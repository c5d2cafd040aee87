"""What a user's program opens in each process that carries calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from offhook.api.bot import Bot
from offhook.api.call import Call
from offhook.process.lifespan import Lifespan, as_lifespan, entered
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.testing.sip_caller import Caller
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES


async def local_bot(directory: Path, lifespan: Lifespan, dialog_told: list[str]) -> LocalBot:
    config = Config.load(
        None,
        {
            "sip": {"host": "127.0.0.1", "port": 0},
            "http": {"enabled": False},
            **LIGHT_ENGINES,
            "records": {"dir": directory},
        },
    )

    async def dialog(call: Call) -> None:
        dialog_told.append("call")

    return LocalBot(config, dialog, lifespan=lifespan)


async def test_it_surrounds_the_calls(tmp_path: Path) -> None:
    steps: list[str] = []

    async def around() -> AsyncIterator[None]:
        steps.append("open")
        yield
        steps.append("close")

    bot = await local_bot(tmp_path, as_lifespan(around), steps)
    await bot.start()
    try:
        caller = await asyncio.wait_for(Caller.dial("127.0.0.1", bot.sip_address), 5)
        await asyncio.wait_for(caller.over.wait(), 5)
        caller.close()
        await asyncio.wait_for(bot.idle(), 5)
    finally:
        await bot.stop()
    assert steps == ["open", "call", "close"]


async def test_a_bot_whose_lifespan_fails_does_not_start(tmp_path: Path) -> None:
    @asynccontextmanager
    async def around() -> AsyncIterator[None]:
        raise ConnectionRefusedError("no database")
        yield

    bot = await local_bot(tmp_path, around, [])
    with pytest.raises(UserError, match="no database"):
        await bot.start()
    await bot.stop()


async def test_one_that_fails_at_its_end_hinders_nobody(tmp_path: Path) -> None:
    async def around() -> AsyncIterator[None]:
        yield
        raise ConnectionResetError

    async with entered(as_lifespan(around)):
        pass


def test_a_bot_has_one() -> None:
    bot = Bot(Config.load(None))

    async def around() -> AsyncIterator[None]:
        yield

    async def coroutine() -> None:
        """No `yield`."""

    assert bot.lifespan(around) is around
    with pytest.raises(ValueError, match="one lifespan"):
        bot.lifespan(around)
    with pytest.raises(ValueError, match="yield"):
        as_lifespan(coroutine)  # type: ignore[arg-type]
