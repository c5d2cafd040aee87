"""TwiML of both sides of a queue, over two workers: callers who wait, and an agent who dials the queue."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from twilio.twiml.voice_response import VoiceResponse

from offhook.sip.net.address import Address
from offhook.telephony.tones import tones
from offhook.testing.sip_caller import Caller
from offhook.testing.wav_file import wav
from offhook.twiml.parameters import call_sid
from tests.e2e.conftest import BotProcess
from tests.e2e.test_flow_sound import LIGHT, Ear
from tests.e2e.test_twiml import TOKEN, WITHIN_S, Ivr, document, ivr
from tests.e2e.test_workers import events, pids

__all__ = ["ivr"]

CALLER_HZ, AGENT_HZ, MUSIC_HZ = 700.0, 1_700.0, 440.0
DESK = "+15552223333"

SETTINGS = """
[queues.support]
agents = []
empty = "wait"
announce = false
music = "{music}"
[[routes]]
number = "{desk}"
twiml = "{ivr}/desk"
"""


def dials_the_queue(response: VoiceResponse) -> None:
    response.dial(action="/done", hangup_on_star=True, timeout=60).queue("support")


@pytest.fixture
def bot(ivr: Ivr, start_bot: Callable[..., BotProcess], tmp_path: Path) -> BotProcess:
    music, config = tmp_path / "music.wav", tmp_path / "offhook.toml"
    music.write_bytes(wav(tones((MUSIC_HZ,), 2_000)))
    config.write_text(SETTINGS.format(music=music, desk=DESK, ivr=ivr.address))
    ivr.documents = {
        "/voice": document(lambda r: r.enqueue("support", action="/served")),
        "/served": document(lambda r: r.hangup()),
        "/desk": document(dials_the_queue),
        "/done": document(lambda r: r.hangup()),
    }
    settings = {"OFFHOOK_TWIML__ALLOW_PRIVATE": "true", "OFFHOOK_TWIML__AUTH_TOKEN": TOKEN}
    options = ("--config", str(config), "--twiml", f"{ivr.address}/voice", "--workers", "2")
    return start_bot(*options, **LIGHT, **settings)


@asynccontextmanager
async def phone(bot: BotProcess, hz: float, called: str = "bot") -> AsyncIterator[tuple[Caller, Ear]]:
    """A phone in a call, which plays a tone."""
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port), called=called)
    try:
        caller.line.play(caller.line.encode(tones((hz,), 60_000)))
        yield caller, Ear(caller)
    finally:
        caller.close()


@asynccontextmanager
async def talk(bot: BotProcess, *, agent_first: bool) -> AsyncIterator[tuple[Caller, Caller]]:
    """A caller and an agent who hear each other."""
    async with asyncio.timeout(WITHIN_S):
        first, then = (AGENT_HZ, CALLER_HZ) if agent_first else (CALLER_HZ, AGENT_HZ)
        called = {AGENT_HZ: DESK, CALLER_HZ: "bot"}
        async with phone(bot, first, called[first]) as (one, ear):
            await ear.heard(MUSIC_HZ)
            async with phone(bot, then, called[then]) as (other, other_ear):
                await asyncio.gather(ear.heard(then), other_ear.heard(first))
                yield (other, one) if agent_first else (one, other)


@pytest.mark.parametrize("agent_first", [True, False])
def test_a_caller_and_an_agent_whoever_comes_first(ivr: Ivr, bot: BotProcess, agent_first: bool) -> None:
    async def call() -> None:
        async with talk(bot, agent_first=agent_first) as (caller, agent):
            agent.line.clear()
            agent.press("*")
            await asyncio.gather(caller.over.wait(), agent.over.wait())

    asyncio.run(call())
    of_both = bot.ended(2)
    served, done = ivr.parameters("/served"), ivr.parameters("/done")
    assert (served["QueueResult"], done["DialCallStatus"]) == ("bridged", "completed")
    assert done["DialCallSid"] == served["CallSid"]
    assert {line["worker"] for line in events(bot, "answered")} == {0, 1}
    (queue_agent,) = (row["queue_agent"] for row in of_both if row["queue_agent"])
    assert call_sid(queue_agent) == done["CallSid"]


def test_a_worker_that_is_killed_ends_the_talk_and_nothing_else(ivr: Ivr, bot: BotProcess) -> None:
    async def call() -> None:
        async with talk(bot, agent_first=False) as (caller, agent):
            answered = {
                line["dst"].partition("@")[0].partition(":")[2]: line["worker"] for line in events(bot, "answered")
            }
            os.kill(pids(bot)[answered[DESK]], signal.SIGKILL)
            await asyncio.gather(caller.over.wait(), agent.over.wait())

    asyncio.run(call())
    assert {row["dst"].partition("@")[0]: row["ended_by"] for row in bot.ended(2)} == {
        "sip:bot": "bot",
        f"sip:{DESK}": "crash",
    }
    assert ivr.parameters("/served")["QueueResult"] == "bridged"
