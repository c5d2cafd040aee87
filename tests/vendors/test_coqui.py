"""Coqui's server over HTTP. The server is a toy; the interface is that of `tts-server`."""

import asyncio
import socket

import numpy as np
import pytest

from offhook.engines.factory import EngineContext
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.vendors.coqui import CoquiTts, make
from tests.pipeline.tts.spoken import speak
from tests.vendors.coqui_server import coqui_server, hum


def engine_at(url: str, **options: object) -> CoquiTts:
    return make({"base_url": url, **options}, EngineContext("tts", "coqui"))


async def test_a_text_is_spoken_clause_by_clause_at_the_lines_rate() -> None:
    async with coqui_server() as server:
        engine = engine_at(server.url)
        await engine.start()
        server.asked.clear()
        samples, words = await speak(engine, "Good morning. This is Zoë & co.")
        assert [each["text"] for each in server.asked] == ["Good morning.", "This is Zoë & co."]
        assert all(set(each) == {"path", "text"} for each in server.asked)
        seconds = (13 + 17) * 0.08 + 0.3 + 0.06
        assert len(samples) == pytest.approx(8_000 * seconds, rel=0.03)
        assert words == [] and not engine.capabilities.word_positions
        wide, _ = await speak(engine.at_rate(16_000), "Good morning.")
        assert len(wide) == pytest.approx(16_000 * (13 * 0.08 + 0.06), rel=0.03)
        assert 0.3 < np.abs(wide).max() / 32_768 < 0.86


async def test_speaker_and_language_are_asked_for() -> None:
    async with coqui_server() as server:
        assert await engine_at(server.url).list_voices() == {"p225": "", "Claribel Dervla": ""}
        engine = engine_at(server.url, voice="p225", languages=("en", "de"), voices={"DE": "Claribel Dervla"})
        await engine.start()
        assert list(engine.voices) == ["p225", "Claribel Dervla"]
        assert engine.capabilities.languages == ("en", "de")
        for voice in (engine, engine.in_language("de"), engine.with_voice("Claribel Dervla")):
            await speak(voice, "Hello")
        chosen = [(each["speaker_id"], each.get("language_id")) for each in server.asked]
        assert chosen == [("p225", None), ("Claribel Dervla", "de"), ("Claribel Dervla", None)]
        with pytest.raises(KeyError):
            engine.with_voice("nobody")


async def test_the_pace_takes_the_other_interface() -> None:
    async with coqui_server() as server:
        server.chunked = True
        samples, _ = await speak(engine_at(server.url, voice="p225", speed=2.0), "Hello there")
        assert server.asked[0]["path"] == "/v1/audio/speech"
        assert len(samples) == pytest.approx(8_000 * (11 * 0.04 + 0.06), rel=0.05)


async def test_a_speaker_that_the_server_does_not_have_is_refused_at_the_start() -> None:
    async with coqui_server() as server:
        with pytest.raises(EngineError, match=r"no speaker 'nobody'.*p225, Claribel Dervla"):
            await engine_at(server.url, voice="nobody").start()
        server.has_list = False  # an older server
        await engine_at(server.url, voice="nobody").start()


async def test_a_model_with_several_speakers_needs_one() -> None:
    async with coqui_server() as server:
        await engine_at(server.url).start()
        server.has_default = False
        with pytest.raises(EngineError, match=r"several speakers.*`voice` is not set.*p225, Claribel Dervla"):
            await engine_at(server.url).start()
        assert list(await engine_at(server.url).list_voices()) == ["p225", "Claribel Dervla"]
        await engine_at(server.url, voice="p225").start()


async def test_a_server_that_is_not_there_is_named_with_what_to_type() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        engine = engine_at(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(EngineError, match=r"127.0.0.1:[0-9]+: .*tts-server --model_name"):
            await engine.start()
    with pytest.raises(EngineError, match="not an http"):
        await engine_at("localhost:5002").start()


async def test_a_server_that_fails_fails_the_utterance() -> None:
    async with coqui_server() as server:
        engine = engine_at(server.url)
        server.status = 500
        with pytest.raises(EngineError, match=r"500: .*synthesis failed"):
            await speak(engine, "Hello")
        server.status = 200
        for content in (b"", b"no WAV", hum(5, 4_000)):
            server.content = content
            with pytest.raises(EngineError, match="not a WAV file"):
                await speak(engine, "Hello")


async def test_a_slow_server_is_given_up() -> None:
    async with coqui_server() as server:
        server.delay_s = 5.0
        with pytest.raises(EngineTimeout, match="did not answer in time"):
            await speak(engine_at(server.url, timeout_s=0.1), "Hello")


async def test_an_utterance_that_is_cancelled_closes_the_connection() -> None:
    async with coqui_server() as server:
        server.delay_s = 5.0
        speaking = asyncio.create_task(speak(engine_at(server.url), "Hello"))
        async with asyncio.timeout(5):
            await server.was_asked.wait()
            speaking.cancel()
            await server.client_left.wait()
