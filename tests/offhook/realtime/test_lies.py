"""A server that speaks the protocol and does not keep to it."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.server import ServerConnection

from offhook.realtime.agent import SpeechAgent
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer, RealtimeSession
from offhook.testing.vendors.server import SessionLog

Respond = Callable[[RealtimeSession], Awaitable[None]]


class LyingServer(OpenAiRealtimeServer):
    """Answers each request for a response with `respond`."""

    def __init__(self, respond: Respond) -> None:
        super().__init__(["one two"])
        self.respond = respond

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        await _LyingSession(self, connection, log).run()


class _LyingSession(RealtimeSession):
    server: LyingServer

    async def _respond(self, _message: dict[str, Any]) -> None:
        await self.server.respond(self)


def agent(server: LyingServer) -> SpeechAgent:
    return SpeechAgent("openai-realtime", base_url=server.url + "/v1", api_key=server.api_key)


async def speaks(session: RealtimeSession, item: str, seconds: float = 1.0) -> None:
    about = {"response_id": "r", "item_id": item}
    audio = b64encode(b"\x20\xa0" * int(4_000 * seconds)).decode()
    await session.send("response.output_audio.delta", delta=audio, **about)


async def writes(session: RealtimeSession, item: str, text: str) -> None:
    await session.send("response.output_audio_transcript.delta", response_id="r", item_id=item, delta=text)


async def over(session: RealtimeSession, item: str) -> None:
    await session.send("response.output_item.done", response_id="r", item={"id": item, "type": "message"})
    await session.send("response.done", response={"id": "r", "status": "completed", "output": []})


async def test_a_transcript_without_audio_does_not_hold_up_what_is_said() -> None:
    async def respond(session: RealtimeSession) -> None:
        for number in range(200):
            await writes(session, f"ghost{number}", "never heard")
        await writes(session, "real", "really said")
        await speaks(session, "real")
        await over(session, "real")

    async with LyingServer(respond) as server, SimulatedCall(agent(server)) as caller:
        assert await caller.hears("really said") == "really said"


async def test_a_model_that_fails_while_it_speaks_is_apologised_for() -> None:
    async def respond(session: RealtimeSession) -> None:
        await writes(session, "a", "I am speaking")
        await speaks(session, "a", 20.0)
        await asyncio.sleep(0.5)
        for _ in range(3):
            await session.error("strange", "no reason")

    async with LyingServer(respond) as server, SimulatedCall(agent(server)) as caller:
        await caller.hears("I am sorry")
        await asyncio.wait_for(caller.over.wait(), 5)
        assert caller.bot_hung_up
