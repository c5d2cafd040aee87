"""The real sherpa-onnx, with a model that a script made: see tools.toy_models."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from offhook.pipeline.asr.engine import AsrRequest, AsrStream, EndpointReport, Transcript
from offhook.pipeline.asr.sherpa import SherpaEngine, SherpaModel, SherpaOptions, find_model, metadata
from offhook.pipeline.errors import EngineError
from tests.toys import silence, spoken

CHUNK = 320  # 20 ms

pytestmark = pytest.mark.asyncio(loop_scope="module")


def model_of(folder: Path) -> SherpaModel:
    model = find_model(folder)
    assert isinstance(model, SherpaModel)
    return model


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["beam", "greedy"])
async def engine(sherpa_toy: Path, request: pytest.FixtureRequest) -> AsyncIterator[SherpaEngine]:
    engine = SherpaEngine("sherpa", model_of(sherpa_toy), SherpaOptions(request.param), languages=("en",))
    await engine.start()
    yield engine
    await engine.close()


def ignore(text: str) -> None:
    assert isinstance(text, str)


def feed(stream: AsrStream, pcm: bytes) -> None:
    for at in range(0, len(pcm), CHUNK):
        stream.feed(pcm[at : at + CHUNK])


async def heard(engine: SherpaEngine, request: AsrRequest, pcm: bytes) -> Transcript:
    stream = engine.open(request, ignore)
    feed(stream, pcm)
    return await stream.finish()


async def test_what_the_model_says_of_itself(engine: SherpaEngine, sherpa_toy: Path) -> None:
    assert engine.capabilities.rate_hz == 8_000
    assert metadata(sherpa_toy / "encoder.onnx")["model_type"] == "lstm"
    assert model_of(sherpa_toy).mels == 40


async def test_a_turn_has_partials_words_and_times(engine: SherpaEngine) -> None:
    partials: list[str] = []
    stream = engine.open(AsrRequest(), partials.append)
    feed(stream, spoken("four_two_seven"))
    transcript = await stream.finish()
    assert transcript.text == "four two seven"
    assert [word.text for word in transcript.words] == ["four", "two", "seven"]
    starts = [word.start_s for word in transcript.words]
    assert starts == sorted(starts)
    assert 0.15 < starts[0] < 0.9
    assert all(word.start_s < word.end_s < 2.5 for word in transcript.words)
    assert all(word.confidence is not None and 0 < word.confidence <= 1 for word in transcript.words)
    assert transcript.confidence is None
    assert len(partials) >= 2
    assert partials[-1].startswith("four")


async def test_phrases_are_preferred(sherpa_toy: Path) -> None:
    engine = SherpaEngine("sherpa", model_of(sherpa_toy), SherpaOptions("beam", phrase_score=10.0))
    await engine.start()
    try:
        assert (await heard(engine, AsrRequest(), spoken("four_two_seven"))).text == "four two seven"
        pushed = await heard(engine, AsrRequest(phrases=("oh", "no/yes:", "elephants?")), spoken("four_two_seven"))
        assert {"oh", "no", "yes"} & set(pushed.text.split())
    finally:
        await engine.close()


async def test_silence_is_nothing(engine: SherpaEngine) -> None:
    assert await heard(engine, AsrRequest(), silence(1.0)) == Transcript("")
    assert await heard(engine, AsrRequest(), b"") == Transcript("")


async def test_turns_at_once_do_not_mix(engine: SherpaEngine) -> None:
    digits, menu = spoken("four_two_seven"), spoken("check_my_balance")
    first, second = engine.open(AsrRequest(), ignore), engine.open(AsrRequest(phrases=("sales",)), ignore)
    for at in range(0, max(len(digits), len(menu)), CHUNK):
        first.feed(digits[at : at + CHUNK])
        second.feed(menu[at : at + CHUNK])
    assert (await first.finish()).text == "four two seven"
    assert (await second.finish()).text == "check my balance"


async def test_a_cancelled_turn_leaves_no_trace(engine: SherpaEngine) -> None:
    stream = engine.open(AsrRequest(), ignore)
    feed(stream, spoken("four_two_seven"))
    stream.cancel()
    assert (await heard(engine, AsrRequest(), spoken("check_my_balance"))).text == "check my balance"


async def test_it_ends_turns_itself(sherpa_toy: Path) -> None:
    engine = SherpaEngine("sherpa", model_of(sherpa_toy), SherpaOptions(ends_turns=True, silence_s=0.6))
    await engine.start()
    try:
        reports: list[EndpointReport] = []
        stream = engine.open(AsrRequest(), ignore, reports.append)
        feed(stream, silence(3.0))  # nothing was said: nothing is over
        feed(stream, spoken("check_my_balance", behind_s=1.5) + spoken("four_two_seven", behind_s=0.0))
        assert (await stream.finish()).text == "check my balance four two seven"
        assert reports[:2] == ["over", "resumed"]
    finally:
        await engine.close()


async def test_a_process_that_dies_fails_its_turn_and_is_replaced(sherpa_toy: Path) -> None:
    engine = SherpaEngine("sherpa", model_of(sherpa_toy), SherpaOptions())
    await engine.start()
    try:
        stream = engine.open(AsrRequest(), ignore)
        workers = engine.dump()["workers"]
        assert isinstance(workers, list)
        os.kill(int(workers[0]["pid"]), signal.SIGKILL)
        with pytest.raises(EngineError):
            await asyncio.wait_for(stream.finish(), 5)
        assert (await heard(engine, AsrRequest(), spoken("four_two_seven"))).text == "four two seven"
        assert engine.restarts == 1
    finally:
        await engine.close()


@pytest.mark.parametrize(("file", "size"), [("joiner.onnx", 1_000), ("tokens.txt", 0)])
async def test_a_broken_model_says_why(sherpa_toy: Path, tmp_path: Path, file: str, size: int) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(sherpa_toy, folder)
    (folder / file).write_bytes((folder / file).read_bytes()[:size])
    engine = SherpaEngine("sherpa", model_of(folder), SherpaOptions())
    with pytest.raises(EngineError, match=f"loading {folder}") as caught:
        await engine.start()
    assert "offhook models" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["tokens.txt"], "*.onnx"),
        (["encoder.onnx", "decoder.onnx", "joiner.onnx"], "tokens.txt"),
        (["tokens.txt", "encoder.onnx"], "one of encoder*.onnx, decoder*.onnx, joiner*.onnx"),
    ],
)
async def test_an_incomplete_model(tmp_path: Path, names: list[str], expected: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert find_model(tmp_path) == expected


async def test_which_files_are_used(tmp_path: Path) -> None:
    for part in ("encoder", "decoder", "joiner"):
        for ending in (".int8.onnx", ".onnx"):
            (tmp_path / f"{part}-epoch-99{ending}").touch()
    (tmp_path / "tokens.txt").touch()
    names = [[Path(path).name for path in find_model(tmp_path, quantised=small).networks] for small in (True, False)]  # type: ignore[union-attr]
    assert names[0] == ["encoder-epoch-99.int8.onnx", "decoder-epoch-99.onnx", "joiner-epoch-99.int8.onnx"]
    assert names[1] == ["encoder-epoch-99.onnx", "decoder-epoch-99.onnx", "joiner-epoch-99.onnx"]
    assert model_of(tmp_path).rate_hz == 16_000


def field(number: int, content: bytes) -> bytes:
    assert len(content) < 16_384
    size = bytes([len(content)]) if len(content) < 128 else bytes([len(content) & 127 | 128, len(content) >> 7])
    return bytes([number << 3 | 2]) + size + content


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ({"model_type": "zipformer2"}, "zipformer2_ctc"),
        ({"model_type": "EncDecCTCModelBPE"}, "nemo_ctc"),
        ({"model_type": "conformer", "comment": "streaming wenet", "long": "x" * 300}, "wenet_ctc"),
    ],
)
async def test_the_kind_of_a_ctc_model_is_in_its_metadata(tmp_path: Path, about: dict[str, str], kind: str) -> None:
    entries = b"".join(field(14, field(1, key.encode()) + field(2, value.encode())) for key, value in about.items())
    (tmp_path / "model.int8.onnx").write_bytes(b"\x08\x07" + field(7, bytes(5_000)) + entries)
    (tmp_path / "tokens.txt").touch()
    assert metadata(tmp_path / "model.int8.onnx") == about
    assert model_of(tmp_path).kind == kind
    (tmp_path / "model.int8.onnx").write_bytes(b"hello")
    assert metadata(tmp_path / "model.int8.onnx") == {}
