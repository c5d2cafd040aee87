"""What becomes of a message, beyond the table."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.api.message import Message
from offhook.records.message import save_message
from offhook.testing import SimulatedCall, run
from offhook.twiml.agent import TwimlAgent
from offhook.twiml.application import Application
from tests.offhook.twiml.table import HOST, Server, written


def test_it_is_for_the_mailbox_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Message] = []

    async def at_once(work: Callable[..., object], *arguments: object) -> object:
        return work(*arguments)

    async def keep(message: Message) -> Path:
        kept.append(message)
        return save_message(tmp_path, "call", message.pcm)

    async def talk() -> None:
        server = Server(written("<Record action='/next' timeout='2'/>", next="<Hangup/>"))
        agent = TwimlAgent(Application(f"{HOST}/voice", mailbox="sales"), server.send)
        async with SimulatedCall(agent, on_message=keep) as caller:
            await caller.waits(2)
            await caller.says("this is what I wanted")
            async with asyncio.timeout(60):
                await caller.over.wait()

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    run(talk())
    assert [each.mailbox for each in kept] == ["sales"]
