import wave
from pathlib import Path

import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import TtsCapabilities, TtsEngine, Word
from offhook.pipeline.tts.recorded import RecordedEngine

PCM = bytes(range(200))


async def test_plays_the_recording_for_any_text_and_spreads_the_words() -> None:
    engine: TtsEngine = RecordedEngine.from_pcm(PCM, 8_000)
    assert engine.capabilities == TtsCapabilities(8_000, word_positions=True)
    await engine.start()
    (chunk,) = [chunk async for chunk in engine.synthesize("Hello to you")]
    await engine.close()
    assert chunk.pcm == PCM
    assert chunk.words == (
        Word("Hello", 0, 5, 0, 41),
        Word("to", 6, 8, 50, 66),
        Word("you", 9, 12, 75, 100),
    )


async def test_no_text_has_no_words() -> None:
    (chunk,) = [chunk async for chunk in RecordedEngine.from_pcm(PCM, 16_000).synthesize("")]
    assert (chunk.pcm, chunk.words) == (PCM, ())


def test_a_missing_or_invalid_wav_file_is_an_engine_error(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    with pytest.raises(EngineError, match="No such file"):
        RecordedEngine.from_file(path)
    for content in (b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", bytes(100)):
        path.write_bytes(content)
        with pytest.raises(EngineError, match="not a WAV file"):
            RecordedEngine.from_file(path)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as writer:
        writer.setparams((2, 1, 8_000, 0, "NONE", ""))
        writer.writeframes(PCM)
    with pytest.raises(EngineError, match="2 channels of 8 bits"):
        RecordedEngine.from_file(path)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as writer:
        writer.setparams((1, 2, 22_050, 0, "NONE", ""))
        writer.writeframes(PCM)
    assert RecordedEngine.from_file(path).capabilities.rate_hz == 22_050
