import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import TtsCapabilities, TtsEngine, Word
from offhook.pipeline.tts.recorded import RecordedEngine
from tests.signals import wav

PCM = bytes(range(200))


async def test_plays_the_recording_for_any_text_and_spreads_the_words() -> None:
    engine: TtsEngine = RecordedEngine(wav(PCM, 8_000))
    assert engine.capabilities == TtsCapabilities(8_000, word_positions=True)
    await engine.start()
    (chunk,) = [chunk async for chunk in engine.synthesize("Hello to you")]
    await engine.close()
    assert chunk.pcm == PCM
    assert chunk.words == (
        Word("Hello", 0, 5, 0, 41, True),
        Word("to", 6, 8, 50, 66, True),
        Word("you", 9, 12, 75, 100, True),
    )


async def test_no_text_has_no_words() -> None:
    (chunk,) = [chunk async for chunk in RecordedEngine(wav(PCM, 16_000)).synthesize("")]
    assert (chunk.pcm, chunk.words) == (PCM, ())


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", bytes(100)])
def test_what_is_no_wav_file_is_an_engine_error(content: bytes) -> None:
    with pytest.raises(EngineError, match="not a WAV file"):
        RecordedEngine(content)


def test_a_file_of_another_form_is_refused() -> None:
    with pytest.raises(EngineError, match="2 channels of 8 bits"):
        RecordedEngine(wav(PCM, 8_000, channels=2, sample_bytes=1))


def test_its_rate_is_the_files() -> None:
    assert RecordedEngine(wav(PCM, 22_050)).capabilities.rate_hz == 22_050
