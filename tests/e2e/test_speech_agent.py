"""A speech-to-speech agent over SIP and over a media stream: what the caller heard, and what the model knows of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from offhook.realtime.openai_live import MAX_LEAD_MS
from offhook.testing.vendors.gemini_live import GeminiLiveServer
from offhook.testing.vendors.openai_live import OpenAiLiveServer
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.speech_model import CallsTool, Entry
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER
from tests.e2e.speech_calls import GEMINI, LIVE, REALTIME, Vendor, conversation

LONG = "This is a rather long sentence about nothing in particular, and it goes on and on, and on and on, and on."

CUT_MS = 250.0
VENDOR_CUT_MS = 250.0 + 200.0
"""A vendor that decides alone hears 200 ms of speech before it stops."""

TOLERANCE_MS = 100.0
"""The cut may lie in a space of 60 ms, which nobody hears."""
"""A packet at each end, and what is on its way when the caller interrupts."""


def script(*replies: str | CallsTool | tuple[str | CallsTool, ...]) -> Any:
    """The replies one after the other; the tool's result is spoken."""
    left = list(replies)

    def reply(heard: Sequence[Entry]) -> str | CallsTool | tuple[str | CallsTool, ...]:
        if heard and "dollars" in heard[-1].text:
            return f"You have {heard[-1].text}."
        return left.pop(0) if left else "I see."

    return reply


@pytest.mark.parametrize(
    ("vendor", "way"),
    [(REALTIME, "PCMU"), (REALTIME, "PCMA"), (REALTIME, "stream"), (GEMINI, "PCMU"), (GEMINI, "stream")],
    ids=str,
)
async def test_a_call(vendor: Vendor, way: str, tmp_path: Path) -> None:
    """Greeting, tool, interruption, the end: what the model believes is what was on the wire."""
    says = script("Hello there.", CallsTool("balance", '{"of": 7}'), LONG, ("Goodbye.", CallsTool("hang_up")))
    server = vendor.server(["my balance", "and more", "stop"], replies=says)
    async with server, conversation(tmp_path, vendor, server, way) as (bot, phone):
        await phone.hears("Hello there.")
        await phone.says()
        await phone.hears("You have ten dollars, of 7.")
        await phone.says()
        on_the_wire_ms, talked_on_ms = await phone.interrupts(after_s=1.2)
        await phone.hears("Goodbye.")
        await asyncio.wait_for(phone.call.over.wait(), 10)
        await asyncio.to_thread(bot.wait_for, lambda: any(row["end"] for row in bot.records()))
        (record,) = bot.records()
        first, *_, cut, last = (str(line["heard"]) for line in bot.transcript() if line["who"] == "bot")
    assert talked_on_ms < CUT_MS
    assert record["end_reason"] == "the agent hung up"
    assert first == "Hello there."
    assert last.startswith("Goodbye.")  # Gemini answers the result of each tool
    assert LONG.startswith(cut)
    # Whole words: the longest has ten letters.
    assert -TOLERANCE_MS < on_the_wire_ms - len(cut) * MS_PER_CHARACTER < 13 * MS_PER_CHARACTER
    assert server.violations == []
    if isinstance(server, OpenAiRealtimeServer):
        law = {"PCMA": "audio/pcma"}.get(way, "audio/pcmu")
        assert server.configured[0]["audio"]["output"]["format"] == {"type": law}
        messages = [message for session in server.sessions for message in session.messages]
        (truncated,) = [message for message in messages if message["type"] == "conversation.item.truncate"]
        assert truncated["audio_end_ms"] == pytest.approx(on_the_wire_ms, abs=TOLERANCE_MS)
        assert server.errors == []
    elif isinstance(server, GeminiLiveServer):
        notes = [entry.text for entry in server.conversations[0] if "heard only" in entry.text]
        assert notes == [f"[The caller interrupted you, and heard only: {cut}]"]


@pytest.mark.parametrize("way", ["PCMU", "PCMA", "stream"])
async def test_a_full_duplex_model(way: str, tmp_path: Path) -> None:
    """It decides alone when it speaks, and its audio is never behind."""
    server = OpenAiLiveServer(["hello", "stop"], replies=["Hello there.", LONG, "Sorry."])
    async with server, conversation(tmp_path, LIVE, server, way) as (_, phone):
        await phone.hears("Hello there.")
        await phone.says()
        on_the_wire_ms, talked_on_ms = await phone.interrupts(after_s=1.2)
        await phone.hears("Sorry.")
    assert talked_on_ms < VENDOR_CUT_MS
    reply = next(entry for entry in server.conversations[0] if entry.text == LONG)
    assert reply.audio_ms == pytest.approx(on_the_wire_ms, abs=TOLERANCE_MS + MAX_LEAD_MS)
    assert server.violations == []
    law = {"PCMA": "audio/pcma"}.get(way, "audio/pcmu")
    assert server.configured[0]["audio"]["format"] == {"type": law, "rate": 8_000}
