"""A real call of a bot that keeps no words: they are nowhere on its disk, nor in its log, nor in what it sends."""

import asyncio
import json
from collections.abc import Callable
from importlib.resources import files

import pytest

from offhook.api.dialogs import BENCH_SENTENCE
from offhook.engines.bundled import BENCH_TRANSCRIPT
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller, read_recording
from tests.e2e.conftest import BotProcess

SPEECH = files("offhook").joinpath("assets", "caller", "check-my-balance.wav")
NOBODY = "http://127.0.0.1:9/"
"""A receiver that is away: what it has not got is in the database."""

pytestmark = pytest.mark.real_time


async def talk(bot: BotProcess) -> None:
    caller = await Caller.dial("127.0.0.1", Address(bot.host, bot.port))
    try:
        await caller.listen()
        await caller.say(read_recording(SPEECH))
        await caller.listen()
        caller.hang_up()
        await asyncio.sleep(0.2)  # for the BYE to leave
    finally:
        caller.close()


@pytest.mark.parametrize("is_kept", [True, False])
def test_words_are_kept_or_are_nowhere(start_bot: Callable[..., BotProcess], is_kept: bool) -> None:
    bot = start_bot(
        "--bench-engines",
        OFFHOOK_RECORDS__TRANSCRIPTS=json.dumps(is_kept),
        OFFHOOK_LOG__LEVEL="debug",
        OFFHOOK_WEBHOOKS__CRM__URL=NOBODY,
        OFFHOOK_WEBHOOKS__CRM__ALLOW_PRIVATE="true",
    )
    asyncio.run(talk(bot))
    (record,) = bot.ended()
    shown = json.loads(bot.get(f"/api/calls/{record['uniqueid']}"))
    assert record["turns"] >= 1 and [each["kind"] for each in shown["timeline"]].count("turn") >= 1
    assert bool(shown["transcript"]) is is_kept
    assert any(each.get("choice") or each.get("answer") == "speech" for each in shown["timeline"])
    bot.wait_for(lambda: b"call.ended" in b"".join(each.read_bytes() for each in bot.directory.rglob("calls.db*")))
    places = {path: path.read_bytes() for path in bot.directory.rglob("*") if path.is_file()}
    assert len(places) > 1
    words = (BENCH_TRANSCRIPT, BENCH_SENTENCE.partition(".")[2].strip())
    found = {word: [str(path) for path, content in places.items() if word.encode() in content] for word in words}
    assert all(map(bool, found.values())) if is_kept else not any(found.values()), found
