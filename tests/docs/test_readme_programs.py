"""The programs of the README and of docs/stream-protocol.md run."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from offhook.api.call import Call
from offhook.testing import SimulatedCall, run
from tests.docs.pages import ROOT, blocks
from tests.offhook.carriers.test_stream_call import node, records

PIZZA, LIFESPAN = blocks(ROOT / "README.md", "python")
(CALLER,) = blocks(ROOT / "docs" / "stream-protocol.md", "python")


@pytest.fixture
def pizza(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """pizza.py with its lifespan, and what stands for httpx in it."""
    opened: list[str] = []

    @asynccontextmanager
    async def client(base_url: str) -> AsyncIterator[str]:
        opened.append(base_url)
        yield base_url
        opened.append("closed")

    httpx = ModuleType("httpx")
    httpx.AsyncClient = client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "httpx", httpx)
    program, main = PIZZA.split("if __name__")
    names: dict[str, Any] = {"opened": opened, "__name__": "pizza"}
    exec(f"{program}{LIFESPAN}\nif __name__{main}", names)
    return names


def test_the_order(pizza: dict[str, Any]) -> None:
    async def conversation() -> None:
        async with SimulatedCall(pizza["order"]) as caller:
            await caller.hears("Hello, this is the pizza line.")
            await caller.hears("Small or large?")
            await caller.says("a small one")
            await caller.hears("One small pizza it is.")
            await caller.over.wait()
            assert caller.bot_hung_up

    run(conversation())


async def test_the_lifespan(pizza: dict[str, Any]) -> None:
    async with asynccontextmanager(pizza["clients"])():
        assert pizza["orders"] == "https://orders.example.com"
    assert pizza["opened"] == ["https://orders.example.com", "closed"]


@pytest.mark.parametrize("hangs_up", ["bot", "caller"])
async def test_the_caller_in_thirty_lines(tmp_path: Path, hangs_up: str) -> None:
    async def greet(call: Call) -> None:
        await call.say("Hello.")
        if hangs_up == "caller":
            await call.ask(None, no_input_ms=60_000)

    assert len(CALLER.splitlines()) <= 30
    async with node(tmp_path, greet) as bot:
        assert bot.http_address is not None
        host, port = bot.http_address
        program = re.sub(r"ws://[\d.:]+/", f"ws://{host}:{port}/", CALLER)
        program = program.replace("asyncio.run(call(", "played = asyncio.run(call(")
        if hangs_up == "bot":
            program = program.replace("40_000", "400_000")
        names: dict[str, Any] = {}
        await asyncio.to_thread(exec, compile(program, "docs/stream-protocol.md", "exec"), names)
        (record,) = await records(bot)
    assert (record.transport, record.ended_by) == ("ws", hangs_up)
    assert len(names["played"]) > 4_000
