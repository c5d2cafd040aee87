"""SpeechAgent with Gemini's Live API: a simulated caller, the real client, a server on loopback."""

import asyncio
from collections.abc import Sequence

import pytest
from google.genai import types

from offhook.calls.agent_totals import AgentTotals
from offhook.pipeline.trace import EngineFailed, ModelReplied
from offhook.realtime.agent import SpeechAgent, speech_agent
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.vendors.gemini_live import GeminiLiveServer
from offhook.testing.vendors.server import Message
from offhook.testing.vendors.speech_model import CallsTool, Entry
from tests.offhook.realtime.test_openai_realtime_tools import Balance

LONG = "This is a rather long sentence about nothing in particular, which goes on and on."


def agent(server: GeminiLiveServer, **options: object) -> SpeechAgent:
    return speech_agent({"provider": "gemini-live", "base_url": server.url, "api_key": server.api_key, **options})


def judged(server: GeminiLiveServer) -> None:
    """The vendor's own types accept everything that was sent."""
    for setup in server.setups:
        # The client's own type of a setup lacks this field, which the client sends.
        known = {name: value for name, value in setup.items() if name != "realtimeInputConfig"}
        types.LiveClientSetup.model_validate(known)
        types.RealtimeInputConfig.model_validate(setup["realtimeInputConfig"])
    for session in server.sessions:
        for message in session.messages:
            if "setup" not in message:
                types.LiveClientMessage.model_validate(message)
    assert server.violations == []


def kinds(messages: Sequence[Message]) -> list[str]:
    return [next(iter(message.get("realtimeInput", message))) for message in messages]


async def test_a_conversation() -> None:
    async with GeminiLiveServer(["what is my balance"], replies=["Hello there.", "It is ten dollars."]) as server:
        async with SimulatedCall(agent(server, instructions="Be brief.", voice="Kore")) as caller:
            await caller.hears("Hello there.")
            await caller.says("what is my balance")
            await caller.hears("It is ten dollars.")
            said = [(line.who, line.text) for line in caller.transcript]
            assert said == [("bot", "Hello there."), ("caller", "what is my balance"), ("bot", "It is ten dollars.")]
        judged(server)
        sent = kinds(server.sessions[0].messages)
        assert [kind for kind in sent if kind != "audio"] == ["clientContent", "activityStart", "activityEnd"]


async def test_an_interruption_is_told_in_writing() -> None:
    async with GeminiLiveServer(["stop"], replies=[LONG, "Sorry."], realtime_factor=2.0) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.begins_to_hear("This")
            await caller.waits(1.2)
            await caller.says("stop", seconds=0.6)
            await caller.hears("Sorry.")
            cut = caller.transcript[0]
            assert cut.interrupted
            assert LONG.startswith(cut.text)
        judged(server)
        notes = [entry.text for entry in server.conversations[0] if "interrupted you" in entry.text]
        assert notes == [f"[The caller interrupted you, and heard only: {cut.text}]"]
        assert server.interruptions == 1


async def test_a_tool_and_the_end_of_the_call() -> None:
    def reply(conversation: Sequence[Entry]) -> str | tuple[str | CallsTool, ...]:
        last = conversation[-1]
        if last.role == "tool":
            return f"It is {last.text}."
        if "bye" in last.text:
            return "Goodbye.", CallsTool("hang_up", '{"reason": "done"}')
        return ("One moment.", CallsTool("balance", '{"of": 1}')) if "my" in last.text else "Hello."

    balance = Balance()
    async with GeminiLiveServer(["my balance", "bye"], replies=reply) as server:
        async with SimulatedCall(agent(server, tools=[balance.tool])) as caller:
            await caller.hears("Hello.")
            await caller.says("my balance")
            await caller.hears("It is ten dollars.")
            await caller.says("bye")
            await caller.hears("Goodbye.")
            await asyncio.wait_for(caller.over.wait(), 5)
            assert caller.bot_hung_up
            assert caller.transcript[-1].text == "Goodbye."
        judged(server)
        # Gemini answers the result of a tool, and nobody would hear that.
        assert [entry.text for entry in server.conversations[0] if entry.role == "tool"] == ["ten dollars"]
    assert balance.calls == [1]


