"""Sessions with OpenAI Realtime that are lost, mute, refused or too old."""

import asyncio

import pytest

from offhook.pipeline.trace import EngineFailed
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from tests.offhook.realtime.test_openai_realtime import agent, judged


async def test_a_lost_session_goes_on_with_the_conversation() -> None:
    async with OpenAiRealtimeServer(["first", "second"], replies=["Hello.", "Once.", "Twice."]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.hears("Hello.")
            await caller.says("first")
            await caller.hears("Once.")
            server.reset()
            await caller.waits(0.3)
            await caller.says("second")
            await caller.hears("Twice.")
            failed = [event for event in caller.events if isinstance(event, EngineFailed)]
            assert [event.error for event in failed] == ["openai-realtime: talking to OpenAI: the connection broke off"]
        entries = [(entry.role, entry.text) for entry in server.conversations[1]]
        assert entries[:3] == [("assistant", "Hello."), ("user", "first"), ("assistant", "Once.")]
        assert server.errors == []


async def test_a_reply_that_plays_on_when_its_session_is_lost_is_known_to_the_next() -> None:
    long = "This is a rather long sentence about nothing in particular, which goes on and on."
    async with OpenAiRealtimeServer(["stop"], replies=[long, "Sorry."]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.begins_to_hear("This")
            await caller.waits(0.5)
            server.reset()
            await caller.waits(0.5)
            await caller.says("stop", seconds=0.6)
            await caller.hears("Sorry.")
        entries = [(entry.role, entry.text) for entry in server.conversations[1]]
        assert entries[0] == ("assistant", long)
        # Of an item that it has not made, the next session can truncate nothing.
        assert server.errors == []


@pytest.mark.parametrize("fault", ["session-expired", "dies"])
async def test_a_session_that_ends_during_a_turn(fault: str) -> None:
    async with OpenAiRealtimeServer(["one", "two"], replies=["Hello.", "Answer."]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.hears("Hello.")
            server.fault = fault  # type: ignore[assignment]
            speaking = asyncio.ensure_future(caller.says("one", seconds=1.5))
            await caller.waits(0.6)
            server.fault = None
            await speaking
            await caller.hears("Answer.")
        assert len(server.sessions) >= 2


async def test_a_mute_session_is_given_up() -> None:
    async with (
        OpenAiRealtimeServer(fault="mute") as server,
        SimulatedCall(agent(server, reply_within_s=0.5, sorry="Sorry.")) as caller,
    ):
        await caller.hears("Sorry.")
        await asyncio.wait_for(caller.over.wait(), 5)


async def test_a_wrong_key_is_given_up_at_once() -> None:
    async with OpenAiRealtimeServer() as server:
        async with SimulatedCall(agent(server, api_key="another-key", sorry="Sorry.")) as caller:
            await caller.hears("Sorry.")
            failed = [event.error for event in caller.events if isinstance(event, EngineFailed)]
            assert failed == [
                "openai-realtime: connecting to OpenAI: OpenAI refused the key (Incorrect API key provided.). "
                "Type: export OPENAI_API_KEY=…"
            ]
        assert len(server.sessions) == 1


async def test_a_rate_limit_is_tried_again() -> None:
    async with (
        OpenAiRealtimeServer(fault="rate-limit", replies=["Hello."]) as server,
        SimulatedCall(agent(server)) as caller,
    ):
        await caller.waits(0.1)
        server.fault = None
        await caller.hears("Hello.")
        failed = [event.error for event in caller.events if isinstance(event, EngineFailed)]
        assert "rate_limit_exceeded" in failed[0]


async def test_a_session_is_renewed_before_its_limit() -> None:
    async with OpenAiRealtimeServer(["one"], replies=["Hi.", "There."]) as server:
        async with SimulatedCall(agent(server, max_session_s=0.1)) as caller:
            await caller.hears("Hi.")
            await caller.waits(0.3)
            await caller.says("one", seconds=0.5)
            await caller.hears("There.")
        assert len(server.sessions) >= 2
        judged(server)
