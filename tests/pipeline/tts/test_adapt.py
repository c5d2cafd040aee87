"""A voice that speaks G.711 is decoded; any other is used as it is."""

from collections.abc import AsyncIterator

import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.adapt import adapt
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.engine import (
    ConversationalTtsEngine,
    LineTtsEngine,
    MultilingualTtsEngine,
    SpeechChunk,
    TtsCapabilities,
    TtsConversation,
    TtsEngine,
    Word,
)
from offhook.pipeline.tts.voice import Voice as CallableVoice
from offhook.telephony.codec.base import codec_named
from offhook.telephony.codec.g711 import PCMA, PCMU
from tests.pipeline.conversation import unresampled

DECODERS = {"PCMU": PCMU.decode, "PCMA": PCMA.decode}
WORD = Word("hello", 0, 5, 0, 160)


class Voice:
    """Speaks every byte value."""

    def __init__(self, capabilities: TtsCapabilities) -> None:
        self.capabilities = capabilities
        self.closed = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        try:
            yield SpeechChunk(bytes(range(256)), (WORD,))
            yield SpeechChunk(bytes(reversed(range(256))))
        finally:
            self.closed += 1


def adapted(engine: Voice) -> TtsEngine:
    return adapt("test", engine, DECODERS)


def test_one_that_gives_pcm_is_used_as_it_is() -> None:
    engine = Voice(TtsCapabilities(22_050, word_positions=False))
    assert adapted(engine) is engine


@pytest.mark.parametrize("encoding", ["PCMU", "PCMA"])
async def test_g711_is_decoded_chunk_by_chunk_and_comes_out_on_the_line_as_it_was(encoding: str) -> None:
    law = codec_named(encoding)
    engine = Voice(TtsCapabilities(8_000, word_positions=True, encoding=law.name))  # type: ignore[arg-type]
    wrapped = adapted(engine)
    assert wrapped.capabilities == TtsCapabilities(8_000, word_positions=True)
    chunks = [chunk async for chunk in wrapped.synthesize("hello")]
    assert [chunk.words for chunk in chunks] == [(WORD,), ()]
    payload = law.encode(chunks[0].pcm)
    differing = [value for value in range(256) if payload[value] != value]
    # Mu-law has two zeros, and one of them is enough.
    assert differing == ([0x7F] if law is PCMU else [])


class Multilingual(Voice):
    """Speaks its language's first letter."""

    language = "en"

    def in_language(self, language: str) -> "Multilingual":
        other = Multilingual(self.capabilities)
        other.language = language
        return other

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        yield SpeechChunk(self.language[:1].encode())


async def test_a_g711_voice_keeps_its_languages() -> None:
    capabilities = TtsCapabilities(8_000, word_positions=False, encoding="PCMA", languages=("en", "de"))
    wrapped = adapted(Multilingual(capabilities))
    assert isinstance(wrapped, MultilingualTtsEngine)
    assert wrapped.capabilities.languages == ("en", "de")
    (chunk,) = [chunk async for chunk in wrapped.in_language("de").synthesize("hallo")]
    assert chunk.pcm == PCMA.decode(b"d")
    one = adapted(Voice(capabilities))
    assert isinstance(one, MultilingualTtsEngine)
    assert one.in_language("de") is one, "it has only one"


async def test_a_voice_that_is_no_longer_wanted_is_stopped_at_once() -> None:
    engine = Voice(TtsCapabilities(8_000, word_positions=True, encoding="PCMU"))
    chunks = adapted(engine).synthesize("hello")
    await anext(chunks)
    await chunks.aclose()  # type: ignore[attr-defined]
    assert engine.closed == 1


def test_g711_at_another_rate_is_refused() -> None:
    with pytest.raises(EngineError, match="PCMA has 8000 Hz"):
        adapted(Voice(TtsCapabilities(16_000, word_positions=True, encoding="PCMA")))


class LineVoice(Voice):
    """Speaks the line's own law, and keeps conversations."""

    def for_line(self, encoding: str, rate_hz: int) -> TtsEngine:
        law = codec_named(encoding).name
        return LineVoice(TtsCapabilities(rate_hz, word_positions=True, encoding=law))  # type: ignore[arg-type]

    def conversation(self) -> TtsConversation:
        return Conversation(self)


class Conversation:
    def __init__(self, engine: LineVoice) -> None:
        self.synthesize = engine.synthesize
        self.notes: list[object] = []

    def finished(self) -> None:
        self.notes.append("finished")

    def interrupted(self, text: str, played_samples: int) -> None:
        self.notes.append((text, played_samples))

    def close(self) -> None:
        self.notes.append("closed")


@pytest.mark.parametrize("encoding", ["PCMU", "PCMA"])
async def test_a_voice_may_speak_the_lines_own_law(encoding: str) -> None:
    wrapped = adapted(LineVoice(TtsCapabilities(8_000, word_positions=True, encoding="PCMU")))
    assert isinstance(wrapped, LineTtsEngine)
    own = wrapped.for_line(encoding, 8_000)
    law = codec_named(encoding)
    pcm = [chunk.pcm async for chunk in own.synthesize("hello")]
    assert pcm[0] == law.decode(bytes(range(256)))
    assert isinstance(own, ConversationalTtsEngine)
    conversation = own.conversation()
    assert [chunk.pcm async for chunk in conversation.synthesize("hello")] == pcm


def test_one_that_keeps_no_conversations_has_none_when_decoded() -> None:
    wrapped = adapted(Voice(TtsCapabilities(8_000, word_positions=True, encoding="PCMU")))
    assert not isinstance(wrapped, ConversationalTtsEngine)
    assert isinstance(wrapped, LineTtsEngine)
    assert wrapped.for_line("PCMA", 8_000) is wrapped


async def test_a_call_notifies_its_conversation() -> None:
    engine = LineVoice(TtsCapabilities(8_000, word_positions=True, encoding="PCMU"))
    conversations: list[Conversation] = []

    class Noted(LineVoice):
        def for_line(self, encoding: str, rate_hz: int) -> TtsEngine:
            return self

        def conversation(self) -> TtsConversation:
            conversations.append(Conversation(self))
            return conversations[-1]

    voice = CallableVoice("test", adapted(Noted(engine.capabilities)), ClipCache(10_000), unresampled)
    call = voice.for_call()
    for _ in range(2):  # the second comes from the cache
        assert b"".join([piece.payload async for piece in call.stream("It costs $3.", "PCMU", PCMU.encode, 8_000)])
    call.finished()
    call.interrupted("It costs $3.", 160)
    call.close()
    call.close()
    (conversation,) = conversations
    assert conversation.notes == ["finished", ("It costs three dollars.", 160), "closed"]