async def test_a_caller_who_interrupts_the_goodbye_stays() -> None:
    def reply(conversation: Sequence[Entry]) -> str | tuple[str | CallsTool, ...]:
        if any("interrupted" in entry.text for entry in conversation if entry.role == "tool"):
            return "What is it?"
        return (LONG, CallsTool("hang_up")) if conversation[-1].text == "bye" else "Hello."

    async with (
        GeminiLiveServer(["bye", "wait"], replies=reply, realtime_factor=4.0) as server,
        SimulatedCall(agent(server)) as caller,
    ):
        await caller.hears("Hello.")
        await caller.says("bye")
        await caller.begins_to_hear("This")
        await caller.waits(3.0)
        await caller.says("wait", seconds=0.6)
        await caller.hears("?")
        assert not caller.bot_hung_up


@pytest.mark.parametrize("resumable", [True, False])
async def test_what_a_vendor_that_decides_has_not_answered_is_asked_for_again(resumable: bool) -> None:
    async with (
        GeminiLiveServer(["first"], replies=["Hi.", "Once.", "Say that again?"]) as server,
        SimulatedCall(agent(server, turn_detection="vendor")) as caller,
    ):
        await caller.hears("Hi.")
        if not resumable:
            server.handles.clear()
        await caller.says("first", seconds=0.6)
        server.reset()
        await caller.hears("Once.")


@pytest.mark.parametrize("resumable", [True, False])
async def test_a_lost_session_is_resumed(resumable: bool) -> None:
    async with GeminiLiveServer(["first", "second"], replies=["Hello.", "Once.", "Twice."]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.hears("Hello.")
            await caller.says("first")
            await caller.hears("Once.")
            if not resumable:
                server.handles.clear()
            server.reset()
            await caller.waits(0.8)
            await caller.says("second")
            await caller.hears("Twice.")
            failed = [event.error for event in caller.events if isinstance(event, EngineFailed)]
            assert len(failed) == (1 if resumable else 2)
        texts = [entry.text for entry in server.conversations[-1]]
        assert texts[-5:] == ["Hello.", "first", "Once.", "second", "Twice."]
        assert ("handle" in server.setups[-1]["sessionResumption"]) is resumable
        judged(server)


async def test_it_moves_on_when_the_server_goes_away() -> None:
    async with GeminiLiveServer(["first"], replies=["Hello.", "Once."]) as server:
        async with SimulatedCall(agent(server, max_session_s=0.2)) as caller:
            await caller.hears("Hello.")
            await caller.waits(0.6)
            await caller.says("first")
            await caller.hears("Once.")
            assert not [event for event in caller.events if isinstance(event, EngineFailed)]
        assert len(server.sessions) >= 2
        assert server.setups[1]["sessionResumption"]["handle"].startswith("handle-")


async def test_the_vendor_decides() -> None:
    async with GeminiLiveServer(["hello", "stop"], replies=["Hi.", LONG, "Sorry."], realtime_factor=2.0) as server:
        async with SimulatedCall(agent(server, turn_detection="vendor")) as caller:
            await caller.hears("Hi.")
            await caller.says("hello", seconds=0.5)
            await caller.begins_to_hear("This")
            await caller.waits(1.0)
            await caller.says("stop", seconds=0.5)
            await caller.hears("Sorry.")
            assert [said.text for said in caller.transcript if said.who == "caller"] == ["hello", "stop"]
        judged(server)


async def test_a_wrong_key() -> None:
    async with (
        GeminiLiveServer() as server,
        SimulatedCall(agent(server, api_key="another-key", sorry="Sorry.")) as caller,
    ):
        await caller.hears("Sorry.")
        failed = [event.error for event in caller.events if isinstance(event, EngineFailed)]
        assert failed == [
            "gemini-live: connecting to Google: Google refused the key (401: Invalid API key). "
            "Type: export GEMINI_API_KEY=…"
        ]
        totals = AgentTotals()
        for event in caller.events:
            if isinstance(event, ModelReplied):
                totals.add(event)
        (used,) = totals.models.values()
        assert (used.replies, used.failed) == (1, 1)
