"""A speech-to-speech agent over SIP and over a media stream: what the caller heard, and what the model knows of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offhook.realtime.openai_live import MAX_LEAD_MS
from offhook.sip.net.address import Address
from offhook.testing.carrier.call import Carrier
from offhook.testing.received import LOUD, Received
from offhook.testing.sip_caller import Caller
from offhook.testing.vendors.gemini_live import GeminiLiveServer
from offhook.testing.vendors.openai_live import OpenAiLiveServer
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.speech_model import CallsTool, Entry
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, text_in
from tests.e2e.conftest import BotProcess, speech

SpeechServer = OpenAiRealtimeServer | OpenAiLiveServer | GeminiLiveServer

AGENT = """
kind: speech
provider: {provider}
instructions: Be brief.
base_url: {url}
api_key: ${{SPEECH_KEY}}
{tools}
"""
TOOLS = """
async def balance(of: int) -> str:
    \"\"\"The balance of an account.\"\"\"
    return f"ten dollars, of {of}"
"""
LONG = "This is a rather long sentence about nothing in particular, and it goes on and on, and on and on, and on."
SENTENCE = speech("check-my-balance")
FIRST_SOUND_S = float(np.argmax(np.abs(np.frombuffer(SENTENCE, "<i2").astype(int)) > LOUD)) / 8_000

CUT_MS = 250.0
VENDOR_CUT_MS = 250.0 + 200.0
"""A vendor that decides alone hears 200 ms of speech before it stops."""

PAUSE_S = 0.2
"""Longer than between two words."""

TOLERANCE_MS = 100.0
"""The cut may lie in a space of 60 ms, which nobody hears."""
"""A packet at each end, and what is on its way when the caller interrupts."""


@dataclass(frozen=True)
class Vendor:
    """A speech-to-speech model: its server, and the path of its address."""

    provider: str
    server: type[SpeechServer]
    path: str = ""

    def __str__(self) -> str:
        return self.provider


REALTIME = Vendor("openai-realtime", OpenAiRealtimeServer, "/v1")
LIVE = Vendor("openai-live", OpenAiLiveServer, "/v1")
GEMINI = Vendor("gemini-live", GeminiLiveServer)


class Phone:
    """The caller's side of one call, by either way."""

    def __init__(self, call: Caller | Carrier) -> None:
        self.call = call
        self.received = Received()
        call.add_listener(self.received.on_audio)
        self._now = asyncio.get_running_loop().time
        self._read_to = 0.0

    async def hears(self, text: str, within_s: float = 10.0) -> None:
        """Wait until the bot has said `text`, after what was waited for before."""
        heard = ""
        for _ in range(round(within_s / 0.1)):
            await asyncio.sleep(0.1)
            heard = text_in(self.received.between(self._read_to, self._now()), 8_000)
            if text.replace(" ", "") in heard.replace(" ", ""):  # a late packet between two letters is no space
                self._read_to = self._now()
                return
        raise AssertionError(f"the bot did not say {text!r}, but {heard!r}")

    async def hears_the_end(self) -> None:
        """Wait until the bot has stopped: a session that is lost before takes the rest of the sentence along."""
        while self._now() - self.received.spurts()[-1][1] < PAUSE_S:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def says(self) -> None:
        """Say something."""
        await self.call.say(SENTENCE)

    async def interrupts(self, after_s: float) -> tuple[float, float]:
        """Interrupt what the bot says next; returns how long that was, and how long the bot talked on, in ms."""
        before = len(self.received.spurts(0.2))
        while len(spurts := self.received.spurts(0.2)) <= before or self._now() - spurts[before][0] < after_s:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        spoke_at = self._now()
        await self.says()
        began, ended = self.received.spurts(0.2)[before]
        return 1000 * (ended - began), 1000 * (ended - spoke_at - FIRST_SOUND_S)

    async def close(self) -> None:
        """Hang up."""
        if isinstance(self.call, Carrier):
            await self.call.hang_up()
        else:
            self.call.close()


@asynccontextmanager
async def conversation(
    tmp_path: Path, vendor: Vendor, server: SpeechServer, way: str
) -> AsyncIterator[tuple[BotProcess, Phone]]:
    """A bot whose agent talks to `server`, and a call: by `stream`, or SIP with that codec."""
    (tmp_path / "shop.py").write_text(TOOLS)
    tools = "" if vendor is LIVE else "tools: [shop:balance]"
    about = AGENT.format(provider=vendor.provider, url=server.url + vendor.path, tools=tools)
    (tmp_path / "agent.yaml").write_text(about)
    settings = {"SPEECH_KEY": server.api_key}
    if way != "stream":
        settings["OFFHOOK_RTP__CODECS"] = json.dumps([way])
    start = partial(BotProcess, tmp_path, "--bench-engines", "--agent", "agent.yaml", **settings)  # type: ignore[arg-type]
    bot = await asyncio.to_thread(start)
    phone: Phone | None = None
    try:
        async with asyncio.timeout(60):
            if way == "stream":
                url = f"ws://{bot.http}/twilio/media"
                call: Caller | Carrier = await Carrier.dial(url, parameters={"from": "+1555"})
            else:
                call = await Caller.dial("127.0.0.1", Address(bot.host, bot.port))
            phone = Phone(call)
            yield bot, phone
    finally:
        if phone is not None:
            await phone.close()
        await asyncio.to_thread(bot.stop)


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
        on_the_wire_ms, talked_on_ms = await phone.interrupts(after_s=2.0)
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
        on_the_wire_ms, talked_on_ms = await phone.interrupts(after_s=2.0)
        await phone.hears("Sorry.")
    assert talked_on_ms < VENDOR_CUT_MS
    reply = next(entry for entry in server.conversations[0] if entry.text == LONG)
    assert reply.audio_ms == pytest.approx(on_the_wire_ms, abs=TOLERANCE_MS + MAX_LEAD_MS)
    assert server.violations == []
    law = {"PCMA": "audio/pcma"}.get(way, "audio/pcmu")
    assert server.configured[0]["audio"]["format"] == {"type": law, "rate": 8_000}


@pytest.mark.parametrize(
    ("vendor", "way", "fault"),
    [
        (REALTIME, "PCMU", "lost"),
        (LIVE, "stream", "lost"),
        (GEMINI, "stream", "lost"),
        (REALTIME, "PCMU", "expired"),
        (LIVE, "stream", "expired"),
        (GEMINI, "stream", "expired"),
    ],
    ids=str,
)
async def test_a_session_that_ends_goes_on_in_the_next(vendor: Vendor, way: str, fault: str, tmp_path: Path) -> None:
    # Its last word says that a reply was heard: of a pause between words, OpenAI Live's may be shortened.
    server = vendor.server(["first", "second"], replies=["Hello there.", "That was one.", "That was two."])
    async with server, conversation(tmp_path, vendor, server, way) as (_, phone):
        await phone.hears("there.")
        await phone.says()
        await phone.hears("one.")
        await phone.hears_the_end()
        sessions = len(server.sessions)
        if fault == "lost":
            server.reset()
        else:
            server.fault = "session-expired"
        speaking = asyncio.ensure_future(phone.says())
        while len(server.sessions) == sessions:  # noqa: ASYNC110
            await asyncio.sleep(0)  # the next session must not end as well
        server.fault = None
        await speaking
        await phone.hears("two.")
        if isinstance(server, OpenAiLiveServer):
            said = [part["text"] for line in server.configured[-1]["input"] for part in line["content"]]
        else:
            said = [entry.text for entry in server.conversations[-1]]
        assert {"Hello there.", "That was one."} <= set(said)
    assert server.violations == []
