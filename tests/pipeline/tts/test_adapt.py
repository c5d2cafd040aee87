"""A voice that speaks G.711 is decoded; any other is used as it is."""

from collections.abc import AsyncIterator

import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.adapt import adapt
from offhook.pipeline.tts.engine import MultilingualTtsEngine, SpeechChunk, TtsCapabilities, TtsEngine, Word
from offhook.telephony.codec.base import codec_named
from offhook.telephony.codec.g711 import PCMA, PCMU

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
