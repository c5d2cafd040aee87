"""Google's own client judges the Live server that the agent is tested with. Without a key it takes `base_url` as is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import types

from offhook.testing.vendors.gemini_live import OUT_HZ, PATH, GeminiLiveServer
from offhook.testing.vendors.speech_model import CallsTool
from offhook.testing.vendors.tone_speech import speak, text_in

CONFIG = {
    "response_modalities": ["AUDIO"],
    "realtime_input_config": {"automatic_activity_detection": {"disabled": True}},
    "session_resumption": {},
    "input_audio_transcription": {},
    "output_audio_transcription": {},
    "tools": [{"function_declarations": [{"name": "look"}]}],
}


@pytest.fixture
async def server() -> AsyncIterator[GeminiLiveServer]:
    replies: list[str | tuple[CallsTool, ...]] = ["Good day to you.", (CallsTool("look", '{"at": 1}'),), "Found."]
    async with GeminiLiveServer(["hello"], replies=replies) as started:
        yield started


@pytest.fixture
async def session(server: GeminiLiveServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    options = types.HttpOptions(base_url=server.url + PATH, headers={"x-goog-api-key": server.api_key})
    client = genai.Client(http_options=options, vertexai=True)
    client._api_client._websocket_ssl_ctx = {}  # it would use TLS with ws:// as well
    async with client.aio.live.connect(model="publishers/google/models/live", config=CONFIG) as connected:
        yield connected


async def turn(session: Any) -> list[Any]:
    async with asyncio.timeout(5):
        return [message async for message in session.receive()]


def audio_of(messages: list[Any]) -> bytes:
    parts = [
        part
        for m in messages
        if m.server_content and m.server_content.model_turn
        for part in m.server_content.model_turn.parts
    ]
    return b"".join(part.inline_data.data for part in parts)


async def test_a_turn_a_reply_and_a_tool(session: Any, server: GeminiLiveServer) -> None:
    await session.send_realtime_input(activity_start=types.ActivityStart())
    blob = types.Blob(data=speak("hello", 16_000), mime_type="audio/pcm;rate=16000")
    await session.send_realtime_input(audio=blob)
    await session.send_realtime_input(activity_end=types.ActivityEnd())
    messages = await turn(session)
    assert text_in(audio_of(messages), OUT_HZ) == "Good day to you."
    contents = [m.server_content for m in messages if m.server_content]
    assert "".join(c.output_transcription.text for c in contents if c.output_transcription) == "Good day to you."
    assert [c.input_transcription.text for c in contents if c.input_transcription] == ["hello"]
    assert contents[-1].turn_complete
    content = types.Content(role="user", parts=[types.Part(text="look")])
    await session.send_client_content(turns=content, turn_complete=True)
    async with asyncio.timeout(5):
        async for message in session.receive():
            if message.tool_call is not None:
                break
    (call,) = message.tool_call.function_calls
    assert (call.name, call.args) == ("look", {"at": 1})
    response = types.FunctionResponse(id=call.id, name=call.name, response={"output": "found"})
    await session.send_tool_response(function_responses=[response])
    assert text_in(audio_of(await turn(session)), OUT_HZ) == "Found."


async def test_an_activity_interrupts(session: Any, server: GeminiLiveServer) -> None:
    server.realtime_factor = 1.0
    content = types.Content(role="user", parts=[types.Part(text="hello")])
    await session.send_client_content(turns=content, turn_complete=True)
    async with asyncio.timeout(5):
        async for message in session.receive():
            if message.data:
                break
    await session.send_realtime_input(activity_start=types.ActivityStart())
    messages = await turn(session)
    assert any(m.server_content and m.server_content.interrupted for m in messages)
    assert messages[-1].server_content.turn_complete
