"""Who is interrupted in bench.interruptions: a dialog, an agent with a language model, a speech-to-speech agent."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import numpy as np

from offhook.agents.agent import Agent
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.engines.registry import NO_ENGINES, GivenEngines
from offhook.llm.history import OPENING
from offhook.llm.registry import make_model
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, Word
from offhook.realtime.agent import SpeechAgent
from offhook.testing.models import ModelServer, Reply, ScriptedCall
from offhook.testing.models.script import Asked
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.speech_model import CallsTool, Entry
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER

RATE_HZ = 8_000
TONE, PAUSE = 1_600, 800
"""Samples of a word, and of the pause after it."""

WORDS = [
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliet",
    "kilo",
    "lima",
    "mike",
    "november",
]
TEXT = " ".join(WORDS * 3)
SENTENCES = " ".join(f"{' '.join(WORDS[at : at + 7])}." for at in (0, 7) * 3)
FIRST_TOKEN_S, TOKENS_PER_S = 0.15, 40.0

LETTERS = 4
"""Of a word of the speech-to-speech model: a tone each, of the same pitch."""

SPOKEN_WORDS = 40


class Talker(Protocol):
    """A bot that talks until it is interrupted, and then hangs up."""

    engines: GivenEngines
    word_ms: int
    """The tone of a word."""

    @property
    def errors(self) -> list[str]:
        """What a server had to refuse."""
        ...

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        ...

    def left_of(self, text: str) -> int | None:
        """How many words of an interrupted reply a speech-to-speech model still has; None: there is none."""
        ...


class Tones:
    """A voice: each word is a tone."""

    def __init__(self) -> None:
        self.capabilities = TtsCapabilities(RATE_HZ, word_positions=True)
        tone = 6_000 * np.sin(2 * np.pi * 600 * np.arange(TONE) / RATE_HZ)
        self._word = tone.astype("<i2").tobytes() + bytes(2 * PAUSE)

    async def start(self) -> None:
        """See TtsEngine."""

    async def close(self) -> None:
        """See TtsEngine."""

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """See TtsEngine."""
        for number, found in enumerate(re.finditer(r"\S+", text)):
            at = number * (TONE + PAUSE)
            yield SpeechChunk(self._word, (Word(found.group(), found.start(), found.end(), at, at + TONE),))


class DialogTalker:
    """A coroutine function, and one `say`."""

    def __init__(self) -> None:
        self.engines = GivenEngines(tts=Tones())
        self.word_ms = 1000 * TONE // RATE_HZ

    @property
    def errors(self) -> list[str]:
        """See Talker."""
        return []

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        call.expect()
        await call.say(TEXT)
        await asyncio.sleep(0.5)
        return Outcome("done")

    def left_of(self, _text: str) -> int | None:
        """See Talker."""
        return None


class ModelTalker(DialogTalker):
    """A language model that is still streaming when it is interrupted."""

    def __init__(self, server: ModelServer) -> None:
        super().__init__()
        self._agent = Agent("Talk.", model=make_model("openai", {"model": "scripted", "base_url": server.openai_url}))

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        return await self._agent.run(call)


class SpeechTalker:
    """A speech-to-speech model."""

    def __init__(self, server: OpenAiRealtimeServer) -> None:
        self.engines = NO_ENGINES
        self.word_ms = LETTERS * MS_PER_CHARACTER
        self._server = server
        self._agent = SpeechAgent(base_url=f"{server.url}/v1", api_key=server.api_key)

    @property
    def errors(self) -> list[str]:
        """See Talker."""
        return [f"{code}: {why}" for code, why in self._server.errors] + self._server.violations

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        return await self._agent.run(call)

    def left_of(self, text: str) -> int | None:
        """See Talker."""
        for entry in (entry for entries in self._server.conversations for entry in entries):
            if entry.role == "assistant" and entry.text and entry.text.startswith(text.strip()[: 8 * (LETTERS + 1)]):
                whole = f"{entry.heard} ".split(" ")
                return sum(len(word) == LETTERS for word in whole)
        return 0  # deleted


@asynccontextmanager
async def dialog(_seed: int) -> AsyncIterator[Talker]:
    """One `say`."""
    yield DialogTalker()


@asynccontextmanager
async def model(_seed: int) -> AsyncIterator[Talker]:
    """A language model."""

    def reply(asked: Asked) -> Reply:
        talks = asked.said == OPENING
        return Reply(SENTENCES) if talks else Reply(calls=(ScriptedCall("hang_up"),))

    server = ModelServer(reply, api_key=None, first_token_s=FIRST_TOKEN_S, tokens_per_s=TOKENS_PER_S)
    async with server:
        yield ModelTalker(server)


@asynccontextmanager
async def speech(seed: int) -> AsyncIterator[Talker]:
    """A speech-to-speech model, whose audio comes a little faster than it is played."""
    rng = random.Random(seed)

    def reply(conversation: Sequence[Entry]) -> str | CallsTool:
        if any(entry.role == "user" for entry in conversation):
            return CallsTool("hang_up", "{}")
        return " ".join(LETTERS * chr(rng.randrange(ord("a"), ord("z") + 1)) for _ in range(SPOKEN_WORDS))

    async with OpenAiRealtimeServer(lambda _pcm: "stop", replies=reply, realtime_factor=1.5) as server:
        yield SpeechTalker(server)


TALKERS: dict[str, Callable[[int], AbstractAsyncContextManager[Talker]]] = {
    "dialog": dialog,
    "model": model,
    "speech": speech,
}
