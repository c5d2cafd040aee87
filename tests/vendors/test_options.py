"""What the options and the language make of the vendors' addresses and messages."""

from typing import Any

import pytest

from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.engine import AsrRequest
from offhook.telephony.codec import PCMU
from offhook.testing.vendors.assemblyai import AssemblyAiServer
from offhook.testing.vendors.cartesia import CartesiaServer
from offhook.testing.vendors.elevenlabs import ElevenLabsServer
from offhook.testing.vendors.openai import OpenAiServer
from offhook.testing.vendors.server import SessionLog, VendorServer
from offhook.usererror import UserError
from offhook.vendors import (
    assemblyai_asr,
    cartesia_asr,
    cartesia_tts,
    elevenlabs_asr,
    elevenlabs_tts,
    openai_asr,
    openai_tts,
)
from tests.vendors.hosted import feed, said, spoken


def reaching(server: VendorServer, **options: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": server.api_key, **options}


async def a_turn(engine: Any, server: VendorServer, language: str | None = None) -> SessionLog:
    """The session of a turn."""
    stream = engine.open(AsrRequest(language=language), print)
    await feed(stream, said("yes") + PCMU.silence * 800)
    await stream.finish()
    await engine.close()
    return next(session for session in server.sessions if session.audio)


async def test_elevenlabs_recogniser() -> None:
    async with ElevenLabsServer(["yes"]) as server:
        options = reaching(server, keyterms=["balance", "IBAN"], enable_logging=False, query={"no_verbatim": "true"})
        session = await a_turn(elevenlabs_asr.make(options, EngineContext("asr", "mine")), server, "de-CH")
        assert session.query["keyterms"] == ["balance", "IBAN"]
        names = ("language_code", "enable_logging", "no_verbatim", "audio_format")
        assert [session.option(name) for name in names] == ["de", "false", "true", "ulaw_8000"]


async def test_elevenlabs_voice() -> None:
    async with ElevenLabsServer() as server:
        options = reaching(server, voice="someone", stability=0.4, speed=1.1, continues=False)
        engine = elevenlabs_tts.make(options, EngineContext("tts", "mine", "en"))
        conversation = engine.in_language("de-CH").conversation()
        for text in ("Guten Morgen.", "Hier ist die Bank."):
            await spoken(conversation.synthesize(text))
        await engine.close()
        used = [session for session in server.sessions if session.messages]
        assert {session.path for session in used} == {"/v1/text-to-speech/someone/multi-stream-input"}
        assert {session.option("language_code") for session in used} == {"de"}
        openings = [message for session in used for message in session.messages if message.get("text") == " "]
        assert [message["voice_settings"] for message in openings] == 2 * [{"stability": 0.4, "speed": 1.1}]


async def test_cartesia() -> None:
    async with CartesiaServer(["yes"]) as server:
        options = reaching(server, model="ink-whisper", encoding="LINEAR16")
        engine = cartesia_asr.make(options, EngineContext("asr", "mine", "fr-CA"))
        session = await a_turn(engine, server)
        found = [session.option(name) for name in ("model", "language", "encoding", "sample_rate")]
        assert found == ["ink-whisper", "fr", "pcm_s16le", "8000"]

        options = reaching(server, voice="someone", speed=0.9, emotion="content")
        voice = cartesia_tts.make(options, EngineContext("tts", "mine", "en-GB"))
        await spoken(voice.synthesize("Good morning."))
        await voice.close()
        message = next(session.messages[0] for session in server.sessions if session.path == "/tts/websocket")
        assert message["voice"] == {"mode": "id", "id": "someone"}
        assert message["generation_config"] == {"speed": 0.9, "emotion": "content"}
        assert message["language"] == "en"


async def test_assemblyai() -> None:
    async with AssemblyAiServer(["yes"]) as server:
        options = reaching(server, keyterms=["IBAN"], format_turns=True, query={"redact_pii": "true"})
        session = await a_turn(assemblyai_asr.make(options, EngineContext("asr", "mine")), server)
        assert session.option("keyterms_prompt") == '["IBAN"]'
        found = [session.option(name) for name in ("encoding", "format_turns", "redact_pii")]
        assert found == ["pcm_mulaw", "true", "true"]


async def test_openai() -> None:
    async with OpenAiServer(["yes"]) as server:
        options: dict[str, Any] = {"realtime_url": server.url, "api_key": server.api_key}
        options |= {"noise_reduction": "near_field", "prompt": "A bank.", "keyterms": ["IBAN"]}
        session = await a_turn(openai_asr.make(options, EngineContext("asr", "mine")), server, "pt-BR")
        taken = session.messages[0]["session"]["audio"]["input"]
        transcription = {"model": "gpt-4o-mini-transcribe", "language": "pt", "prompt": "A bank. Expect: IBAN."}
        assert taken["transcription"] == transcription
        assert (taken["format"], taken["turn_detection"]) == ({"type": "audio/pcmu"}, None)
        assert taken["noise_reduction"] == {"type": "near_field"}

        options = {"base_url": server.http_url, "api_key": server.api_key, "instructions": "Calmly.", "speed": 1.2}
        voice = openai_tts.make(options, EngineContext("tts", "mine", voice="coral"))
        await spoken(voice.synthesize("Good morning."))
        await voice.close()
        (request,) = server.requests
        assert request == {
            "model": "gpt-4o-mini-tts",
            "voice": "coral",
            "input": "Good morning.",
            "response_format": "pcm",
            "instructions": "Calmly.",
            "speed": 1.2,
        }


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (elevenlabs_asr.make, {"silence_s": 9}),
        (elevenlabs_tts.make, {"speed": 2}),
        (cartesia_tts.make, {"volume": 5}),
        (assemblyai_asr.make, {"turns": "theirs"}),
        (openai_asr.make, {"turns": "vendor"}),
        (openai_tts.make, {"voise": "alloy"}),
    ],
)
def test_options_that_a_vendor_does_not_have(make: Any, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        make({"api_key": "key", **options}, EngineContext("asr", "mine"))
