"""Our voices against the vendors' servers: what is right, and each fault."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from time import monotonic
from typing import Any, cast

import pytest

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.openai import OpenAiServer
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, text_in
from offhook.vendors.errors import VendorRefusedError
from tests.vendors.hosted import (
    CARTESIA_VOICE,
    CONTEXTS,
    ELEVENLABS_VOICE,
    OPENAI_VOICE,
    SOCKETS,
    VOICES,
    Vendor,
    spoken,
    until,
)

TEXT = "Your balance is $12.50, and it was $99 before. Is there more?"
SAMPLES = 8 * MS_PER_CHARACTER

every_vendor = pytest.mark.parametrize("vendor", VOICES, ids=repr)
with_contexts = pytest.mark.parametrize("vendor", CONTEXTS, ids=repr)
by_socket = pytest.mark.parametrize("vendor", SOCKETS, ids=repr)


def heard(engine: Any, audio: bytes) -> str:
    """What a caller hears."""
    decoders: dict[str, Callable[[bytes], bytes]] = {"PCMU": PCMU.decode, "PCMA": PCMA.decode}
    decode = decoders.get(engine.capabilities.encoding, bytes)
    return text_in(decode(audio), engine.capabilities.rate_hz)


@every_vendor
async def test_a_text(vendor: Vendor) -> None:
    """Its speech is all there, once; its words have their places; nothing is done that the vendor forbids."""
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts")
        await engine.start()
        audio, words = await spoken(engine.synthesize(TEXT))
        await engine.close()
        assert heard(engine, audio) == TEXT
        assert server.violations == []
        if engine.capabilities.word_positions:
            assert [TEXT[word.char_start : word.char_end] for word in words] == TEXT.split()
            for word in words:
                assert word.start_sample == pytest.approx(word.char_start * SAMPLES, abs=SAMPLES)
                assert word.end_sample == pytest.approx(word.char_end * SAMPLES, abs=SAMPLES)


@by_socket
@pytest.mark.parametrize(("encoding", "rate_hz"), [("PCMA", 8_000), ("LINEAR16", 16_000), ("LINEAR16", 8_000)])
async def test_other_lines(vendor: Vendor, encoding: str, rate_hz: int) -> None:
    """A-law comes as it is, and wideband lines get PCM of their rate."""
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts").for_line(encoding, rate_hz)
        audio, _ = await spoken(engine.synthesize(TEXT))
        await engine.close()
        assert (engine.capabilities.encoding, engine.capabilities.rate_hz) == (encoding, rate_hz)
        assert heard(engine, audio) == TEXT


@with_contexts
async def test_an_utterance_is_one_context(vendor: Vendor) -> None:
    """Clause after clause goes to the same context, so that the intonation goes on; each has its own audio and
    words."""
    clauses = ["Good morning,", "this is the bank.", "What can I do for you?"]
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts")
        await engine.start()
        conversation = engine.conversation()
        for _ in range(2):
            for clause in clauses:
                audio, words = await spoken(conversation.synthesize(clause))
                assert heard(engine, audio) == clause
                assert [word.text for word in words] == clause.split()
                assert words[0].start_sample == pytest.approx(0, abs=SAMPLES)
                assert words[-1].end_sample == pytest.approx(len(clause) * SAMPLES, abs=SAMPLES)
            conversation.finished()
        conversation.close()
        await engine.close()
        messages = [message for session in server.sessions for message in session.messages]
        assert len({message["context_id"] for message in messages if "context_id" in message}) == 2
        assert server.violations == []


@by_socket
async def test_an_utterance_that_waits(vendor: Vendor) -> None:
    """A context that the vendor has forgotten meanwhile is begun anew, and the words keep their places."""
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts")
        conversation = engine.conversation()
        await spoken(conversation.synthesize("Let me see, that will take a moment."))
        await asyncio.sleep(1.2)
        for clause in ("Here it is.", "Is there more?"):
            audio, words = await spoken(conversation.synthesize(clause))
            assert heard(engine, audio) == clause
            assert [word.start_sample // SAMPLES for word in words] == [word.char_start for word in words]
        conversation.close()
        await engine.close()


@by_socket
async def test_a_text_that_is_dropped(vendor: Vendor) -> None:
    """Without a word about an interruption: the context is over, and the next text begins another."""
    async with vendor.server(realtime_factor=8.0) as server:
        engine = vendor.engine(server, kind="tts")
        conversation = engine.conversation()
        for _ in range(8):
            chunks = conversation.synthesize(TEXT)
            await anext(chunks)
            await chunks.aclose()
        audio, _ = await spoken(conversation.synthesize("Sorry."))
        conversation.close()
        await engine.close()
        assert heard(engine, audio) == "Sorry."
        assert server.violations == []


@by_socket
async def test_an_interruption(vendor: Vendor) -> None:
    """What was given up is heard no more, and the next utterance is another context."""
    async with vendor.server(realtime_factor=4.0) as server:
        engine = vendor.engine(server, kind="tts")
        await engine.start()
        conversation = engine.conversation()
        for _ in range(12):  # more than the contexts that ElevenLabs allows at once
            chunks = conversation.synthesize(TEXT)
            await anext(chunks)
            conversation.interrupted(TEXT, 1_000)
            await chunks.aclose()
        audio, _ = await spoken(conversation.synthesize("Sorry."))
        conversation.close()
        await engine.close()
        assert heard(engine, audio) == "Sorry."


@by_socket
async def test_audio_after_a_cancel(vendor: Vendor) -> None:
    """A vendor that goes on with what was given up is not heard."""
    async with vendor.server(fault="audio-after-cancel", realtime_factor=4.0) as server:
        engine = vendor.engine(server, kind="tts")
        await engine.start()
        for _ in range(3):
            chunks = engine.synthesize(TEXT)
            await anext(chunks)
            await chunks.aclose()
            server.fault = None
            audio, _ = await spoken(engine.synthesize("Sorry."))
            assert heard(engine, audio) == "Sorry."
            server.fault = "audio-after-cancel"
        await engine.close()


@by_socket
@pytest.mark.parametrize("fault", [None, "mute"])
async def test_the_engine_is_closed(vendor: Vendor, fault: Any) -> None:
    """A text that is being spoken, or has been dropped and is still to be heard of, ends with the engine."""
    async with vendor.server(fault=fault, realtime_factor=1.0) as server:
        engine = vendor.engine(server, kind="tts", first_audio_ms=5_000)
        speaking = asyncio.create_task(spoken(engine.synthesize(TEXT)))
        dropped = engine.synthesize(TEXT)
        begin = asyncio.create_task(anext(dropped))
        await until(lambda: sum(bool(session.received or fault) for session in server.sessions) >= 2)
        await asyncio.sleep(0.05)
        begin.cancel()
        await asyncio.wait([begin])
        await dropped.aclose()
        await engine.close()
        with pytest.raises(EngineError, match="closed"):
            await speaking


@every_vendor
async def test_texts_at_once(vendor: Vendor) -> None:
    """Each is heard by itself."""
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts")
        await engine.start()
        texts = [f"This is number {count}." for count in range(10, 22)]
        found = await asyncio.gather(*(spoken(engine.synthesize(text)) for text in texts))
        await engine.close()
        assert [heard(engine, audio) for audio, _ in found] == texts


@every_vendor
async def test_a_wrong_key(vendor: Vendor) -> None:
    """Is found at start, and the error says what to type."""
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts", api_key="wrong")
        with pytest.raises(VendorRefusedError) as caught:
            await engine.start()
        await engine.close()
        assert vendor.key_variable in caught.value.hint


@every_vendor
@pytest.mark.parametrize("fault", ["mute", "slow"])
async def test_no_audio(vendor: Vendor, fault: Any) -> None:
    """A voice that says nothing within its allowance has failed."""
    async with vendor.server(fault=fault) as server:
        engine = vendor.engine(server, kind="tts", first_audio_ms=200)
        began = monotonic()
        with pytest.raises(EngineTimeout):
            await spoken(engine.synthesize(TEXT))
        assert monotonic() - began < 1.0
        await engine.close()


@by_socket
async def test_another_context(vendor: Vendor) -> None:
    """Audio of another context is nobody's."""
    async with vendor.server(fault="wrong-context") as server:
        engine = vendor.engine(server, kind="tts", first_audio_ms=200)
        with pytest.raises(EngineTimeout):
            await spoken(engine.synthesize(TEXT))
        await engine.close()


