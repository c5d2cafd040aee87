"""What the bot of test_freed.py does, by the number that is called. Its file is copied into the bot's folder."""

import asyncio
import gc
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path

from offhook import Call, TransferError
from offhook.agents.agent import Agent
from offhook.agents.tools import tool
from offhook.http_request import HttpAnswer, HttpRequest
from offhook.llm.model import Ended, ModelEvent, ModelRequest, TextDelta, ToolCall
from offhook.twiml.agent import TwimlAgent
from offhook.twiml.application import Application

DOCUMENT = b"""<Response><Gather numDigits="1"><Say>Press a key.</Say></Gather></Response>"""
COUNTS = Path("counts.json")
SETTLES_S = 0.3


async def counts(call: Call) -> None:
    """Write down what there is of each type, and collect nothing from now on."""
    if gc.isenabled():
        gc.collect()  # what beginning has left
        gc.disable()
    before, found = None, _alive()
    while found != before:  # the call before may still be ending
        await asyncio.sleep(SETTLES_S)
        before, found = found, _alive()
    await asyncio.to_thread(COUNTS.write_text, json.dumps(found))
    await call.hangup()


def _alive() -> dict[str, int]:
    names = Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in map(type, gc.get_objects()))
    return {name: count for name, count in names.items() if name.startswith("offhook.")}


async def asks(call: Call) -> None:
    """The caller hangs up in the question."""
    await call.ask("Yes or no?", choices={"yes": ("yes",), "no": ("no",)})


async def records(call: Call) -> None:
    await call.record()
    await call.hangup()


async def fails(call: Call) -> None:
    call.start_saying("One moment.")
    raise ValueError("the dialog of a user")


async def transfers(call: Call) -> None:
    await call.transfer("desk", mode="bridge")
    await call.hangup()


async def declined(call: Call) -> None:
    with suppress(TransferError):
        await call.transfer("busy", mode="bridge")
    await call.hangup()


async def rings(call: Call) -> None:
    """Both at the same time: nobody of several, and one."""
    with suppress(TransferError):
        await call.transfer(("busy", "away"))
    await call.transfer(("desk", "busy"))
    await call.hangup()


async def waits(call: Call) -> None:
    await call.queue("support")
    await call.hangup()


class Model:
    """Calls a tool, and then does not come to an end."""

    name = "talker"

    async def start(self) -> None:
        """Nothing to do."""

    async def warm(self, request: ModelRequest) -> None:
        """Likewise."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """See LanguageModel."""
        if any(each.role == "tool" for each in request.messages):
            for _ in range(1_000):
                yield TextDelta("And another thing. ")
        else:
            yield ToolCall("c1", "opens_at", "{}")
        yield Ended("stop")

    async def close(self) -> None:
        """Likewise."""


@tool
async def opens_at() -> str:
    """When the shop opens."""
    return "at nine"


_AGENT = Agent("Talk.", model=Model(), tools=[opens_at])


async def agent(call: Call) -> None:
    """The caller hangs up while it talks."""
    await _AGENT.run(call)


async def _send(request: HttpRequest, fields: Mapping[str, str]) -> HttpAnswer:
    return HttpAnswer(200, (("content-type", "text/xml"),), DOCUMENT)


_TWIML = TwimlAgent(Application("https://ivr.example.com/voice", status_url="https://ivr.example.com/status"), _send)


async def twiml(call: Call) -> None:
    """The caller hangs up in what is said."""
    await _TWIML.run(call)
