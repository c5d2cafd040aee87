"""Our voices on the server that the vendor's own client accepts (test_deepgram_sdk)."""

import asyncio
import time
from typing import Any

import pytest

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.tts.voice import closing
from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.tone_speech import speak, text_in
from offhook.vendors.deepgram_flux_tts import FluxConversation, FluxTts
from offhook.vendors.errors import VendorRefusedError
from tests.vendors.deepgram import voice

AURA: dict[str, Any] = {"model": "aura-2-thalia-en"}
FLUX: dict[str, Any] = {"model": "flux-haley-en"}
both = pytest.mark.parametrize("options", [AURA, FLUX], ids=["aura", "flux"])
TEXT = "Your balance is nine dollars."


async def said(engine: TtsEngine, text: str = TEXT) -> bytes:
    return b"".join([chunk.pcm async for chunk in engine.synthesize(text)])


@both
async def test_a_text(options: dict[str, Any]) -> None:
    async with DeepgramServer() as server, voice(server, **options) as engine:
        assert engine.capabilities.encoding == "PCMU"
        assert await said(engine) == PCMU.encode(speak(TEXT, 8_000))
        assert engine.characters == len(TEXT)
        assert server.violations == []


async def test_by_http() -> None:
    async with DeepgramServer() as server:
        options = {"base_url": server.http_url, "transport": "http"}
        async with voice(server, **AURA, **options) as engine:
            for _ in range(3):
                assert await said(engine) == PCMU.encode(speak(TEXT, 8_000))
            assert "container=none" in server.requests[-1].path
            assert server.http.connections == 2  # the first was cut: it only tried the key
            server.fault = "dies"
            with pytest.raises(EngineError):
                await said(engine)
            server.fault = None
            assert text_in(PCMU.decode(await said(engine)), 8_000) == TEXT
            server.fault = "busy"
            with pytest.raises(EngineError, match="too many connections"):
                await said(engine)
        server.fault = None
        with pytest.raises(VendorRefusedError, match=r"refused the key \(401: Invalid credentials\.\)"):
            async with voice(server, **{**AURA, **options, "api_key": "wrong"}):
                pass


@both
async def test_a_line_gets_its_own_law(options: dict[str, Any]) -> None:
    async with DeepgramServer() as server, voice(server, **options) as engine:
        assert await said(engine.for_line("PCMA", 8_000)) == PCMA.encode(speak(TEXT, 8_000))
        wide = engine.for_line("G722", 16_000)
        assert wide.capabilities.rate_hz == 16_000
        assert await said(wide) == speak(TEXT, 16_000)


async def test_languages() -> None:
    async with DeepgramServer() as server, voice(server, models={"de": "aura-2-viktoria-de"}) as engine:
        assert engine.capabilities.languages == ("en", "de")
        await said(engine.in_language("de"), "Hallo")
        assert server.sessions[-1].option("model") == "aura-2-viktoria-de"


async def test_many_texts_keep_the_limit_of_flushes() -> None:
    async with DeepgramServer() as server, voice(server) as engine:
        for n in range(50):
            assert await said(engine, f"Text {n}") == PCMU.encode(speak(f"Text {n}", 8_000))
        assert server.violations == []


@both
async def test_a_text_that_is_cut_reaches_nobody(options: dict[str, Any]) -> None:
    server = DeepgramServer(realtime_factor=20, fault="audio-after-cancel")
    async with server, voice(server, **options) as engine:
        async with closing(engine.synthesize(TEXT)) as chunks:
            await anext(chunks)
        assert text_in(PCMU.decode(await said(engine, "Next.")), 8_000) == "Next."


@both
async def test_first_audio_that_does_not_come(options: dict[str, Any]) -> None:
    async with DeepgramServer(fault="mute") as server, voice(server, **options, first_audio_ms=300) as engine:
        began = time.monotonic()
        with pytest.raises(EngineTimeout, match=r"no audio for 0\.3 s"):
            await said(engine)
        assert time.monotonic() - began < 0.8


@both
async def test_a_connection_that_dies_before_the_first_audio_is_replaced(options: dict[str, Any]) -> None:
    async with DeepgramServer() as server, voice(server, **options) as engine:
        server.fault = "mute"
        task = asyncio.create_task(said(engine))
        await asyncio.sleep(0.1)
        server.fault = None
        server.reset()
        assert text_in(PCMU.decode(await task), 8_000) == TEXT