@every_vendor
async def test_dies_before_the_audio(vendor: Vendor) -> None:
    """A text is tried again on another connection; what cannot be had fails, and says why."""
    async with vendor.server(fault="dies") as server:
        engine = vendor.engine(server, kind="tts")
        conversation = engine.conversation() if hasattr(engine, "conversation") else engine
        for _ in range(4):
            try:
                audio, _words = await spoken(conversation.synthesize(TEXT))
            except EngineError as error:
                assert vendor.name in str(error)
            else:
                assert heard(engine, audio) == TEXT
        server.fault = None
        audio, _words = await spoken(conversation.synthesize(TEXT))
        assert heard(engine, audio) == TEXT
        await engine.close()


@by_socket
async def test_dies_in_a_text(vendor: Vendor) -> None:
    """What was spoken is there, then the text fails; the next has another connection."""
    async with cast(Any, vendor.server(realtime_factor=4.0)) as server:
        engine = vendor.engine(server, kind="tts")
        conversation, audio = engine.conversation(), bytearray()
        with pytest.raises(EngineError, match="broke off"):
            async with aclosing(cast(Any, conversation.synthesize(TEXT))) as chunks:
                async for chunk in chunks:
                    audio += chunk.pcm
                    server.reset()
        assert audio
        assert TEXT.startswith(heard(engine, bytes(audio)))
        server.realtime_factor = 0.0
        again, words = await spoken(conversation.synthesize(TEXT))
        conversation.close()
        await engine.close()
        assert heard(engine, again) == TEXT
        assert words[0].start_sample < SAMPLES


