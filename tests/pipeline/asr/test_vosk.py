"""The real Vosk, with a model that a script made: see tools.toy_models."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest
import pytest_asyncio

from offhook.pipeline.asr.engine import AsrRequest, AsrStream, EndpointReport, Transcript
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.asr.vosk import VoskEngine, VoskModel
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Choice, DigitRule, Question
from offhook.testing.sip_caller import read_recording
from tests.toys import silence, spoken

MENU = Question(
    choices=(
        Choice("balance", ("check my balance",)),
        Choice("sales", ("sales",)),
        Choice("yes", ("yes",)),
        Choice("no", ("no",)),
    )
)
DIGITS = AsrRequest(question_grammar(Question(digits=DigitRule(minimum=1, maximum=8))))
CHUNK = 320  # 20 ms

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(vosk_toy: Path) -> AsyncIterator[VoskEngine]:
    engine = VoskEngine("vosk", VoskModel(vosk_toy), languages=("en",))
    await engine.start()
    yield engine
    await engine.close()


def ignore(text: str) -> None:
    assert isinstance(text, str)


def feed(stream: AsrStream, pcm: bytes) -> None:
    for at in range(0, len(pcm), CHUNK):
        stream.feed(pcm[at : at + CHUNK])


async def heard(engine: VoskEngine, request: AsrRequest, pcm: bytes) -> Transcript:
    stream = engine.open(request, ignore)
    feed(stream, pcm)
    return await stream.finish()


def asset(name: str) -> bytes:
    return silence(0.3) + read_recording(files("offhook").joinpath("assets", "caller", f"{name}.wav")) + silence(0.4)


async def test_what_the_model_says_of_itself(engine: VoskEngine) -> None:
    assert (engine.capabilities.rate_hz, engine.capabilities.grammar) == (8_000, True)
    assert engine.known_word("seven")
    assert not engine.known_word("eleven")
    assert not engine.known_word("two seven")


async def test_free_speech_has_partials_words_times_and_confidence(engine: VoskEngine) -> None:
    partials: list[str] = []
    stream = engine.open(AsrRequest(), partials.append)
    feed(stream, spoken("four_two_seven"))
    transcript = await stream.finish()
    assert transcript.text == "four two seven"
    assert [word.text for word in transcript.words] == ["four", "two", "seven"]
    starts = [word.start_s for word in transcript.words]
    assert starts == sorted(starts)
    assert 0.15 < starts[0] < 0.6
    assert all(word.start_s < word.end_s < 2.5 for word in transcript.words)
    assert all(word.confidence is not None and 0 < word.confidence <= 1 for word in transcript.words)
    assert transcript.confidence is not None
    assert "four" in partials
    assert partials[-1] == "four two seven"


async def test_digits_by_a_grammar(engine: VoskEngine) -> None:
    transcript = await heard(engine, DIGITS, spoken("four_two_seven"))
    assert transcript.text == "four two seven"
    assert (transcript.confidence or 0.0) >= 0.5


async def test_a_phrase_of_the_grammar(engine: VoskEngine) -> None:
    transcript = await heard(engine, AsrRequest(question_grammar(MENU)), asset("check-my-balance"))
    assert transcript.text == "check my balance"
    assert (transcript.confidence or 0.0) >= 0.5


@pytest.mark.parametrize("name", ["opening-hours", "goodbye"])
async def test_a_phrase_that_is_not_in_the_grammar(engine: VoskEngine, name: str) -> None:
    transcript = await heard(engine, AsrRequest(question_grammar(MENU)), asset(name))
    assert (transcript.confidence or 0.0) < 0.5
    assert "[unk]" not in transcript.text


async def test_a_part_of_a_sentence_is_none(engine: VoskEngine) -> None:
    request = AsrRequest("#JSGF V1.0; grammar g; public <s> = four two seven nine | yes;")
    transcript = await heard(engine, request, spoken("four_two_seven"))
    assert (transcript.confidence or 0.0) < 0.5


async def test_silence_is_nothing(engine: VoskEngine) -> None:
    for request in (AsrRequest(), DIGITS):
        assert await heard(engine, request, silence(1.0)) == Transcript("", None)
    assert await heard(engine, DIGITS, b"") == Transcript("", None)


async def test_turns_at_once_do_not_mix(engine: VoskEngine) -> None:
    digits, menu = spoken("four_two_seven"), asset("check-my-balance")
    first, second = engine.open(DIGITS, ignore), engine.open(AsrRequest(question_grammar(MENU)), ignore)
    for at in range(0, max(len(digits), len(menu)), CHUNK):
        first.feed(digits[at : at + CHUNK])
        second.feed(menu[at : at + CHUNK])
    assert (await first.finish()).text == "four two seven"
    assert (await second.finish()).text == "check my balance"


async def test_a_cancelled_turn_leaves_no_trace(engine: VoskEngine) -> None:
    partials: list[str] = []
    stream = engine.open(AsrRequest(), partials.append)
    feed(stream, spoken("four_two_seven"))
    stream.cancel()
    assert (await heard(engine, DIGITS, spoken("four_two_seven"))).text == "four two seven"
    after = len(partials)
    await asyncio.sleep(0)
    assert len(partials) == after


async def test_a_grammar_with_a_word_that_the_model_lacks(engine: VoskEngine) -> None:
    for grammar, why in (
        ("#JSGF V1.0; grammar g; public <s> = yes | elephant;", "does not know: elephant"),
        ("#JSGF V1.0; grammar g; <s> = yes;", "no public rule"),
    ):
        with pytest.raises(EngineError) as caught:
            await heard(engine, AsrRequest(grammar), silence(0.2))
        assert why in caught.value.why
        assert caught.value.what == "loading a grammar"
    assert (await heard(engine, DIGITS, spoken("four_two_seven"))).text == "four two seven"


async def test_words_in_any_script(vosk_toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "renamed"
    shutil.copytree(vosk_toy, folder)
    words = folder / "graph" / "words.txt"
    words.write_text(words.read_text().replace("seven ", "sieben-äöü ").replace("two ", "둘 "), encoding="utf-8")
    engine = VoskEngine("vosk", VoskModel(folder), languages=("ko",))
    assert engine.known_word("둘")
    await engine.start()
    try:
        request = AsrRequest("#JSGF V1.0; grammar g; public <s> = four 둘 sieben-äöü | yes;")
        transcript = await heard(engine, request, spoken("four_two_seven"))
        assert transcript.text == "four 둘 sieben-äöü"
        assert (transcript.confidence or 0.0) >= 0.5
    finally:
        await engine.close()


async def test_a_model_without_a_word_for_the_rest(vosk_toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "no-filler"
    shutil.copytree(vosk_toy, folder)
    words = folder / "graph" / "words.txt"
    words.write_text(words.read_text().replace("[unk] ", "rest "))
    engine = VoskEngine("vosk", VoskModel(folder))
    await engine.start()
    try:
        assert (await heard(engine, DIGITS, spoken("four_two_seven"))).text == "four two seven"
    finally:
        await engine.close()


async def test_it_ends_turns_itself(vosk_toy: Path) -> None:
    engine = VoskEngine("vosk", VoskModel(vosk_toy), ends_turns=True)
    await engine.start()
    try:
        reports: list[EndpointReport] = []
        stream = engine.open(DIGITS, ignore, reports.append)
        feed(stream, spoken("four_two_seven", behind_s=1.2) + spoken("four_two_seven", behind_s=0.2))
        assert (await stream.finish()).text == "four two seven four two seven"
        assert reports == ["over", "resumed"]
    finally:
        await engine.close()


async def test_a_process_that_dies_fails_its_turn_and_is_replaced(vosk_toy: Path) -> None:
    engine = VoskEngine("vosk", VoskModel(vosk_toy))
    await engine.start()
    try:
        stream = engine.open(DIGITS, ignore)
        feed(stream, spoken("four_two_seven"))
        workers = engine.dump()["workers"]
        assert isinstance(workers, list)
        os.kill(int(workers[0]["pid"]), signal.SIGKILL)
        with pytest.raises(EngineError):
            await stream.finish()
        assert (await heard(engine, DIGITS, spoken("four_two_seven"))).text == "four two seven"
        assert engine.restarts == 1
    finally:
        await engine.close()


async def test_a_fixed_graph_takes_no_grammar(vosk_toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "fixed"
    shutil.copytree(vosk_toy, folder)
    shutil.copy(folder / "static" / "HCLG.fst", folder / "graph")
    for name in ("HCLr.fst", "Gr.fst"):
        (folder / "graph" / name).unlink()
    model = VoskModel(folder)
    assert model.missing() is None
    assert not model.takes_grammars
    engine = VoskEngine("vosk", model)
    assert not engine.capabilities.grammar
    await engine.start()
    try:
        assert (await heard(engine, AsrRequest(), spoken("four_two_seven"))).text == "four two seven"
    finally:
        await engine.close()


async def test_a_broken_model_says_why(vosk_toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(vosk_toy, folder)
    network = folder / "am" / "final.mdl"
    network.write_bytes(network.read_bytes()[:100_000])
    engine = VoskEngine("vosk", VoskModel(folder))
    with pytest.raises(EngineError) as caught:
        await engine.start()
    assert "vosk" in str(caught.value)
    assert "final.mdl" in str(caught.value) or "ERROR" in str(caught.value)
    network.unlink()
    assert VoskModel(folder).missing() == "am/final.mdl"


@pytest.mark.parametrize("file", ["graph/Gr.fst", "graph/words.txt", "conf/model.conf"])
async def test_what_is_broken_is_found_at_the_start(vosk_toy: Path, tmp_path: Path, file: str) -> None:
    """Vosk loads such a model, and fails with the first turn, or recognises nothing."""
    folder = tmp_path / "broken"
    shutil.copytree(vosk_toy, folder)
    (folder / file).write_bytes(b"")
    with pytest.raises(EngineError, match="vosk"):
        await VoskEngine("vosk", VoskModel(folder)).start()


async def test_the_rate_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "am").mkdir()
    (tmp_path / "am/final.mdl").touch()
    (tmp_path / "conf").mkdir()
    conf = tmp_path / "conf/mfcc.conf"
    for text, rate_hz in (("--sample-frequency=8000\n", 8_000), ("# a\n--num-ceps=40 \n", 16_000)):
        conf.write_text(text)
        assert VoskModel(tmp_path).rate_hz == rate_hz
