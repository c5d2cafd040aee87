import asyncio
import os
import signal
import time
import wave
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from offhook.pipeline.asr.engine import AsrEngine, AsrRequest, AsrStream
from offhook.pipeline.asr.pocketsphinx import PocketsphinxEngine
from offhook.pipeline.errors import EngineError, EngineTimeout

SPEECH = Path(__file__).parents[2] / "data" / "speech"
GRAMMAR = """#JSGF V1.0;
grammar answer;
<digit> = zero | oh | one | two | three | four | five | six | seven | eight | nine;
public <answer> = check my balance | Speak to an AGENT | opening hours | [i want to] pay a bill
                | report a lost card | repeat that please | sales | support | yes | no | <digit>+;
"""
CHUNK = 640  # 20 ms


def phrase(name: str) -> bytes:
    """Half a second of near silence on either side, like the session's pre-roll and the end of a turn."""
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        pcm = bytes(file.readframes(file.getnframes()))
    noise = np.random.default_rng(1).normal(scale=4, size=8_000).astype("<i2").tobytes()
    return bytes(noise + pcm + noise)


# Children take some tenths of a second to start, so the tests share one; those that kill it get another.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[PocketsphinxEngine]:
    engine = PocketsphinxEngine(free_speech=False)
    await engine.start()
    yield engine
    await engine.close()


def feed(stream: AsrStream, pcm: bytes) -> None:
    for at in range(0, len(pcm), CHUNK):
        stream.feed(pcm[at : at + CHUNK])


def ignore(text: str) -> None:
    assert isinstance(text, str)


def pid_of(engine: PocketsphinxEngine) -> int:
    workers = engine.dump()["workers"]
    assert isinstance(workers, list)
    return int(workers[0]["pid"])


async def worked_off(engine: PocketsphinxEngine) -> None:
    async with asyncio.timeout(5):
        while True:
            workers = engine.dump()["workers"]
            assert isinstance(workers, list)
            if workers[0]["unprocessed_bytes"] < 8_000:
                return
            await asyncio.sleep(0.01)


async def test_phrases_are_recognised_while_they_are_spoken(engine: PocketsphinxEngine) -> None:
    partials: list[str] = []
    stream = engine.open(AsrRequest(GRAMMAR), partials.append)
    feed(stream, phrase("check_my_balance"))
    await worked_off(engine)
    began = time.monotonic()
    transcript = await stream.finish()
    assert time.monotonic() - began < 1.0
    assert transcript.text == "check my balance"
    assert transcript.confidence is not None and transcript.confidence > 0.8
    assert len(partials) >= 2
    assert partials[-1] == "check my balance"
    assert all(one != other for one, other in pairwise(partials))


async def test_several_streams_share_a_child(engine: PocketsphinxEngine) -> None:
    names = ["check_my_balance", "four_two_seven"] * 2
    streams = [engine.open(AsrRequest(GRAMMAR), ignore) for _ in names]
    for stream, name in zip(streams, names, strict=True):
        feed(stream, phrase(name))
    transcripts = await asyncio.gather(*(stream.finish() for stream in streams))
    assert [transcript.text for transcript in transcripts] == [name.replace("_", " ") for name in names]


async def test_more_callers_than_decoders_are_all_recognised() -> None:
    engine = PocketsphinxEngine(decoders=1, free_speech=False)
    await engine.start()
    try:
        partials: list[str] = []
        names = ["check_my_balance", "four_two_seven"] * 4
        streams = [engine.open(AsrRequest(GRAMMAR), partials.append) for _ in names]
        for pieces in zip(*(_pieces(phrase(name)) for name in names), strict=False):
            for stream, piece in zip(streams, pieces, strict=True):
                stream.feed(piece)
        transcripts = await asyncio.gather(*(stream.finish() for stream in streams))
        assert [transcript.text for transcript in transcripts] == [name.replace("_", " ") for name in names]
        assert "check my balance" in partials  # of the one with a decoder
        assert "four two seven" not in partials
        late = engine.open(AsrRequest("#JSGF V1.0; grammar g; public <g> = wurldish;"), ignore)
        feed(late, phrase("four_two_seven"))
        with pytest.raises(EngineError, match="wurldish"):
            await late.finish()
    finally:
        await engine.close()


def _pieces(pcm: bytes) -> list[bytes]:
    padded = pcm + bytes(96_000 - len(pcm))
    return [padded[at : at + CHUNK] for at in range(0, len(padded), CHUNK)]


async def test_words_have_times_within_the_turn(engine: PocketsphinxEngine) -> None:
    stream = engine.open(AsrRequest(GRAMMAR), ignore)
    pcm = phrase("check_my_balance")
    feed(stream, pcm)
    words = (await stream.finish()).words
    assert [word.text for word in words] == ["check", "my", "balance"]
    assert 0.4 < words[0].start_s < words[0].end_s <= words[1].start_s < words[2].end_s < len(pcm) / 32_000 - 0.3


async def test_a_decoder_starts_afresh_for_every_turn(engine: PocketsphinxEngine) -> None:
    transcripts = []
    for _ in range(3):
        stream = engine.open(AsrRequest(GRAMMAR), ignore)
        feed(stream, phrase("four_two_seven"))
        transcripts.append(await stream.finish())
    assert transcripts[0].text == "four two seven"
    assert transcripts[1:] == transcripts[:1] * 2