@every_vendor
async def test_busy(vendor: Vendor) -> None:
    """429 is no reason not to start; a text fails, and says why."""
    async with vendor.server(fault="busy") as server:
        engine = vendor.engine(server, kind="tts")
        await engine.start()
        with pytest.raises(EngineError, match=vendor.busy):
            await spoken(engine.synthesize(TEXT))
        server.fault = None
        audio, _ = await spoken(engine.synthesize(TEXT))
        assert heard(engine, audio) == TEXT
        await engine.close()


@by_socket
async def test_closed_while_idle(vendor: Vendor) -> None:
    """A connection that the vendor has closed is replaced before it is needed."""
    async with vendor.server(fault="idle-close", idle_s=0.05) as server:
        engine = vendor.engine(server, kind="tts")
        await engine.start()
        await until(lambda: any(session.closed for session in server.sessions))
        server.fault = None
        audio, _ = await spoken(engine.synthesize(TEXT))
        assert heard(engine, audio) == TEXT
        await engine.close()


@by_socket
async def test_characters_are_counted(vendor: Vendor) -> None:
    """They are what is billed."""
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts")
        await spoken(engine.synthesize(TEXT))
        async with aclosing(cast(Any, engine.for_line("PCMA", 8_000).synthesize(TEXT))) as chunks:
            await anext(chunks)
        await engine.close()
        assert engine.dump()["characters"] == 2 * len(TEXT)


async def test_a_text_may_have_a_voice_of_its_own() -> None:
    """Each vendor gets the name where it takes it, and the other texts keep the usual voice."""
    elevenlabs, cartesia, openai = ELEVENLABS_VOICE, CARTESIA_VOICE, OPENAI_VOICE
    async with cartesia.server() as server:
        engine = cartesia.engine(server, kind="tts", voice="usual")
        for each in (engine.in_language("de").with_voice("other"), engine):
            await spoken(each.synthesize("Hello."))
        await engine.close()
        asked = [message for session in server.sessions for message in session.messages if "transcript" in message]
        assert [(each["voice"]["id"], each["language"]) for each in asked] == [("other", "de"), ("usual", "en")]
    async with openai.server() as server:
        engine = openai.engine(server, kind="tts", voice="usual")
        for each in (engine.with_voice("other"), engine):
            await spoken(each.synthesize("Hello."))
        await engine.close()
        assert [each["voice"] for each in cast(OpenAiServer, server).requests] == ["other", "usual"]
        assert engine.characters == 12
    async with elevenlabs.server() as server:
        engine = elevenlabs.engine(server, kind="tts", voice="usual")
        assert "/other/" in engine.with_voice("other").target().url
        assert "/usual/" in engine.target().url
        await engine.close()
