"""The faults of bench.dead_air: the bots, the servers behind them, and what goes wrong with these, and when."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from offhook.agents.agent import Agent
from offhook.api.agent import CallAgent
from offhook.engines.registry import NO_ENGINES, GivenEngines
from offhook.llm.history import OPENING
from offhook.llm.registry import make_model
from offhook.realtime.agent import SpeechAgent
from offhook.testing.models import ModelServer, Reply, ScriptedCall
from offhook.testing.models.script import Asked
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.gemini_live import GeminiLiveServer
from offhook.testing.vendors.openai_live import OpenAiLiveServer
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.server import VendorServer
from offhook.testing.vendors.speech_model import Entry
from offhook.vendors import deepgram_asr, deepgram_tts
from tests.vendors.hosted import RECOGNISERS, VOICES, Vendor

Moment = Literal["before", "speaking", "waiting", "replying"]
"""When the fault begins: before the call, while the caller speaks, while they wait, or while the bot replies."""

MOMENTS: tuple[Moment, ...] = ("before", "speaking", "waiting", "replying")
GREETING = "Hello."
QUESTION = "check my balance"
ANSWER = "Your balance is ten dollars, and your next appointment is on Monday, the third, at half past four. Thank you."
SPOKEN_ANSWER = "Your balance is ten dollars, on Monday."
FIRST_TOKEN_S, TOKENS_PER_S = 0.15, 40.0

ASR = [Vendor("deepgram", DeepgramServer, deepgram_asr.make), *RECOGNISERS[:2]]
TTS = [Vendor("deepgram", DeepgramServer, deepgram_tts.make), *VOICES[:2]]
SPEECH: dict[str, tuple[Any, str]] = {
    "openai-realtime": (OpenAiRealtimeServer, "/v1"),
    "openai-live": (OpenAiLiveServer, "/v1"),
    "gemini-live": (GeminiLiveServer, ""),
}


@dataclass(frozen=True, slots=True)
class Case:
    """`who` is the vendor, or the part itself."""

    part: str
    who: str
    fault: str
    moment: Moment


@dataclass(slots=True)
class Stage:
    """A bot's agent and engines, and what begins the fault."""

    talks: CallAgent
    engines: GivenEngines
    break_it: Callable[[], Awaitable[None]]
    answer: str = ANSWER


def cases() -> list[Case]:
    """All of them."""
    found = [
        Case(part, vendor.name, fault, moment)
        for part, vendors, faults in (
            ("recogniser", ASR, ("mute", "no-final", "dead")),
            ("voice", TTS, ("mute", "slow", "dead")),
        )
        for vendor in vendors
        for fault in faults
        for moment in MOMENTS
        if not (part == "recogniser" and moment == "replying")
    ]
    replies = (
        "hang",
        "stall",
        "die",
        "cut",
        "busy",
        "broken",
        "error-in-stream",
        "slow",
        "filtered",
        "blanks",
        "marks",
    )
    found += [Case("model", "model", fault, "before") for fault in replies]
    found += [Case("model", "model", "dead", moment) for moment in MOMENTS]
    found += [Case("tool", "tool", fault, "before") for fault in ("late", "hangs", "fails")]
    found += [
        Case("speech", who, fault, moment)
        for who in SPEECH
        for fault in ("mute", "lost", "dead", "slow")
        for moment in MOMENTS
    ]
    return found


@asynccontextmanager
async def stage(case: Case, rng: random.Random) -> AsyncIterator[Stage]:
    """The bot of a case."""
    async with AsyncExitStack() as stack:
        made = await (_speech(case, stack) if case.part == "speech" else _text(case, stack, rng))
        if case.moment == "before":
            await made.break_it()
        yield made


async def _speech(case: Case, stack: AsyncExitStack) -> Stage:
    kind, path = SPEECH[case.who]

    def reply(heard: Sequence[Entry]) -> str:
        return SPOKEN_ANSWER if any(entry.role == "user" for entry in heard) else GREETING

    server = await stack.enter_async_context(
        kind(lambda _pcm: QUESTION, replies=reply, realtime_factor=1.5, slow_s=6.0)
    )
    provider: Any = case.who
    agent = SpeechAgent(provider, base_url=server.url + path, api_key=server.api_key)
    return Stage(agent, NO_ENGINES, lambda: _break(server, case.fault), SPOKEN_ANSWER)


async def _text(case: Case, stack: AsyncExitStack, rng: random.Random) -> Stage:
    asr, tts = (
        next((each for each in vendors if each.name == case.who and case.part == part), rng.choice(vendors))
        for part, vendors in (("recogniser", ASR), ("voice", TTS))
    )
    hearing = await stack.enter_async_context(asr.server(lambda _pcm: QUESTION, realtime_factor=4.0))
    speaking = await stack.enter_async_context(tts.server(realtime_factor=4.0, slow_s=6.0))
    server = ModelServer(_script(case), api_key=None, first_token_s=FIRST_TOKEN_S, tokens_per_s=TOKENS_PER_S)
    await stack.enter_async_context(server)

    async def look_up() -> str:
        """Look up the balance."""
        if case.fault == "fails":
            raise RuntimeError("the shop is closed")
        await asyncio.sleep(3.0 if case.fault == "late" else 60.0)
        return "ten dollars"

    model = make_model("openai", {"model": "scripted", "base_url": server.openai_url})
    stack.push_async_callback(model.close)
    agent = Agent("Be brief.", model=model, greeting=GREETING, tools=[look_up])

    async def break_it() -> None:
        if case.part == "recogniser":
            await _break(hearing, case.fault)
        elif case.part == "voice":
            await _break(speaking, case.fault)
        elif case.part == "model" and case.fault == "dead":
            await server.close()

    engines = GivenEngines(asr=asr.engine(hearing, kind="asr"), tts=tts.engine(speaking, kind="tts"))
    return Stage(agent, engines, break_it)


def _script(case: Case) -> Callable[[Asked], Reply]:
    def reply(asked: Asked) -> Reply:
        if asked.said == OPENING:
            return Reply("Yes?")
        if case.part == "tool" and not asked.tool:
            return Reply(calls=(ScriptedCall("look_up"),))
        if case.part != "model" or case.fault == "dead":
            return Reply(ANSWER)
        if case.fault == "blanks":
            return Reply("Let me see. " + " \u200b" * 400, tokens_per_s=10.0)
        if case.fault == "marks":
            return Reply("Let me see. " + "… " * 400, tokens_per_s=10.0)
        fault: Any = case.fault
        return Reply(ANSWER, fault=fault)

    return reply


async def _break(server: Any, fault: str) -> None:
    """`lost`: connections are reset, and may be opened again; `dead`: nobody is there any more."""
    if fault in ("lost", "dead") and isinstance(server, VendorServer):
        server.reset()
    if fault == "dead":
        await server.close()
    elif fault != "lost":
        server.fault = fault
