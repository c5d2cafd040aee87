"""SpeechAgent with OpenAI's Live API: a simulated caller, the real client, a server on loopback."""

import asyncio
import json
from base64 import b64encode
from time import monotonic
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.types.live import ClientEvent, ServerEvent
from pydantic import TypeAdapter
from websockets.asyncio.server import ServerConnection

from offhook.llm.model import Usage
from offhook.pipeline.errors import EngineError
from offhook.pipeline.trace import BotSpoke, EngineFailed, SilenceFilled
from offhook.pipeline.turn.machine import TurnSettings
from offhook.realtime import openai_live
from offhook.realtime.agent import SpeechAgent, speech_agent
from offhook.realtime.audio_port import AudioPort
from offhook.realtime.link import Setup
from offhook.realtime.openai_live import AUDIO, MAX_LEAD_MS, OpenAiLive
from offhook.telephony.codec import PCMU
from offhook.telephony.pcm import audioop
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.simulated_line import SimulatedLine
from offhook.testing.vendors.openai_live import OpenAiLiveServer
from offhook.testing.vendors.server import SessionLog
from offhook.testing.vendors.speech_model import spoken_ms
from offhook.usererror import UserError

LONG = "This is a rather long sentence about nothing in particular, which goes on and on."


class SlowToOpenAgain(OpenAiLiveServer):
    """Its sessions after the first begin late."""

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        await asyncio.sleep(0.6 if len(self.sessions) > 1 else 0)
        await super().session(connection, log)


def agent(server: OpenAiLiveServer, **options: object) -> SpeechAgent:
    return speech_agent(
        {"provider": "openai-live", "base_url": server.url + "/v1", "api_key": server.api_key, **options}
    )


async def test_a_conversation() -> None:
    async with OpenAiLiveServer(["what is it"], replies=["Hello there.", "It is ten."]) as server:
        line = SimulatedLine(encoding="PCMU")
        async with SimulatedCall(agent(server), line=line) as caller:
            await caller.hears("Hello there.")
            await caller.says("what is it", seconds=0.6)
            await caller.hears("It is ten.")
            said = [(each.who, each.text) for each in caller.transcript]
            assert said == [("bot", "Hello there."), ("caller", "what is it"), ("bot", "It is ten.")]
        events: TypeAdapter[object] = TypeAdapter(ClientEvent)
        for message in server.sessions[0].messages:
            audio = {"audio": ""} if message["type"] == "session.input_audio.append" else {}
            events.validate_python(message | audio)
        assert server.configured[0]["audio"]["format"] == {"type": "audio/pcmu", "rate": 8_000}
        assert len(server.sessions[0].audio) > 8_000  # all of the caller's audio, silence as well


