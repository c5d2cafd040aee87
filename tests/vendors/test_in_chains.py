"""Hosted engines as members of a chain: the line's own law, and where the caller stopped hearing."""

import asyncio
from typing import Any, cast

import pytest

from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.adapt import Encode
from offhook.pipeline.asr.adapt import adapt as adapt_asr
from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, Encoding
from offhook.pipeline.chain.asr import ChainAsr
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.events import Prompt, Question
from offhook.pipeline.trace import BotHeard
from offhook.pipeline.tts.adapt import adapt as adapt_tts
from offhook.pipeline.tts.engine import TtsConversation, TtsEngine
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler
from offhook.testing.vendors.azure import AzureServer
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.google import GoogleServer
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak
from offhook.vendors import azure_asr, azure_tts
from offhook.vendors.deepgram_flux_tts import FluxConversation, FluxTts
from tests.pipeline.chain.scripted import ASR_LIMITS, TTS_LIMITS, ScriptedAsr, ScriptedTts
from tests.pipeline.conversation import Talk
from tests.vendors.deepgram import recogniser, voice
from tests.vendors.hosted import GOOGLE, VOICES

DECODERS = {"PCMU": PCMU.decode, "PCMA": PCMA.decode}
ENCODERS: dict[Encoding, Encode] = {"PCMU": PCMU.encode, "PCMA": PCMA.encode}
TEXT = "You have three calls."


def recognisers(engine: AsrEngine, name: str) -> ChainAsr:
    members = [
        Member(name, adapt_asr(name, engine, Resampler, ENCODERS), "asr", ASR_LIMITS),
        Member[AsrEngine]("second", ScriptedAsr("second", "someone else"), "asr", ASR_LIMITS),
    ]
    return ChainAsr(members, Resampler)


def voices(engine: TtsEngine, name: str = "deepgram") -> ChainTts:
    members = [
        Member(name, adapt_tts(name, engine, DECODERS), "tts", TTS_LIMITS),
        Member[TtsEngine]("second", ScriptedTts("second"), "tts", TTS_LIMITS),
    ]
    return ChainTts(members, Resampler)


@pytest.mark.parametrize(("line", "encoding"), [("PCMU", "mulaw"), ("PCMA", "alaw")])
async def test_a_member_takes_the_lines_law(line: str, encoding: str) -> None:
    async with DeepgramServer(["three calls"]) as server, recogniser(server) as engine:
        chain = recognisers(engine, "deepgram").for_line(line, 8_000)
        turn = chain.open(AsrRequest(), lambda text: None)
        turn.feed(speak("three calls", chain.capabilities.rate_hz))
        async with asyncio.timeout(5):
            assert (await turn.finish()).text == "three calls"
        used = [session for session in server.sessions if session.audio]
        assert [session.option("encoding") for session in used] == [encoding]


@pytest.mark.parametrize(("line", "encoding"), [("PCMU", "mulaw"), ("PCMA", "alaw")])
async def test_a_member_gives_the_lines_law(line: str, encoding: str) -> None:
    async with DeepgramServer() as server, voice(server) as engine:
        chain = voices(engine).for_line(line, 8_000)
        chunks = [chunk async for chunk in chain.synthesize(TEXT)]
        assert {chunk.engine for chunk in chunks} == {"deepgram"}
        assert sum(len(chunk.pcm) for chunk in chunks) // 2 == 8 * MS_PER_CHARACTER * len(TEXT)
        used = [session for session in server.sessions if session.messages]
        assert [session.option("encoding") for session in used] == [encoding]


@pytest.mark.parametrize(("line", "name"), [("PCMU", "raw-8khz-8bit-mono-mulaw"), ("PCMA", "raw-8khz-8bit-mono-alaw")])
async def test_azure_as_a_member(line: str, name: str) -> None:
    """Whose connections know of no line: each request says what it is."""
    async with AzureServer(["three calls"]) as server:
        options = {"base_url": server.url, "api_key": server.api_key}
        asr = azure_asr.make(options, EngineContext("asr", "azure"))
        chain = recognisers(asr, "azure").for_line(line, 8_000)
        turn = chain.open(AsrRequest(), lambda text: None)
        turn.feed(speak("three calls", chain.capabilities.rate_hz))
        async with asyncio.timeout(5):
            assert (await turn.finish()).text == "Three calls."
        tts = azure_tts.make(options, EngineContext("tts", "azure"))
        chunks = [chunk async for chunk in voices(tts, "azure").for_line(line, 8_000).synthesize(TEXT)]
        assert {chunk.engine for chunk in chunks} == {"azure"}
        assert sum(len(chunk.pcm) for chunk in chunks) // 2 == 8 * MS_PER_CHARACTER * len(TEXT)
        await asyncio.gather(asr.close(), tts.close())
        sent = [message for session in server.sessions for message in session.messages]
        assert [message["encoding"] for message in sent if message["path"] == "audio"] == [line]
        contexts = [message["synthesis"]["audio"] for message in sent if message["path"] == "synthesis.context"]
        assert [context["outputFormat"] for context in contexts] == [name]


async def test_a_member_learns_where_the_caller_stopped_hearing(monkeypatch: pytest.MonkeyPatch) -> None:
    conversations: list[FluxConversation] = []

    def conversation(engine: FluxTts) -> TtsConversation:
        conversations.append(FluxConversation(engine))
        return conversations[-1]

    monkeypatch.setattr(FluxTts, "conversation", conversation)
    async with DeepgramServer() as server, voice(server, model="flux-haley-en") as engine:
        talk = Talk(tts=voices(engine))
        task = asyncio.create_task(talk.session.step(Prompt(TEXT), Question()))
        await talk.playing(8 * MS_PER_CHARACTER * len(TEXT))
        talk.line.send(8 * MS_PER_CHARACTER * len("You have ") + 80)
        await talk.speak()
        async with asyncio.timeout(2):
            while (split := conversations[0].split) is None:  # noqa: ASYNC110 - it comes from the vendor
                await asyncio.sleep(0.01)
        talk.session.close()
        await asyncio.wait([task])
        (event,) = talk.reported(BotHeard)
        assert isinstance(event, BotHeard)
        assert (split.spoken, split.remaining) == ("You have", "three calls.")
        assert (event.playback.text_played, event.playback.text_unplayed) == ("You have", "three calls.")
        assert event.engine == "deepgram"


@pytest.mark.parametrize(("line", "encoding"), [("PCMU", "MULAW"), ("PCMA", "ALAW")])
async def test_google_in_a_chain(line: str, encoding: str) -> None:
    """It takes and gives the line's law, and the next engine makes up for its silence."""
    async with GoogleServer(["three calls"]) as server:
        hosted = GOOGLE.engine(server, kind="asr")
        asr = recognisers(hosted, "google").for_line(line, 8_000)
        speaker = VOICES[-1].engine(server, kind="tts")
        tts = voices(speaker, "google").for_line(line, 8_000)
        for fault, text, by in ((None, "three calls", {"google"}), ("mute", "someone else", {"second"})):
            server.fault = cast(Any, fault)
            turn = asr.open(AsrRequest(), lambda text: None)
            turn.feed(speak("three calls", asr.capabilities.rate_hz))
            async with asyncio.timeout(5):
                assert (await turn.finish()).text == text
                assert {chunk.engine async for chunk in tts.synthesize(TEXT)} == by
        used = [str(session.messages[0]) for session in server.sessions if session.messages]
        assert len(used) == 2
        assert all(encoding in message for message in used)
        await asyncio.gather(hosted.close(), speaker.close())
