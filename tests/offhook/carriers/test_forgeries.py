"""Forged Twilio requests are refused at once by a whole bot, and cost it nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from xml.etree import ElementTree

import pytest

from offhook.api.call import Call
from offhook.engines.engine_set import EngineSet
from offhook.pipeline.chain.spending import EngineUse
from offhook.pipeline.inbound_audio import Engines
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from tests.offhook.bots import LIGHT_ENGINES
from tests.offhook.web.forgeries import CALL, HIJACKS, SIGNATURES, WS_URL
from tests.offhook.web.streams import Answer, Front, guarded

REFUSED_WITHIN_S = 0.050
ATTEMPTS = 5
"""Of each case; the median counts, so that a machine with other things to do spoils nothing."""


class CountedEngines(EngineSet):
    """Counts the calls that got engines."""

    calls = 0

    def for_call(self, config: Config, on_use: Callable[[EngineUse], None] | None = None) -> Engines:
        self.calls += 1
        return super().for_call(config, on_use)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A bot that only Twilio may call."""

    node: LocalBot
    engines: CountedEngines
    front: Front

    async def untouched(self) -> None:
        """Assert that refused requests left nothing."""
        dump = self.node.host.dump()
        assert dump["calls"] == []
        assert isinstance(dump["carriers"], dict)
        assert dump["carriers"]["sip"]["ports"]["in_use"] == 0
        assert self.engines.calls == 0
        assert self.node.store.calls() == []
        text = (await self.node.status.metrics()).decode()
        assert "offhook_calls_active 0.0" in text


async def silent(call: Call) -> None:
    await call.say("Nobody is to hear this.")


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Guarded]:
    settings: dict[str, dict[str, object]] = {
        **LIGHT_ENGINES,
        "sip": {"host": "127.0.0.1", "port": 0},
        "http": {"host": "127.0.0.1", "port": 0},
        "records": {"dir": tmp_path},
        "twilio": guarded(),
    }
    config = Config.load(None, settings)
    engines = CountedEngines(config)
    node = LocalBot(config, silent, engines=lambda _: engines)
    await node.start()
    try:
        assert node.http_address is not None
        yield Guarded(node, engines, Front(port=node.http_address[1]))
    finally:
        await node.stop()


async def late(cases: dict[str, Callable[[], Awaitable[Answer]]]) -> dict[str, tuple[int, float]]:
    """The cases that are not refused within the time: status and seconds."""
    found = {}
    for name, ask in cases.items():
        answers = [await ask() for _ in range(ATTEMPTS)]
        seconds = median(answer.seconds for answer in answers)
        statuses = {answer.status for answer in answers}
        if not statuses <= {403, 404} or seconds >= REFUSED_WITHIN_S:
            found[name] = (max(statuses), seconds)
    return found


async def test_forty_signatures(bot: Guarded) -> None:
    def ask(headers: dict[str, str]) -> Callable[[], Awaitable[Answer]]:
        return lambda: bot.front.webhook(CALL, headers)

    assert len(SIGNATURES) >= 40
    assert await late({name: ask(headers) for name, headers in SIGNATURES.items()}) == {}
    await bot.untouched()


async def test_twenty_hijacked_sockets(bot: Guarded) -> None:
    async def ticket(call_sid: str) -> str:
        answer = await bot.front.signed_webhook({"CallSid": call_sid})
        stream = ElementTree.fromstring(answer.body).find("Connect/Stream")
        assert stream is not None
        return stream.get("url", "").removeprefix(WS_URL)

    async def hijack(name: str) -> Answer:
        path, headers = HIJACKS[name](await ticket("CA1"), await ticket("CA2"), bot.front.port)
        return await bot.front.upgrade(path, headers)

    def ask(name: str) -> Callable[[], Awaitable[Answer]]:
        return lambda: hijack(name)

    assert len(HIJACKS) >= 20
    assert await late({name: ask(name) for name in HIJACKS}) == {}
    await asyncio.sleep(0)  # anything started would show by now
    await bot.untouched()
