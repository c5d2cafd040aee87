"""A whole bot with hosted ears and voice, on a stream: the caller hears what was to be said, letter by letter."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.telephony.codec import PCMU
from offhook.testing.carrier.call import Carrier
from offhook.testing.vendors.azure import AzureServer
from offhook.testing.vendors.cartesia import CartesiaServer
from offhook.testing.vendors.elevenlabs import ElevenLabsServer
from offhook.testing.vendors.google import PROJECT, GoogleServer
from offhook.testing.vendors.server import FaultyServer
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


async def talk(bot: BotProcess) -> str:
    """One call; returns what the caller heard."""
    call = await Carrier.dial(f"ws://{bot.http}/twilio/media", parameters={"from": "+1555"})
    async with asyncio.timeout(30):
        await call.listen()
        await call.say(speech("check-my-balance"))
        await call.over.wait()
    await call.close()
    return text_in(PCMU.decode(bytes(call.log.played)), 8_000)


@pytest.mark.parametrize(
    ("name", "kind", "key", "transcript"),
    [
        ("elevenlabs", ElevenLabsServer, "ELEVENLABS_API_KEY", "check my balance"),
        ("cartesia", CartesiaServer, "CARTESIA_API_KEY", "check my balance"),
        ("azure", AzureServer, "AZURE_SPEECH_KEY", "Check my balance."),
        ("google", GoogleServer, "GOOGLE_API_KEY", "check my balance"),
    ],
)
async def test_a_call(
    name: str,
    kind: Callable[..., FaultyServer],
    key: str,
    transcript: str,
    start_bot: Callable[..., BotProcess],
    tmp_path: Path,
) -> None:
    flow = tmp_path / "short.yaml"
    flow.write_text(FLOW)
    async with kind(["check my balance"], realtime_factor=8.0) as server:
        settings = {key: server.api_key, "GOOGLE_CLOUD_PROJECT": PROJECT}
        for section in ("ASR", "TTS"):
            settings[f"OFFHOOK_{section}__ENGINE"] = name
            settings[f"OFFHOOK_{section}__{name.upper()}__BASE_URL"] = server.url
        settings[f"OFFHOOK_ASR__{name.upper()}__LIMITS__PRICE_PER_MINUTE"] = "0.6"
        settings[f"OFFHOOK_TTS__{name.upper()}__LIMITS__PRICE_PER_1000_CHARACTERS"] = "20"
        bot = await asyncio.to_thread(start_bot, "--flow", str(flow), "--workers", "1", **settings)
        heard = await talk(bot)
        await asyncio.to_thread(bot.wait_for, lambda: bot.records()[0]["end"] is not None)
        (record,) = bot.records()
        assert heard in (f"{QUESTION} {ANSWER}", f"{QUESTION}{ANSWER}")  # without silence at a text's end
        assert bot.lines(record, "caller") == [transcript]
        used = {each["part"]: each for each in json.loads(record["engines"])}
        assert used["asr"]["cost"] == pytest.approx(used["asr"]["audio_s"] / 100, rel=0.01)
        assert used["asr"]["audio_s"] > 1.0
        assert used["tts"]["characters"] >= len(QUESTION) + len(ANSWER) - 2
        assert used["tts"]["cost"] == pytest.approx(used["tts"]["characters"] / 50, rel=0.01)
        assert bot.metric_of("offhook_engine_cost_total", engine=name, part="asr") == pytest.approx(
            used["asr"]["cost"], 0.01
        )
        assert server.violations == []