async def test_speech_outside_the_grammar_is_no_match_or_low_confidence(engine: PocketsphinxEngine) -> None:
    stream = engine.open(AsrRequest("#JSGF V1.0; grammar g; public <g> = opening hours | goodbye;"), ignore)
    feed(stream, phrase("four_two_seven"))
    transcript = await stream.finish()
    assert transcript.text == "" or (transcript.confidence or 0.0) < 0.5


async def test_silence_and_nothing_at_all_give_no_text(engine: PocketsphinxEngine) -> None:
    silent = engine.open(AsrRequest(GRAMMAR), ignore)
    feed(silent, bytes(16_000))
    empty = engine.open(AsrRequest(GRAMMAR), ignore)
    assert (await silent.finish()).text == ""
    assert (await empty.finish()).text == ""


@pytest.mark.parametrize(
    ("grammar", "why"),
    [
        ("#JSGF V1.0; grammar g; public <g> = hello wurldish | frobnicated;", "wurldish, frobnicated"),
        ("#JSGF V1.0; grammar g; <g> = hello;", "not valid JSGF"),
        ("#JSGF V1.0; grammar g; public <g> = hello | ;; (", "not valid JSGF"),
        ("check my balance", "not valid JSGF"),
        ("#JSGF V1.0; grammar g; import <com.other.rule>; public <g> = hello;", "imports"),
        ("x" * 70_000, "longer than"),
    ],
)
async def test_a_bad_grammar_is_refused_and_does_no_harm(engine: PocketsphinxEngine, grammar: str, why: str) -> None:
    stream = engine.open(AsrRequest(grammar), ignore)
    feed(stream, phrase("four_two_seven"))
    with pytest.raises(EngineError, match=why):
        await stream.finish()
    again = engine.open(AsrRequest(GRAMMAR), ignore)
    feed(again, phrase("four_two_seven"))
    assert (await again.finish()).text == "four two seven"


async def test_more_grammars_than_a_decoder_keeps(engine: PocketsphinxEngine) -> None:
    for number in range(70):
        grammar = f"#JSGF V1.0; grammar g{number}; public <g> = four two seven;"
        stream = engine.open(AsrRequest(grammar), ignore)
        if number % 23 == 0:
            feed(stream, phrase("four_two_seven"))
            assert (await stream.finish()).text == "four two seven"
        else:
            stream.feed(bytes(1_280))
            assert (await stream.finish()).text == ""


async def test_a_killed_child_fails_the_turn_and_the_next_one_works(engine: PocketsphinxEngine) -> None:
    stream = engine.open(AsrRequest(GRAMMAR), ignore)
    pcm = phrase("check_my_balance")
    feed(stream, pcm[:20_480])
    os.kill(pid_of(engine), signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(EngineError):
        await stream.finish()
    assert time.monotonic() - began < 2.0
    again = engine.open(AsrRequest(GRAMMAR), ignore)
    feed(again, pcm)
    assert (await again.finish()).text == "check my balance"
    assert time.monotonic() - began < 8.0


async def test_a_hung_child_is_a_time_out_within_3_s(engine: PocketsphinxEngine) -> None:
    stream = engine.open(AsrRequest(GRAMMAR), ignore)
    stream.feed(bytes(6_400))
    pid = pid_of(engine)
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(EngineTimeout):
        await stream.finish()
    assert time.monotonic() - began < 4.5
    again = engine.open(AsrRequest(GRAMMAR), ignore)
    feed(again, phrase("four_two_seven"))
    assert (await again.finish()).text == "four two seven"
    assert pid_of(engine) != pid


async def test_a_cancelled_turn_gives_its_decoder_back(engine: PocketsphinxEngine) -> None:
    for _ in range(12):  # more than there are decoders
        stream = engine.open(AsrRequest(GRAMMAR), ignore)
        stream.feed(bytes(6_400))
        stream.cancel()
        stream.cancel()
    stream = engine.open(AsrRequest(GRAMMAR), ignore)
    feed(stream, phrase("four_two_seven"))
    assert (await stream.finish()).text == "four two seven"


async def test_free_speech() -> None:
    engine: AsrEngine = PocketsphinxEngine()
    await engine.start()
    try:
        stream = engine.open(AsrRequest(), ignore)
        feed(stream, phrase("check_my_balance"))
        transcript = await stream.finish()
        assert "balance" in transcript.text.split()
        assert transcript.confidence is not None and transcript.confidence > 0.5
        assert [word.text for word in transcript.words] == transcript.text.split()
    finally:
        await engine.close()


async def test_free_speech_that_is_switched_off_is_refused(engine: PocketsphinxEngine) -> None:
    assert not engine.capabilities.free_speech
    with pytest.raises(EngineError, match="switched off"):
        engine.open(AsrRequest(), ignore)


@pytest.mark.parametrize(
    ("word", "known"),
    [("hello", True), ("Hello", True), ("'bout", True), ("wurldish", False), ("", False), ("hh ah", False)],
)
async def test_known_words_are_found_without_a_child(word: str, known: bool) -> None:
    assert PocketsphinxEngine().known_word(word) is known
