"""What a caller hears when their call has lasted as long as it may."""

import asyncio
from pathlib import Path

import pytest
import structlog

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.calls.last_words import ENDS_WITHIN_S, last_words
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Playback
from offhook.pipeline.rates import Resampler
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.voice import Voice
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.testing import SimulatedCall, run
from offhook.testing.sip_caller import Caller
from tests.offhook.bots import LIGHT_ENGINES, record_of
from tests.ports import own_rtp

HOST = "127.0.0.1"
SENTENCE = "Your parcel has left our house, and will be with you on Monday."
LONG = " ".join(10 * [SENTENCE])
GOODBYE = "We have to end the call here. Goodbye."
CHARACTER_S = 0.06
BEGAN_S = 1.0
"""Behind the beginning of the sentence the time is up."""


def heard(said: str, goodbye: str | None = None, *, fails: bool = False) -> tuple[float, str]:
    """How long the last words take, and what was heard of a question that the bot asks."""

    async def talks(call: Call) -> None:
        await call.ask(said)

    async def call() -> tuple[float, str]:
        async with SimulatedCall(talks) as caller:
            if fails:
                caller.voice.fails[GOODBYE] = EngineError("simulated", "no speech", "for a test")
            voice = Voice("simulated", caller.voice, ClipCache(0), _unresampled, language="en-US")
            await caller.begins_to_hear(said[:10])
            await caller.waits(BEGAN_S)
            began = caller.now
            await last_words(caller.session, voice, goodbye, structlog.get_logger())
            took_s = caller.now - began
            assert caller.line.queued_ticks == 0
        return took_s, caller.transcript[0].text

    return run(call())


def _unresampled(from_hz: int, to_hz: int) -> Resampler:
    raise AssertionError(f"a voice of {from_hz} Hz on a line of {to_hz} Hz")


def test_a_sentence_is_heard_to_its_end() -> None:
    took_s, text = heard(SENTENCE)
    assert text == SENTENCE
    assert took_s == pytest.approx(CHARACTER_S * len(SENTENCE) - BEGAN_S, abs=0.3)


def test_what_takes_too_long_is_broken_off() -> None:
    took_s, text = heard(LONG)
    assert took_s == pytest.approx(ENDS_WITHIN_S, abs=0.1)
    assert text and LONG.startswith(text.rstrip()) and text != LONG


@pytest.mark.parametrize("said", [SENTENCE, LONG])
def test_the_goodbye_follows(said: str) -> None:
    without_s, _ = heard(said)
    took_s, _ = heard(said, GOODBYE)
    assert took_s - without_s == pytest.approx(CHARACTER_S * len(GOODBYE), abs=0.3)


def test_a_voice_that_fails_keeps_nobody() -> None:
    assert heard(SENTENCE, GOODBYE, fails=True)[0] == pytest.approx(heard(SENTENCE)[0], abs=0.1)


async def test_the_longest_call_begins_nothing_any_more(tmp_path: Path) -> None:
    said, refused = list[Playback](), list[bool]()

    async def talks(call: Call) -> None:
        said.append(await call.say(SENTENCE))
        try:
            await call.say("Is there anything else?")
        except CallEnded:
            refused.append(True)
            raise

    config: dict[str, dict[str, object]] = {
        "sip": {"host": HOST, "port": 0},
        "http": {"enabled": False},
        "rtp": own_rtp(),
        "calls": {"max_call_s": 1},
        **LIGHT_ENGINES,
        "records": {"dir": tmp_path},
    }
    node = LocalBot(Config.load(None, config), talks)
    await node.start()
    try:
        caller = await asyncio.wait_for(Caller.dial(HOST, node.sip_address), 5)
        try:
            await asyncio.wait_for(caller.over.wait(), 15)
        finally:
            caller.close()
        record = await record_of(node)
    finally:
        await node.stop()
    assert [(each.text_played, each.interrupted) for each in said] == [(SENTENCE, False)] and refused == [True]
    why = "the call lasted 1 s, the most that is allowed"
    assert (record.ended_by, record.end_reason) == ("operator", why)
