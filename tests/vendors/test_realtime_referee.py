"""OpenAI's own client judges the Realtime server that the agent is tested with."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from offhook.telephony.codec import PCMU
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.speech_model import CallsTool
from offhook.testing.vendors.tone_speech import speak, text_in

SERVER_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
SPEECH = base64.b64encode(PCMU.encode(speak("hello", 8_000))).decode()


class Client:
    """A session of the vendor's client; every event is one of the vendor's types."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.events: list[Any] = []

    async def until(self, kind: str) -> Any:
        async for event in self.connection:
            SERVER_EVENT.validate_python(event.model_dump())
            self.events.append(event)
            if event.type == kind:
                return event
        raise AssertionError(f"no {kind}")

    async def configure(self, **more: Any) -> None:
        law = {"type": "audio/pcmu"}
        audio = {
            "input": {"format": law, "turn_detection": None, "transcription": {"model": "gpt-transcribe"}},
            "output": {"format": law, "voice": "marin"},
        }
        await self.connection.session.update(session={"type": "realtime", "audio": audio, **more})
        await self.until("session.updated")


@pytest.fixture
async def server() -> AsyncIterator[OpenAiRealtimeServer]:
    async with OpenAiRealtimeServer(["hello"], replies=["Good day to you.", ("Wait.", CallsTool("look"))]) as started:
        yield started


@pytest.fixture
async def client(server: OpenAiRealtimeServer) -> AsyncIterator[Client]:
    vendor = AsyncOpenAI(api_key=server.api_key, websocket_base_url=server.url + "/v1")
    async with vendor.realtime.connect(model="gpt-realtime-2.1") as connection:
        yield Client(connection)


async def test_a_turn_a_reply_and_a_truncation(client: Client, server: OpenAiRealtimeServer) -> None:
    await client.configure()
    await client.connection.input_audio_buffer.append(audio=SPEECH)
    await client.connection.input_audio_buffer.commit()
    await client.connection.response.create()
    done = await client.until("response.done")
    audio = b"".join(base64.b64decode(e.delta) for e in client.events if e.type == "response.output_audio.delta")
    assert text_in(PCMU.decode(audio), 8_000) == "Good day to you."
    item = done.response.output[0]
    assert item.content[0].transcript == "Good day to you."
    await client.connection.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=500)
    assert (await client.until("conversation.item.truncated")).audio_end_ms == 500
    assert server.conversations[0][-1].heard == "Good day"
    heard = [e for e in client.events if e.type == "conversation.item.input_audio_transcription.completed"]
    assert [event.transcript for event in heard] == ["hello"]


async def test_a_tool(client: Client) -> None:
    await client.configure(tools=[{"type": "function", "name": "look", "parameters": {"type": "object"}}])
    for _ in range(2):
        await client.connection.response.create()
        done = await client.until("response.done")
    call = done.response.output[1]
    assert (call.type, call.name, call.arguments) == ("function_call", "look", "{}")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "found"}
    await client.connection.conversation.item.create(item=output)
    await client.until("conversation.item.done")


async def test_what_the_vendor_refuses(client: Client, server: OpenAiRealtimeServer) -> None:
    connection = client.connection
    await client.configure()
    await connection.response.cancel()
    assert (await client.until("error")).error.code == "response_cancel_not_active"
    await connection.input_audio_buffer.commit()
    assert (await client.until("error")).error.code == "input_audio_buffer_commit_empty"
    await connection.conversation.item.delete(item_id="item_x")
    assert (await client.until("error")).error.code == "item_delete_invalid_item_id"
    await connection.conversation.item.truncate(item_id="item_x", content_index=0, audio_end_ms=1)
    assert (await client.until("error")).error.code == "item_truncate_invalid_item_id"
    await connection.response.create()
    done = await client.until("response.done")
    length_ms = server.conversations[0][-1].total_ms
    item_id = done.response.output[0].id
    await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=length_ms + 1)
    error = (await client.until("error")).error
    assert error.message == f"Audio content of {length_ms}ms is already shorter than {length_ms + 1}ms"
    server.fault = "session-expired"
    await connection.response.create()
    assert (await client.until("error")).error.code == "session_expired"


async def test_its_turn_detection_interrupts(client: Client, server: OpenAiRealtimeServer) -> None:
    server.realtime_factor = 1.0
    await client.configure()
    detection = {"type": "server_vad", "silence_duration_ms": 200}
    await client.connection.session.update(
        session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    )
    await client.connection.response.create()
    await client.until("response.output_audio.delta")
    await client.connection.input_audio_buffer.append(audio=SPEECH)
    await client.until("input_audio_buffer.speech_started")
    cancelled = await client.until("response.done")
    assert (cancelled.response.status, cancelled.response.status_details.reason) == ("cancelled", "turn_detected")
    await client.connection.input_audio_buffer.append(audio=base64.b64encode(b"\xff" * 1_680).decode())
    await client.until("input_audio_buffer.committed")
    await client.until("response.created")
