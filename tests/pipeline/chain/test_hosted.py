"""Chains of engines in real child processes, on the real clock; the children hang, die and are slow."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from offhook.pipeline.asr.engine import AsrCapabilities, AsrEngine, AsrRequest
from offhook.pipeline.asr.hosted import HostedAsr
from offhook.pipeline.chain.asr import ChainAsr
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import Limits, Outcome
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.tts.engine import TtsCapabilities, TtsEngine
from offhook.pipeline.tts.hosted import HostedTts
from offhook.telephony.resample import Resampler

MODULE = "tests.pipeline.engine_host.engines"
HEARING = AsrCapabilities(16_000, grammar=True, free_speech=True, partials=True)
SPEAKING = TtsCapabilities(8_000, word_positions=True)
TWO_SOUNDS = (bytes(3_200) + b"\x00\x10" * 1_600) * 2
TEXT = "one two broken four five"


def hosted_asr(name: str, busy_s: float = 0.0) -> HostedAsr:
    return HostedAsr(name, f"{MODULE}:SoundCounter", HEARING, options={"level": 2_000, "busy_s": busy_s})


def hosted_tts(name: str, engine: str) -> HostedTts:
    return HostedTts(name, f"{MODULE}:{engine}", SPEAKING)


@pytest.fixture
async def asr() -> AsyncIterator[ChainAsr]:
    limits = Limits(allowance_s=0.3)
    members = [Member[AsrEngine](name, hosted_asr(name), "asr", limits) for name in ("first", "second")]
    chain = ChainAsr(members, Resampler)
    await chain.start()
    yield chain
    await chain.close()
    assert not chain.running


@pytest.fixture
async def tts() -> AsyncIterator[ChainTts]:
    limits = Limits(allowance_s=0.3)
    engines = {"first": hosted_tts("first", "Beeper"), "second": hosted_tts("second", "Hummer")}
    members = [Member[TtsEngine](name, engine, "tts", limits) for name, engine in engines.items()]
    chain = ChainTts(members, Resampler)
    await chain.start()
    yield chain
    await chain.close()
    assert not chain.tasks


def child_of(chain: ChainAsr, index: int) -> int:
    engine = chain.members[index].engine
    assert isinstance(engine, HostedAsr)
    return engine.pids[0]


async def test_a_child_that_hangs_is_overtaken(asr: ChainAsr) -> None:
    pid = child_of(asr, 0)
    os.kill(pid, signal.SIGSTOP)
    try:
        stream = asr.open(AsrRequest(), lambda text: None)
        stream.feed(TWO_SOUNDS)
        began = time.monotonic()
        assert (await stream.finish()).text == "2"
        assert time.monotonic() - began < 1.0
        assert asr.members[0].outcomes == {Outcome.LATE: 1}
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_child_that_dies_in_the_turn_is_replaced_by_the_other_engine(asr: ChainAsr) -> None:
    stream = asr.open(AsrRequest(), lambda text: None)
    stream.feed(TWO_SOUNDS[: len(TWO_SOUNDS) // 2])
    os.kill(child_of(asr, 0), signal.SIGKILL)
    while not asr.members[0].outcomes:  # its death shows at the next audio
        await asyncio.sleep(0.02)
        stream.feed(bytes(640))
    stream.feed(TWO_SOUNDS[len(TWO_SOUNDS) // 2 :])
    assert (await stream.finish()).text == "2"
    assert asr.members[0].outcomes == {Outcome.FAILED: 1}


async def test_a_voice_that_raises_in_the_sentence_is_followed_by_the_other(tts: ChainTts) -> None:
    chunks = [chunk async for chunk in tts.synthesize(TEXT)]
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == TEXT.split()
    assert all(one.end_sample <= other.start_sample for one, other in pairwise(words))
    assert [member.outcomes for member in tts.members] == [{Outcome.FAILED: 1}, {Outcome.ANSWERED: 1}]