async def test_a_session_that_goes_mute_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_live, "MUTE_S", 0.5)
    async with OpenAiLiveServer(["what is it"], replies=["Hello there.", "It is ten."]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.hears("Hello there.")
            server.fault = "mute"
            await caller.waits(0.1)
            server.fault = None
            await caller.waits(1.5)
            await caller.says("what is it", seconds=0.6)
            await caller.hears("It is ten.")
            (failed,) = [event.error for event in caller.events if isinstance(event, EngineFailed)]
            assert "no audio has come for 0.5 s" in failed
        assert len(server.sessions) == 2
        assert server.configured[1]["input"][0]["content"][0]["text"] == "Hello there."


async def test_a_model_that_goes_mute_is_covered_while_the_caller_waits() -> None:
    async with (
        OpenAiLiveServer(["what is it"], replies=["Hello there."]) as server,
        SimulatedCall(agent(server), settings=TurnSettings(filler_ms=1_200)) as caller,
    ):
        await caller.hears("Hello there.")
        await caller.waits(2.0)  # nobody owes anything
        assert not [event for event in caller.events if isinstance(event, SilenceFilled)]
        await caller.says("what is it", seconds=0.6)
        ended_at, server.fault = caller.now, "mute"
        await caller.waits(1.6)
        (filled,) = [event for event in caller.events if isinstance(event, SilenceFilled)]
        assert 1.0 < filled.at - ended_at < 1.6


async def test_what_a_lost_session_has_heard_alone_is_asked_for_again() -> None:
    async with OpenAiLiveServer(replies=["Hello there.", "Could you say that again?"]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.hears("Hello there.")
            await caller.says("what is it", seconds=0.6)
            server.reset()
            await caller.hears("say that again")
        kinds = [message["type"] for message in server.sessions[1].messages]
        assert kinds.count("session.instructions.append") == 1


async def test_a_reply_that_is_lost_with_its_session_is_asked_for_in_the_next() -> None:
    """Its beginning was played before the next session was ready."""
    server = SlowToOpenAgain(["what is it"], replies=["Hello there.", LONG, "It goes on."])
    async with server, SimulatedCall(agent(server)) as caller:
        await caller.hears("Hello there.")
        await caller.says("what is it", seconds=0.6)
        await caller.begins_to_hear("This")
        server.reset()
        await caller.hears("It goes on.")
        await caller.waits(1.5)
        instructions = [each for each in server.sessions[-1].messages if each["type"] == "session.instructions.append"]
        assert len(instructions) == 1


async def test_a_session_that_is_lost_behind_a_sentence_leaves_nothing_to_be_said() -> None:
    async with OpenAiLiveServer(["what is it"], replies=["Hello there.", "It is ten."]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.begins_to_hear("Hello")
            began = next(event.at for event in caller.events if isinstance(event, BotSpoke))
            await caller.waits(began + spoken_ms("Hello there.") / 1000 + 0.15 - caller.now)
            server.reset()
            await caller.waits(1.5)
        assert "session.instructions.append" not in [each["type"] for each in server.sessions[1].messages]


async def test_a_session_that_is_lost_before_the_greeting_greets_in_the_next() -> None:
    async with OpenAiLiveServer(replies=["Hello there."]) as server:
        server.fault = "mute"
        async with SimulatedCall(agent(server)) as caller:
            while not server.sessions:
                await caller.waits(0.02)
            server.reset()
            server.fault = None
            await caller.hears("Hello there.")


async def test_what_is_said_into_a_session_that_is_lost_is_answered_once() -> None:
    """By the next session, which has heard most of it, without being asked to."""
    async with OpenAiLiveServer(["one", "two"], replies=["Hello there.", "That was it."]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.hears("Hello there.")
            speaking = asyncio.ensure_future(caller.says("this is a rather long question", seconds=2.0))
            await caller.waits(0.6)
            server.reset()
            await speaking
            await caller.hears("That was it.")
            await caller.waits(2.0)
            assert [each.text for each in caller.transcript if each.who == "bot"] == ["Hello there.", "That was it."]
        assert "session.instructions.append" not in [each["type"] for each in server.sessions[1].messages]


async def test_what_needed_no_answer_is_not_asked_for_again_in_the_next_session() -> None:
    async with OpenAiLiveServer(["thanks"], replies=["Hello there.", ""]) as server:
        async with SimulatedCall(agent(server, max_session_s=3.0, reply_within_s=2.5)) as caller:
            await caller.hears("Hello there.")
            await caller.waits(0.5)
            await caller.says("thanks", seconds=0.6)
            await caller.waits(4.0)
            said = [(each.who, each.text) for each in caller.transcript]
            assert said == [("bot", "Hello there.")]
        first, second = server.sessions[:2]
        assert len(first.audio) > 28_000  # 3.5 s: it is not left while the model may still answer
        assert "session.instructions.append" not in [message["type"] for message in second.messages]


@pytest.mark.alone
async def test_when_the_model_stops_the_caller_hears_it_at_once() -> None:
    async with OpenAiLiveServer(["stop"], replies=[LONG, "Yes?"]) as server:
        line = SimulatedLine(encoding="PCMU")
        loud_at = [0.0]
        most = [0]

        def on_sent(payload: bytes, _ordinal: int, _at_s: float) -> None:
            if audioop.rms(PCMU.decode(payload), 2) > 300:
                loud_at.append(monotonic())
            most[0] = max(most[0], line.queued_ticks)

        line.add_listener(sent=on_sent)
        async with SimulatedCall(agent(server), line=line) as caller:
            await caller.begins_to_hear("This")
            await caller.waits(1.0)
            await caller.says("stop", seconds=0.6)
            (stopped_at,) = server.stopped_at
            before = [at for at in loud_at if at < stopped_at + 0.4]
            assert before[-1] - stopped_at <= 0.08
            assert most[0] <= 8 * MAX_LEAD_MS
            await caller.hears("Yes?")


class PlainLine:
    """A `LineAudio` of G.711."""

    encoding = "PCMU"
    line_rate_hz = 8_000

    def encode(self, pcm: bytes, /) -> bytes:
        return PCMU.encode(pcm)


class Heard:
    """A `Receiver` that keeps the audio, piece by piece."""

    behind_ms = 0.0

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def on_audio(self, item: str, payload: bytes) -> None:
        self.pieces.append(payload)

    def on_ready(self) -> None: ...

    def on_lost(self, error: EngineError) -> None: ...

    def on_response_failed(self, error: EngineError) -> None: ...

    def on_text(self, item: str, delta: str) -> None: ...

    def on_item_over(self, item: str) -> None: ...

    def on_response_over(self, usage: Usage = ...) -> None: ...

    def on_tool_call(self, call_id: str, name: str, arguments: str) -> None: ...

    def on_caller_text(self, turn: int, text: str) -> None: ...

    def on_caller_speech(self, speaks: bool) -> None: ...

    def on_interrupted(self) -> None: ...


def frame(level: int) -> tuple[bytes, str]:
    """A message of 20 ms, and its payload: a square wave."""
    payload = PCMU.encode(level.to_bytes(2, "little", signed=True) * 160)
    delta = b64encode(payload).decode()
    return payload, json.dumps({"type": "session.output_audio.delta", "delta": delta})


@pytest.mark.parametrize("sounds", [1, 2, 3, 10])
async def test_each_stretch_of_speech_begins_with_a_lead(sounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes in real time is late now and then."""
    monkeypatch.setattr(openai_live, "END_AFTER_S", 0.0)
    heard = Heard()
    async with OpenAiLiveServer(fault="mute") as server:
        setup = Setup("model", "", None, (), "vendor", "en-US")
        link = OpenAiLive(server.url + "/v1", server.api_key, setup, AudioPort(PlainLine(), AUDIO), heard)
        for _ in range(2):
            heard.pieces.clear()
            frames = [frame(1_000 + 100 * number) for number in range(sounds)]
            for number, (_, message) in enumerate(frames, 1):
                link.on_message(message)
                assert len(heard.pieces) == max(0, number - 2), "what comes later goes on at once"
            while link.replying:  # noqa: ASYNC110  # it is over, however short it was
                await asyncio.sleep(0.005)
            assert b"".join(heard.pieces) == b"".join(payload for payload, _ in frames)
        link.close()


async def test_the_vendors_client_judges_the_server() -> None:
    events: TypeAdapter[object] = TypeAdapter(ServerEvent)
    async with OpenAiLiveServer(replies=["Hello."]) as server:
        client = AsyncOpenAI(api_key=server.api_key, websocket_base_url=server.url + "/v1")
        async with client.live.connect() as connection:
            audio: Any = {"format": {"type": "audio/pcmu", "rate": 8_000}}
            await connection.session.start(session={"model": "gpt-live-1.1", "audio": audio})
            seen: list[str] = []
            async with asyncio.timeout(5):
                async for event in connection:
                    events.validate_python(event.model_dump())
                    seen.append(event.type)
                    if event.type == "session.started":
                        await connection.session.instructions.append(content="Greet.", delegation_id=None)
                    elif event.type == "session.output_transcript.delta":
                        await connection.session.close()
                    elif event.type == "session.closed":
                        break
            assert {"session.output_audio.delta", "session.closed"} <= set(seen)


def test_it_has_neither_tools_nor_our_turns() -> None:
    for options in ({"transfer_to": {"sales": "+15550100"}}, {"turn_detection": "ours"}):
        with pytest.raises(UserError):
            speech_agent({"provider": "openai-live", "api_key": "key", **options})
