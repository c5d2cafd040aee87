"""The referee: Deepgram's own client works against our server, so what that accepts and sends is the protocol.

Its models take anything by default; here each message must satisfy its own, with every field that it requires.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.tone_speech import speak
from tests.vendors.deepgram import frames, loud

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its module imports websockets.legacy
pytest.importorskip("deepgram")

TEXT = "check my balance"


def client_of(server: DeepgramServer, api_key: str | None = None, **more: object) -> Any:
    from deepgram import DeepgramClient  # noqa: PLC0415 - see `pytestmark`
    from deepgram.environment import DeepgramClientEnvironment  # noqa: PLC0415

    places = {"base": server.http_url, "production": server.url, "agent": server.url, "agent_rest": server.http_url}
    return DeepgramClient(api_key=api_key or server.api_key, environment=DeepgramClientEnvironment(**places), **more)


def checked(message: Any) -> Any:
    """The message, if it satisfies its model."""
    if isinstance(message, bytes):
        return message
    assert not isinstance(message, dict), f"the client does not know {message}"
    return type(message).model_validate(message.model_dump())


def until(messages: Iterator[Any], last: Callable[[Any], bool]) -> list[Any]:
    """Messages up to the last, each checked."""
    found = []
    for message in messages:
        found.append(checked(message))
        if not isinstance(message, bytes) and last(message):
            return found
    raise AssertionError(f"the connection ended after {found[-3:]}")


def kinds(messages: list[Any]) -> list[str]:
    """Their types, with audio in a row as one."""
    found: list[str] = []
    for each in messages:
        kind = "audio" if isinstance(each, bytes) else each.type
        if not found or found[-1] != kind or kind != "audio":
            found.append(kind)
    return found


async def test_listen_v1() -> None:
    def talk() -> list[Any]:
        query = {"model": "nova-3", "encoding": "mulaw", "sample_rate": 8_000, "endpointing": "false"}
        with client_of(server).listen.v1.connect(**query, interim_results="true", language="en") as socket:
            socket.send_keep_alive()
            for frame in frames(loud(TEXT)):
                socket.send_media(frame)
            socket.send_finalize()
            found = until(iter(socket), lambda each: bool(getattr(each, "from_finalize", False)))
            socket.send_close_stream()
            return found + until(iter(socket), lambda each: each.type == "Metadata")

    async with DeepgramServer([TEXT]) as server:
        found = await asyncio.to_thread(talk)
        results = [each for each in found if each.type == "Results"]
        texts = [each.channel.alternatives[0].transcript for each in results]
        assert texts[:3] == ["check", "check my", TEXT]
        final = next(each for each in results if each.from_finalize)
        assert final.channel.alternatives[0].transcript == TEXT
        assert [word.word for word in final.channel.alternatives[0].words] == TEXT.split()
        assert bytes(server.sessions[0].audio) == loud(TEXT)
        assert server.violations == []


async def test_listen_v1_endpointing() -> None:
    def talk() -> list[Any]:
        query = {"model": "nova-3", "encoding": "alaw", "sample_rate": 8_000, "endpointing": "300"}
        with client_of(server).listen.v1.connect(**query) as socket:
            for frame in frames(PCMA.encode(speak(TEXT, 8_000) + bytes(8_000))):
                socket.send_media(frame)
            return until(iter(socket), lambda each: bool(getattr(each, "speech_final", False)))

    async with DeepgramServer([TEXT]) as server:
        found = await asyncio.to_thread(talk)
        assert found[-1].channel.alternatives[0].transcript == TEXT
        assert found[-1].is_final


async def test_listen_v2() -> None:
    def talk() -> list[Any]:
        query = {"model": "flux-general-en", "encoding": "mulaw", "sample_rate": 8_000}
        with client_of(server).listen.v2.connect(**query, eot_threshold="0.7", eager_eot_threshold="0.5") as socket:
            for frame in frames(loud(TEXT, 0.3) + loud(TEXT, 0.6) + loud(TEXT, 0.0)):
                socket.send_media(frame)
            socket.send_force_end_turn()
            found = until(iter(socket), lambda each: getattr(each, "trigger", None) == "manual")
            socket.send_configure({"type": "Configure", "thresholds": {"eot_threshold": 0.8}})
            found += until(iter(socket), lambda each: each.type == "ConfigureSuccess")
            socket.send_close_stream()
            return found

    async with DeepgramServer([TEXT, "and another one"]) as server:
        found = await asyncio.to_thread(talk)
        assert found[0].type == "Connected"
        events = [each.event for each in found if each.type == "TurnInfo" and each.event != "Update"]
        first = ["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"]
        assert events == [*first, "StartOfTurn", "EndOfTurn"]
        ends = [each for each in found if getattr(each, "event", "") == "EndOfTurn"]
        assert [(each.turn_index, each.trigger, each.transcript) for each in ends] == [
            (0, "model", TEXT),
            (1, "manual", "and another one"),
        ]
        numbers = [each.sequence_id for each in found]
        assert numbers == list(range(len(numbers)))
        assert server.violations == []


async def test_speak_v1() -> None:
    def talk() -> list[Any]:
        from deepgram.speak.v1.types import SpeakV1Text  # noqa: PLC0415

        with client_of(server).speak.v1.connect(
            model="aura-2-thalia-en", encoding="mulaw", sample_rate=8_000
        ) as socket:
            socket.send_text(SpeakV1Text(text="Your balance is "))
            socket.send_text(SpeakV1Text(text="nine dollars."))
            socket.send_flush()
            found = until(iter(socket), lambda each: each.type == "Flushed")
            socket.send_clear()
            found += until(iter(socket), lambda each: each.type == "Cleared")
            for _ in range(20):
                socket.send_flush()
            found += until(iter(socket), lambda each: each.type == "Warning")
            socket.send_close()
            return found

    async with DeepgramServer() as server:
        found = await asyncio.to_thread(talk)
        assert kinds(found)[:4] == ["Metadata", "audio", "Flushed", "Cleared"]
        audio = b"".join(each for each in found if isinstance(each, bytes))
        assert audio == PCMU.encode(speak("Your balance is nine dollars.", 8_000))


async def test_speak_v1_by_http() -> None:
    def ask() -> bytes:
        query = {"model": "aura-2-thalia-en", "encoding": "alaw", "sample_rate": 8_000, "container": "none"}
        with httpx.Client() as http:
            return b"".join(client_of(server, httpx_client=http).speak.v1.audio.generate(text="Nine dollars.", **query))

    async with DeepgramServer() as server:
        assert await asyncio.to_thread(ask) == PCMA.encode(speak("Nine dollars.", 8_000))


async def test_speak_v2() -> None:
    def talk() -> list[Any]:
        from deepgram.speak.v2.types import (  # noqa: PLC0415
            SpeakV2Close,
            SpeakV2Configure,
            SpeakV2Flush,
            SpeakV2Interrupt,
            SpeakV2InterruptPlaybackOffset,
            SpeakV2Speak,
        )

        with client_of(server).speak.v2.connect(model="flux-haley-en", encoding="mulaw", sample_rate=8_000) as socket:
            socket.send_interrupt(SpeakV2Interrupt())
            socket.send_speak(SpeakV2Speak(text="Your balance is nine dollars."))
            socket.send_flush(SpeakV2Flush())
            found = until(iter(socket), lambda each: each.type == "SpeechMetadata")
            for played_ms in (12 * 60, 12 * 60):
                offset = SpeakV2InterruptPlaybackOffset(value=played_ms)
                socket.send_interrupt(SpeakV2Interrupt(playback_offset=offset))
                found += until(iter(socket), lambda each: each.type in ("SpeechInterrupted", "Warning"))
            socket.send_configure(SpeakV2Configure(speed=1.1))
            found += until(iter(socket), lambda each: each.type == "ConfigureSuccess")
            socket.send_close(SpeakV2Close())
            return found

    async with DeepgramServer() as server:
        found = await asyncio.to_thread(talk)
        expected = ["Connected", "Warning", "Flushed", "SpeechStarted", "audio", "SpeechMetadata", "SpeechInterrupted"]
        assert kinds(found) == [*expected, "Warning", "ConfigureSuccess"]
        codes = [each.code for each in found if not isinstance(each, bytes) and each.type == "Warning"]
        assert codes == ["NO_AUDIO_GENERATED", "INVALID_INTERRUPT_OFFSET"]
        split = next(each for each in found if not isinstance(each, bytes) and each.type == "SpeechInterrupted")
        assert (split.text_spoken, split.text_remaining) == ("Your balance", "is nine dollars.")
        assert server.violations == []


async def test_a_wrong_key_and_wrong_options() -> None:
    def fail(api_key: str, encoding: str) -> int:
        query = {"model": "nova-3", "encoding": encoding, "sample_rate": 8_000}
        with pytest.raises(InvalidStatus) as raised, client_of(server, api_key).listen.v1.connect(**query):
            pass
        return raised.value.response.status_code

    async with DeepgramServer() as server:
        assert await asyncio.to_thread(fail, "wrong", "mulaw") == 401
        assert await asyncio.to_thread(fail, server.api_key, "opus") == 400
        server.fault = "busy"
        assert await asyncio.to_thread(fail, server.api_key, "mulaw") == 429
