"""A language model with a script, for conversations in virtual time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from offhook.llm.model import Ended, ModelError, ModelEvent, ModelRequest, TextDelta, ToolCall, Usage


@dataclass(frozen=True)
class Says:
    """Streams `text` in words, the first after `first_s`, then one every `every_s`; then calls tools, or fails."""

    text: str = ""
    first_s: float = 0.15
    every_s: float = 0.025
    calls: tuple[ToolCall, ...] = ()
    fails: ModelError | None = None
    hangs: bool = False


def call(name: str, _id: str = "c1", **arguments: object) -> ToolCall:
    return ToolCall(_id, name, json.dumps(arguments))


Script = Callable[[ModelRequest], Says]


class ScriptedModel:
    """Answers with `script`: the replies in their order (the last one repeats), or a function of the request."""

    name = "scripted"

    def __init__(self, *script: Says | str, reply: Script | None = None) -> None:
        self._script = [Says(each) if isinstance(each, str) else each for each in script]
        self._reply = reply
        self.requests: list[ModelRequest] = []
        self.warmed: list[ModelRequest] = []
        self.open = 0
        self.started = self.closed = 0

    async def start(self) -> None:
        self.started += 1

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        says = self._reply(request) if self._reply is not None else self._script[0]
        if self._reply is None and len(self._script) > 1:
            self._script.pop(0)
        self.open += 1
        try:
            await asyncio.sleep(says.first_s)
            words = says.text.split(" ") if says.text else []
            for at, word in enumerate(words):
                yield TextDelta(word if at == 0 else f" {word}")
                await asyncio.sleep(says.every_s)
            for each in says.calls:
                yield each
            if says.hangs:
                await asyncio.sleep(10_000)
            if says.fails is not None:
                raise says.fails
            yield Ended("tools" if says.calls else "stop", Usage(100, 80, len(words)))
        finally:
            self.open -= 1

    async def warm(self, request: ModelRequest) -> None:
        self.warmed.append(request)

    async def close(self) -> None:
        self.closed += 1


def last(request: ModelRequest) -> str:
    """The last message that is not the model's."""
    return request.messages[-1].text


def told(request: ModelRequest) -> list[tuple[str, str]]:
    """Roles and texts, without the instructions."""
    return [(message.role, message.text) for message in request.messages[1:]]
