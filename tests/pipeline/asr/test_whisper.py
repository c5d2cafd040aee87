"""The recogniser in real child processes, with a real model."""

import asyncio
import os
import signal
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import pytest_asyncio

from offhook.pipeline.asr.engine import AsrRequest, AsrStream
from offhook.pipeline.asr.whisper import WhisperEngine, languages_of
from offhook.pipeline.engine_host.pool import HostLimits
from offhook.pipeline.errors import EngineError
from tests.whisper_model import model_folder, needs_whisper

SPEECH = Path(__file__).parents[2] / "data" / "speech"
CHUNK = 640
PATIENT = HostLimits(start_s=120.0, hung_s=30.0, request_s=30.0)
"""A busy machine is not what is tested."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def phrase(name: str) -> bytes:
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        pcm = file.readframes(file.getnframes())
    noise = np.random.default_rng(1).normal(scale=4, size=8_000).astype("<i2").tobytes()
    return bytes(noise + pcm + noise)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[WhisperEngine]:
    folder = model_folder()
    assert folder is not None
    engine = WhisperEngine(folder, limits=PATIENT)
    await engine.start()
    yield engine
    await engine.close()


def feed(stream: AsrStream, pcm: bytes) -> None:
    for at in range(0, len(pcm), CHUNK):
        stream.feed(pcm[at : at + CHUNK])


def states(engine: WhisperEngine) -> list[str]:
    workers = engine.dump()["workers"]
    assert isinstance(workers, list)
    return [str(worker["state"]) for worker in workers]


def ignore(text: str) -> None:
    assert isinstance(text, str)


@needs_whisper
async def test_free_speech_has_words_times_and_a_confidence(engine: WhisperEngine) -> None:
    assert engine.capabilities.languages == ("en",)
    partials: list[str] = []
    stream = engine.open(AsrRequest(phrases=("sales",), language="en"), partials.append)
    pcm = phrase("check_my_balance")
    feed(stream, pcm)
    transcript = await stream.finish()
    assert transcript.text.lower().strip(".") == "check my balance"
    assert transcript.confidence is not None and transcript.confidence > 0.5
    assert " ".join(word.text for word in transcript.words) == transcript.text
    assert 0.3 < transcript.words[0].start_s < transcript.words[-1].end_s <= len(pcm) / 32_000


@needs_whisper
async def test_partial_results_come_while_the_caller_talks(engine: WhisperEngine) -> None:
    partials: list[str] = []
    stream = engine.open(AsrRequest(), partials.append)
    pcm = phrase("four_two_seven") + phrase("check_my_balance")
    for at in range(0, len(pcm), 3_200):
        stream.feed(pcm[at : at + 3_200])
        await asyncio.sleep(0.1)  # as fast as a caller talks
    transcript = await stream.finish()
    assert partials
    assert "balance" in transcript.text.lower()


@needs_whisper
async def test_silence_is_nothing(engine: WhisperEngine) -> None:
    stream = engine.open(AsrRequest(), ignore)
    feed(stream, np.random.default_rng(2).normal(scale=5, size=32_000).astype("<i2").tobytes())
    transcript = await stream.finish()
    assert (transcript.text, transcript.confidence, transcript.words) == ("", None, ())


@needs_whisper
async def test_several_callers_share_a_child(engine: WhisperEngine) -> None:
    streams = [engine.open(AsrRequest(), ignore) for _ in range(6)]
    for stream in streams:
        feed(stream, phrase("check_my_balance"))
    found = await asyncio.gather(*(stream.finish() for stream in streams))
    assert ["balance" in each.text.lower() for each in found] == [True] * 6


@needs_whisper
async def test_a_turn_may_be_cancelled_while_others_go_on(engine: WhisperEngine) -> None:
    streams = [engine.open(AsrRequest(), ignore) for _ in range(3)]
    for stream in streams:
        feed(stream, phrase("check_my_balance"))
    for stream in streams[:2]:
        stream.cancel()
    assert "balance" in (await streams[2].finish()).text.lower()


@needs_whisper
async def test_a_language_that_the_model_lacks_is_the_engines_own(engine: WhisperEngine) -> None:
    # An English model has no tokens for languages; `languages` keeps such requests away from it.
    stream = engine.open(AsrRequest(language="de"), ignore)
    feed(stream, phrase("check_my_balance"))
    assert "balance" in (await stream.finish()).text.lower()


@needs_whisper
async def test_a_child_that_dies_is_replaced(engine: WhisperEngine) -> None:
    workers = engine.dump()["workers"]
    assert isinstance(workers, list)
    stream = engine.open(AsrRequest(), ignore)
    stream.feed(phrase("check_my_balance"))
    os.kill(int(workers[0]["pid"]), signal.SIGKILL)
    with pytest.raises(EngineError):
        await stream.finish()
    async with asyncio.timeout(60):  # loading takes a second, and longer on a busy machine
        while "ready" not in states(engine):  # noqa: ASYNC110 - the child reports to the engine alone
            await asyncio.sleep(0.05)
    again = engine.open(AsrRequest(), ignore)
    feed(again, phrase("check_my_balance"))
    assert "balance" in (await again.finish()).text.lower()
    assert engine.restarts == 1


@needs_whisper
async def test_a_short_turn_costs_little(engine: WhisperEngine) -> None:
    workers = engine.dump()["workers"]
    assert isinstance(workers, list)
    child = psutil.Process(int(workers[0]["pid"]))
    began = child.cpu_times().user
    for _ in range(5):
        stream = engine.open(AsrRequest(), ignore)
        feed(stream, phrase("check_my_balance"))
        await stream.finish()
    assert (child.cpu_times().user - began) / 5 < 0.4  # 0.1 s on an idle machine


async def test_a_broken_model_is_reported_at_start(tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2", reason="pip install 'offhook[whisper]'")
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "vocabulary.txt").write_text("a\nb\n")
    engine = WhisperEngine(tmp_path)
    with pytest.raises(EngineError, match="loading the model") as caught:
        await engine.start()
    assert "again" in caught.value.hint
    await engine.close()


async def test_the_languages_of_a_model_are_in_its_vocabulary(tmp_path: Path) -> None:
    tokens = [f"token{number}" for number in range(51_861)]
    tokens += ["<|en|>", "<|de|>", "<|yue|>"]
    for count, expected in ((51_864, ("en",)), (51_865, ("en", "de", "yue"))):
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "vocabulary.txt").write_text("\n".join([*tokens, "<|nospeech|>"][-count:]) + "\n")
        assert languages_of(folder) == expected
    with pytest.raises(EngineError, match="vocabulary"):
        languages_of(tmp_path)
