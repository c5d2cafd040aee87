"""A speech-to-speech agent connects its caller to somebody else, over real SIP and RTP."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from offhook.api.call import Call
from offhook.realtime.agent import SpeechAgent
from offhook.sip.events import CallEnded as LegEnded
from offhook.sip.events import Event, IncomingCall
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, RejectRefer
from offhook.sip.refer.events import ReferReceived
from offhook.testing.vendors.gemini_live import GeminiLiveServer
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.speech_model import CallsTool, Entry
from tests.offhook.bots import record_of
from tests.offhook.carriers.parties import Party
from tests.offhook.carriers.test_sip_transfer import AGENT_HZ, CALLER_HZ, Scene

SpeechServer = OpenAiRealtimeServer | GeminiLiveServer


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene(Party(CALLER_HZ), Party(AGENT_HZ))
    await scene.caller.open()
    await scene.agent.open()
    yield scene
    if scene.bot is not None:
        await scene.bot.stop()
    await scene.caller.close()
    await scene.agent.close()


def reply(conversation: Sequence[Entry]) -> str | tuple[str | CallsTool, ...]:
    results = [entry.text for entry in conversation if entry.role == "tool"]
    if results:
        return "You are back."
    return "I will connect you.", CallsTool("transfer", '{"to": "reception"}')


@pytest.fixture(params=["openai-realtime", "gemini-live"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[SpeechServer]:
    kind = OpenAiRealtimeServer if request.param == "openai-realtime" else GeminiLiveServer
    async with kind(replies=reply) as server:
        yield server


async def begin(scene: Scene, server: SpeechServer, tmp_path: Path) -> None:
    gemini = isinstance(server, GeminiLiveServer)
    agent = SpeechAgent(
        "gemini-live" if gemini else "openai-realtime",
        base_url=server.url + ("" if gemini else "/v1"),
        api_key=server.api_key,
        transfer_to={"reception": "desk"},
    )

    async def talk(call: Call) -> None:
        await agent.run(call)

    await scene.begin(tmp_path, talk)
    scene.caller.quiet(scene.handle)


def refers(scene: Scene, status: int) -> None:
    """The caller's phone follows the bot's REFER, and says what came of it; 0: it knows none."""

    def on_event(event: Event) -> None:
        if isinstance(event, ReferReceived) and status:
            scene.caller.do(AcceptRefer(event.call))
            scene.caller.do(NotifyRefer(event.call, status))
        elif isinstance(event, ReferReceived):
            scene.caller.do(RejectRefer(event.call, 403))

    scene.caller.on_event = on_event


def told(server: SpeechServer) -> list[str]:
    return [entry.text for entries in server.conversations for entry in entries if entry.role == "tool"]


async def test_by_refer(scene: Scene, server: SpeechServer, tmp_path: Path) -> None:
    refers(scene, 200)
    await begin(scene, server, tmp_path)
    await scene.caller.next(LegEnded)
    assert scene.bot is not None
    record = await record_of(scene.bot)
    assert (str(record.ended_by), record.end_reason) == ("bot", "transferred to desk")
    assert record.agent is not None
    tools: Any = record.agent["tools"]
    assert [(each["tool"], each["failed"]) for each in tools] == [("transfer", 0)]
    assert told(server) == []  # nobody hears what it would say to that


async def test_the_caller_is_back_where_nobody_takes_the_call(
    scene: Scene, server: SpeechServer, tmp_path: Path
) -> None:
    refers(scene, 486)
    await begin(scene, server, tmp_path)
    await scene.caller.when(lambda: told(server))
    (result,) = told(server)
    assert result.startswith("the transfer to reception failed: ")
    assert not scene.caller.of(LegEnded)


async def test_bridged_and_back(scene: Scene, server: SpeechServer, tmp_path: Path) -> None:
    refers(scene, 0)
    await begin(scene, server, tmp_path)
    leg = await scene.agent.next(IncomingCall)
    await scene.caller.hears(AGENT_HZ)
    assert told(server) == []
    scene.agent.hang_up(leg.call)
    await scene.caller.when(lambda: told(server))
    assert told(server) == ["the caller has talked to reception, and is back"]
    assert not scene.caller.of(LegEnded)
