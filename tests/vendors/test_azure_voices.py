"""Voices of Azure: SSML, languages, a connection for several texts, the list of voices."""

import asyncio
from xml.etree import ElementTree

import pytest

from offhook.cli.voices import look_at
from offhook.engines.factory import EngineContext
from offhook.pipeline.errors import EngineError
from offhook.settings.config import Config
from offhook.telephony.codec import PCMU
from offhook.testing.vendors.azure import AzureServer
from offhook.testing.vendors.azure_speak import VOICES
from offhook.testing.vendors.tone_speech import text_in
from offhook.vendors.azure_tts import make as make_tts
from offhook.vendors.errors import VendorRefusedError
from tests.vendors.deepgram import RATE_HZ
from tests.vendors.hosted import spoken, until
from tests.vendors.test_azure import sent, voice


async def test_ssml() -> None:
    async with AzureServer() as server:
        engine = voice(server, "de", voices={"fr": "fr-FR-DeniseNeural"}, style="cheerful", rate=1.1)
        text = 'Tom & "Jerry" <3\x00'
        for each in (engine, engine.in_language("fr-FR")):
            audio, words = await spoken(each.synthesize(text))
            assert text_in(PCMU.decode(audio), RATE_HZ) == 'Tom & "Jerry" <3'
            assert [word.text for word in words] == ["Tom", '"Jerry"', "<3\x00"]
        await engine.close()
        german, french = (ElementTree.fromstring(message["body"]) for message in sent(server, "ssml"))
        speaks = "{http://www.w3.org/2001/10/synthesis}"
        xml_lang = "{http://www.w3.org/XML/1998/namespace}lang"
        lang = german.find(f".//{speaks}lang")
        assert lang is not None  # by a voice for many languages
        assert (lang.get(xml_lang), german.get(xml_lang), french.get(xml_lang)) == ("de-DE", "de-DE", "fr-FR")
        assert french.find(f".//{speaks}lang") is None
        assert [each.find(f"{speaks}voice").get("name") for each in (german, french)] == [  # type: ignore[union-attr]
            "en-US-AvaMultilingualNeural",
            "fr-FR-DeniseNeural",
        ]
        prosody = german.find(f".//{speaks}prosody")
        assert prosody is not None
        assert prosody.get("rate") == "1.10"


@pytest.mark.parametrize(
    ("voice", "language", "expected"),
    [
        ("en-GB-SoniaNeural", "en", "en-GB-SoniaNeural"),
        ("en-GB-SoniaNeural", "fr", "en-US-AvaMultilingualNeural"),
        ("en-GB-SoniaNeural", "de-AT", "de-DE-KatjaNeural"),
        ("en-US-Ava:DragonHDLatestNeural", "fr", "en-US-Ava:DragonHDLatestNeural"),
    ],
)
def test_the_voice_for_a_language(voice: str, language: str, expected: str) -> None:
    options = {"api_key": "key", "region": "westeurope", "voices": {"de": "de-DE-KatjaNeural"}}
    engine = make_tts(options, EngineContext("tts", "azure", voice=voice))
    assert engine.in_language(language).voice == expected


async def test_texts_share_a_connection() -> None:
    """Whatever their language, voice and encoding; one that is stopped gives it back when Azure has stopped."""
    async with AzureServer(realtime_factor=8.0) as server:
        engine = voice(server, spare=0)
        await engine.start()
        for each in (
            engine,
            engine.for_line("PCMA", 8_000),
            engine.in_language("de"),
            engine.with_voice("de-CH-LeniNeural"),
        ):
            chunks = each.synthesize("This is given up.")
            await anext(chunks)
            await chunks.aclose()  # type: ignore[attr-defined]
            await until(lambda: engine.pool.dump()["idle"] == 1)
            await spoken(each.synthesize("Yes."))
        await engine.close()
        assert sum(bool(session.messages[1:]) for session in server.sessions) == 1
        assert len(sent(server, "synthesis.control")) == 4
        assert server.violations == []


async def test_voices() -> None:
    names = {each["ShortName"]: each["Locale"] for each in VOICES}
    async with AzureServer() as server:
        engine = voice(server)
        assert engine.with_voice("en-AU-WilliamNeural").language == "en-AU"  # not known yet
        with pytest.raises(KeyError):
            engine.with_voice("heart")
        await engine.start()
        assert engine.voices == names
        assert engine.with_voice("de-CH-LeniNeural").voice == "de-CH-LeniNeural"
        with pytest.raises(KeyError):
            engine.with_voice("en-AU-WilliamNeural")
        await engine.close()
        for options in ({"voice": "en-US-NobodyNeural"}, {"voices": {"de": "en-US-NobodyNeural"}}):
            engine = voice(server, **options)
            with pytest.raises(VendorRefusedError, match="no voice 'en-US-NobodyNeural'"):
                await engine.start()
            await engine.close()


async def test_a_voice_that_is_withdrawn() -> None:
    """Azure closes the connection, and says why."""
    async with AzureServer() as server:
        engine = voice(server, voice="en-US-NobodyNeural")
        with pytest.raises(EngineError, match="Unsupported voice en-US-NobodyNeural"):
            await spoken(engine.synthesize("Yes."))
        await engine.close()


async def test_the_command_lists_them() -> None:
    async with AzureServer() as server:
        own = {"base_url": server.url, "api_key": server.api_key}
        config = Config.model_validate({"tts": {"engine": "azure", "azure": own}})
        found = await asyncio.to_thread(look_at, config, "azure", "de")
        assert dict(found.voices) == {"de-DE-KatjaNeural": "de-DE", "de-CH-LeniNeural": "de-CH"}
        config = Config.model_validate({"tts": {"engine": "azure", "azure": {**own, "api_key": "wrong"}}})
        found = await asyncio.to_thread(look_at, config, "azure")
        assert "401" in found.problem
        assert "AZURE_SPEECH_KEY" in found.hint