@both
async def test_one_that_dies_later_fails_the_text(options: dict[str, Any]) -> None:
    async with DeepgramServer(realtime_factor=20) as server, voice(server, **options) as engine:
        with pytest.raises(EngineError, match="broke off"):
            async for _ in engine.synthesize(TEXT):
                server.reset()


@both
async def test_429_at_the_upgrade(options: dict[str, Any]) -> None:
    async with DeepgramServer(fault="busy") as server, voice(server, **options, spare=0) as engine:
        with pytest.raises(EngineError, match="too many connections"):
            await said(engine)


@both
async def test_a_wrong_key(options: dict[str, Any]) -> None:
    async with DeepgramServer() as server:
        with pytest.raises(VendorRefusedError, match="refused the key"):
            async with voice(server, **options, api_key="wrong"):
                pass


def conversation_of(engine: TtsEngine) -> FluxConversation:
    assert isinstance(engine, FluxTts)
    found = engine.conversation()
    assert isinstance(found, FluxConversation)
    return found


async def spoken(conversation: FluxConversation, text: str) -> str:
    audio = b"".join([chunk.pcm async for chunk in conversation.synthesize(text)])
    return text_in(PCMU.decode(audio), 8_000)


async def answered(conversation: FluxConversation) -> None:
    async with asyncio.timeout(2):
        while conversation.split is None:  # noqa: ASYNC110 - the answer comes from the vendor
            await asyncio.sleep(0.005)


async def test_the_voice_is_told_where_the_caller_stopped_hearing() -> None:
    async with DeepgramServer() as server, voice(server, **FLUX) as engine:
        conversation = conversation_of(engine)
        assert await spoken(conversation, "Hello.") == "Hello."
        conversation.finished()
        interrupts: list[dict[str, Any]] = []
        for n, heard in enumerate(("Your balance", "Your balance is nine"), 1):
            conversation.split = None
            assert await spoken(conversation, TEXT) == TEXT
            conversation.interrupted(TEXT, 8 * 60 * (len(heard) + 1))
            await answered(conversation)
            assert conversation.split is not None
            assert conversation.split.spoken == heard
            assert conversation.split.remaining == TEXT[len(heard) + 1 :]
            interrupts = [each for each in server.sessions[0].messages if each["type"] == "Interrupt"]
            assert len(interrupts) == n
        first, second = (each["playback_offset"]["value"] for each in interrupts)
        assert first == 6 * 60 + 13 * 60  # "Hello." was played, and 13 characters of the text
        assert second == first + 21 * 60
        assert server.violations == []
        conversation.close()
        assert sum(bool(session.messages) for session in server.sessions) == 1


async def test_an_interruption_while_the_text_is_synthesised() -> None:
    async with DeepgramServer(realtime_factor=10) as server, voice(server, **FLUX) as engine:
        conversation = conversation_of(engine)
        async with closing(conversation.synthesize(TEXT)) as chunks:
            for _ in range(3):
                await anext(chunks)
            conversation.interrupted(TEXT, 8 * 60 * 5)
        assert await spoken(conversation, "Sorry.") == "Sorry."
        assert conversation.split is not None
        assert conversation.split.spoken == "Your"
        assert sum(each["type"] == "Interrupt" for each in server.sessions[0].messages) == 1
        conversation.close()


async def test_what_another_call_waits_for_is_not_cut() -> None:
    async with DeepgramServer(realtime_factor=20) as server, voice(server, **FLUX) as engine:
        conversation = conversation_of(engine)
        whole = ""
        async with closing(conversation.synthesize(TEXT)) as chunks:
            conversation.interrupted(TEXT, 0)
            conversation.close()
            audio = b"".join([chunk.pcm async for chunk in chunks])
            whole = text_in(PCMU.decode(audio), 8_000)
        assert whole == TEXT


async def test_a_vendor_that_ignores_an_interrupt() -> None:
    async with DeepgramServer(answers_after_end=False) as server, voice(server, **FLUX) as engine:
        conversation = conversation_of(engine)
        assert await spoken(conversation, TEXT) == TEXT
        conversation.interrupted(TEXT, 8_000)
        assert await spoken(conversation, "Next.") == "Next."
        assert conversation.split is None
        conversation.close()


async def test_ends_of_other_turns_are_ignored() -> None:
    async with DeepgramServer(fault="wrong-context") as server, voice(server, **FLUX) as engine:
        conversation = conversation_of(engine)
        assert await spoken(conversation, TEXT) == TEXT
        assert await spoken(conversation, "Next.") == "Next."
        conversation.close()
