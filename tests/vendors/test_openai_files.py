"""OpenAI's recogniser by requests with a file, as other servers have it too."""

from typing import Any

import pytest

from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.testing.vendors.openai import OpenAiServer
from offhook.testing.vendors.tone_speech import speak
from offhook.vendors import openai_asr
from offhook.vendors.errors import VendorRefusedError

TEXT = "check my balance"


def engine_for(server: OpenAiServer, **options: Any) -> openai_asr.OpenAiFileAsr:
    """An engine that reaches `server`."""
    given = {"api": "transcriptions", "base_url": server.http_url, "api_key": server.api_key, **options}
    engine = openai_asr.make(given, EngineContext("asr", "openai"))
    assert isinstance(engine, openai_asr.OpenAiFileAsr)
    return engine


async def recognise(engine: openai_asr.OpenAiFileAsr, language: str | None = None) -> str:
    """One turn."""
    stream = engine.open(AsrRequest(language=language), print)
    stream.feed(speak("xxxxxxxxxx", 16_000))
    return (await stream.finish()).text


async def test_a_turn() -> None:
    async with OpenAiServer([TEXT, TEXT]) as server:
        engine = engine_for(server, prompt="A bank.")
        await engine.start()
        assert await recognise(engine, "de-CH") == TEXT
        assert await recognise(engine) == TEXT
        await engine.close()
        languages = [request["language"] for request in server.requests]
        assert languages == ["en", "de", "en"]
        assert server.requests[1]["prompt"] == "A bank."
        assert server.http.connections == 1


async def test_a_wrong_key() -> None:
    async with OpenAiServer() as server:
        engine = engine_for(server, api_key="wrong")
        with pytest.raises(VendorRefusedError, match="401") as caught:
            await engine.start()
        assert "OPENAI_API_KEY" in caught.value.hint
        await engine.close()


async def test_a_slow_answer() -> None:
    async with OpenAiServer([TEXT], fault="slow") as server:
        engine = engine_for(server, final_ms=200)
        with pytest.raises(EngineTimeout):
            await recognise(engine)
        await engine.close()


@pytest.mark.parametrize(("fault", "why"), [("busy", "429"), ("dies", "openai")])
async def test_faults(fault: Any, why: str) -> None:
    async with OpenAiServer([TEXT], fault=fault) as server:
        engine = engine_for(server)
        if fault == "dies":  # after the whole answer: it counts
            assert await recognise(engine) == TEXT
        else:
            with pytest.raises(EngineError, match=why):
                await recognise(engine)
        await engine.close()
