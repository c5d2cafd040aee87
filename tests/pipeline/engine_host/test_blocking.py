"""Engines that block, each in real children."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, EndpointReport, RecognisedWord, Transcript
from offhook.pipeline.asr.hosted import HostedAsr
from offhook.pipeline.engine_host.pool import HostLimits
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import TtsCapabilities
from offhook.pipeline.tts.hosted import HostedTts

MODULE = "tests.pipeline.engine_host.engines"
HEARING = AsrCapabilities(16_000, grammar=True, free_speech=True, partials=True)
SPEAKING = TtsCapabilities(8_000, word_positions=True)

QUIET, LOUD = bytes(3_200), b"\x00\x10" * 1_600
TWO_SOUNDS = QUIET + LOUD + QUIET + LOUD + QUIET


@pytest.fixture
async def asr() -> AsyncIterator[HostedAsr]:
    engine = HostedAsr("counter", f"{MODULE}:SoundCounter", HEARING, options={"level": 2_000})
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture
async def tts() -> AsyncIterator[HostedTts]:
    engine = HostedTts("beeper", f"{MODULE}:Beeper", SPEAKING)
    await engine.start()
    yield engine
    await engine.close()


async def test_a_turn_has_partials_and_a_transcript(asr: HostedAsr) -> None:
    partials: list[str] = []
    stream = asr.open(AsrRequest(), partials.append)
    stream.feed(TWO_SOUNDS)
    assert await stream.finish() == Transcript("2", 0.5)
    assert partials == ["1", "2"]


async def test_audio_may_come_in_any_pieces(asr: HostedAsr) -> None:
    stream = asr.open(AsrRequest(), lambda text: None)
    for at in range(0, len(TWO_SOUNDS), 333):
        stream.feed(TWO_SOUNDS[at : at + 333])
    assert (await stream.finish()).text == "2"


async def test_turns_share_a_child(asr: HostedAsr) -> None:
    streams = [asr.open(AsrRequest(), lambda text: None) for _ in range(5)]
    for stream in streams:
        stream.feed(TWO_SOUNDS)
    assert {(await stream.finish()).text for stream in streams} == {"2"}


async def test_a_turn_that_fails_fails_alone_and_says_why(asr: HostedAsr) -> None:
    good = asr.open(AsrRequest(), lambda text: None)
    bad = asr.open(AsrRequest("refused"), lambda text: None)
    good.feed(LOUD)
    bad.feed(LOUD)
    with pytest.raises(EngineError, match="ValueError: this grammar cannot be read"):
        await bad.finish()
    assert (await good.finish()).text == "1"
    assert asr.restarts == 0


async def test_a_turn_that_is_cancelled_leaves_the_child_free(asr: HostedAsr) -> None:
    for _ in range(3 * HostLimits().max_streams):
        asr.open(AsrRequest(), lambda text: None).cancel()
    stream = asr.open(AsrRequest(), lambda text: None)
    stream.feed(LOUD)
    assert (await stream.finish()).text == "1"


@pytest.mark.parametrize(
    ("engine", "options", "why"),
    [
        (f"{MODULE}:SoundCounter", {"level": 0}, "ValueError: the level is above 0"),
        (f"{MODULE}:SoundCounter", {"colour": "red"}, "colour"),
        (f"{MODULE}:NoSuchClass", {}, "NoSuchClass"),
        ("no_such_package:Engine", {}, "No module named 'no_such_package'"),
    ],
)
async def test_an_engine_that_cannot_be_created_fails_at_start(
    engine: str, options: dict[str, object], why: str
) -> None:
    with pytest.raises(EngineError, match=why):
        await HostedAsr("counter", engine, HEARING, options=options).start()


PATIENT = HostLimits(request_s=60.0)


async def test_an_engine_that_computes_does_not_hold_up_the_event_loop() -> None:
    asr = HostedAsr("counter", f"{MODULE}:SoundCounter", HEARING, options={"busy_s": 0.02}, limits=PATIENT)
    await asr.start()
    try:
        stream = asr.open(AsrRequest(), lambda text: None)
        stream.feed(10 * TWO_SOUNDS)
        finish = asyncio.ensure_future(stream.finish())
        own_s, started = time.process_time(), time.monotonic()
        await finish
        elapsed_s, own_s = time.monotonic() - started, time.process_time() - own_s
        # The child computed for 125 pieces of 20 ms; this process hardly at all, whatever else the machine does.
        assert elapsed_s > 2.0
        assert own_s < elapsed_s / 4
    finally:
        await asr.close()


async def test_a_voice_gives_its_chunks_with_their_words(tts: HostedTts) -> None:
    chunks = [chunk async for chunk in tts.synthesize("one two")]
    assert [len(chunk.pcm) for chunk in chunks] == [800, 800]
    assert [(w.text, w.char_start, w.start_sample, w.end_sample) for chunk in chunks for w in chunk.words] == [
        ("one", 0, 0, 400),
        ("two", 4, 400, 800),
    ]


async def test_a_voice_that_fails_reports_why_after_its_chunks(tts: HostedTts) -> None:
    chunks = []
    with pytest.raises(EngineError, match="RuntimeError: out of tune"):
        async for chunk in tts.synthesize("one broken two"):
            chunks.append(chunk)
    assert len(chunks) == 1
    assert [len(chunk.pcm) async for chunk in tts.synthesize("fine")] == [800]


async def test_a_recogniser_gets_the_whole_request_and_its_whole_transcript_comes_back() -> None:
    asr = HostedAsr("endpointer", f"{MODULE}:Endpointer", replace(HEARING, ends_turns=True))
    await asr.start()
    try:
        endpoints: list[EndpointReport] = []
        request = AsrRequest(phrases=("yes", "no"), language="de-CH")
        stream = asr.open(request, lambda text: None, endpoints.append)
        stream.feed(TWO_SOUNDS)
        words = (RecognisedWord("hello", 0.0, 0.5, 0.9),)
        assert await stream.finish() == Transcript("de-CH", None, words, ("yes", "no"))
        assert endpoints == ["likely", "over"], "each change once"
    finally:
        await asr.close()


@pytest.mark.parametrize(("languages", "spoken"), [((), b"own"), (("de",), b"own"), (("en", "de"), b"de")])
async def test_a_voice_of_several_languages_gets_the_wanted_one(languages: tuple[str, ...], spoken: bytes) -> None:
    tts = HostedTts("polyglot", f"{MODULE}:Polyglot", replace(SPEAKING, languages=languages))
    await tts.start()
    try:
        (chunk,) = [chunk async for chunk in tts.in_language("de").synthesize("Hallo")]
        assert chunk.pcm.strip() == spoken
        (chunk,) = [chunk async for chunk in tts.synthesize("Hello")]
        assert chunk.pcm.strip() == b"own"
    finally:
        await tts.close()
