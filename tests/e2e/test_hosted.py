"""A whole bot with a hosted recogniser and voice: the caller hears the vendor's words, in the line's own law."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.tone_speech import text_in
from tests.e2e.conftest import BotProcess, speech

QUESTION, BALANCE = "What can I do?", "You have ten dollars."
FLOW = f"""
name: short
start: menu
steps:
  menu:
    ask: {QUESTION}
    choices:
      balance: {{phrases: [check my balance], key: 1, next: balance}}
    no_input: {{attempts: 2, then: balance}}
    no_match: {{attempts: 2, then: balance}}
  balance: {{hang_up: {BALANCE}}}
"""


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


async def call(bot: BotProcess) -> bytes:
    """Ask for the balance; everything that was heard."""
    heard = bytearray()
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    try:
        caller.line.add_listener(audio=lambda pcm, _tick, _s: heard.extend(pcm))
        async with asyncio.timeout(30):
            await caller.listen()
            await caller.say(speech("check-my-balance"))
            await caller.over.wait()
    finally:
        caller.close()
    return bytes(heard)


@pytest.mark.parametrize(
    ("law", "asr", "tts"),
    [("PCMU", "nova-3", "aura-2-thalia-en"), ("PCMA", "flux-general-en", "flux-haley-en")],
)
async def test_a_call(law: str, asr: str, tts: str, start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    flow = tmp_path / "short.yaml"
    flow.write_text(FLOW)
    async with DeepgramServer(["check my balance"]) as server:
        settings = {"DEEPGRAM_API_KEY": server.api_key, "OFFHOOK_RTP__CODECS": f'["{law}"]'}
        for kind, model in (("ASR", asr), ("TTS", tts)):
            settings[f"OFFHOOK_{kind}__ENGINE"] = "deepgram"
            settings[f"OFFHOOK_{kind}__DEEPGRAM__BASE_URL"] = server.url
            settings[f"OFFHOOK_{kind}__DEEPGRAM__MODEL"] = model
        bot = await asyncio.to_thread(start_bot, "--flow", str(flow), "--workers", "1", **settings)
        heard = await call(bot)
        await asyncio.to_thread(bot.wait_for, lambda: bot.records()[0]["end"] is not None)
        (record,) = bot.records()
        assert bot.lines(record, "caller") == ["check my balance"]
        assert bot.lines(record, "bot") == [QUESTION, BALANCE]
        # The jitter buffer may repeat the last 20 ms before a pause.
        assert words(text_in(heard, 8_000)) == words(f"{QUESTION} {BALANCE}")
        used = [session for session in server.sessions if session.audio or session.messages]
        assert {session.option("encoding") for session in used if session.audio} == {
            "mulaw" if law == "PCMU" else "alaw"
        }
        assert server.violations == []
