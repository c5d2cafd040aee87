"""A whole bot with hosted ears and voice, on a stream: the caller hears what was to be said, letter by letter."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from offhook.telephony.codec import PCMU
from offhook.testing.carrier.call import Carrier
from offhook.testing.vendors.cartesia import CartesiaServer
from offhook.testing.vendors.elevenlabs import ElevenLabsServer
from offhook.testing.vendors.server import VendorServer
from offhook.testing.vendors.tone_speech import text_in
from tests.e2e.conftest import BotProcess, speech

QUESTION = "What can I do for you?"
ANSWER = "You have ten dollars. Goodbye."
FLOW = f"""
name: short
start: menu
steps:
  menu:
    ask: {QUESTION}
    choices:
      balance: {{phrases: [check my balance], key: 1, next: balance}}
      hours: {{phrases: [opening hours], key: 2, next: menu}}
    no_input: {{attempts: 2, then: balance}}
    no_match: {{attempts: 2, then: menu}}
  balance: {{hang_up: {ANSWER}}}
"""


@contextmanager
def serving(server: VendorServer) -> Iterator[VendorServer]:
    """`server`, on a loop and a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def talk(bot: BotProcess) -> str:
    """One call; returns what the caller heard."""
    call = await Carrier.dial(f"ws://{bot.http}/twilio/media", parameters={"from": "+1555"})
    async with asyncio.timeout(30):
        await call.listen()
        await call.say(speech("check-my-balance"))
        await call.over.wait()
    await call.close()
    return text_in(PCMU.decode(bytes(call.log.played)), 8_000)


@pytest.mark.parametrize(("name", "kind"), [("elevenlabs", ElevenLabsServer), ("cartesia", CartesiaServer)])
def test_a_call(
    start_bot: Callable[..., BotProcess],
    tmp_path: Path,
    name: str,
    kind: Callable[..., VendorServer],
) -> None:
    flow = tmp_path / "short.yaml"
    flow.write_text(FLOW)
    with serving(kind(["check my balance"], realtime_factor=8.0)) as server:
        settings = {
            f"OFFHOOK_{section}__{key}": value
            for section in ("ASR", "TTS")
            for key, value in (("ENGINE", name), (f"{name.upper()}__BASE_URL", server.url))
        }
        key = {f"{name.upper()}_API_KEY": server.api_key}
        bot = start_bot("--flow", str(flow), "--workers", "1", **settings, **key)
        heard = asyncio.run(talk(bot))
        bot.wait_for(lambda: bot.records()[0]["end"] is not None)
        caller = [line["text"] for line in bot.transcript() if line["who"] == "caller"]
        assert (heard, caller) == (f"{QUESTION} {ANSWER}", ["check my balance"])
        assert server.violations == []
